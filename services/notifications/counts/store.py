"""Counts the support side's published figures; `services/texts/figures.py` defines them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from uuid import UUID

import asyncpg

from services.notifications.participation.signals import CourseTotals, first_told, longest_gap, of_many
from services.runtime.bookkeeping.publications import Count, Extend
from services.runtime.data.db import Connection
from services.runtime.disclosure.figures import Figure, Value
from services.runtime.disclosure.quarters import Quarter
from services.texts.figures import COUNSELLING, COURSE_SIGNALS, NEEDS, TOWN, needs_with_towns


async def counselling(conn: Connection, kreis: str, quarter: Quarter, today: date) -> Mapping[str, Value]:
    """Count people by the quarter in which their first course began, and what is on record of them today."""
    row = await conn.fetchrow(
        """
        WITH first_course AS (
            SELECT DISTINCT ON (participant_id) participant_id, kreis, starts_on FROM placement
            WHERE state IN ('started', 'interrupted', 'transferred', 'left', 'completed')
            ORDER BY participant_id, starts_on, placement_id),
        began AS (
            SELECT participant_id, EXISTS (
                SELECT FROM consent AS c WHERE c.participant_id = f.participant_id
                    AND c.ended_at IS NULL AND c.valid_until >= $4) AS consented
            FROM first_course AS f WHERE kreis = $1 AND starts_on BETWEEN $2 AND $3),
        told AS (
            SELECT a.participant_id, bool_or(a.kind = 'enrolment') AS announced,
                bool_or(a.kind = 'enrolment' AND a.routing ? 'unsuited') AS unsuited,
                bool_or(a.kind = 'risk') AS at_risk,
                bool_or(a.kind = 'risk' AND EXISTS (
                    SELECT FROM alert_step AS s WHERE s.alert_id = a.alert_id AND s.to_state = 'accepted'))
                    AS taken_up
            FROM alert AS a JOIN began USING (participant_id) WHERE began.consented
            GROUP BY a.participant_id)
        SELECT count(*) AS began, count(*) FILTER (WHERE consented) AS consented,
            count(*) FILTER (WHERE announced) AS announced,
            count(*) FILTER (WHERE unsuited) AS unsuited, count(*) FILTER (WHERE at_risk) AS at_risk,
            count(*) FILTER (WHERE taken_up) AS taken_up
        FROM began LEFT JOIN told USING (participant_id)
        """,
        kreis,
        quarter.first,
        quarter.last,
        today,
    )
    if row is None:
        raise LookupError("a count returned no row")
    return dict(row)


async def own_beginners(conn: Connection, today: date) -> Mapping[tuple[str, date], int]:
    """Count who allows the visitor's own office, by Kreis and quarter of the first course; no publication."""
    rows = await conn.fetch(
        """
        SELECT kreis, date_trunc('quarter', began_on)::date AS quarter, count(*) AS people
        FROM own_consenting_beginners($1) GROUP BY 1, 2
        """,
        today,
    )
    return {(row["kreis"], row["quarter"]): row["people"] for row in rows}


async def needs(conn: Connection, kreis: str, quarter: Quarter, _today: date) -> Mapping[str, Value]:
    """Count the needs that were reported for the months of a quarter, also by town."""
    rows = await conn.fetch(
        """
        SELECT need, town, count(*) AS n FROM need_report
        WHERE left(town, 5) = $1 AND month = ANY($2::text[]) GROUP BY need, town
        """,
        kreis,
        list(quarter.months),
    )
    counted = dict.fromkeys((part.name for part in NEEDS.parts), 0)
    of_towns: dict[str, int] = defaultdict(int)
    for row in rows:
        need = row["need"] if row["need"] in counted else "other"
        counted[need] += row["n"]
        of_towns[f"{TOWN}{row['town']}_{need}"] += row["n"]
    return defaultdict(int, counted | of_towns)


async def add_towns(conn: Connection, kreis: str, quarter: Quarter, figure: Figure) -> Figure:
    """Add parts for the towns of a Kreis, those with most courses first: what everybody knows decides."""
    rows = await conn.fetch(
        """
        SELECT t.ags FROM places.town AS t
        LEFT JOIN course AS c ON c.town = t.ags AND c.starts_on <= $2
        WHERE left(t.ags, 5) = $1 AND t.valid_from <= $2 AND $2 < t.valid_to
        GROUP BY t.ags ORDER BY count(c.course_id) DESC, t.ags
        """,
        kreis,
        quarter.last,
    )
    return needs_with_towns(figure, [row["ags"] for row in rows])


