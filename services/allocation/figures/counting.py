"""Counts the steering side's published figures; `services/texts/figures.py` defines them."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial

from services.allocation.figures.counting_places import proposals, reservations, starts
from services.allocation.figures.counting_rows import counted, kinds
from services.runtime.bookkeeping.publications import Count, Extend
from services.runtime.data.db import Connection
from services.runtime.disclosure.figures import Figure, Value
from services.runtime.disclosure.quarters import Quarter, quarter_of
from services.texts.figures import (
    ARRIVALS,
    COHORTS,
    COMPLETIONS,
    FILL,
    PROPOSALS,
    RESERVATIONS,
    STARTS,
    TOWN,
    Courses,
    with_towns,
)

K = 5
"""Width of the published bands; statistics ask for 3 at least (domain.md, 'Numbers and places')."""


async def arrivals(conn: Connection, kreis: str, quarter: Quarter, today: date) -> Mapping[str, Value]:
    """Count people by the quarter of their first registration, and where they stand today."""
    row = await conn.fetchrow(
        """
        WITH person AS (
            SELECT p.participant, p.tested_on <= $4 AS tested,
                p.standing LIKE 'obliged%' AS obliged,
                coalesce(p.youth_until >= to_char(p.first_registered_on, 'YYYY-MM'), false) AS young,
                p.course_types && ARRAY['integration_literacy', 'integration_second_script'] AS literacy,
                p.needs_childcare AS childcare_needed,
                coalesce(bool_or(s.published), false) AS proposed,
                coalesce(bool_or(s.state IN ('reserved', 'accepted', 'confirmed')), false) AS holds,
                coalesce(bool_or(isfinite(s.started_on) AND s.started_on <= $4), false) AS started
            FROM participant AS p LEFT JOIN placement AS s USING (participant)
            WHERE p.kreis = $1 AND p.first_registered_on BETWEEN $2 AND $3 AND p.status <> 'merged'
            GROUP BY p.participant)
        SELECT count(*) AS registered, count(*) FILTER (WHERE started) AS started,
            count(*) FILTER (WHERE NOT started AND holds) AS placed,
            count(*) FILTER (WHERE NOT started AND NOT holds AND tested) AS tested,
            count(*) FILTER (WHERE NOT started AND NOT holds AND proposed) AS proposed,
            count(*) FILTER (WHERE obliged) AS obliged, count(*) FILTER (WHERE young) AS young,
            count(*) FILTER (WHERE literacy) AS literacy,
            count(*) FILTER (WHERE childcare_needed) AS childcare_needed
        FROM person
        """,
        kreis,
        quarter.first,
        quarter.last,
        today,
    )
    towns = await conn.fetch(
        """
        SELECT t.ags, count(p.participant) AS people FROM places.town AS t
        LEFT JOIN participant AS p ON p.town = t.ags AND p.kreis = $1 AND p.status <> 'merged'
            AND p.first_registered_on BETWEEN $2 AND $3
        WHERE left(t.ags, 5) = $1 AND t.valid_from <= $3 AND $3 < t.valid_to GROUP BY t.ags
        """,
        kreis,
        quarter.first,
        quarter.last,
    )
    return {**counted(row), **{f"{TOWN}{town['ags']}": town["people"] for town in towns}}


async def add_towns(conn: Connection, kreis: str, quarter: Quarter, figure: Figure) -> Figure:
    """Add a part for each town that the directory has of the Kreis at the end of the quarter."""
    rows = await conn.fetch(
        "SELECT ags FROM places.town WHERE left(ags, 5) = $1 AND valid_from <= $2 AND $2 < valid_to",
        kreis,
        quarter.last,
    )
    return with_towns(figure, [row["ags"] for row in rows], quarter)


async def completions(
    conn: Connection, kreis: str, quarter: Quarter, _today: date, *, courses: Courses
) -> Mapping[str, Value]:
    """Sum the totals of courses by the quarter of their end, and how their other enrolments ended.

    Also whose place from Kurslotse ended with them, by the quarter of the person's first registration.
    """
    row = await conn.fetchrow(
        """
        WITH course_done AS (
            SELECT o.course, o.started, o.finished, o.sat, o.qualified
            FROM outcome AS o JOIN course AS c USING (course)
            WHERE o.kreis = $1 AND o.completed_on BETWEEN $2 AND $3 AND (c.course_type = ANY ($4)) = $5),
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
        *kinds(courses),
    )
    rows = await conn.fetch(
        """
        SELECT date_trunc('quarter', p.first_registered_on::timestamp)::date AS cohort,
            count(DISTINCT s.participant) AS began,
            count(DISTINCT s.participant) FILTER (WHERE s.state = 'completed') AS done
        FROM placement AS s JOIN outcome AS o USING (course) JOIN course AS c USING (course)
        JOIN participant AS p USING (participant)
        WHERE o.kreis = $1 AND o.completed_on BETWEEN $2 AND $3 AND (c.course_type = ANY ($4)) = $5
            AND s.started_on IS NOT NULL AND p.first_registered_on >= $6 AND p.kreis = $1
            AND NOT EXISTS (SELECT FROM placement AS b WHERE b.participant = s.participant
                AND b.state = 'completed' AND (b.ended_on, b.placement) < (s.ended_on, s.placement))
        GROUP BY 1
        """,
        kreis,
        quarter.first,
        quarter.last,
        *kinds(courses),
        cohorts_of(quarter)[-1].first,
    )
    people = {row["cohort"]: (row["began"], row["done"]) for row in rows}
    cohorts = [people.get(one.first, (0, 0)) for one in cohorts_of(quarter)]
    return {
        **counted(row),
        **{f"began_{at}": began for at, (began, _) in enumerate(cohorts)},
        **{f"cohort_{at}": done for at, (_, done) in enumerate(cohorts)},
    }


def cohorts_of(quarter: Quarter) -> Sequence[Quarter]:
    """Return the quarters of registration that are followed to the end of a course: the same, and before."""
    found = [quarter]
    while len(found) < COHORTS:
        found.append(quarter_of(date.fromordinal(max(1, found[-1].first.toordinal() - 1))))
    return found


async def fill(
    conn: Connection, kreis: str, quarter: Quarter, _today: date, *, courses: Courses
) -> Mapping[str, Value]:
    """Sum seats and taken seats of sections by the quarter in which they began."""
    row = await conn.fetchrow(
        """
        SELECT coalesce(sum(s.capacity), 0) AS seats, coalesce(sum(s.taken), 0) AS taken
        FROM course_section AS s JOIN course AS c USING (course)
        WHERE s.kreis = $1 AND s.starts_on BETWEEN $2 AND $3 AND NOT s.removed AND c.state <> 'cancelled'
            AND (c.course_type = ANY ($4)) = $5
        """,
        kreis,
        quarter.first,
        quarter.last,
        *kinds(courses),
    )
    return counted(row)


COUNTED_BY: Mapping[str, Count] = {
    ARRIVALS.name: arrivals,
    **{
        figure.name: partial(count, courses=Courses(figure.of))
        for figures, count in (
            (STARTS, starts),
            (PROPOSALS, proposals),
            (RESERVATIONS, reservations),
            (COMPLETIONS, completions),
            (FILL, fill),
        )
        for figure in figures
    },
}
EXTENDED_BY: Mapping[str, Extend] = {ARRIVALS.name: add_towns}
