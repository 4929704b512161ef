"""Makes the secrets of an installation once, in a file that only its owner may read."""

import base64
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from services.embedded.machine.children import StartError
from services.embedded.machine.home import Home, read_json, write_json

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SERVICES = ("gateway", "allocation", "notifications")


def cluster_id() -> str:
    """Make a Kafka cluster id; one that began with "-" would be taken for an option."""
    while True:
        made = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not made.startswith("-"):
            return made


def password() -> str:
    """Make a password that needs no quoting in an address."""
    return secrets.token_hex(24)


def key_of_32_bytes() -> str:
    """Make a key, in base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _secret(make: Callable[[], str] = password, *, public: bool = False) -> Any:  # noqa: ANN401 -- a field
    """Declare what `make` makes once; it is never shown unless it is public."""
    return field(repr=public, metadata={"make": make, "public": public})


@dataclass(frozen=True, slots=True)
class ServerSecrets:
    """Passwords and ids with which the embedded servers were set up."""

    postgres: str = _secret()
    kafka_admin: str = _secret()
    kafka_controller: str = _secret()
    cluster_id: str = _secret(cluster_id, public=True)


@dataclass(frozen=True, slots=True)
class ServiceSecrets:
    """A service's passwords, and the key that signs its sessions."""

    worker: str = _secret()
    web: str = _secret()
    status: str = _secret()
    kafka: str = _secret()
    web_secret: str = _secret()
    gateway_key: str = _secret()


@dataclass(frozen=True, slots=True)
class SharedSecrets:
    """Keys that belong to one service or to a door between two."""

    people_key: str = _secret()  # gateway -> notifications
    kek: str = _secret(key_of_32_bytes)  # notifications: encrypts the keys that encrypt names
    installation_key: str = _secret(key_of_32_bytes)  # gateway: HMAC of official numbers


@dataclass(frozen=True, slots=True)
class Installation:
    """All secrets of one home."""

    servers: ServerSecrets
    services: dict[str, ServiceSecrets]
    shared: SharedSecrets


def open_installation(home: Home) -> Installation:
    """Read the secrets of a home, making those that are missing."""
    document = _document(home)
    services = document.get("services", {})
    found = Installation(
        servers=ServerSecrets(**_filled(ServerSecrets, document.get("servers", {}))),
        services={
            name: ServiceSecrets(**_filled(ServiceSecrets, services.get(name, {}))) for name in SERVICES
        },
        shared=SharedSecrets(**_filled(SharedSecrets, document.get("shared", {}))),
    )
    if asdict(found) != document:
        write_json(home.installation, asdict(found))
    return found


def secrets_of(installation: Installation) -> dict[str, str]:
    """List every secret of a home by name, `gateway.worker` or `shared.kek`."""
    groups: dict[str, ServerSecrets | ServiceSecrets | SharedSecrets]
    groups = {"servers": installation.servers, "shared": installation.shared, **installation.services}
    return {
        f"{name}.{one.name}": getattr(group, one.name)
        for name, group in groups.items()
        for one in fields(group)
        if not one.metadata["public"]
    }


def _document(home: Home) -> dict[str, Any]:
    if not home.installation.exists():
        return {}
    document = read_json(home.installation)
    if not document:
        raise StartError(
            f"{home.installation} cannot be read. It holds the passwords of the databases: bring it back "
            "from a backup, or begin anew with `make clean`."
        )
    return document


def _filled(kind: "type[DataclassInstance]", known: Mapping[str, str]) -> dict[str, str]:
    return {one.name: known.get(one.name) or one.metadata["make"]() for one in fields(kind)}
