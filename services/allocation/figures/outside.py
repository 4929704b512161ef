"""Keeps what outside sources count: the whole that reach is measured against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import asyncpg

from services.texts.figures import TOWN

GROUPS = ("registered", "obliged", "young", "literacy", "childcare_needed")
"""Parts of the figure `arrivals` of which a source can count the whole; towns besides."""
MOST = 100_000_000


@dataclass(frozen=True, slots=True)
class OutsideCount:
    """How many people a source counts; `population` is the part of the figure it is the whole of."""

    source: str
    day: date
    population: str
    people: int

    @property
    def town(self) -> str:
        """The key of the town, empty for a group."""
        return self.population.removeprefix(TOWN) if self.population.startswith(TOWN) else ""


async def latest(conn: asyncpg.Connection, kreis: str, until: date) -> Mapping[str, OutsideCount]:
    """Return the latest count of each population that a source made until a day."""
    rows = await conn.fetch(
        """
        SELECT DISTINCT ON (population) source, day, population, people FROM outside_count
        WHERE kreis = $1 AND day <= $2 ORDER BY population, day DESC, imported_at DESC, source
        """,
        kreis,
        until,
    )
    return {row["population"]: OutsideCount(**dict(row)) for row in rows}


async def imported(conn: asyncpg.Connection, kreis: str) -> list[asyncpg.Record]:
    """List what was imported, by source and day, the latest first."""
    return await conn.fetch(
        """
        SELECT source, day, count(*) AS lines, max(imported_at) AS imported_at,
            (array_agg(imported_by ORDER BY imported_at DESC))[1] AS imported_by
        FROM outside_count WHERE kreis = $1 GROUP BY source, day ORDER BY day DESC, source
        """,
        kreis,
    )


async def take(
    conn: asyncpg.Connection, kreis: str, counts: Sequence[OutsideCount], by: str, now: datetime
) -> None:
    """Keep a file; what the same sources said of the same days before is replaced as a whole."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtext('outside_count ' || $1))", kreis)
    said = sorted({(one.source, one.day) for one in counts})
    await conn.execute(
        """
        DELETE FROM outside_count WHERE kreis = $1
            AND (source, day) IN (SELECT * FROM unnest($2::text[], $3::date[]))
        """,
        kreis,
        [source for source, _ in said],
        [day for _, day in said],
    )
    await conn.executemany(
        """
        INSERT INTO outside_count (kreis, source, day, population, people, imported_by, imported_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        [(kreis, one.source, one.day, one.population, one.people, by, now) for one in counts],
    )


async def remove(conn: asyncpg.Connection, kreis: str, source: str, day: date) -> bool:
    """Forget what a source said of a day; return whether there was anything."""
    done = await conn.execute(
        "DELETE FROM outside_count WHERE kreis = $1 AND source = $2 AND day = $3", kreis, source, day
    )
    return done != "DELETE 0"
