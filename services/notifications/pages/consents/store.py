"""Reads whom an office has in which course, and what they allowed; row level security limits both."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg


async def classes(conn: asyncpg.Connection, office: str, limit: int) -> Sequence[asyncpg.Record]:
    """List the courses in which people of an office sit now, those that began last first."""
    return await conn.fetch(
        """
        SELECT c.course_id, c.title, c.own_id, c.starts_on, c.ends_on, b.name AS provider_name,
            count(*) AS people
        FROM placement AS p JOIN course AS c ON c.course_id = p.course_id
        LEFT JOIN runtime.publisher AS b ON b.slug = c.provider
        WHERE p.office = $1 AND p.state IN ('accepted', 'confirmed', 'started', 'interrupted')
            AND c.cancelled_on IS NULL AND c.completed_on IS NULL
        GROUP BY c.course_id, b.name ORDER BY c.starts_on DESC, c.title, c.course_id LIMIT $2
        """,
        office,
        limit,
    )


async def course(conn: asyncpg.Connection, course_id: UUID) -> asyncpg.Record | None:
    """Return a course by name, with its school."""
    return await conn.fetchrow(
        """
        SELECT c.course_id, c.title, c.own_id, c.starts_on, c.ends_on, b.name AS provider_name
        FROM course AS c LEFT JOIN runtime.publisher AS b ON b.slug = c.provider WHERE c.course_id = $1
        """,
        course_id,
    )


async def people_in(conn: asyncpg.Connection, course_id: UUID, office: str) -> Sequence[asyncpg.Record]:
    """List an office's people who sit in a course now, each once."""
    return await conn.fetch(
        """
        SELECT DISTINCT p.participant_id, h.reference
        FROM placement AS p JOIN person AS h ON h.participant_id = p.participant_id AND h.office = p.office
        WHERE p.course_id = $1 AND p.office = $2
            AND p.state IN ('accepted', 'confirmed', 'started', 'interrupted')
        """,
        course_id,
        office,
    )


async def allowed(conn: asyncpg.Connection, people: Sequence[UUID]) -> Sequence[asyncpg.Record]:
    """List what these people allow now, as far as the visitor may read it: an authority reads nothing."""
    return await conn.fetch(
        """
        SELECT c.participant_id, c.purpose, o.name AS office_name, c.office, c.valid_until
        FROM consent AS c LEFT JOIN office AS o ON o.slug = c.office
        WHERE c.participant_id = ANY($1::uuid[]) AND c.ended_at IS NULL
        ORDER BY c.participant_id, c.office, c.purpose
        """,
        list(people),
    )


async def seated(conn: asyncpg.Connection, course_id: UUID, provider: str) -> Sequence[asyncpg.Record]:
    """List who sits in a course of a school now, each once, with the school's own number."""
    return await conn.fetch(
        """
        SELECT DISTINCT ON (participant_id) participant_id, own_number FROM placement
        WHERE course_id = $1 AND provider = $2 AND released
            AND state IN ('accepted', 'confirmed', 'started', 'interrupted')
        ORDER BY participant_id, placement_id
        """,
        course_id,
        provider,
    )


async def entered_by(
    conn: asyncpg.Connection, publisher: str, people: Sequence[UUID]
) -> Mapping[UUID, datetime]:
    """Return when a publisher last entered papers of these people, whatever became of them."""
    rows = await conn.fetch(
        """
        SELECT participant_id, max(entered_at) AS entered_at FROM consent_evidence
        WHERE office = $1 AND participant_id = ANY($2::uuid[]) GROUP BY participant_id
        """,
        publisher,
        list(people),
    )
    return {row["participant_id"]: row["entered_at"] for row in rows}


async def evidence(conn: asyncpg.Connection, participant: UUID) -> Sequence[asyncpg.Record]:
    """List the papers on which a person's consents rest, the latest first; an authority sees none."""
    return await conn.fetch(
        """
        SELECT e.form, e.language, e.paper, e.entered_at, e.office, b.name AS entered_for
        FROM consent_evidence AS e LEFT JOIN runtime.publisher AS b ON b.slug = e.office
        WHERE e.participant_id = $1 ORDER BY e.entered_at DESC, e.cause
        """,
        participant,
    )
