"""A database for each test, copied from a template that has all migrations."""

import secrets
from dataclasses import dataclass, field
from uuid import uuid4

import asyncpg

from schemas.codes import InstallationKind
from services.embedded.stack.apply import shared_migrations_of
from services.runtime.base.installation import Identity
from services.runtime.data import migrate, roles
from tests.accounts.people import invent_people
from tests.serving import REPOSITORY, Servers

TESTED = Identity(uuid4(), InstallationKind.DEMO)
"""The installation that the databases and topics of all tests are of."""
MIGRATIONS = {"keys": REPOSITORY / "services" / "notifications" / "key_migrations"}
"""Databases that are no service's own: where their migrations lie."""


@dataclass(frozen=True, slots=True)
class Database:
    """Addresses of one test's database: as each of its roles, and as administrator."""

    name: str
    worker: str
    web: str
    status: str
    admin: str


@dataclass
class Templates:
    """The migrated databases of a test session, made when first asked for."""

    servers: Servers
    prefix: str = field(default_factory=lambda: f"tpl{secrets.token_hex(3)}-")
    passwords: roles.Passwords = field(
        default_factory=lambda: roles.Passwords(*(secrets.token_hex(12) for _ in range(3)))
    )
    made: set[str] = field(default_factory=set)

    async def copy(self, service: str, prefix: str) -> Database:
        """Make a database of this service for one test."""
        template = roles.database_name(self.prefix, service)
        if service not in self.made:
            migrations = MIGRATIONS.get(service, REPOSITORY / "services" / service / "migrations")
            await migrate.apply(
                self.servers.database_url,
                service,
                prefix=self.prefix,
                passwords=self.passwords,
                migrations=migrations if migrations.is_dir() else None,
                shared=shared_migrations_of(service),
                identity=TESTED,
            )
            await invent_people(self.servers.database_url, template, service)
            self.made.add(service)
        name = roles.database_name(prefix, service)
        admin = await asyncpg.connect(self.servers.database_url)
        try:
            # Without a disk to wait for, copying the files takes half the time of writing them to the log.
            how = "file_copy" if await admin.fetchval("SHOW fsync") == "off" else "wal_log"
            await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY {how}")
            for kind in roles.RUNTIME_ROLES:
                await admin.execute(f"GRANT CONNECT ON DATABASE {name} TO {roles.role_name(template, kind)}")
        finally:
            await admin.close()
        url = self.servers.database_url
        worker, web, status = (
            roles.address_of(url, name, roles.role_name(template, kind), getattr(self.passwords, kind))
            for kind in roles.RUNTIME_ROLES
        )
        return Database(name, worker, web, status, roles.address_of(url, name))

    async def drop(self, databases: list[Database]) -> None:
        """Remove the databases of one test."""
        admin = await asyncpg.connect(self.servers.database_url)
        try:
            for database in databases:
                await admin.execute(f"DROP DATABASE IF EXISTS {database.name} WITH (FORCE)")
        finally:
            await admin.close()

    async def drop_templates(self) -> None:
        """Remove the templates and their roles."""
        admin = await asyncpg.connect(self.servers.database_url)
        try:
            for service in self.made:
                await roles.drop_database(admin, roles.database_name(self.prefix, service))
        finally:
            await admin.close()
