"""Counts the figures of a Kreis and a period as they may be shown: cohort, exits, returns, waits, fill."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import asyncpg

from schemas.codes import ExitKind
from services.allocation.outcomes.domain import (
    STAGES,
    Shown,
    Wait,
    shown,
    shown_cells,
    shown_stages,
    wait,
)

WITHIN = timedelta(weeks=6)
"""Measured from our list; the law's clock (IntV § 7(4)) runs from the registration at the provider."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What may be shown of a Kreis and a period [first, last]; a None inside is suppressed, not zero."""

    kreis: str
    first: date
    last: date
    suppressed_below: int
    cohort: Mapping[str, Shown]
    """People first registered in the period, by how far they have come until now."""
    returned: Shown
    exits: Mapping[str, Shown]
    """Enrolments that ended early in the period, by kind."""
    waits: tuple[Wait, ...]
    started: Shown
    started_within_six_weeks: Shown
    seats: int
    seats_taken: int
    courses_completed: int
    finished: Shown
    qualified: Shown

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Yield (figure, part, value) for tables and files; suppressed is written out."""
        for stage, number in self.cohort.items():
            yield "cohort", stage, _text(number.value)
        yield "cohort", "returned", _text(self.returned.value)
        for kind, number in self.exits.items():
            yield "exits", kind, _text(number.value)
        for one in self.waits:
            yield "median_wait_days", f"from_{one.start}", _text(one.median_days)
            yield "median_wait_n", f"from_{one.start}", _text(one.n)
        yield "starts", "all", _text(self.started.value)
        yield "starts", "within_six_weeks_of_our_list", _text(self.started_within_six_weeks.value)
        yield "fill", "seats", str(self.seats)
        yield "fill", "taken", str(self.seats_taken)
        yield "courses", "completed", str(self.courses_completed)
        yield "courses", "finished", _text(self.finished.value)
        yield "courses", "qualified", _text(self.qualified.value)


def _text(value: float | None) -> str:
    return "suppressed" if value is None else f"{value:g}"


async def figures_of(conn: asyncpg.Connection, kreis: str, first: date, last: date, k: int) -> Figures:
    """Count a Kreis and a period; with the web role row-level security limits what is seen."""
    stages = await _cohort(conn, kreis, first, last)
    exits = await _exits(conn, kreis, first, last)
    starts = await _starts(conn, kreis, first, last)
    seats, taken = await _fill(conn, kreis, first, last)
    courses, finished, started, qualified = await _completed(conn, kreis, first, last)
    from_list = [(start - listed).days for listed, _, start in starts]
    from_test = [(start - tested).days for _, tested, start in starts if tested is not None]
    inside = sum(days <= WITHIN.days for days in from_list)
    counts = [stages[stage] for stage in STAGES]
    return Figures(
        kreis=kreis,
        first=first,
        last=last,
        suppressed_below=k,
        cohort=dict(zip(STAGES, shown_stages(counts, k), strict=True)),
        returned=shown(stages["returned"], stages["registered"], k),
        exits=shown_cells({kind: exits.get(kind, 0) for kind in ExitKind}, k),
        waits=(wait("registration", from_list, k), wait("placement_test", from_test, k)),
        started=shown(len(starts), len(starts), k),
        started_within_six_weeks=shown(inside, len(starts), k),
        seats=seats,
        seats_taken=taken,
        courses_completed=courses,
        finished=shown(finished, started, k),
        qualified=shown(qualified, finished, k),
    )


async def kreise_known(conn: asyncpg.Connection) -> list[str]:
    """List the Kreise that have people or courses."""
    rows = await conn.fetch("SELECT kreis FROM participant UNION SELECT kreis FROM course ORDER BY kreis")
    return [row["kreis"] for row in rows]


async def _cohort(conn: asyncpg.Connection, kreis: str, first: date, last: date) -> Mapping[str, int]:
    """Count how far a cohort has come; who reached a stage has reached those before it."""
    row = await conn.fetchrow(
        """
        WITH reached AS (
            SELECT p.returns,
                   CASE WHEN bool_or(s.state = 'completed') THEN 4
                   WHEN bool_or(s.started_on IS NOT NULL) THEN 3
                        WHEN bool_or(s.published) THEN 2
                        WHEN p.tested_on IS NOT NULL THEN 1 ELSE 0 END AS stage
            FROM participant p LEFT JOIN placement s USING (participant)
            WHERE p.kreis = $1 AND p.first_registered_on BETWEEN $2 AND $3 AND p.status <> 'merged'
            GROUP BY p.participant)
        SELECT count(*) AS registered, count(*) FILTER (WHERE stage >= 1) AS tested,
               count(*) FILTER (WHERE stage >= 2) AS proposed,
               count(*) FILTER (WHERE stage >= 3) AS started,
               count(*) FILTER (WHERE stage >= 4) AS completed,
               count(*) FILTER (WHERE returns > 0) AS returned
        FROM reached
        """,
        kreis,
        first,
        last,
    )
    return dict(row) if row is not None else {}


async def _exits(conn: asyncpg.Connection, kreis: str, first: date, last: date) -> Mapping[str, int]:
    rows = await conn.fetch(
        """
        SELECT CASE WHEN exit_kind = ANY($4::text[]) THEN exit_kind ELSE 'other' END AS kind, count(*) AS n
        FROM placement
        WHERE kreis = $1 AND state IN ('left', 'transferred') AND ended_on BETWEEN $2 AND $3
        GROUP BY 1
        """,
        kreis,
        first,
        last,
        list(ExitKind),
    )
    return {row["kind"]: row["n"] for row in rows}


async def _starts(
    conn: asyncpg.Connection, kreis: str, first: date, last: date
) -> list[tuple[date, date | None, date]]:
    """List first starts: registered on, tested on (if before), started on."""
    rows = await conn.fetch(
        """
        SELECT p.first_registered_on AS listed,
        CASE WHEN p.tested_on <= min(s.started_on) THEN p.tested_on END
               AS tested, min(s.started_on) AS started
        FROM participant p JOIN placement s USING (participant)
        WHERE p.kreis = $1 AND s.started_on IS NOT NULL
        GROUP BY p.participant HAVING min(s.started_on) BETWEEN $2 AND $3
            AND min(s.started_on) >= p.first_registered_on
        """,
        kreis,
        first,
        last,
    )
    return [(row["listed"], row["tested"], row["started"]) for row in rows]


async def _fill(conn: asyncpg.Connection, kreis: str, first: date, last: date) -> tuple[int, int]:
    """Sum seats and taken seats of sections that began in the period."""
    row = await conn.fetchrow(
        """
        SELECT coalesce(sum(s.capacity), 0) AS seats, coalesce(sum(s.taken), 0) AS taken
        FROM course_section s JOIN course c USING (course)
        WHERE s.kreis = $1 AND s.starts_on BETWEEN $2 AND $3 AND NOT s.removed AND c.state <> 'cancelled'
        """,
        kreis,
        first,
        last,
    )
    return (0, 0) if row is None else (row["seats"], row["taken"])


async def _completed(
    conn: asyncpg.Connection, kreis: str, first: date, last: date
) -> tuple[int, int, int, int]:
    row = await conn.fetchrow(
        """
        SELECT count(*) AS courses, coalesce(sum(finished), 0) AS finished, coalesce(sum(started),
        0) AS started,
               coalesce(sum(qualified), 0) AS qualified
        FROM outcome WHERE kreis = $1 AND completed_on BETWEEN $2 AND $3
        """,
        kreis,
        first,
        last,
    )
    return (
        (0, 0, 0, 0) if row is None else (row["courses"], row["finished"], row["started"], row["qualified"])
    )
