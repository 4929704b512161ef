"""Makes the secrets of an installation once, in a file that only its owner may read."""

import base64
import secrets
import uuid
from dataclasses import asdict, dataclass, field
from typing import Any

from services.embedded.machine.children import StartError
from services.embedded.machine.home import Home, read_json, write_json

SERVICES = ("gateway", "allocation", "notifications")


@dataclass(frozen=True, slots=True)
class ServerSecrets:
    """Passwords and ids with which the embedded servers were set up."""

    postgres: str = field(repr=False)
    kafka_admin: str = field(repr=False)
    kafka_controller: str = field(repr=False)
    cluster_id: str


@dataclass(frozen=True, slots=True)
class ServiceSecrets:
    """A service's passwords, and the key that signs its sessions."""

    worker: str = field(repr=False)
    web: str = field(repr=False)
    status: str = field(repr=False)
    kafka: str = field(repr=False)
    web_secret: str = field(repr=False)
    gateway_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SharedSecrets:
    """Keys that belong to one service or to a door between two."""

    people_key: str = field(repr=False)  # gateway -> notifications
    kek: str = field(repr=False)  # notifications: encrypts the keys that encrypt names
    installation_key: str = field(repr=False)  # gateway: HMAC of official numbers


@dataclass(frozen=True, slots=True)
class Installation:
    """All secrets of one home."""

    servers: ServerSecrets
    services: dict[str, ServiceSecrets]
    shared: SharedSecrets


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


def open_installation(home: Home) -> Installation:
    """Read the secrets of a home, making those that are missing."""
    document = _document(home)
    found = Installation(
        servers=ServerSecrets(
            **_filled(document, "servers", {**_passwords(ServerSecrets), "cluster_id": cluster_id()})
        ),
        services={
            name: ServiceSecrets(**_filled(document.get("services", {}), name, _passwords(ServiceSecrets)))
            for name in SERVICES
        },
        shared=SharedSecrets(
            **_filled(
                document,
                "shared",
                {"people_key": password(), "kek": key_of_32_bytes(), "installation_key": key_of_32_bytes()},
            )
        ),
    )
    if asdict(found) != document:
        write_json(home.installation, asdict(found))
    return found


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


def _passwords(kind: type[ServerSecrets] | type[ServiceSecrets]) -> dict[str, str]:
    return {name: password() for name in kind.__dataclass_fields__}


def _filled(document: dict[str, Any], section: str, fresh: dict[str, str]) -> dict[str, str]:
    known = document.get(section, {})
    return {name: known.get(name, made) for name, made in fresh.items()}
