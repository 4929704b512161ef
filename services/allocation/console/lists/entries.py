"""Reads the places that a person could be given by hand, grouped by what speaks against them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

import asyncpg

from services.allocation.console.lists.listing import LONGEST

MOST = 60
"""Places that are offered at once; a search finds the others."""


class RulesAgainstEach(Protocol):
    """Returns the codes of the hard rules that speak against somebody in each section of some courses."""

    async def of_each(
        self, conn: asyncpg.Connection, participant: UUID, courses: Sequence[UUID], now: datetime, /
    ) -> Mapping[tuple[UUID, int], Sequence[str]]:
        """Return the rules that fail by course and section; steering does not look at what is missing."""
        ...


@dataclass(frozen=True, slots=True)
class Entries:
    """Places with a free seat; iterates over the rows, and is empty only where there are none at all."""

    groups: Sequence[tuple[tuple[str, ...], Sequence[asyncpg.Record]]]
    """What speaks against them, and the places; nothing speaks against the first ones, if there are such."""
    find: str = ""
    more: bool = False
    """There are more than are shown."""

    def __iter__(self) -> Iterator[asyncpg.Record]:
        """Yield the rows in the order in which they are shown."""
        return (row for _, rows in self.groups for row in rows)

    def __bool__(self) -> bool:
        """Return whether there is anything to choose from, or to search again."""
        return bool(self.groups or self.find)


async def entries_of(
    conn: asyncpg.Connection,
    rules: RulesAgainstEach,
    participant: UUID,
    moment: tuple[date, datetime],
    *,
    find: str = "",
    chosen: tuple[UUID | None, int] = (None, 0),
) -> Entries:
    """Read places that somebody could enter; `find`: a part of number, title, provider or town's key.

    `moment`: the day and the time; `chosen`: the place that must be among them, by course and section.
    """
    today, now = moment
    sought = " ".join(find.split())[:LONGEST]
    if not sought.isprintable():
        sought = ""
    rows = await _free(conn, participant, today, sought, chosen)
    shown = rows[:MOST]
    against = await rules.of_each(conn, participant, list({row["course"] for row in shown}), now)
    groups: dict[tuple[str, ...], list[asyncpg.Record]] = {}
    for row in shown:
        groups.setdefault(tuple(against.get((row["course"], row["number"]), ())), []).append(row)
    ordered = sorted(groups.items(), key=lambda one: (len(one[0]), one[0]))
    return Entries(ordered, sought, more=len(rows) > MOST)


async def _free(
    conn: asyncpg.Connection, participant: UUID, today: date, find: str, chosen: tuple[UUID | None, int]
) -> Sequence[asyncpg.Record]:
    """List sections with a free seat that somebody could enter; the types the person wants come first."""
    return await conn.fetch(
        """
        SELECT s.*, f.capacity - f.taken AS free
        FROM (
            SELECT s.course, s.number, s.starts_on, c.title, c.course_type, c.town,
                coalesce(c.own_number, c.own_course) AS course_number, b.name AS provider_name,
                c.course_type = ANY(p.course_types) AS wanted,
                row_number() OVER (ORDER BY s.course = $4 AND s.number = $5 DESC NULLS LAST,
                    c.course_type = ANY(p.course_types) DESC, s.number = p.section DESC NULLS LAST,
                    s.starts_on, c.title, s.course, s.number) AS place
            FROM participant AS p
            JOIN course AS c ON c.kreis = p.kreis AND c.state = 'announced'
            JOIN course_section AS s ON s.course = c.course AND NOT s.removed AND s.ends_on >= $2
            LEFT JOIN runtime.publisher AS b ON b.slug = c.provider
            WHERE p.participant = $1 AND s.starts_on <= $2 + 182
                AND ($3 = '' OR s.course = $4 OR strpos(lower(concat_ws(' ', c.own_number, c.own_course,
                    c.title, coalesce(b.name, c.provider), c.town)), lower($3)) > 0)
            ORDER BY place
        ) AS s
        JOIN LATERAL fullest_section(s.course, s.number) AS f ON f.taken < f.capacity
        ORDER BY s.place LIMIT $6
        """,
        participant,
        today,
        find,
        *chosen,
        MOST + 1,
    )
