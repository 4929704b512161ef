"""Reads and writes versions of policies, what became of them, and their audit trail."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

import asyncpg

State = Literal["draft", "submitted", "active", "withdrawn"]
What = Literal[
    "drafted", "changed", "submitted", "returned", "sent_out", "commented", "activated", "replaced",
    "withdrawn", "travel_loaded", "travel_removed",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Version:
    """A policy as somebody typed it, and what has become of it; times are business times."""

    id: UUID
    kreis: str
    valid_from: date
    document: str
    sha256: bytes
    state: State
    based_on: UUID | None
    written_by: str
    written_at: datetime
    submitted_at: datetime | None = None
    activated_by: str | None = None
    activated_at: datetime | None = None
    holds_from: date | None = None
    """First day on which it holds: `valid_from`, or the day of the activation if that was later."""
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the audit trail; `version` is None for tables of travel times."""

    version: UUID | None
    what: What
    actor: str
    at: datetime
    reason: str


def digest(document: str) -> bytes:
    """Return what names a document's content."""
    return hashlib.sha256(document.encode()).digest()


def _in_order() -> UUID:
    """Make a UUID of version 7 (RFC 9562): events of one business moment stay in their order."""
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    fraction = nanoseconds * 4096 // 1_000_000
    return UUID(int=milliseconds << 80 | 7 << 76 | fraction << 64 | 2 << 62 | secrets.randbits(62))


_VERSION = """
    SELECT id, kreis, valid_from, document, sha256, state, based_on, written_by, written_at, submitted_at,
           activated_by, activated_at, holds_from, withdrawn_by, withdrawn_at
    FROM policy_version
"""


async def version(conn: asyncpg.Connection, one: UUID) -> Version | None:
    """Read a version; None: not known, or another Kreis's."""
    row = await conn.fetchrow(_VERSION + " WHERE id = $1", one)
    return None if row is None else Version(**dict(row))


async def locked(conn: asyncpg.Connection, one: UUID) -> Version | None:
    """Read a version and keep everybody else from changing it until the commit."""
    row = await conn.fetchrow(_VERSION + " WHERE id = $1 FOR UPDATE", one)
    return None if row is None else Version(**dict(row))


async def lock(conn: asyncpg.Connection, kreis: str) -> None:
    """Let one at a time adopt a policy for the Kreis, until the transaction ends."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('policy_version ' || $1, 0))", kreis)


async def versions(conn: asyncpg.Connection, kreis: str, limit: int = 200) -> Sequence[Version]:
    """List the versions of a Kreis, the latest first."""
    rows = await conn.fetch(
        _VERSION + " WHERE kreis = $1 ORDER BY written_at DESC, id LIMIT $2", kreis, limit
    )
    return [Version(**dict(row)) for row in rows]


async def active_ids(conn: asyncpg.Connection) -> frozenset[UUID]:
    """Name the active versions of all visible Kreise; the document of a version never changes then."""
    rows = await conn.fetch("SELECT id FROM policy_version WHERE state = 'active'")
    return frozenset(row["id"] for row in rows)


async def active(conn: asyncpg.Connection) -> Sequence[Version]:
    """Read the active versions of all visible Kreise in the order in which they take over."""
    rows = await conn.fetch(_VERSION + " WHERE state = 'active' ORDER BY kreis, holds_from, activated_at, id")
    return [Version(**dict(row)) for row in rows]


async def active_of_day(conn: asyncpg.Connection, kreis: str, valid_from: date) -> Version | None:
    """Read and lock the active version of a Kreis that begins on a day."""
    row = await conn.fetchrow(
        _VERSION + " WHERE kreis = $1 AND valid_from = $2 AND state = 'active' FOR UPDATE", kreis, valid_from
    )
    return None if row is None else Version(**dict(row))


async def insert(conn: asyncpg.Connection, draft: Version) -> None:
    """Write a new draft."""
    await conn.execute(
        """
        INSERT INTO policy_version (id, kreis, valid_from, document, sha256, based_on, written_by, written_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        draft.id,
        draft.kreis,
        draft.valid_from,
        draft.document,
        draft.sha256,
        draft.based_on,
        draft.written_by,
        draft.written_at,
    )


