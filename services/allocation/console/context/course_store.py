"""Reads courses and providers for the console."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from services.allocation.courses.minimums import seats_of_courses
from services.allocation.figures.today import Day


async def courses(
    conn: asyncpg.Connection,
    day: Day,
    *,
    below: bool = False,
    provider: str | None = None,
    limit: int,
    offset: int = 0,
) -> Sequence[asyncpg.Record]:
    """List courses that are still held; `below`: only those below their minimum."""
    return await conn.fetch(
        f"""
        WITH {seats_of_courses(1, 2, 3)}
        SELECT f.*, b.name AS provider_name,
            g.host AS merged_into, g.host_title, coalesce(h.name, g.host_provider) AS host_provider
        FROM seats AS f
        LEFT JOIN course_merged AS g ON g.course = f.course
        LEFT JOIN runtime.publisher AS h ON h.slug = g.host_provider
        LEFT JOIN runtime.publisher AS b ON b.slug = f.provider
        WHERE f.state = 'announced' AND f.ends_on >= $1 AND (NOT $9 OR f.below_minimum)
            AND ($10::text IS NULL OR f.provider = $10)
        ORDER BY f.starts_on < $1, f.starts_on, f.title, f.course
        LIMIT $11 OFFSET $12
        """,
        *_columns(day),
        below,
        provider,
        limit,
        offset,
    )


async def course(conn: asyncpg.Connection, course_id: UUID, day: Day) -> asyncpg.Record | None:
    """Return one course with its seats."""
    return await conn.fetchrow(
        f"""
        WITH {seats_of_courses(1, 2, 3)}
        SELECT f.*, b.name AS provider_name, c.venue, c.online, c.barrier_free, c.lessons, c.taken_elsewhere,
            c.cancel_reason, c.ended_on,
            g.host AS merged_into, g.host_title, coalesce(h.name, g.host_provider) AS host_provider
        FROM seats AS f
        JOIN course AS c ON c.course = f.course
        LEFT JOIN course_merged AS g ON g.course = f.course
        LEFT JOIN runtime.publisher AS h ON h.slug = g.host_provider
        LEFT JOIN runtime.publisher AS b ON b.slug = f.provider
        WHERE f.course = $9
        """,
        *_columns(day),
        course_id,
    )


def _columns(day: Day) -> tuple[object, ...]:
    return day.entitlements.day, day.soon, *day.minimums.columns()


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
    """List the sections of some courses with their seats; `free`: for somebody who enters there."""
    return await conn.fetch(
        """
        SELECT s.course, s.number, s.starts_on, s.ends_on, s.ue, s.capacity, s.taken, s.completed_on,
            f.capacity - f.taken AS free
        FROM course_section AS s, LATERAL fullest_section(s.course, s.number) AS f
        WHERE s.course = ANY($1) AND NOT s.removed ORDER BY s.course, s.number
        """,
        list(course_ids),
    )


async def findings(conn: asyncpg.Connection) -> Sequence[asyncpg.Record]:
    """List publishers with what was refused or waits, by code; counts, never contents."""
    return await conn.fetch(
        "SELECT slug, name, kinds, kind, code, event_type, n, latest FROM publisher_findings"
        " ORDER BY name, kind, n DESC NULLS LAST, code"
    )
