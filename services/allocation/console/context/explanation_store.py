"""Reads reasons and remedies for the console; row level security limits it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from services.allocation.console.lists.listing import ordered


async def run_of_person(conn: asyncpg.Connection, participant: UUID) -> UUID | None:
    """Return the latest run that can have seen a person: the latest one of the Kreis."""
    run: UUID | None = await conn.fetchval(
        """
        SELECT s.run FROM participant AS p
        JOIN steering_run AS s ON s.kreis = p.kreis OR p.kreis = ANY(s.kreise)
        WHERE p.participant = $1 ORDER BY s.decided_at DESC, s.recorded_at DESC LIMIT 1
        """,
        participant,
    )
    return run


async def course_names(conn: asyncpg.Connection, courses: Sequence[UUID]) -> Mapping[UUID, asyncpg.Record]:
    """Return title, number, town and provider of courses."""
    rows = await conn.fetch(
        """
        SELECT c.course, c.title, coalesce(c.own_number, c.own_course) AS course_number, c.town,
            coalesce(b.name, c.provider) AS provider_name
        FROM course AS c LEFT JOIN runtime.publisher AS b ON b.slug = c.provider
        WHERE c.course = ANY($1::uuid[])
        """,
        list(courses),
    )
    return {row["course"]: row for row in rows}


async def remedy_sums(conn: asyncpg.Connection) -> Sequence[asyncpg.Record]:
    """List how many people wait only for what, the commonest first.

    What would come of it for all at once is known for all who were steered together: it is left out where
    some of them are a neighbour's.
    """
    return await conn.fetch(
        """
        SELECT r.code, r.people, s.together
        FROM (SELECT code, count(*)::int AS people FROM remedy GROUP BY code) AS r
        LEFT JOIN (SELECT code, sum(people)::int AS people, sum(together)::int AS together
                   FROM remedy_sum GROUP BY code) AS s ON s.code = r.code AND s.people = r.people
        ORDER BY r.code = 'none', r.people DESC, r.code
        """
    )


async def remedies_as_of(conn: asyncpg.Connection) -> asyncpg.Record | None:
    """Return the run on which the remedies rest, and when it was."""
    return await conn.fetchrow(
        """
        SELECT s.run, s.decided_at FROM steering_run AS s
        WHERE s.run IN (SELECT run FROM remedy) ORDER BY s.decided_at DESC LIMIT 1
        """
    )


async def remedies_by_course(conn: asyncpg.Connection, limit: int) -> Sequence[asyncpg.Record]:
    """List where what would help whom: by course and kind, the commonest first."""
    return await conn.fetch(
        """
        SELECT r.code, r.course, c.title, coalesce(c.own_number, c.own_course) AS course_number, c.town,
            coalesce(b.name, c.provider) AS provider_name,
            count(*)::int AS people
        FROM remedy AS r JOIN course AS c ON c.course = r.course
        LEFT JOIN runtime.publisher AS b ON b.slug = c.provider
        GROUP BY r.code, r.course, c.course, b.name
        ORDER BY count(*) DESC, c.title, r.code LIMIT $1
        """,
        limit,
    )


REMEDY_ORDERS: Mapping[str, str] = {
    "reference": "p.reference",
    "since": "t.since",
    "help": "r.code",
    "course": "c.title",
}


async def remedies(
    conn: asyncpg.Connection,
    wanted: Mapping[str, str],
    sort: str = "",
    *,
    limit: int,
    offset: int = 0,
) -> Sequence[asyncpg.Record]:
    """List single remedies, usually who has waited longest first; `total` match."""
    usual = "r.code = 'none', t.since, r.participant"
    return await conn.fetch(
        f"""
        SELECT r.participant, p.reference, p.office, coalesce(o.name, p.office) AS office_name,
            t.since AS waiting_since, t.after_course, r.code,
            r.params->'parts' AS parts, r.course, r.section, c.title,
            coalesce(c.own_number, c.own_course) AS course_number, c.town, r.gives_way,
            g.reference AS gives_way_reference, r.found_at, count(*) OVER () AS total
        FROM remedy AS r
        JOIN participant AS p ON p.participant = r.participant
        JOIN waiting_since AS t ON t.participant = r.participant
        LEFT JOIN runtime.publisher AS o ON o.slug = p.office
        LEFT JOIN course AS c ON c.course = r.course
        LEFT JOIN participant AS g ON g.participant = r.gives_way
        WHERE ($1::text IS NULL OR r.code = $1)
            AND ($2::text IS NULL OR $2 = ANY(p.course_types))
            AND ($3::text IS NULL OR coalesce(p.level, 'untested') = $3)
            AND ($4::text IS NULL OR p.town = $4)
            AND ($5::text IS NULL OR p.office = $5)
            AND ($6::text IS NULL OR $6 = ANY(p.available))
        ORDER BY {ordered(REMEDY_ORDERS, sort, usual)} LIMIT $7 OFFSET $8
        """,
        wanted.get("code"),
        wanted.get("type"),
        wanted.get("level"),
        wanted.get("town"),
        wanted.get("office"),
        wanted.get("time"),
        limit,
        offset,
    )


async def remedy_of(conn: asyncpg.Connection, participant: UUID) -> Mapping[str, Any] | None:
    """Return what would help one person."""
    row = await conn.fetchrow(
        """
        SELECT r.code, r.params->'parts' AS parts, r.course, r.section, c.title,
            coalesce(c.own_number, c.own_course) AS course_number, c.town, r.gives_way,
            g.reference AS gives_way_reference, r.found_at
        FROM remedy AS r LEFT JOIN course AS c ON c.course = r.course
        LEFT JOIN participant AS g ON g.participant = r.gives_way
        WHERE r.participant = $1
        """,
        participant,
    )
    return None if row is None else dict(row)