async def rewrite(
    conn: asyncpg.Connection, one: UUID, valid_from: date, document: str, now: datetime
) -> None:
    """Change a draft."""
    await conn.execute(
        """
        UPDATE policy_version SET valid_from = $2, document = $3, sha256 = $4, written_at = $5 WHERE id = $1
        """,
        one,
        valid_from,
        document,
        digest(document),
        now,
    )


async def submit(conn: asyncpg.Connection, one: UUID, now: datetime) -> None:
    """Hand a draft in."""
    await conn.execute(
        "UPDATE policy_version SET state = 'submitted', submitted_at = $2 WHERE id = $1", one, now
    )


async def give_back(conn: asyncpg.Connection, one: UUID) -> None:
    """Make a handed-in version a draft again."""
    await conn.execute("UPDATE policy_version SET state = 'draft', submitted_at = NULL WHERE id = $1", one)


async def holding(conn: asyncpg.Connection, kreis: str, day: date) -> UUID | None:
    """Name the active version of a Kreis that holds on a day; None: the installation's file does."""
    found: UUID | None = await conn.fetchval(
        """
        SELECT id FROM policy_version WHERE kreis = $1 AND state = 'active' AND holds_from <= $2
        ORDER BY holds_from DESC, activated_at DESC, id DESC LIMIT 1
        """,
        kreis,
        day,
    )
    return found


async def waiting_for(conn: asyncpg.Connection, kreise: Sequence[str], person: str) -> Sequence[Version]:
    """List what was handed in by others than a person and waits for a second one, the oldest first."""
    rows = await conn.fetch(
        _VERSION
        + """
        WHERE state = 'submitted' AND kreis = ANY($1::text[]) AND written_by <> $2 ORDER BY submitted_at, id
        """,
        list(kreise),
        person,
    )
    return [Version(**dict(row)) for row in rows]


async def returned_to(conn: asyncpg.Connection, kreise: Sequence[str], person: str) -> Sequence[Version]:
    """List the drafts of a person that were sent back and not changed or handed in since."""
    rows = await conn.fetch(
        _VERSION
        + """
        WHERE state = 'draft' AND kreis = ANY($1::text[]) AND written_by = $2 AND 'returned' = (
            SELECT e.what FROM policy_event AS e
            WHERE e.version = policy_version.id AND e.kreis = policy_version.kreis
                AND e.what IN ('changed', 'submitted', 'returned') ORDER BY e.at DESC, e.id DESC LIMIT 1
        ) ORDER BY written_at, id
        """,
        list(kreise),
        person,
    )
    return [Version(**dict(row)) for row in rows]


async def activate(conn: asyncpg.Connection, one: UUID, actor: str, now: datetime, holds_from: date) -> None:
    """Let a version hold."""
    await conn.execute(
        """
        UPDATE policy_version SET state = 'active', activated_by = $2, activated_at = $3, holds_from = $4
        WHERE id = $1
        """,
        one,
        actor,
        now,
        holds_from,
    )


async def withdraw(conn: asyncpg.Connection, one: UUID, actor: str, now: datetime) -> None:
    """End a version."""
    await conn.execute(
        "UPDATE policy_version SET state = 'withdrawn', withdrawn_by = $2, withdrawn_at = $3 WHERE id = $1",
        one,
        actor,
        now,
    )


async def note(conn: asyncpg.Connection, kreis: str, event: Event) -> None:
    """Add a line to the audit trail."""
    await conn.execute(
        """
        INSERT INTO policy_event (id, kreis, version, what, actor, at, reason)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        _in_order(),
        kreis,
        event.version,
        event.what,
        event.actor,
        event.at,
        event.reason,
    )


async def events_of(conn: asyncpg.Connection, one: UUID) -> Sequence[Event]:
    """List what was done with a version, from its beginning."""
    rows = await conn.fetch(
        "SELECT version, what, actor, at, reason FROM policy_event WHERE version = $1 ORDER BY at, id", one
    )
    return [Event(**dict(row)) for row in rows]


async def events(conn: asyncpg.Connection, kreis: str, limit: int = 200) -> Sequence[Event]:
    """List the audit trail of a Kreis, the latest first."""
    rows = await conn.fetch(
        """
        SELECT version, what, actor, at, reason FROM policy_event
        WHERE kreis = $1 ORDER BY at DESC, id DESC LIMIT $2
        """,
        kreis,
        limit,
    )
    return [Event(**dict(row)) for row in rows]
