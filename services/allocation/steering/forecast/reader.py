"""Reads the history of a Kreis from the database; one function for each statement, counts only."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

import asyncpg

from schemas.codes import SEATED
from services.allocation.steering.forecast.backtest import MOST_WEEKS
from services.allocation.steering.forecast.history import (
    UNTESTED,
    Afterwards,
    Cell,
    CourseEnd,
    History,
    Registered,
    Repeated,
    SectionEnd,
    SectionStart,
    by_week,
    level_for,
    settled,
)
from services.allocation.steering.forecast.model import AGAIN_WEEKS


async def last_registration(conn: asyncpg.Connection, kreis: str) -> date | None:
    """Return the day on which somebody registered last; None: nobody ever has."""
    found: date | None = await conn.fetchval(
        "SELECT max(registered_on) FROM participant WHERE kreis = $1 AND status <> 'merged'", kreis
    )
    return found


async def registrations(conn: asyncpg.Connection, kreis: str, before: date) -> list[Registered]:
    """Count registrations by day, type, level and town, first and repeated ones alike.

    Those who come back after a completed course are left out: they are forecast from the ends of courses.
    """
    rows = await conn.fetch(
        """
        SELECT day, course_type, level, town, count(*) AS n FROM (
            SELECT first_registered_on AS day, course_types[1] AS course_type, level, town
            FROM participant WHERE kreis = $1 AND status <> 'merged'
            UNION ALL
            SELECT registered_on, course_types[1], level, town
            FROM participant p WHERE kreis = $1 AND status <> 'merged' AND registered_on > first_registered_on
                AND NOT EXISTS (SELECT FROM placement s WHERE s.participant = p.participant
                    AND s.state = 'completed' AND s.ended_on <= p.registered_on)
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


async def waiting(conn: asyncpg.Connection, kreis: str, day: date) -> dict[Cell, int]:
    """Count who waits without a seat now, of those registered before the day."""
    rows = await conn.fetch(
        """
        SELECT course_types[1] AS course_type, level, town, count(*) AS n FROM participant p
        WHERE kreis = $1 AND status = 'active' AND registered_on < $2 AND NOT EXISTS (
            SELECT FROM placement s WHERE s.participant = p.participant AND s.state = ANY($3::text[]))
        GROUP BY 1, 2, 3
        """,
        kreis,
        day,
        list(SEATED),
    )
    return {Cell(row["course_type"], row["level"] or UNTESTED, row["town"]): row["n"] for row in rows}


async def course_ends(conn: asyncpg.Connection, kreis: str, first: date, last: date) -> list[CourseEnd]:
    """List courses whose last section ends in a period, with the seats taken in it."""
    rows = await conn.fetch(
        """
        SELECT DISTINCT ON (course) ends_on, course_type, target_level, taken
        FROM course_section s JOIN course c USING (course)
        WHERE s.kreis = $1 AND NOT s.removed AND c.state = 'announced'
        ORDER BY course, s.number DESC
        """,
        kreis,
    )
    return [
        CourseEnd(row["ends_on"], row["course_type"], row["target_level"], row["taken"])
        for row in rows
        if first <= row["ends_on"] <= last
    ]


async def section_starts(conn: asyncpg.Connection, kreis: str, first: date, last: date) -> list[SectionStart]:
    """List the sections that start in a period, with the seats free in them and in all after them."""
    rows = await conn.fetch(
        """
        SELECT course, starts_on, number, course_type, target_level, town, taken,
               min(s.capacity - taken) OVER (PARTITION BY course ORDER BY number DESC) AS free
        FROM course_section s JOIN course c USING (course)
        WHERE s.kreis = $1 AND NOT s.removed AND c.state = 'announced'
        ORDER BY course, number
        """,
        kreis,
    )
    return [
        SectionStart(
            str(row["course"]),
            row["starts_on"],
            row["number"],
            row["course_type"],
            row["target_level"],
            row["town"] or "",
            row["free"],
            row["taken"],
        )
        for row in rows
        if first <= row["starts_on"] <= last
    ]


async def afterwards(conn: asyncpg.Connection, kreis: str, day: date) -> Afterwards:
    """Count who finished a course in the year before the last weeks, and who of them registered again."""
    row = await conn.fetchrow(
        """
        SELECT count(DISTINCT s.participant) AS finished, count(DISTINCT s.participant) FILTER (
            WHERE p.registered_on >= s.ended_on AND p.registered_on <= s.ended_on + $3::int) AS again
        FROM placement s JOIN participant p USING (participant)
        WHERE s.kreis = $1 AND s.state = 'completed'
            AND s.ended_on BETWEEN $2::date - 365 AND $2::date - $3::int
        """,
        kreis,
        day,
        7 * AGAIN_WEEKS,
    )
    return Afterwards(row["finished"], row["again"]) if row is not None else Afterwards()


async def section_ends(conn: asyncpg.Connection, kreis: str, first: date, last: date) -> list[SectionEnd]:
    """List the sections that end in a period and are not their course's last, with who sits in them."""
    rows = await conn.fetch(
        """
        SELECT s.ends_on, s.number, s.taken, c.course_type, c.target_level
        FROM course_section s JOIN course c USING (course)
        WHERE s.kreis = $1 AND NOT s.removed AND c.state = 'announced' AND s.ends_on BETWEEN $2 AND $3
            AND EXISTS (SELECT FROM course_section l
                WHERE l.course = s.course AND l.number > s.number AND NOT l.removed)
        ORDER BY s.ends_on, s.course, s.number
        """,
        kreis,
        first,
        last,
    )
    return [
        SectionEnd(
            row["ends_on"],
            row["course_type"],
            level_for(row["course_type"], row["number"], row["target_level"]),
            row["taken"],
        )
        for row in rows
    ]


async def repeated(conn: asyncpg.Connection, kreis: str, day: date) -> Repeated:
    """Count who sat at the end of a section in the last year, and who of them repeats it elsewhere."""
    row = await conn.fetchrow(
        """
        SELECT (SELECT coalesce(sum(s.taken), 0) FROM course_section s
                WHERE s.kreis = $1 AND s.completed_on BETWEEN $2::date - 365 AND $2
                    AND EXISTS (SELECT FROM course_section l
                        WHERE l.course = s.course AND l.number > s.number AND NOT l.removed)) AS ended,
               (SELECT count(*) FROM placement p
                WHERE p.kreis = $1 AND p.state = 'transferred' AND p.reason->>'code' = 'repeats_section'
                    AND p.ended_on BETWEEN $2::date - 365 AND $2) AS repeat
        """,
        kreis,
        day,
    )
    return Repeated(row["ended"], row["repeat"]) if row is not None else Repeated()


async def history_of(conn: asyncpg.Connection, kreis: str, day: date, ahead: int) -> History:
    """Read everything that a forecast of a Kreis from a day on rests on."""
    weeks, arrivals = by_week(settled(await registrations(conn, kreis, day), day), day, MOST_WEEKS)
    last = day + timedelta(weeks=ahead) - timedelta(days=1)
    return History(
        day,
        weeks,
        arrivals,
        await waiting(conn, kreis, day),
        tuple(await course_ends(conn, kreis, day, last)),
        tuple(await section_starts(conn, kreis, day, last)),
        await afterwards(conn, kreis, day),
        tuple(await section_ends(conn, kreis, day, last)),
        await repeated(conn, kreis, day),
    )


def written(history: History) -> dict[str, Any]:
    """Write a history as JSON values."""
    return {
        "day": history.day.isoformat(),
        "weeks": history.weeks,
        "arrivals": [[*cell, list(counts)] for cell, counts in history.arrivals.items()],
        "waiting": [[*cell, count] for cell, count in sorted(history.waiting.items())],
        "ends": [asdict(end) | {"on": end.on.isoformat()} for end in history.ends],
        "starts": [asdict(start) | {"on": start.on.isoformat()} for start in history.starts],
        "afterwards": asdict(history.afterwards),
        "section_ends": [asdict(end) | {"on": end.on.isoformat()} for end in history.section_ends],
        "repeated": asdict(history.repeated),
    }


def read(data: dict[str, Any]) -> History:
    """Read back what `written` wrote."""
    return History(
        date.fromisoformat(data["day"]),
        data["weeks"],
        {Cell(*cell): tuple(counts) for *cell, counts in data["arrivals"]},
        {Cell(*cell): count for *cell, count in data["waiting"]},
        tuple(CourseEnd(**(end | {"on": date.fromisoformat(end["on"])})) for end in data["ends"]),
        tuple(SectionStart(**(one | {"on": date.fromisoformat(one["on"])})) for one in data["starts"]),
        Afterwards(**data["afterwards"]),
        tuple(SectionEnd(**(end | {"on": date.fromisoformat(end["on"])})) for end in data["section_ends"]),
        Repeated(**data["repeated"]),
    )
