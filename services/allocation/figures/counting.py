"""Counts the steering side's published figures; `services/texts/figures.py` defines them."""

from collections.abc import Mapping
from datetime import date

import asyncpg

from services.runtime.bookkeeping.publications import Count
from services.runtime.data.db import Connection
from services.runtime.disclosure.figures import Value
from services.runtime.disclosure.quarters import Quarter
from services.texts.figures import ARRIVALS, COMPLETIONS, FILL

K = 5
"""Width of the published bands; statistics ask for 3 at least (domain.md, 'Numbers and places')."""


async def arrivals(conn: Connection, kreis: str, quarter: Quarter, today: date) -> Mapping[str, Value]:
    """Count people by the quarter of their first registration, and where they stand today.

    Weeks and the six weeks are measured from our list; the law's clock (IntV § 7(4)) runs from the
    registration at the provider.
    """
    row = await conn.fetchrow(
        """
        WITH person AS (
            SELECT p.participant, p.first_registered_on AS registered, p.tested_on <= $4 AS tested,
                coalesce(bool_or(s.published), false) AS proposed,
                min(s.started_on) FILTER (WHERE isfinite(s.started_on) AND s.started_on <= $4) AS started
            FROM participant AS p LEFT JOIN placement AS s USING (participant)
            WHERE p.kreis = $1 AND p.first_registered_on BETWEEN $2 AND $3 AND p.status <> 'merged'
            GROUP BY p.participant)
        SELECT count(*) AS registered, count(started) AS started,
            count(*) FILTER (WHERE started - registered <= 42) AS within_six_weeks,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY greatest(started - registered, 0)) / 7
                AS weeks_until_start,
            count(*) FILTER (WHERE started IS NULL AND tested) AS tested,
            count(*) FILTER (WHERE started IS NULL AND proposed) AS proposed
        FROM person
        """,
        kreis,
        quarter.first,
        quarter.last,
        today,
    )
    return _counted(row)


async def completions(conn: Connection, kreis: str, quarter: Quarter, _today: date) -> Mapping[str, Value]:
    """Sum the totals of courses by the quarter of their end, and how their other enrolments ended."""
    row = await conn.fetchrow(
        """
        WITH course_done AS (
            SELECT course, started, finished, sat, qualified FROM outcome
            WHERE kreis = $1 AND completed_on BETWEEN $2 AND $3),
        gone AS (
            SELECT s.exit_kind, p.returns > 0 AS returned
            FROM placement AS s JOIN course_done USING (course) JOIN participant AS p USING (participant)
            WHERE s.state IN ('left', 'transferred') AND s.started_on IS NOT NULL),
        totals AS (
            SELECT count(*) AS courses, coalesce(sum(started), 0) AS in_courses,
                coalesce(sum(finished), 0) AS finished, coalesce(sum(sat), 0) AS sat,
                coalesce(sum(qualified), 0) AS qualified
            FROM course_done),
        exits AS (
            SELECT count(*) AS "left", count(*) FILTER (WHERE exit_kind = 'moved') AS moved,
                count(*) FILTER (WHERE exit_kind = 'work') AS work,
                count(*) FILTER (WHERE exit_kind = 'transfer') AS transfer,
                count(*) FILTER (WHERE returned) AS returned
            FROM gone)
        SELECT * FROM totals, exits
        """,
        kreis,
        quarter.first,
        quarter.last,
    )
    return _counted(row)


async def fill(conn: Connection, kreis: str, quarter: Quarter, _today: date) -> Mapping[str, Value]:
    """Sum seats and taken seats of sections by the quarter in which they began."""
    row = await conn.fetchrow(
        """
        SELECT coalesce(sum(s.capacity), 0) AS seats, coalesce(sum(s.taken), 0) AS taken
        FROM course_section AS s JOIN course AS c USING (course)
        WHERE s.kreis = $1 AND s.starts_on BETWEEN $2 AND $3 AND NOT s.removed AND c.state <> 'cancelled'
        """,
        kreis,
        quarter.first,
        quarter.last,
    )
    return _counted(row)


def _counted(row: asyncpg.Record | None) -> Mapping[str, Value]:
    if row is None:
        raise LookupError("a count returned no row")
    return dict(row)


COUNTED_BY: Mapping[str, Count] = {
    ARRIVALS.name: arrivals,
    COMPLETIONS.name: completions,
    FILL.name: fill,
}
