"""Reads and writes invitations and recovery links; a link's token is kept as hash."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg


async def put(
    conn: asyncpg.Connection,
    token_hash: bytes,
    *,
    organisation: str,
    roles: Sequence[str],
    person: UUID | None,
    name: str,
    email: str | None,
    by: str,
    days: int,
) -> UUID:
    """Keep a link that is valid for some days; return its id."""
    invitation: UUID = await conn.fetchval(
        """
        INSERT INTO accounts.invitation
            (token_hash, organisation, roles, person, name, email, made_by, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(days => $8)) RETURNING invitation
        """,
        token_hash,
        organisation,
        list(roles),
        person,
        name,
        email,
        by,
        days,
    )
    return invitation


async def find(conn: asyncpg.Connection, token_hash: bytes, *, lock: bool = False) -> asyncpg.Record | None:
    """Return the invitation of a link with its organisation; `lock`: nobody else uses it meanwhile."""
    if lock:
        await conn.execute("SELECT FROM accounts.invitation WHERE token_hash = $1 FOR UPDATE", token_hash)
    return await conn.fetchrow(
        """
        SELECT i.invitation, i.organisation, i.roles, i.person, i.name, i.email, i.made_by,
            i.used_at IS NOT NULL AS used, i.withdrawn_at IS NOT NULL AS withdrawn,
            i.expires_at <= now() AS expired, i.expires_at,
            o.name AS place, o.kind, o.active AS place_active, p.key, p.email AS own_email, p.active
        FROM accounts.invitation AS i JOIN accounts.organisation AS o ON o.slug = i.organisation
        LEFT JOIN accounts.person AS p ON p.person = i.person
        WHERE i.token_hash = $1
        """,
        token_hash,
    )


async def use(conn: asyncpg.Connection, invitation: UUID) -> bool:
    """Use a link up; return whether it was still open."""
    used = await conn.fetchval(
        "UPDATE accounts.invitation SET used_at = now() WHERE invitation = $1 AND used_at IS NULL"
        " AND withdrawn_at IS NULL AND expires_at > now() RETURNING true",
        invitation,
    )
    return bool(used)


async def withdraw(conn: asyncpg.Connection, organisation: str, invitation: UUID) -> asyncpg.Record | None:
    """Withdraw an open link of this organisation; None if there is none."""
    return await conn.fetchrow(
        "UPDATE accounts.invitation SET withdrawn_at = now() WHERE invitation = $2 AND organisation = $1"
        " AND used_at IS NULL AND withdrawn_at IS NULL RETURNING name",
        organisation,
        invitation,
    )


async def withdraw_recoveries(conn: asyncpg.Connection, person: UUID) -> None:
    """Withdraw the open recovery links of a person."""
    await conn.execute(
        "UPDATE accounts.invitation SET withdrawn_at = now()"
        " WHERE person = $1 AND used_at IS NULL AND withdrawn_at IS NULL",
        person,
    )


async def withdraw_all_by(conn: asyncpg.Connection, organisation: str, by: str) -> None:
    """Withdraw the open invitations that somebody made for an organisation."""
    await conn.execute(
        "UPDATE accounts.invitation SET withdrawn_at = now() WHERE organisation = $1 AND made_by = $2"
        " AND used_at IS NULL AND withdrawn_at IS NULL",
        organisation,
        by,
    )


async def open_ones(conn: asyncpg.Connection, organisation: str) -> Sequence[asyncpg.Record]:
    """List an organisation's links that nobody has used yet."""
    return await conn.fetch(
        "SELECT invitation, name, email, roles, person, made_by, made_at, expires_at FROM accounts.invitation"
        " WHERE organisation = $1 AND used_at IS NULL AND withdrawn_at IS NULL AND expires_at > now()"
        " ORDER BY made_at DESC LIMIT 200",
        organisation,
    )
