"""Reads a service's settings from its environment, once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from services.runtime.base.addresses import AddressError, Proxies, require_encrypted, require_listening
from services.runtime.base.identity_key import IdentityKey
from services.runtime.base.installation import Found, expected

ALL_ROLES = frozenset({"consume", "relay", "timers", "web"})
SETTINGS_FILE = "KURSLOTSE_SETTINGS"
"""Names a file with settings, one NAME=VALUE a line, as a container gets its secrets."""


class SettingsError(Exception):
    """A setting is missing or cannot be understood; the message never holds its value."""


@dataclass(frozen=True, slots=True)
class HttpAddress:
    """The host and port on which a server of this process listens."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """Limits and intervals of the batch loop; docs/decisions argues the defaults."""

    max_records: int = 500
    batch_timeout_ms: int = 20
    metadata_max_age_ms: int = 2_000
    max_poll_interval_ms: int = 60_000
    session_timeout_ms: int = 10_000
    give_up_after_seconds: float = 45.0  # below max_poll_interval_ms: then the process exits
    breaker_limit: int = 100
    crash_tries: int = 3  # of a record alone, before it is set aside
    crash_limit: int = 3  # records set aside like that in a row, before their partition is paused
    parked_limit: int = 20_000  # rows a publisher may have waiting
    parked_for_seconds: float = 7 * 24 * 3600.0
    inbox_days: int = 60
    quarantine_days: int = 180


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """Everything a service reads from its environment."""

    service: str
    prefix: str
    db_worker: str = field(repr=False)
    db_web: str = field(repr=False)
    db_status: str = field(repr=False)
    kafka: str = field(repr=False)
    http: HttpAddress
    ops: HttpAddress
    identity_key: IdentityKey
    proxies: Proxies = field(default_factory=Proxies)
    """Machines whose X-Forwarded-For is believed; they end TLS where we listen for other machines."""
    tls: Path | None = None
    """Certificate and key (PEM) with which this process itself speaks TLS on both of its ports."""
    ops_token: str = field(default="", repr=False)
    """Opens what the ops port tells beyond its probes; without one nobody is told."""
    clock_file: Path | None = None
    demo: bool = False
    installation: tuple[Found, ...] = ()
    """Which installation the process was made for, where its environment says so."""
    web_secret: str = field(default="", repr=False)
    gateway_url: str | None = None
    gateway_key: str = field(default="", repr=False)
    people_url: str | None = None
    people_key: str = field(default="", repr=False)
    kek: str = field(default="", repr=False)
    db_keys: str = field(default="", repr=False)
    installation_key: str = field(default="", repr=False)
    smtp: str | None = None
    bounces: str = field(default="", repr=False)
    """Mailbox of the sender, by IMAP, in which mails come back."""
    webhook_networks: str = ""
    """Private networks to which webhooks may go besides public addresses."""
    public_url: str | None = None
    policy: Path | None = None
    extension: str | None = None
    """In the demo: module with what it adds to this service."""
    demo_neighbour: str | None = None
    """In the demo: address of the other service's pages, where the other invented people sign in."""
    roles: frozenset[str] = ALL_ROLES
    file_readers: int = 2
    """Most files that are read at the same time, each by a process of its own."""
    stop_within_seconds: float = 15.0
    loop: LoopSettings = LoopSettings()

    @classmethod
    def from_env(
        cls, service: str, env: Mapping[str, str], roles: frozenset[str] = ALL_ROLES
    ) -> "ServiceSettings":
        """Read the settings of `service`; an absent or unreadable one is named, never shown."""
        unknown = roles - ALL_ROLES
        if unknown:
            msg = f"unknown roles: {', '.join(sorted(unknown))}; known: {', '.join(sorted(ALL_ROLES))}"
            raise SettingsError(msg)
        try:
            return cls._read(service, env, roles)
        except AddressError as error:
            raise SettingsError(str(error)) from None

    @classmethod
    def _read(cls, service: str, env: Mapping[str, str], roles: frozenset[str]) -> "ServiceSettings":
        proxies = Proxies.parse("KURSLOTSE_PROXIES", env.get("KURSLOTSE_PROXIES", ""))
        tls = _tls(env)
        return cls(
            service=service,
            prefix=env.get("KURSLOTSE_PREFIX", ""),
            db_worker=_remote(env, "KURSLOTSE_DB_WORKER"),
            db_web=_remote(env, "KURSLOTSE_DB_WEB"),
            db_status=_remote(env, "KURSLOTSE_DB_STATUS"),
            kafka=_remote(env, "KURSLOTSE_SERVICE_KAFKA"),
            http=_listening(env, "KURSLOTSE_HTTP", proxies, tls),
            ops=_listening(env, "KURSLOTSE_OPS", proxies, tls),
            proxies=proxies,
            tls=tls,
            identity_key=_identity_key(env),
            ops_token=env.get("KURSLOTSE_OPS_TOKEN", ""),
            clock_file=_path(env, "KURSLOTSE_CLOCK_FILE"),
            demo=env.get("KURSLOTSE_DEMO") == "1",
            installation=expected(env),
            web_secret=env.get("KURSLOTSE_WEB_SECRET", ""),
            gateway_url=_remote_if_set(env, "KURSLOTSE_GATEWAY_URL"),
            gateway_key=env.get("KURSLOTSE_GATEWAY_KEY", ""),
            people_url=_remote_if_set(env, "KURSLOTSE_PEOPLE_URL"),
            people_key=env.get("KURSLOTSE_PEOPLE_KEY", ""),
            kek=env.get("KURSLOTSE_KEK", ""),
            db_keys=_remote_if_set(env, "KURSLOTSE_DB_KEYS") or "",
            installation_key=env.get("KURSLOTSE_INSTALLATION_KEY", ""),
            smtp=_remote_if_set(env, "KURSLOTSE_SMTP"),
            bounces=env.get("KURSLOTSE_BOUNCES", ""),
            webhook_networks=env.get("KURSLOTSE_WEBHOOK_NETWORKS", ""),
            public_url=_remote_if_set(env, "KURSLOTSE_PUBLIC_URL"),
            policy=_path(env, "KURSLOTSE_POLICY"),
            extension=env.get("KURSLOTSE_EXTENSION"),
            demo_neighbour=_remote_if_set(env, "KURSLOTSE_DEMO_NEIGHBOUR"),
            file_readers=_positive(env, "KURSLOTSE_FILE_READERS", 2),
            roles=roles,
        )


