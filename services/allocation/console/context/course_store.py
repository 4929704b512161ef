"""Reads courses and providers for the console."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import asyncpg


async def courses(
    conn: asyncpg.Connection,
    today: date,
    soon: date,
    *,
    below: bool = False,
    provider: str | None = None,
    limit: int,
    offset: int = 0,
) -> Sequence[asyncpg.Record]:
    """List courses that are still held; `below`: only those that start soon and miss their minimum."""
    return await conn.fetch(
        """
        SELECT f.*, b.name AS provider_name,
            f.starts_on BETWEEN $1 AND $2 AND f.first_taken + f.proposed < f.minimum AS below_minimum,
            g.host AS merged_into, g.host_title, coalesce(h.name, g.host_provider) AS host_provider
        FROM course_fill AS f
        LEFT JOIN course_merged AS g ON g.course = f.course
        LEFT JOIN runtime.publisher AS h ON h.slug = g.host_provider
        LEFT JOIN runtime.publisher AS b ON b.slug = f.provider
        WHERE f.state = 'announced' AND f.ends_on >= $1
            AND (NOT $3 OR f.starts_on BETWEEN $1 AND $2 AND f.first_taken + f.proposed < f.minimum)
            AND ($4::text IS NULL OR f.provider = $4)
        ORDER BY f.starts_on < $1, f.starts_on, f.title, f.course
        LIMIT $5 OFFSET $6
        """,
        today,
        soon,
        below,
        provider,
        limit,
        offset,
    )


async def course(conn: asyncpg.Connection, course_id: UUID) -> asyncpg.Record | None:
    """Return one course with its fill."""
    return await conn.fetchrow(
        """
        SELECT f.*, b.name AS provider_name, c.venue, c.online, c.barrier_free, c.lessons, c.taken_elsewhere,
            g.host AS merged_into, g.host_title, coalesce(h.name, g.host_provider) AS host_provider
        FROM course_fill AS f
        JOIN course AS c ON c.course = f.course
        LEFT JOIN course_merged AS g ON g.course = f.course
        LEFT JOIN runtime.publisher AS h ON h.slug = g.host_provider
        LEFT JOIN runtime.publisher AS b ON b.slug = f.provider
        WHERE f.course = $1
        """,
        course_id,
    )


async def own_course(conn: asyncpg.Connection, course_id: UUID, provider: str) -> asyncpg.Record | None:
    """Return one of a provider's courses as it was announced."""
    return await conn.fetchrow(
        """
        SELECT course, own_course, title, course_type, town, capacity, minimum, taken_elsewhere, target_level,
            lessons, venue, barrier_free, online, childcare, women_only, registration_until, state, version
        FROM course WHERE course = $1 AND provider = $2
        """,
        course_id,
        provider,
    )


async def sections(conn: asyncpg.Connection, course_ids: Sequence[UUID]) -> Sequence[asyncpg.Record]:
    """List the sections of some courses with their seats."""
    return await conn.fetch(
        """
        SELECT course, number, starts_on, ends_on, ue, capacity, taken, completed_on
        FROM course_section WHERE course = ANY($1) AND NOT removed ORDER BY course, number
        """,
        list(course_ids),
    )


async def findings(conn: asyncpg.Connection) -> Sequence[asyncpg.Record]:
    """List publishers with what was refused or waits, by code; counts, never contents."""
    return await conn.fetch(
        "SELECT slug, name, kinds, kind, code, event_type, n, latest FROM publisher_findings"
        " ORDER BY name, kind, n DESC NULLS LAST, code"
    )


async def balance(conn: asyncpg.Connection, today: date) -> Sequence[asyncpg.Record]:
    """Sum the seats of courses that run or are to come by provider."""
    return await conn.fetch(
        """
        SELECT f.provider, coalesce(b.name, f.provider) AS name, count(*) AS courses,
            sum(f.capacity) AS seats, sum(f.first_taken) AS taken
        FROM course_fill AS f
        LEFT JOIN runtime.publisher AS b ON b.slug = f.provider
        WHERE f.state = 'announced' AND f.ends_on >= $1
        GROUP BY f.provider, b.name ORDER BY name
        """,
        today,
    )
