"""Applies numbered SQL files once each, forward only, and refuses files that have changed since."""

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import asyncpg

from services.runtime.base.addresses import require_encrypted
from services.runtime.base.installation import Identity
from services.runtime.data import roles
from services.runtime.data.db import set_codecs
from services.runtime.data.installation import name_next_table

RUNTIME_MIGRATIONS = Path(__file__).parents[1] / "migrations"
_FILE = re.compile(r"^(\d{4})_[a-z0-9_]+\.sql\Z")
_LOCK = 4_075_716_211  # one migration at a time in a database
_LOCK_TRIES = 5


class MigrationError(Exception):
    """The files on disk do not fit the migrations that the database records."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration file."""

    source: str
    number: int
    name: str
    sql: str
    sha256: str


def read_directory(source: str, directory: Path) -> list[Migration]:
    """Read the migrations of a directory, numbered from 1 without gaps."""
    found = []
    for path in sorted(directory.glob("*.sql")):
        match = _FILE.match(path.name)
        if match is None:
            msg = f"{path.name}: a migration is called NNNN_name.sql"
            raise MigrationError(msg)
        sql = path.read_text(encoding="utf-8")
        digest = hashlib.sha256(sql.encode()).hexdigest()
        found.append(Migration(source, int(match[1]), path.name, sql, digest))
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        msg = f"the migrations of {source} are not numbered 1 to {len(found)}"
        raise MigrationError(msg)
    return found


def outstanding(files: Sequence[Migration], applied: Sequence[tuple[str, int, str]]) -> list[Migration]:
    """Return the files still to be applied; raise MigrationError if an applied one changed or vanished."""
    known = {(migration.source, migration.number): migration for migration in files}
    seen = set()
    for source, number, sha256 in applied:
        migration = known.get((source, number))
        if migration is None:
            msg = f"the database has migration {number} of {source}, which is not on disk"
            raise MigrationError(msg)
        if migration.sha256 != sha256:
            msg = f"{migration.name} of {source} was changed after it had been applied"
            raise MigrationError(msg)
        seen.add((source, number))
    return [migration for migration in files if (migration.source, migration.number) not in seen]


async def apply(
    admin_url: str,
    service: str,
    *,
    prefix: str,
    passwords: roles.Passwords,
    migrations: Path | None = None,
    shared: Mapping[str, Path] = MappingProxyType({}),
    identity: Identity | None = None,
) -> list[str]:
    """Make database and roles of a service and apply its migrations; return the names of those applied.

    `migrations` is the service's own directory; the runtime's come first, then those that it shares with
    other services (source -> directory). `identity` is the installation
    that the database belongs to from now on; without it no service will run on it.
    """
    files = read_directory("runtime", RUNTIME_MIGRATIONS)
    for source, directory in shared.items():
        files += read_directory(source, directory)
    if migrations is not None:
        files += read_directory(service, migrations)
    database = roles.database_name(prefix, service)
    admin = await asyncpg.connect(require_encrypted("KURSLOTSE_DATABASE_URL", admin_url))
    try:
        # Roles belong to the whole cluster: two of these at once would collide.
        await admin.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await roles.ensure_database(admin, database, passwords)
        session = await asyncpg.connect(roles.address_of(admin_url, database))
        try:
            await set_codecs(session)
            await session.execute(f"SET ROLE {roles.role_name(database, 'owner')}")
            await roles.ensure_privileges(session, database)
            if identity is not None:
                await name_next_table(session, identity)
            return await _apply_files(session, files)
        finally:
            await session.close()
    finally:
        await admin.close()


async def _apply_files(session: asyncpg.Connection, files: Sequence[Migration]) -> list[str]:
    await session.execute(
        "CREATE TABLE IF NOT EXISTS runtime.migration ("
        " source text NOT NULL, number integer NOT NULL, name text NOT NULL, sha256 text NOT NULL,"
        " applied_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (source, number))"
    )
    rows = await session.fetch("SELECT source, number, sha256 FROM runtime.migration ORDER BY source, number")
    todo = outstanding(files, [(row["source"], row["number"], row["sha256"]) for row in rows])
    for migration in todo:
        await _apply_one(session, migration)
    return [f"{migration.source}/{migration.name}" for migration in todo]


async def _apply_one(session: asyncpg.Connection, migration: Migration) -> None:
    for attempt in range(1, _LOCK_TRIES + 1):
        try:
            async with session.transaction():
                await session.execute("SET LOCAL lock_timeout = '3s'")
                await session.execute("SET LOCAL search_path = public")
                await session.execute(migration.sql)
                await session.execute(
                    "INSERT INTO runtime.migration (source, number, name, sha256) VALUES ($1, $2, $3, $4)",
                    migration.source,
                    migration.number,
                    migration.name,
                    migration.sha256,
                )
        except asyncpg.LockNotAvailableError:
            # Somebody works on the table: let them, rather than queue everybody behind us.
            if attempt == _LOCK_TRIES:
                raise
            await asyncio.sleep(attempt)
        else:
            return
