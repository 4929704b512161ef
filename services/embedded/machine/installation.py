"""Makes the secrets of an installation once, in a file that only its owner may read, with its id and kind."""

import base64
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from schemas.codes import InstallationKind
from services.embedded.machine.children import StartError
from services.embedded.machine.home import Home, read_json, write_json
from services.runtime.base.installation import Identity

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


def new_kek() -> str:
    """Make a key-encryption key with an id."""
    return f"{secrets.token_hex(4)}:{key_of_32_bytes()}"


def _secret(make: Callable[[], str] = password, *, public: bool = False, rotates: bool = False) -> Any:  # noqa: ANN401 -- a field, typed where it stands
    """Declare what `make` makes once; it is never shown unless it is public.

    `rotates` says that `kurslotse db rotate` replaces it: nothing that is stored depends on it.
    """
    return field(repr=public, metadata={"make": make, "public": public, "rotates": rotates})


@dataclass(frozen=True, slots=True)
class ServerSecrets:
    """Passwords and ids with which the embedded servers were set up."""

    postgres: str = _secret()
    kafka_admin: str = _secret()
    kafka_controller: str = _secret()
    cluster_id: str = _secret(cluster_id, public=True)


@dataclass(frozen=True, slots=True)
class ServiceSecrets:
    """A service's passwords, the key that signs its sessions, and the token of its metrics and status."""

    worker: str = _secret(rotates=True)
    web: str = _secret(rotates=True)
    status: str = _secret(rotates=True)
    kafka: str = _secret(rotates=True)
    web_secret: str = _secret()
    gateway_key: str = _secret(rotates=True)
    ops_token: str = _secret(rotates=True)


@dataclass(frozen=True, slots=True)
class SharedSecrets:
    """Keys that belong to one service or to a door between two."""

    people_key: str = _secret(rotates=True)  # gateway -> notifications
    kek: str = _secret(new_kek)  # notifications: KEKs by id, the current one first
    keys_db: str = _secret(rotates=True)  # notifications: password of the keys database
    installation_key: str = _secret(key_of_32_bytes)  # gateway: HMAC of official numbers
    identity_key: str = _secret(key_of_32_bytes)  # all services: HMACs of hashes and of erased ids


_Group = TypeVar("_Group", ServiceSecrets, SharedSecrets)


@dataclass(frozen=True, slots=True)
class Installation:
    """All secrets of one home, and which installation it is of, once that is settled."""

    servers: ServerSecrets
    services: dict[str, ServiceSecrets]
    shared: SharedSecrets
    identity: Identity | None = None


def rotate_kek(home: Home) -> str:
    """Put a new KEK before those there are, for services that start from now on; return its id."""
    found = open_installation(home)
    made = new_kek()
    shared = replace(found.shared, kek=f"{made},{found.shared.kek}")
    write_json(home.installation, _written(replace(found, shared=shared)))
    return made.partition(":")[0]


def retire_keks(home: Home) -> int:
    """Forget every key-encryption key but the current one; return how many were forgotten."""
    found = open_installation(home)
    current, *old = found.shared.kek.split(",")
    shared = replace(found.shared, kek=current)
    write_json(home.installation, _written(replace(found, shared=shared)))
    return len(old)


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
        identity=_identity(document),
    )
    if _written(found) != document:
        write_json(home.installation, _written(found))
    return found


def name_home(home: Home, identity: Identity) -> Installation:
    """Write down, once, which installation a home is of."""
    found = open_installation(home)
    if found.identity == identity:
        return found
    named = replace(found, identity=identity)
    write_json(home.installation, _written(named))
    return named


def rotate_secrets(home: Home) -> Installation:
    """Replace what rotates in the file of secrets; the servers must be told next."""
    found = open_installation(home)
    fresh = replace(
        found,
        services={name: _rotated(own) for name, own in found.services.items()},
        shared=_rotated(found.shared),
    )
    write_json(home.installation, _written(fresh))
    return fresh


def _rotated(group: _Group) -> _Group:
    return replace(
        group, **{one.name: one.metadata["make"]() for one in fields(group) if one.metadata["rotates"]}
    )


def identity_of(home: Home) -> Identity | None:
    """Return which installation a home is of; None if that is not settled. Nothing is written."""
    return _identity(_document(home))


def described(identity: Identity | None) -> dict[str, str] | None:
    """Describe id and kind for programs."""
    return None if identity is None else {"id": str(identity.id), "kind": str(identity.kind)}


def _identity(document: Mapping[str, Any]) -> Identity | None:
    said = document.get("identity")
    return Identity(UUID(said["id"]), InstallationKind(said["kind"])) if said else None


def _written(installation: Installation) -> dict[str, Any]:
    document = asdict(installation)
    del document["identity"]
    if installation.identity is not None:
        document["identity"] = described(installation.identity)
    return document


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
