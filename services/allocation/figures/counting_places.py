"""Counts what happened to places: how long people waited, who proposed, who answered in time."""

from collections.abc import Mapping
from datetime import date

from services.allocation.figures.counting_rows import counted, kinds
from services.runtime.data.db import Connection
from services.runtime.disclosure.figures import Value
from services.runtime.disclosure.quarters import Quarter
from services.texts.figures import Courses

_SINCE = """greatest(
    CASE WHEN p.registered_on <= {day} THEN p.registered_on ELSE p.first_registered_on END,
    (SELECT max(b.ended_on) FROM placement AS b WHERE b.participant = s.participant
        AND b.placement <> s.placement AND b.started_on <= b.ended_on AND b.ended_on <= {day}
        AND b.state IN ('left', 'completed', 'transferred', 'course_cancelled')))"""
"""Since when somebody had waited on a past day: the rule that the view `waiting_since` has for today."""
_WAITED = _SINCE.format(day="s.started_on")
_UNTIL_PROPOSAL = _SINCE.format(day="s.proposed_on")


async def starts(
    conn: Connection, kreis: str, quarter: Quarter, today: date, *, courses: Courses
) -> Mapping[str, Value]:
    """Count places by the quarter of their first day, and the days without a seat before it."""
    row = await conn.fetchrow(
        f"""
        WITH start AS (
            SELECT greatest(0, s.started_on - {_WAITED}) AS days
            FROM placement AS s JOIN participant AS p USING (participant) JOIN course AS c USING (course)
            WHERE s.kreis = $1 AND s.started_on BETWEEN $2 AND least($3::date, $6::date)
                AND (c.course_type = ANY ($4)) = $5)
        SELECT count(*) AS begun,
            count(*) FILTER (WHERE days <= 26 * 7) AS within_26_weeks,
            count(*) FILTER (WHERE days <= 12 * 7) AS within_12_weeks,
            count(*) FILTER (WHERE days <= 6 * 7) AS within_6_weeks,
            count(*) FILTER (WHERE days <= 3 * 7) AS within_3_weeks,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY days) / 7 AS weeks_waited,
            percentile_disc(0.9) WITHIN GROUP (ORDER BY days) / 7.0 AS weeks_waited_by_nine_in_ten
        FROM start
        """,
        kreis,
        quarter.first,
        quarter.last,
        *kinds(courses),
        today,
    )
    return {name: _number(value) for name, value in counted(row).items()}


async def proposals(
    conn: Connection, kreis: str, quarter: Quarter, _today: date, *, courses: Courses
) -> Mapping[str, Value]:
    """Count proposals by the quarter in which they were made, and those of runs that a person took back.

    Told by who took which step and why, which an erasure keeps; the run itself and notes it does not.
    """
    row = await conn.fetchrow(
        f"""
        WITH proposal AS (
            SELECT EXISTS (SELECT FROM placement_step AS t WHERE t.placement = s.placement
                    AND t.version = 1 AND t.actor = 'steering') AS by_run,
                EXISTS (SELECT FROM placement_step AS t WHERE t.placement = s.placement
                    AND t.to_state = 'superseded' AND t.reason IN ('withdrawn_by_coordinator', 'override',
                        'on_hold', 'excluded', 'course_closed', 'refused_by_authority')) AS taken_back,
                greatest(0, s.proposed_on - {_UNTIL_PROPOSAL}) AS days
            FROM (SELECT *, (proposed_at AT TIME ZONE 'Europe/Berlin')::date AS proposed_on
                FROM placement WHERE kreis = $1) AS s
            JOIN participant AS p USING (participant) JOIN course AS c USING (course)
            WHERE s.proposed_on BETWEEN $2 AND $3 AND (c.course_type = ANY ($4)) = $5)
        SELECT count(*) AS proposals, count(*) FILTER (WHERE by_run) AS by_run,
            count(*) FILTER (WHERE by_run AND taken_back) AS taken_back,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY days) / 7 AS weeks_until_proposal
        FROM proposal
        """,
        kreis,
        quarter.first,
        quarter.last,
        *kinds(courses),
    )
    return counted(row)


async def reservations(
    conn: Connection, kreis: str, quarter: Quarter, _today: date, *, courses: Courses
) -> Mapping[str, Value]:
    """Count places by the quarter in which they were first reserved, and what people answered until the end.

    A place that changed its course keeps its answer; who answered to a place that is reserved again is not
    counted twice.
    """
    row = await conn.fetchrow(
        """
        WITH reservation AS (
            SELECT t.placement, min(t.decided_at) AS reserved_at
            FROM placement_step AS t JOIN placement AS s USING (placement) JOIN course AS c USING (course)
            WHERE t.kreis = $1 AND t.to_state = 'reserved' AND (c.course_type = ANY ($4)) = $5
            GROUP BY t.placement
            HAVING (min(t.decided_at) AT TIME ZONE 'Europe/Berlin')::date BETWEEN $2 AND $3),
        ended AS (
            SELECT r.reserved_at, e.to_state, e.decided_at
            FROM reservation AS r LEFT JOIN LATERAL (
                SELECT t.to_state, t.decided_at FROM placement_step AS t WHERE t.placement = r.placement
                    AND t.to_state IN ('accepted', 'declined', 'expired') AND t.decided_at >= r.reserved_at
                ORDER BY t.version LIMIT 1) AS e ON true)
        SELECT count(*) AS reserved,
            count(*) FILTER (WHERE to_state IN ('accepted', 'declined')) AS answered,
            count(*) FILTER (WHERE to_state = 'accepted') AS accepted,
            count(*) FILTER (WHERE to_state = 'expired') AS expired,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM decided_at - reserved_at) / 86400)
                FILTER (WHERE to_state IN ('accepted', 'declined')) AS days_until_answer
        FROM ended
        """,
        kreis,
        quarter.first,
        quarter.last,
        *kinds(courses),
    )
    return counted(row)


def _number(value: Value) -> Value:
    """Turn the database's decimals into numbers."""
    return value if value is None or isinstance(value, int) else float(value)
