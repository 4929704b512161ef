"""Sends drafts of policies to others for comment until a day, and keeps what they say with the version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID, uuid4

import asyncpg

from schemas.days import local_day
from services.allocation.policy import store
from services.allocation.policy.store import Event, Version

LONGEST_COMMENT: Final = 5000
MOST_COMMENTS: Final = 500
"""Of one version; more than all providers and offices of a Kreis would ever write."""

ConsultationRefusal = Literal[
    "policy_unknown", "policy_over", "consultation_day_past", "consultation_closed", "comments_full"
]


@dataclass(frozen=True, slots=True)
class Consultation:
    """A draft that others may comment on until the end of a day."""

    version: UUID
    kreis: str
    link: UUID
    until: date
    sent_by: str
    sent_at: datetime

    def is_open(self, today: date) -> bool:
        """Return whether comments are still taken."""
        return today <= self.until


@dataclass(frozen=True, slots=True)
class Comment:
    """What an organisation said about a version; `publisher` is None where coordination entered it."""

    organisation: str
    publisher: str | None
    said: str
    said_on: date
    sha256: bytes
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """A comment to be kept: whose it is, and when it was said."""

    organisation: str
    publisher: str | None
    text: str
    on: date


_CONSULTATION = "SELECT version, kreis, link, until, sent_by, sent_at FROM policy_consultation"


async def of_version(conn: asyncpg.Connection, version: UUID) -> Consultation | None:
    """Read the consultation of a version; None: it was sent to nobody."""
    row = await conn.fetchrow(_CONSULTATION + " WHERE version = $1", version)
    return None if row is None else Consultation(**dict(row))


async def of_link(conn: asyncpg.Connection, link: UUID) -> Consultation | None:
    """Read the consultation with an address, among the visible Kreise."""
    row = await conn.fetchrow(_CONSULTATION + " WHERE link = $1", link)
    return None if row is None else Consultation(**dict(row))


async def under_way(conn: asyncpg.Connection, kreise: Sequence[str], today: date) -> Sequence[Consultation]:
    """List the drafts of some Kreise on which comments are taken, the earliest end first."""
    rows = await conn.fetch(
        _CONSULTATION
        + """ AS c WHERE kreis = ANY($1::text[]) AND until >= $2 AND EXISTS (
            SELECT FROM policy_version AS v WHERE v.id = c.version AND v.state IN ('draft', 'submitted')
        ) ORDER BY until, version""",
        list(kreise),
        today,
    )
    return [Consultation(**dict(row)) for row in rows]


async def comments(
    conn: asyncpg.Connection, version: UUID, publisher: str | None = None
) -> Sequence[Comment]:
    """List what was said about a version, the first one first; `publisher`: by that provider only."""
    rows = await conn.fetch(
        """
        SELECT organisation, publisher, said, said_on, sha256, actor, at FROM policy_comment
        WHERE version = $1 AND ($2::text IS NULL OR publisher = $2) ORDER BY at, id
        """,
        version,
        publisher,
    )
    return [Comment(**dict(row)) for row in rows]


async def send_out(  # noqa: PLR0917 -- what, by whom, when, until when, why
    conn: asyncpg.Connection, version: UUID, actor: str, now: datetime, until: date, reason: str
) -> Consultation | ConsultationRefusal:
    """Let others comment on a version until a day; done again, the day is another one."""
    found = await _open(conn, version)
    if isinstance(found, str):
        return found
    if until < local_day(now):
        return "consultation_day_past"
    row = await conn.fetchrow(
        """
        INSERT INTO policy_consultation AS c (version, kreis, link, until, sent_by, sent_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (version) DO UPDATE SET until = excluded.until, sent_by = excluded.sent_by,
            sent_at = excluded.sent_at
        RETURNING version, kreis, link, until, sent_by, sent_at
        """,
        version,
        found.kreis,
        uuid4(),
        until,
        actor,
        now,
    )
    assert row is not None  # noqa: S101 -- RETURNING
    await store.note(conn, found.kreis, Event(version, "sent_out", actor, now, reason))
    return Consultation(**dict(row))


async def _open(conn: asyncpg.Connection, version: UUID) -> Version | ConsultationRefusal:
    found = await store.locked(conn, version)
    if found is None:
        return "policy_unknown"
    return found if found.state in {"draft", "submitted"} else "policy_over"


async def comment(
    conn: asyncpg.Connection, version: UUID, actor: str, now: datetime, said: Said
) -> ConsultationRefusal | None:
    """Keep a comment; None: it is kept. Providers write until the last day, coordination may enter later."""
    found = await _open(conn, version)
    if isinstance(found, str):
        return found
    consultation = await of_version(conn, version)
    if consultation is None or (said.publisher is not None and not consultation.is_open(local_day(now))):
        return "consultation_closed"
    number = await conn.fetchval("SELECT count(*) FROM policy_comment WHERE version = $1", version)
    if number >= MOST_COMMENTS:
        return "comments_full"
    await conn.execute(
        """
        INSERT INTO policy_comment (id, version, kreis, sha256, organisation, publisher, said, said_on, actor,
            at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """,
        uuid4(),
        version,
        found.kreis,
        found.sha256,
        said.organisation,
        said.publisher,
        said.text,
        said.on,
        actor,
        now,
    )
    await store.note(conn, found.kreis, Event(version, "commented", actor, now, said.organisation))
    return None