async def course_signals(
    conn: Connection, kreis: str, quarter: Quarter, _today: date, *, least: int
) -> Mapping[str, Value]:
    """Count the courses of at least `least` people that showed something for the first time in a quarter.

    Which were counted is written down: a correction of old days may move what a course showed first into a
    later quarter, in which it is counted no second time.
    """
    courses = await _courses(conn, kreis, quarter)
    totals = await _totals(conn, [row["course_id"] for row in courses], quarter.last)
    usual: dict[str, int] = {}
    for row in courses:
        if gap := longest_gap([day.reported_on for day in totals[row["course_id"]] if day.reported_on]):
            usual[row["provider"]] = max(gap, usual.get(row["provider"], 0))
    silent: list[UUID] = []
    collapsed: list[UUID] = []
    for row in courses:
        days = totals[row["course_id"]]
        if max([row["people"], *(day.listed for day in days)]) < least:
            continue
        until = min(row["until"], quarter.last)
        told = first_told(of_many(days, least), row["starts_on"], until, usual.get(row["provider"]))
        if told.silent is not None and told.silent >= quarter.first:
            silent.append(row["course_id"])
        if told.collapsed is not None and told.collapsed >= quarter.first:
            collapsed.append(row["course_id"])
    return {
        "courses_silent": await _count_silent(conn, silent, quarter),
        "courses_collapsed": await _count_collapsed(conn, collapsed, quarter),
    }


async def _count_silent(conn: Connection, courses: Sequence[UUID], quarter: Quarter) -> int:
    """Mark courses as counted in a quarter; return how many were in no earlier one."""
    rows = await conn.fetch(
        """
        UPDATE course SET silent_counted = $2
        WHERE course_id = ANY($1::uuid[]) AND coalesce(silent_counted, $2) >= $2 RETURNING 1
        """,
        courses,
        quarter.first,
    )
    return len(rows)


async def _count_collapsed(conn: Connection, courses: Sequence[UUID], quarter: Quarter) -> int:
    """Mark courses as counted in a quarter; return how many were in no earlier one."""
    rows = await conn.fetch(
        """
        UPDATE course SET collapsed_counted = $2
        WHERE course_id = ANY($1::uuid[]) AND coalesce(collapsed_counted, $2) >= $2 RETURNING 1
        """,
        courses,
        quarter.first,
    )
    return len(rows)


async def _courses(conn: Connection, kreis: str, quarter: Quarter) -> Sequence[asyncpg.Record]:
    """List the courses that went on in a quarter, with how many began in them with a place."""
    return await conn.fetch(
        """
        WITH went AS (
            SELECT course_id, provider, starts_on,
                least(ends_on, completed_on, cancelled_on - 1) AS until
            FROM course WHERE kreis = $1)
        SELECT went.*, (SELECT count(*) FROM placement AS p WHERE p.course_id = went.course_id AND p.state IN
            ('started', 'interrupted', 'transferred', 'left', 'completed')) AS people
        FROM went WHERE starts_on <= $3 AND until >= greatest($2, starts_on)
        """,
        kreis,
        quarter.first,
        quarter.last,
    )


async def _totals(
    conn: Connection, courses: Sequence[UUID], until: date
) -> Mapping[UUID, list[CourseTotals]]:
    """Return the totals of the course days of courses, as they were reported until a day."""
    found: dict[UUID, list[CourseTotals]] = defaultdict(list)
    for row in await conn.fetch(
        """
        SELECT course_id, day, reported_on, ue_held, listed, ue_attended FROM course_day
        WHERE course_id = ANY($1) AND listed > 0 AND coalesce(reported_on, day) <= $2
        """,
        courses,
        until,
    ):
        found[row["course_id"]].append(
            CourseTotals(row["day"], row["reported_on"], row["ue_held"], row["listed"], row["ue_attended"])
        )
    return found


def counted_by(k: int) -> Mapping[str, Count]:
    """Return the function of each figure; courses need 2 k people to be counted (ADR 0046)."""
    return {
        COUNSELLING.name: counselling,
        COURSE_SIGNALS.name: partial(course_signals, least=2 * k),
        NEEDS.name: needs,
    }


EXTENDED_BY: Mapping[str, Extend] = {NEEDS.name: add_towns}
