"""Makes databases, roles, schemas, topics, users and access of all services (`kurslotse db apply`)."""

import asyncio
import dataclasses
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from schemas.codes import InstallationKind
from schemas.topics import Family, topic
from services import accounts, notifications, places
from services.accounts.domain import Side
from services.embedded.machine.home import Home
from services.embedded.machine.installation import SERVICES, Installation, name_home, password
from services.embedded.machine.progress import Narrator, Step
from services.embedded.stack.environment import KEYS, Setting
from services.embedded.stack.identity import settled
from services.gateway.publishers.administration import admin_connection
from services.gateway.publishers.credentials import put_service_key
from services.runtime.base.installation import Identity
from services.runtime.data import migrate, roles
from services.runtime.kafka import administration as kafka
from services.runtime.kafka.installation import announce

_WITH_ACCOUNTS = frozenset(Side)
SIDES = {"steering": ("gateway", "allocation"), "support": ("notifications",)}
"""The two sides, with the services whose databases are theirs; topics and users are made by the first."""


async def apply_everything(
    setting: Setting, home: Home, kind: InstallationKind, narrator: Narrator, side: str | None = None
) -> Setting:
    """Make on both servers what the services expect and is not there yet; return the setting with its id.

    Where two organisations run the two sides, each makes its own (`side`), with its own PostgreSQL.

    Raises:
        InstallationError: the servers hold another installation or one of another kind; nothing was changed.
    """
    identity = await settled(home, setting.servers, setting.prefix, kind)
    setting = dataclasses.replace(setting, installation=name_home(home, identity))
    admin = kafka.KafkaAdmin(kafka.parse_address(setting.servers.kafka))
    wall = kafka.ENFORCED
    databases = SERVICES if side is None else SIDES[side]
    with narrator.step("Databases, topics and access", len(databases) + len(SERVICES)) as step:
        if side != "support":
            await asyncio.to_thread(_announce, admin, setting.prefix, identity)
            wall = await _apply_access(setting, admin, step)
        await _apply_databases(setting, identity, databases, step)
        if "notifications" in databases:
            await apply_keys(setting, identity)
        if "gateway" in databases:
            await put_service_keys(setting)
    if not wall.enforced:
        narrator.say(wall.sentence)
    return setting


def _announce(admin: kafka.KafkaAdmin, prefix: str, identity: Identity) -> None:
    """Announce the installation before any other topic of it is made."""
    admin.ensure_topics({topic(Family.INSTALLATION, prefix=prefix): Family.INSTALLATION})
    announce(admin.address, prefix, identity)


async def _apply_access(setting: Setting, admin: kafka.KafkaAdmin, step: Step) -> kafka.Wall:
    wall = kafka.ENFORCED
    for service in SERVICES:
        own = setting.installation.services[service]
        wall = await asyncio.to_thread(
            kafka.ensure_service_access, admin, service, own.kafka, prefix=setting.prefix
        )
        step.advance(1)
    return wall


async def _apply_databases(setting: Setting, identity: Identity, services: Sequence[str], step: Step) -> None:
    for service in services:
        await migrate.apply(
            setting.servers.database_url,
            service,
            prefix=setting.prefix,
            passwords=passwords_of(setting.installation, service),
            migrations=migrations_of(service),
            shared=shared_migrations_of(service),
            identity=identity,
        )
        step.advance(1)


def passwords_of(installation: Installation, service: str) -> roles.Passwords:
    """Return the passwords of a service's roles."""
    own = installation.services[service]
    return roles.Passwords(own.worker, own.web, own.status)


def keys_passwords_of(installation: Installation) -> roles.Passwords:
    """Return the passwords of the keys database; roles that it does not need get unknown ones."""
    return roles.Passwords(installation.shared.keys_db, password(), password())


async def put_service_keys(setting: Setting) -> None:
    """Set the keys with which the services speak for publishers."""
    async with admin_connection(setting.servers.database_url, setting.prefix) as conn:
        for service in ("allocation", "notifications"):
            await put_service_key(conn, service, setting.installation.services[service].gateway_key)


async def apply_keys(setting: Setting, identity: Identity) -> None:
    """Make the database of what encrypts names."""
    await migrate.apply(
        setting.servers.database_url,
        KEYS,
        prefix=setting.prefix,
        passwords=keys_passwords_of(setting.installation),
        migrations=key_migrations(),
        identity=identity,
    )


def key_migrations() -> Path:
    """Return the folder of the keys database's migrations."""
    return Path(notifications.__file__).parent / "key_migrations"


def shared_migrations_of(service: str) -> Mapping[str, Path]:
    """Return the folders of migrations that a service shares with others, by their source."""
    found = {"accounts": Path(accounts.__file__).parent / "migrations"} if service in _WITH_ACCOUNTS else {}
    return found | ({"places": Path(places.__file__).parent / "migrations"} if service in SERVICES else {})


def migrations_of(service: str) -> Path | None:
    """Return the folder of a service's own migrations."""
    spec = find_spec(f"services.{service}")
    folder = Path(spec.origin).parent / "migrations" if spec and spec.origin else None
    return folder if folder and folder.is_dir() else None
