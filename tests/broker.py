"""Reads from a broker who may do what, as tests need it."""

from typing import Any

from confluent_kafka.admin import (  # type: ignore[attr-defined] # it does not say what it exports
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from services.runtime.kafka.administration import librdkafka_options, parse_address

_SECONDS = 30.0


def _client(address: str) -> AdminClient:
    return AdminClient(librdkafka_options(parse_address(address)))


def access(address: str, user: str | None = None) -> list[tuple[str, ...]]:
    """List (user, kind of resource, name, operation) of all access, or of one user's."""
    anything: Any = None  # the client's types leave out that these may be open
    everything = AclBindingFilter(
        ResourceType.ANY,
        anything,
        ResourcePatternType.ANY,
        None if user is None else f"User:{user}",  # type: ignore[arg-type] # the same
        anything,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    client = _client(address)
    found = client.describe_acls(everything).result(timeout=_SECONDS)
    return sorted((one.principal, one.restype.name, one.name, one.operation.name) for one in found)


def users(address: str) -> dict[str, list[tuple[str, int]]]:
    """Return user -> (mechanism, iterations) of each SCRAM credential."""
    client = _client(address)
    asked: Any = client.describe_user_scram_credentials()  # one future where no user is named
    found = asked.result(timeout=_SECONDS)
    return {
        name: sorted((one.mechanism.name, one.iterations) for one in said.scram_credential_infos)
        for name, said in found.items()
    }
