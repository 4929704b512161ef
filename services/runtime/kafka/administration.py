"""Parses Kafka addresses and administers topics, users and access (through confluent-kafka)."""

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from ssl import create_default_context
from typing import Any
from urllib.parse import unquote, urlsplit

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined] # it does not say what it exports
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from schemas.topics import COMPACTED, PARTITIONS, PER_PUBLISHER, Family, topic
from services.runtime.base.addresses import require_encrypted
from services.runtime.kafka.access import RETENTION_DAYS, SERVICE_ACCESS

_SCHEMES = ("kafka", "ssl", "sasl", "sasl+ssl")
_DAY_MS = 86_400_000
_TIMEOUT = 30.0
_SCRAM_ITERATIONS = 8192
_DENIED = frozenset({KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED})


@dataclass(frozen=True, slots=True)
class KafkaAddress:
    """The broker's address and our credentials there."""

    servers: str
    tls: bool
    user: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Wall:
    """Whether the broker enforces who reads and writes which topic, and a sentence that says so."""

    enforced: bool
    sentence: str


ENFORCED = Wall(enforced=True, sentence="The broker enforces who may read and write which topic.")
NOT_ENFORCED = Wall(
    enforced=False,
    sentence="THE WALL IS NOT ENFORCED: this broker has no SASL and ACLs, so everybody who reaches it can"
    " read every topic, attendance included. Never use it with real people.",
)


def _names_a_port(host: str) -> bool:
    try:
        return bool(urlsplit(f"//{host}").hostname and urlsplit(f"//{host}").port)
    except ValueError:
        return False


def parse_address(text: str) -> KafkaAddress:
    """Read `kafka://host:port`, `ssl://...`, `sasl://user:password@host:port` or `sasl+ssl://...`.

    Several brokers are separated by commas; kafka:// and sasl:// travel in plain text, for this machine only.

    Raises:
        ValueError: it has another form, or would send data in plain text to another machine.

    >>> parse_address("kafka://localhost:9092").servers
    'localhost:9092'
    """
    scheme, separator, rest = text.partition("://")
    credentials, _, servers = rest.rpartition("@")
    if not separator or scheme not in _SCHEMES or not servers:
        msg = f"a Kafka address starts with {', '.join(name + '://' for name in _SCHEMES)}"
        raise ValueError(msg)
    hosts = servers.rstrip("/").split(",")
    if not all(map(_names_a_port, hosts)):
        msg = "a Kafka address names host:port"
        raise ValueError(msg)
    user, _, password = credentials.partition(":")
    if scheme.startswith("sasl") != bool(user and password):
        msg = "sasl:// needs user:password, kafka:// and ssl:// have none"
        raise ValueError(msg)
    require_encrypted("the Kafka address", text)
    return KafkaAddress(
        ",".join(hosts), scheme.endswith("ssl"), unquote(user) or None, unquote(password) or None
    )


def client_options(address: KafkaAddress) -> dict[str, Any]:
    """Return the connection settings of aiokafka's clients."""
    options: dict[str, Any] = {"bootstrap_servers": address.servers.split(",")}
    protocol = "SSL" if address.tls else "PLAINTEXT"
    if address.tls:
        options["ssl_context"] = create_default_context()
    if address.user is not None:
        protocol = f"SASL_{protocol}"
        options |= {
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": address.user,
            "sasl_plain_password": address.password,
        }
    return options | {"security_protocol": protocol}


def librdkafka_options(address: KafkaAddress) -> dict[str, Any]:
    """Return the connection settings of confluent-kafka's clients."""
    options: dict[str, Any] = {
        "bootstrap.servers": address.servers,
        "security.protocol": ("SASL_" if address.user else "") + ("SSL" if address.tls else "PLAINTEXT"),
        "log_level": 0,
    }
    if address.tls and (trusted := os.environ.get("SSL_CERT_FILE")):
        options["ssl.ca.location"] = trusted  # Python reads it by itself, librdkafka does not
    if address.user is not None:
        options |= {
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": address.user,
            "sasl.password": address.password,
        }
    return options


class TopicsNotMadeError(Exception):
    """Topics could not be made: the broker does not allow it (`denied`), or it does not answer."""

    def __init__(self, *, denied: bool) -> None:
        super().__init__("denied" if denied else "no answer")
        self.denied = denied


