"""Reads and writes which installation a database belongs to."""

from urllib.parse import urlsplit

import asyncpg

from schemas.codes import InstallationKind
from services.runtime.base.installation import Found, Identity

_READABLE = """
SELECT format('%I.%I', n.nspname, c.relname)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relname = 'installation' AND n.nspname IN ('runtime', 'status')
    AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
ORDER BY n.nspname LIMIT 1
"""
"""The table or, for the status role, the view of it."""


async def identity_of(conn: asyncpg.Connection) -> Identity | None:
    """Return the installation of the database; None if it does not say."""
    readable = await conn.fetchval(_READABLE)
    if readable is None:
        return None
    row = await conn.fetchrow(f"SELECT id, kind FROM {readable}")
    return None if row is None else Identity(row["id"], InstallationKind(row["kind"]))


async def found_in(conn: asyncpg.Connection, address: str) -> Found:
    """Say which installation the database at an address belongs to, which `conn` is connected to."""
    name = await conn.fetchval("SELECT current_database()")
    return Found(f"The database {name} at {place_of(address)}", await identity_of(conn))


def place_of(address: str) -> str:
    """Return host and port of an address, without its credentials."""
    return urlsplit(address).netloc.rpartition("@")[2]


async def name_next_table(conn: asyncpg.Connection, identity: Identity) -> None:
    """Tell the session which installation the migration that makes the table is to write into it."""
    await conn.execute(
        "SELECT set_config('kurslotse.installation_id', $1, false),"
        " set_config('kurslotse.installation_kind', $2, false)",
        str(identity.id),
        identity.kind,
    )
