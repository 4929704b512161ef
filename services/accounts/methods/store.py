"""Reads and writes passwords, one-time secrets and passkeys; secrets are hashed or sealed."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg


async def now(conn: asyncpg.Connection) -> float:
    """Return the database's time in seconds since 1970."""
    found: float = await conn.fetchval("SELECT extract(epoch FROM now())::float8")
    return found


async def secrets(conn: asyncpg.Connection, person: UUID) -> asyncpg.Record | None:
    """Return the hash of a password and the sealed one-time secret of a person who has both."""
    return await conn.fetchrow(
        "SELECT p.hash, t.sealed, t.last_step FROM accounts.password AS p"
        " JOIN accounts.totp AS t ON t.person = p.person WHERE p.person = $1",
        person,
    )


async def put_password(conn: asyncpg.Connection, person: UUID, hashed: str) -> None:
    """Set a password."""
    await conn.execute(
        "INSERT INTO accounts.password (person, hash) VALUES ($1, $2)"
        " ON CONFLICT (person) DO UPDATE SET hash = $2, changed_at = now()",
        person,
        hashed,
    )


async def renew_hash(conn: asyncpg.Connection, person: UUID, old: str, hashed: str) -> None:
    """Replace a hash by one at another cost, unless the password was changed meanwhile."""
    await conn.execute(
        "UPDATE accounts.password SET hash = $3 WHERE person = $1 AND hash = $2", person, old, hashed
    )


async def put_totp(conn: asyncpg.Connection, person: UUID, sealed: bytes, step: int) -> None:
    """Set a one-time secret; the code of `step` was used to show that it works."""
    await conn.execute(
        "INSERT INTO accounts.totp (person, sealed, last_step) VALUES ($1, $2, $3)"
        " ON CONFLICT (person) DO UPDATE SET sealed = $2, last_step = $3, made_at = now()",
        person,
        sealed,
        step,
    )


async def take_step(conn: asyncpg.Connection, person: UUID, step: int) -> bool:
    """Use the code of a time step up; return whether no code of it or of a later one was used before."""
    taken = await conn.fetchval(
        "UPDATE accounts.totp SET last_step = $2 WHERE person = $1 AND last_step < $2 RETURNING true",
        person,
        step,
    )
    return bool(taken)


async def passkeys(conn: asyncpg.Connection, person: UUID) -> Sequence[asyncpg.Record]:
    """List a person's passkeys, the oldest first."""
    return await conn.fetch(
        "SELECT credential, name, made_at, used_at FROM accounts.passkey WHERE person = $1 ORDER BY made_at",
        person,
    )


async def passkey(conn: asyncpg.Connection, credential: bytes) -> asyncpg.Record | None:
    """Return a passkey with its person, who may still work."""
    return await conn.fetchrow(
        """
        SELECT k.credential, k.public_key, k.sign_count, p.person, p.key, p.name, p.home
        FROM accounts.passkey AS k JOIN accounts.person AS p ON p.person = k.person
        WHERE k.credential = $1 AND p.active FOR UPDATE OF k
        """,
        credential,
    )


async def add_passkey(
    conn: asyncpg.Connection,
    person: UUID,
    *,
    credential: bytes,
    public_key: bytes,
    sign_count: int,
    name: str,
) -> None:
    """Add a passkey."""
    await conn.execute(
        "INSERT INTO accounts.passkey (credential, person, public_key, sign_count, name)"
        " VALUES ($1, $2, $3, $4, $5)",
        credential,
        person,
        public_key,
        sign_count,
        name,
    )


async def use_passkey(conn: asyncpg.Connection, credential: bytes, sign_count: int) -> None:
    """Note that a passkey was used."""
    await conn.execute(
        "UPDATE accounts.passkey SET sign_count = $2, used_at = now() WHERE credential = $1",
        credential,
        sign_count,
    )


async def remove_passkey(conn: asyncpg.Connection, person: UUID, credential: bytes) -> bool:
    """Remove one of a person's passkeys; return whether there was one."""
    gone = await conn.fetchval(
        "DELETE FROM accounts.passkey WHERE person = $1 AND credential = $2 RETURNING true",
        person,
        credential,
    )
    return bool(gone)


async def remove_password(conn: asyncpg.Connection, person: UUID) -> None:
    """Remove password and one-time secret."""
    await conn.execute("DELETE FROM accounts.password WHERE person = $1", person)
    await conn.execute("DELETE FROM accounts.totp WHERE person = $1", person)


async def remove_all(conn: asyncpg.Connection, person: UUID) -> None:
    """Remove every way to sign in here."""
    await remove_password(conn, person)
    await conn.execute("DELETE FROM accounts.passkey WHERE person = $1", person)


async def put_challenge(conn: asyncpg.Connection, challenge: bytes, browser: bytes) -> None:
    """Keep a challenge for the browser that asked, and forget those of long ago."""
    await conn.execute("DELETE FROM accounts.challenge WHERE made_at <= now() - interval '5 minutes'")
    await conn.execute(
        "INSERT INTO accounts.challenge (challenge, browser) VALUES ($1, $2)", challenge, browser
    )


async def take_challenge(conn: asyncpg.Connection, challenge: bytes, browser: bytes) -> bool:
    """Use a challenge up; return whether it was made for this browser within the last minutes."""
    taken = await conn.fetchval(
        "DELETE FROM accounts.challenge WHERE challenge = $1 AND browser = $2"
        " AND made_at > now() - interval '5 minutes' RETURNING true",
        challenge,
        browser,
    )
    return bool(taken)
