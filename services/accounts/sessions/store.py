"""Reads and writes sessions; ages are by the database's clock."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.accounts.sessions.domain import EndReason


async def find(conn: asyncpg.Connection, token_hash: bytes) -> asyncpg.Record | None:
    """Return an open session with its ages, its person, the role worn and its organisation."""
    return await conn.fetchrow(
        """
        SELECT s.session, s.person, s.worn, p.key, p.name, r.role, o.slug, o.name AS place, o.kind, o.kreise,
            o.tenant, o.publisher, o.founding, p.active, r.ended_at IS NULL AND o.active AS role_given,
            extract(epoch FROM now() - s.last_seen_at)::float8 AS unused,
            extract(epoch FROM now() - s.created_at)::float8 AS old,
            extract(epoch FROM now() - s.fresh_at)::float8 AS since_sign_in
        FROM accounts.session AS s
        JOIN accounts.person AS p ON p.person = s.person
        JOIN accounts.given_role AS r ON r.given = s.worn AND r.person = s.person
        JOIN accounts.organisation AS o ON o.slug = r.organisation
        WHERE s.token_hash = $1 AND s.ended_at IS NULL
        """,
        token_hash,
    )


async def touch(conn: asyncpg.Connection, session: UUID) -> None:
    """Note that a session was used."""
    await conn.execute("UPDATE accounts.session SET last_seen_at = now() WHERE session = $1", session)


async def begin(
    conn: asyncpg.Connection,
    token_hash: bytes,
    *,
    person: UUID,
    worn: UUID,
    method: str,
    device: str,
    issuer: str | None = None,
    subject: str | None = None,
    sid: str | None = None,
    id_token: bytes | None = None,
    shown_at: datetime | None = None,
) -> UUID:
    """Begin a session; return its id. `shown_at`: when the person last showed who they are, at most now."""
    session: UUID = await conn.fetchval(
        """
        INSERT INTO accounts.session
            (token_hash, person, worn, method, device, issuer, subject, sid, id_token, fresh_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, least(now(), $10)) RETURNING session
        """,
        token_hash,
        person,
        worn,
        method,
        device,
        issuer,
        subject,
        sid,
        id_token,
        shown_at,
    )
    return session


async def renew(conn: asyncpg.Connection, session: UUID, token_hash: bytes, worn: UUID) -> None:
    """Go on under a new token, in another role; the old token opens nothing any more."""
    await conn.execute(
        "UPDATE accounts.session SET token_hash = $2, worn = $3, last_seen_at = now()"
        " WHERE session = $1 AND ended_at IS NULL",
        session,
        token_hash,
        worn,
    )


async def end(conn: asyncpg.Connection, session: UUID, why: EndReason) -> None:
    """End one session."""
    await conn.execute(
        "UPDATE accounts.session SET ended_at = now(), ended_why = $2, id_token = NULL"
        " WHERE session = $1 AND ended_at IS NULL",
        session,
        why.value,
    )


async def end_own(conn: asyncpg.Connection, person: UUID, session: UUID) -> bool:
    """End one of a person's own sessions; return whether there was one."""
    found = await conn.fetchval(
        "UPDATE accounts.session SET ended_at = now(), ended_why = 'signed_out', id_token = NULL"
        " WHERE session = $1 AND person = $2 AND ended_at IS NULL RETURNING true",
        session,
        person,
    )
    return bool(found)


async def end_all(conn: asyncpg.Connection, person: UUID, why: EndReason, *, but: UUID | None = None) -> int:
    """End all sessions of a person, or all but one; return how many."""
    rows = await conn.fetch(
        "UPDATE accounts.session SET ended_at = now(), ended_why = $2, id_token = NULL"
        " WHERE person = $1 AND ended_at IS NULL AND session IS DISTINCT FROM $3 RETURNING session",
        person,
        why.value,
        but,
    )
    return len(rows)


async def end_by_issuer(
    conn: asyncpg.Connection, issuer: str, *, subject: str | None, sid: str | None
) -> int:
    """End the sessions that an issuer has ended, by its subject, its session or both; return how many."""
    rows = await conn.fetch(
        """
        UPDATE accounts.session SET ended_at = now(), ended_why = 'issuer', id_token = NULL
        WHERE issuer = $1 AND ended_at IS NULL AND ($2::text IS NOT NULL OR $3::text IS NOT NULL)
            AND ($2::text IS NULL OR subject = $2) AND ($3::text IS NULL OR sid = $3)
        RETURNING session
        """,
        issuer,
        subject,
        sid,
    )
    return len(rows)


async def issuer_of(conn: asyncpg.Connection, session: UUID) -> asyncpg.Record | None:
    """Return issuer, subject, sid and sealed token of a session that an issuer opened."""
    return await conn.fetchrow(
        "SELECT session, issuer, subject, sid, id_token FROM accounts.session"
        " WHERE session = $1 AND issuer IS NOT NULL AND ended_at IS NULL",
        session,
    )


async def listed(
    conn: asyncpg.Connection, person: UUID, idle: float, absolute: float
) -> Sequence[asyncpg.Record]:
    """List a person's open sessions, the latest used first."""
    return await conn.fetch(
        """
        SELECT session, device, method, created_at, last_seen_at FROM accounts.session
        WHERE person = $1 AND ended_at IS NULL
            AND last_seen_at > now() - make_interval(secs => $2)
            AND created_at > now() - make_interval(secs => $3)
        ORDER BY last_seen_at DESC LIMIT 50
        """,
        person,
        idle,
        absolute,
    )