class KafkaAdmin:
    """Administers topics, users and access; it blocks, so it is for commands and threads."""

    def __init__(self, address: KafkaAddress) -> None:
        self.address = address
        self._client = AdminClient(librdkafka_options(address))

    def wall(self) -> Wall:
        """Return whether the broker controls access at all."""
        if self.address.user is None:
            return NOT_ENFORCED
        try:
            self._client.describe_acls(_access_of(None)).result(timeout=_TIMEOUT)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.SECURITY_DISABLED:
                return NOT_ENFORCED
            raise
        return ENFORCED

    def ensure_topics(
        self, names: Mapping[str, Family], *, days: Mapping[Family, int] = RETENTION_DAYS
    ) -> None:
        """Make the topics (full name -> family) that are missing and set the configuration of all."""
        if not names:
            return
        created = self._client.create_topics(
            [
                NewTopic(name, PARTITIONS[family], -1, config=_config(family, days))
                for name, family in names.items()
            ]
        )
        existing = {name: names[name] for name in _done(created, but=KafkaError.TOPIC_ALREADY_EXISTS)}
        if not existing:
            return
        resources = [
            ConfigResource(
                ConfigResource.Type.TOPIC,
                name,
                incremental_configs=[
                    ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
                    for key, value in _config(family, days).items()
                ],
            )
            for name, family in existing.items()
        ]
        _done(self._client.incremental_alter_configs(resources))

    def make_missing(self, names: Mapping[str, Family], *, seconds: float) -> None:
        """Make the topics that are missing and leave all others as they are; needs the right to make them.

        Raises:
            TopicsNotMadeError: the broker does not allow it, or has not answered within the time.
        """
        topics = [
            NewTopic(name, PARTITIONS[family], -1, config=_config(family, RETENTION_DAYS))
            for name, family in names.items()
        ]
        try:
            _done(
                self._client.create_topics(topics, request_timeout=seconds, operation_timeout=seconds),
                but=KafkaError.TOPIC_ALREADY_EXISTS,
            )
        except KafkaException as error:
            denied = error.args[0].code() in _DENIED
            raise TopicsNotMadeError(denied=denied) from error
        except TimeoutError as error:
            raise TopicsNotMadeError(denied=False) from error

    def ensure_user(self, name: str, password: str) -> None:
        """Make a SCRAM-SHA-512 user or set its password."""
        _done(
            self._client.alter_user_scram_credentials(
                [
                    UserScramCredentialUpsertion(
                        name,
                        ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _SCRAM_ITERATIONS),
                        password.encode(),
                    )
                ]
            )
        )

    def allow(self, user: str, *, reads: Iterable[str], writes: Iterable[str], group: str) -> None:
        """Let a user read and write topics and use groups; a name ending in `.` stands for all below it."""
        _done(self._client.create_acls(_bindings(user, reads, writes, group)))

    def allow_only(
        self, user: str, *, reads: Iterable[str], writes: Iterable[str], makes: Iterable[str], group: str
    ) -> None:
        """Let a user do this and no more: what an earlier release allowed is taken back.

        `makes` are beginnings of names: the user may make topics below them.
        """
        bindings = [
            *_bindings(user, reads, writes, group),
            *(_binding(ResourceType.TOPIC, name, user, AclOperation.CREATE) for name in makes),
        ]
        stale = [
            one
            for one in self._client.describe_acls(_access_of(f"User:{user}")).result(timeout=_TIMEOUT)
            if one not in bindings
        ]
        _done(self._client.create_acls(bindings))
        if stale:
            _done(self._client.delete_acls([_exactly(one) for one in stale]))

    def remove(self, *, topics: Sequence[str] = (), users: Sequence[str] = ()) -> None:
        """Delete topics, and users with all their access (tests; a publisher that is gone)."""
        if topics:
            _done(self._client.delete_topics(list(topics)), but=KafkaError.UNKNOWN_TOPIC_OR_PART)
        if users and self.address.user is not None:
            _done(
                self._client.alter_user_scram_credentials(
                    [UserScramCredentialDeletion(user, ScramMechanism.SCRAM_SHA_512) for user in users]
                ),
                but=KafkaError.RESOURCE_NOT_FOUND,
            )
            filters = [_access_of(f"User:{user}") for user in users]
            _done(self._client.delete_acls(filters), but=KafkaError.SECURITY_DISABLED)

    def topics(self, prefix: str) -> list[str]:
        """List the topics of an installation."""
        return sorted(
            name for name in self._client.list_topics(timeout=_TIMEOUT).topics if name.startswith(prefix)
        )


