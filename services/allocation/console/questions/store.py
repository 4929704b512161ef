"""Reads courses by name, towns and earlier mergers for questions to the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

import asyncpg


async def course_names(conn: asyncpg.Connection, courses: Sequence[UUID]) -> Sequence[asyncpg.Record]:
    """Return title, provider, town and first day of some courses."""
    return await conn.fetch(
        """
        SELECT c.course, c.title, coalesce(c.own_number, c.own_course) AS course_number, c.town, a.starts_on,
            coalesce(b.name, c.provider) AS provider
        FROM course AS c
        JOIN LATERAL (SELECT min(s.starts_on) AS starts_on FROM course_section AS s
            WHERE s.course = c.course AND NOT s.removed) AS a ON a.starts_on IS NOT NULL
        LEFT JOIN runtime.publisher AS b ON b.slug = c.provider
        WHERE c.course = ANY($1::uuid[])
        """,
        list(courses),
    )


async def courses_to_change(conn: asyncpg.Connection, today: date) -> Sequence[asyncpg.Record]:
    """List the courses that have not ended, those that start next first."""
    return await conn.fetch(
        """
        SELECT f.course, f.title, coalesce(f.own_number, f.own_course) AS course_number, f.town, f.starts_on,
            coalesce(b.name, f.provider) AS provider
        FROM course_seats($1::date) AS f
        LEFT JOIN runtime.publisher AS b ON b.slug = f.provider
        WHERE f.state = 'announced' AND f.ends_on >= $1
        ORDER BY f.starts_on < $1, f.starts_on, f.title, f.course LIMIT 1000
        """,
        today,
    )


async def merged_before(conn: asyncpg.Connection, limit: int) -> Sequence[asyncpg.Record]:
    """List what was merged, the latest first."""
    return await conn.fetch(
        """
        SELECT d.id, d.host, d.host_provider, d.closed, d.gave_up, d.reason, d.actor, d.decided_at, f.title,
            NOT EXISTS (SELECT FROM course_decision AS c WHERE c.course = ANY(d.closed)
                AND c.decided_at = d.decided_at AND c.decision = 'close' AND c.lifted_at IS NOT NULL) AS holds
        FROM pooling_decision AS d
        JOIN course AS f ON f.course = d.host
        ORDER BY d.decided_at DESC, d.id LIMIT $1
        """,
        limit,
    )


async def left_in_merged(conn: asyncpg.Connection) -> Mapping[UUID, Sequence[asyncpg.Record]]:
    """List by merger who still has a seat in a course that was merged into another one."""
    rows = await conn.fetch(
        """
        SELECT g.decision, p.participant, w.reference FROM course_merged AS g
        JOIN placement AS p ON p.course = g.course AND p.state IN ('reserved', 'accepted', 'confirmed')
        JOIN participant AS w ON w.participant = p.participant
        JOIN course AS c ON c.course = g.course AND c.state = 'announced'
        ORDER BY g.decision, w.reference
        """
    )
    found: dict[UUID, list[asyncpg.Record]] = {}
    for row in rows:
        found.setdefault(row["decision"], []).append(row)
    return found


async def ahead_of(conn: asyncpg.Connection, task: UUID) -> int:
    """Count the questions of the visible Kreise whose turn comes before; comparisons let the others pass."""
    number: int = await conn.fetchval(
        """
        SELECT count(*) FROM analysis_task AS other, analysis_task AS mine
        WHERE mine.id = $1 AND other.id <> mine.id AND (
            other.state = 'running' OR other.state = 'waiting'
                AND (other.kind = 'compare', other.place) < (mine.kind = 'compare', mine.place))
        """,
        task,
    )
    return number


async def closed_by_decision(conn: asyncpg.Connection, courses: Sequence[UUID]) -> Sequence[UUID]:
    """Name those of some courses of which it is decided that they do not start."""
    rows = await conn.fetch(
        """
        SELECT course FROM course_decision
        WHERE course = ANY($1::uuid[]) AND decision = 'close' AND lifted_at IS NULL
        """,
        list(courses),
    )
    return [row["course"] for row in rows]