def need(value: str | None, name: str) -> str:
    """Return a required setting; raise SettingsError if it is empty."""
    if not value:
        msg = f"{name} is not set"
        raise SettingsError(msg)
    return value


def with_file(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment, filled up from the file that KURSLOTSE_SETTINGS names (NAME=VALUE a line).

    Secrets lie in such a file where an environment can be read by others; what is set already stays.

    Raises:
        SettingsError: the file cannot be read, or a line has no name; the message never holds a value.
    """
    named = env.get(SETTINGS_FILE)
    if not named:
        return dict(env)
    try:
        lines = Path(named).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{SETTINGS_FILE} names a file that cannot be read") from None
    found = {}
    for number, line in enumerate(lines, 1):
        name, equals, value = line.partition("=")
        if not line.strip() or line.startswith("#"):
            continue
        if not equals or not name.isidentifier():
            raise SettingsError(f"{SETTINGS_FILE}: line {number} does not read NAME=VALUE")
        found[name] = value
    return found | dict(env)


def parse_roles(text: str | None) -> frozenset[str]:
    """Read `consume,relay` as given on the command line; nothing means all."""
    if not text:
        return ALL_ROLES
    return frozenset(part.strip() for part in text.split(",") if part.strip())


def _required(env: Mapping[str, str], name: str) -> str:
    return need(env.get(name), name)


def _remote(env: Mapping[str, str], name: str) -> str:
    return require_encrypted(name, _required(env, name))


def _remote_if_set(env: Mapping[str, str], name: str) -> str | None:
    return require_encrypted(name, env[name]) if env.get(name) else None


def _tls(env: Mapping[str, str]) -> Path | None:
    path = _path(env, "KURSLOTSE_TLS")
    if path is not None and not os.access(path, os.R_OK):
        raise SettingsError("KURSLOTSE_TLS names a file that cannot be read")
    return path


def _listening(env: Mapping[str, str], name: str, proxies: Proxies, tls: Path | None) -> HttpAddress:
    where = _address(env, name)
    require_listening(name, where.host, proxies, encrypted=tls is not None)
    return where


def _identity_key(env: Mapping[str, str]) -> IdentityKey:
    try:
        return IdentityKey.from_text(_required(env, "KURSLOTSE_IDENTITY_KEY"))
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _address(env: Mapping[str, str], name: str) -> HttpAddress:
    host, colon, port = _required(env, name).rpartition(":")
    if not colon or not host or not port.isdigit():
        msg = f"{name} must read host:port"
        raise SettingsError(msg)
    return HttpAddress(host, int(port))


def _positive(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and int(text)):
        msg = f"{name} must be a number above 0"
        raise SettingsError(msg)
    return int(text)


def _path(env: Mapping[str, str], name: str) -> Path | None:
    text = env.get(name)
    return Path(text) if text else None
