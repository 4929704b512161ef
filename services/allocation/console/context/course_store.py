"""Reads courses and providers for the console."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import asyncpg

from services.allocation.console.lists.listing import NOTHING, ordered
from services.allocation.courses.minimums import seats_of_courses
from services.allocation.figures.today import Day

COURSE_ORDERS: Mapping[str, str] = {
    "course": "f.title",
    "number": "coalesce(f.own_number, f.own_course)",
    "provider": "coalesce(b.name, f.provider)",
    "start": "f.starts_on",
    "taken": "f.section_taken",
    "free": "f.free",
    "proposed": "f.proposed",
}


async def courses(
    conn: asyncpg.Connection,
    day: Day,
    wanted: Mapping[str, str] = NOTHING,
    sort: str = "",
    *,
    limit: int,
    offset: int = 0,
) -> Sequence[asyncpg.Record]:
    """List courses that are still held, usually those that start next first; `total` match.

    `below`: only those below their minimum.
    """
    usual = "f.starts_on < $1, f.starts_on, f.title, f.course"
    return await conn.fetch(
        f"""
        WITH {seats_of_courses(1, 2, 3)}
        SELECT f.*, b.name AS provider_name, coalesce(f.own_number, f.own_course) AS course_number,
            g.host AS merged_into, g.host_title, coalesce(h.name, g.host_provider) AS host_provider,
            count(*) OVER () AS total
        FROM seats AS f
        LEFT JOIN course_merged AS g ON g.course = f.course
        LEFT JOIN runtime.publisher AS h ON h.slug = g.host_provider
        LEFT JOIN runtime.publisher AS b ON b.slug = f.provider
        WHERE f.state = 'announced' AND f.ends_on >= $1 AND ($9::text IS NULL OR f.below_minimum)
            AND ($10::text IS NULL OR f.provider = $10)
            AND ($11::text IS NULL OR f.course_type = $11)
            AND ($12::text IS NULL OR f.target_level = $12)
            AND ($13::text IS NULL OR f.town = $13)
            AND ($14::text IS NULL OR $14 = ANY(f.times_of_day))
            AND ($15::text IS NULL OR CASE $15 WHEN 'to_come' THEN f.starts_on > $1
                WHEN 'running' THEN f.starts_on <= $1 WHEN 'free' THEN f.free > 0
                WHEN 'full' THEN f.free <= 0 WHEN 'merged' THEN g.host IS NOT NULL END)
        ORDER BY {ordered(COURSE_ORDERS, sort, usual)}
        LIMIT $16 OFFSET $17
        """,
        *_columns(day),
        wanted.get("below"),
        wanted.get("provider"),
        wanted.get("type"),
        wanted.get("level"),
        wanted.get("town"),
        wanted.get("time"),
        wanted.get("status"),
        limit,
        offset,
    )


async def course(conn: asyncpg.Connection, course_id: UUID, day: Day) -> asyncpg.Record | None:
    """Return one course with its seats."""
    return await conn.fetchrow(
        f"""
        WITH {seats_of_courses(1, 2, 3)}
        SELECT f.*, coalesce(f.own_number, f.own_course) AS course_number, b.name AS provider_name,
            c.venue, c.online, c.barrier_free, c.lessons, c.taken_elsewhere, c.cancel_reason, c.ended_on,
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