def shared_topics(prefix: str) -> dict[str, Family]:
    """Return the topics that do not belong to one publisher, with their families."""
    return {topic(family, prefix=prefix): family for family in Family if family not in PER_PUBLISHER}


def publisher_topics(slug: str, prefix: str) -> dict[str, Family]:
    """Return the topics of one publisher, with their families."""
    return {topic(family, slug, prefix=prefix): family for family in sorted(PER_PUBLISHER)}


def service_user(service: str, prefix: str) -> str:
    """Return the Kafka user of a service."""
    return f"{prefix}{service}"


def publisher_user(slug: str, prefix: str) -> str:
    """Return the Kafka user of a publisher."""
    return f"{prefix}pub.{slug}"


def ensure_service_access(admin: KafkaAdmin, service: str, password: str, *, prefix: str = "") -> Wall:
    """Make the shared topics and a service's user, which may do what SERVICE_ACCESS says and no more."""
    admin.ensure_topics(shared_topics(prefix))
    wall = admin.wall()
    if wall.enforced:
        access, user = SERVICE_ACCESS[service], service_user(service, prefix)
        admin.ensure_user(user, password)
        admin.allow_only(
            user,
            reads=[_resource(family, prefix) for family in access.reads],
            writes=[_resource(family, prefix) for family in access.writes],
            makes=[_resource(family, prefix) for family in access.makes],
            group=f"{prefix}kurslotse.{service}.",
        )
    return wall


def ensure_publisher_access(admin: KafkaAdmin, slug: str, password: str | None, *, prefix: str = "") -> Wall:
    """Make a publisher's topics and, given a password, its user: writes `in` and `support`, reads `out`."""
    admin.ensure_topics(publisher_topics(slug, prefix))
    wall = admin.wall()
    if wall.enforced and password is not None:
        user = publisher_user(slug, prefix)
        admin.ensure_user(user, password)
        admin.allow(
            user,
            reads=[topic(Family.OUT, slug, prefix=prefix)],
            writes=[topic(Family.IN, slug, prefix=prefix), topic(Family.SUPPORT, slug, prefix=prefix)],
            group=f"{prefix}kurslotse.pub.{slug}.",
        )
    return wall


def _resource(family: Family, prefix: str) -> str:
    return f"{prefix}kurslotse.{family}." if family in PER_PUBLISHER else topic(family, prefix=prefix)


def _bindings(user: str, reads: Iterable[str], writes: Iterable[str], group: str) -> list[AclBinding]:
    return [
        *(_binding(ResourceType.TOPIC, name, user, AclOperation.READ) for name in reads),
        *(_binding(ResourceType.TOPIC, name, user, AclOperation.WRITE) for name in writes),
        _binding(ResourceType.GROUP, group, user, AclOperation.READ),
    ]


def _exactly(binding: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        binding.restype,
        binding.name,
        binding.resource_pattern_type,
        binding.principal,
        binding.host,
        binding.operation,
        binding.permission_type,
    )


def _binding(resource: ResourceType, name: str, user: str, operation: AclOperation) -> AclBinding:
    kind = ResourcePatternType.PREFIXED if name.endswith(".") else ResourcePatternType.LITERAL
    return AclBinding(resource, name, kind, f"User:{user}", "*", operation, AclPermissionType.ALLOW)


def _access_of(principal: str | None) -> AclBindingFilter:
    """Return the filter of all access, or of one principal's."""
    anything: Any = None  # the client's types leave out that these may be open
    return AclBindingFilter(
        ResourceType.ANY,
        anything,
        ResourcePatternType.ANY,
        principal or anything,
        anything,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )


def _config(family: Family, days: Mapping[Family, int]) -> dict[str, str]:
    config = {"message.timestamp.type": "LogAppendTime"}
    if family in COMPACTED:
        return config | {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1"}
    return config | {"cleanup.policy": "delete", "retention.ms": str(days[family] * _DAY_MS)}


def _done(futures: Mapping[Any, "Future[Any]"], *, but: int | None = None) -> list[Any]:
    """Wait for all; return those that failed with the error `but`, raise any other failure."""
    failed = []
    for key, future in futures.items():
        try:
            future.result(timeout=_TIMEOUT)
        except KafkaException as error:
            if but is None or error.args[0].code() != but:
                raise
            failed.append(key)
    return failed
