"""Counts the support side's published figures; `services/texts/figures.py` defines them."""

from collections.abc import Mapping
from datetime import date

from services.runtime.bookkeeping.publications import Count
from services.runtime.data.db import Connection
from services.runtime.disclosure.figures import Value
from services.runtime.disclosure.quarters import Quarter
from services.texts.figures import COUNSELLING, NEEDS


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
    """Count the needs that were reported for the months of a quarter."""
    rows = await conn.fetch(
        """
        SELECT need, count(*) AS n FROM need_report
        WHERE left(town, 5) = $1 AND month = ANY($2::text[]) GROUP BY need
        """,
        kreis,
        list(quarter.months),
    )
    counted = dict.fromkeys((part.name for part in NEEDS.parts), 0)
    for row in rows:
        counted[row["need"] if row["need"] in counted else "other"] += row["n"]
    return counted


COUNTED_BY: Mapping[str, Count] = {COUNSELLING.name: counselling, NEEDS.name: needs}
