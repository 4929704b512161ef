"""Counts the figures of the last closed quarter once, and keeps what was published."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby

import asyncpg

from schemas.days import local_day
from services.runtime.bookkeeping.work import Taking, WorkQueue
from services.runtime.data.db import Connection, Pool
from services.runtime.disclosure.bands import Band
from services.runtime.disclosure.figures import Figure, Publication, Value, publish
from services.runtime.disclosure.quarters import Quarter, last_closed

_BATCH = 100
"""Figures of one transaction."""

Count = Callable[[Connection, str, Quarter, date], Awaitable[Mapping[str, Value]]]
"""Counts a figure's parts for a Kreis and a quarter as they stand on a day."""
Tell = Callable[[Connection, Publication, datetime], Awaitable[None]]

Extend = Callable[[Connection, str, Quarter, Figure], Awaitable[Figure]]
"""Adds the parts that a figure has in one Kreis only, such as towns; they must not depend on people."""

_MISSING = """
SELECT k.kreis, f.figure
FROM status.kreis AS k CROSS JOIN unnest($1::text[], $3::text[]) AS f (figure, instead_of)
WHERE NOT EXISTS (SELECT FROM status.published_figure AS p
    WHERE p.kreis = k.kreis AND p.figure IN (f.figure, f.instead_of) AND p.quarter >= $2)
ORDER BY k.kreis, f.figure
"""


async def _missing(
    conn: asyncpg.Connection, figures: Sequence[Figure], quarter: Quarter
) -> list[asyncpg.Record]:
    names, before = [one.name for one in figures], [one.instead_of for one in figures]
    return await conn.fetch(_MISSING, names, quarter.first, before)


async def tell_nobody(_conn: Connection, _published: Publication, _now: datetime) -> None:
    """Leave what was published in the table."""


@dataclass(frozen=True, slots=True)
class FiguresPublisher:
    """Publishes the figures of one side; `counted_by` has the function of each."""

    pool: Pool
    figures: Sequence[Figure]
    counted_by: Mapping[str, Count]
    k: int
    tell: Tell = tell_nobody
    extended_by: Mapping[str, Extend] = field(default_factory=dict)

    async def publish(self, now: datetime) -> int:
        """Publish what is missing of the last closed quarter; return how many figures that were.

        A figure of a Kreis that cannot be counted keeps no other from being published.
        """
        today = local_day(now)
        quarter = last_closed(today)
        figures = {figure.name: figure for figure in self.figures}

        async def missing(conn: Connection) -> dict[str, asyncpg.Record]:
            found = await _missing(conn, self.figures, quarter)
            return {f"{row['kreis']}/{row['figure']}/{quarter.first}": row for row in found}

        async def generations(conn: Connection, items: Sequence[str]) -> Mapping[str, str]:
            return dict.fromkeys(set(items) & (await missing(conn)).keys(), "")

        async def some(conn: Connection, taking: Taking) -> int:
            if not any(map(taking.may_take, await missing(conn))):
                return 0
            # One publisher at a time: the second finds nothing missing.
            await conn.execute("SELECT pg_advisory_xact_lock(hashtext('published_figure'))")
            found = [one for one in (await missing(conn)).items() if taking.may_take(one[0])]
            rows = dict(found[: taking.limit])
            taking.taken += rows
            for row in rows.values():
                told = await self._published(conn, row["kreis"], figures[row["figure"]], quarter, today)
                await keep(conn, told)
                await self.tell(conn, told, now)
            return len(rows)

        return await WorkQueue(self.pool, "figures", _BATCH, generations).work(some)

    async def _published(
        self, conn: Connection, kreis: str, figure: Figure, quarter: Quarter, today: date
    ) -> Publication:
        counted = await self.counted_by[figure.name](conn, kreis, quarter, today)
        if figure.name in self.extended_by:
            figure = await self.extended_by[figure.name](conn, kreis, quarter, figure)
        return publish(figure, kreis, quarter, counted, k=self.k, today=today)


async def due(conn: asyncpg.Connection, figures: Sequence[Figure], now: datetime) -> int:
    """Count what is missing of the last closed quarter; the status role may ask."""
    return len(await _missing(conn, figures, last_closed(local_day(now))))


async def keep(conn: Connection, published: Publication) -> None:
    """Store a publication; what was published before stays as it is."""
    await conn.execute(
        """
        INSERT INTO published_figure (kreis, figure, quarter, k, counted_on, part, low, high)
        SELECT $1, $2, $3, $4, $5, part, low, high
        FROM unnest($6::text[], $7::integer[], $8::integer[]) AS n (part, low, high)
        ON CONFLICT DO NOTHING
        """,
        published.kreis,
        published.figure,
        published.quarter.first,
        published.k,
        published.counted_on,
        list(published.bands),
        [band.low for band in published.bands.values()],
        [band.high for band in published.bands.values()],
    )


async def published(
    conn: Connection, kreise: Sequence[str] | None = None, figure: str | None = None
) -> list[Publication]:
    """Return what was published, of some Kreise or all, of one figure or all, the latest quarter first."""
    rows = await conn.fetch(
        """
        SELECT kreis, figure, quarter, k, counted_on, part, low, high FROM published_figure
        WHERE ($1::text[] IS NULL OR kreis = ANY($1)) AND ($2::text IS NULL OR figure = $2)
        ORDER BY kreis, quarter DESC, figure
        """,
        kreise,
        figure,
    )
    return [
        Publication(kreis, figure, Quarter(quarter), counted_on, k, {r["part"]: _band(r) for r in parts})
        for (kreis, figure, quarter, k, counted_on), parts in groupby(
            rows, key=lambda r: (r["kreis"], r["figure"], r["quarter"], r["k"], r["counted_on"])
        )
    ]


def _band(row: asyncpg.Record) -> Band:
    return Band(row["low"], row["high"])
