"""Reads from PostgreSQL what a forecast of a Kreis rests on; counts only."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import asyncpg

from schemas.codes import SEATED
from services.allocation.steering.forecast import (
    UNTESTED,
    Cell,
    DemandHistory,
    Registered,
    SectionStart,
    history_from,
    level_for,
)


async def history_of(conn: asyncpg.Connection, kreis: str, day: date, ahead: int = 12) -> DemandHistory:
    """Read everything that a forecast of a Kreis from a day on rests on."""
    return replace(
        history_from(await registrations(conn, kreis, day), day),
        waiting=tuple(await waiting(conn, kreis, day)),
        starts=tuple(await section_starts(conn, kreis, day, day + timedelta(weeks=ahead))),
    )


async def last_registration(conn: asyncpg.Connection, kreis: str) -> date | None:
    """Return the day of the latest registration, if there is any."""
    found: date | None = await conn.fetchval(
        "SELECT max(registered_on) FROM participant WHERE kreis = $1 AND status <> 'merged'", kreis
    )
    return found


async def registrations(conn: asyncpg.Connection, kreis: str, before: date) -> list[Registered]:
    """Count registrations by day, type, level and town, first and latest ones alike."""
    rows = await conn.fetch(
        """
        SELECT day, course_type, level, town, count(*) AS n FROM (
            SELECT first_registered_on AS day, course_types[1] AS course_type, level, town
            FROM participant WHERE kreis = $1 AND status <> 'merged'
            UNION ALL
            SELECT registered_on, course_types[1], level, town
            FROM participant WHERE kreis = $1 AND status <> 'merged' AND registered_on > first_registered_on
        ) AS registered
        WHERE day < $2 GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
        """,
        kreis,
        before,
    )
    return [
        Registered(row["day"], Cell(row["course_type"], row["level"] or UNTESTED, row["town"]), row["n"])
        for row in rows
    ]


async def waiting(conn: asyncpg.Connection, kreis: str, day: date) -> list[tuple[Cell, int]]:
    """Count who waits without a seat now, of those registered before the day."""
    rows = await conn.fetch(
        """
        SELECT course_types[1] AS course_type, level, town, count(*) AS n FROM participant p
        WHERE kreis = $1 AND status = 'active' AND registered_on < $2 AND NOT EXISTS (
            SELECT FROM placement s WHERE s.participant = p.participant AND s.state = ANY($3::text[]))
        GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        """,
        kreis,
        day,
        list(SEATED),
    )
    return [(Cell(row["course_type"], row["level"] or UNTESTED, row["town"]), row["n"]) for row in rows]


async def section_starts(
    conn: asyncpg.Connection, kreis: str, first: date, before: date
) -> list[SectionStart]:
    """List the sections that start in a period, with the seats free in them and in all after them."""
    rows = await conn.fetch(
        """
        SELECT * FROM (
            SELECT course, starts_on, number, course_type, target_level, coalesce(town, '') AS town, taken,
                   min(s.capacity - taken) OVER (PARTITION BY course ORDER BY number DESC) AS free
            FROM course_section s JOIN course c USING (course)
            WHERE s.kreis = $1 AND NOT s.removed AND c.state = 'announced'
        ) AS section
        WHERE starts_on >= $2 AND starts_on < $3 ORDER BY course, number
        """,
        kreis,
        first,
        before,
    )
    return [
        SectionStart(
            str(row["course"]),
            row["starts_on"],
            Cell(
                row["course_type"],
                level_for(row["course_type"], row["number"], row["target_level"]),
                row["town"],
            ),
            row["free"],
            row["taken"],
        )
        for row in rows
    ]
