"""Counts what happened in a week, and stores what was published."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from schemas.codes import ConsentPurpose
from services.notifications.consents import store as consents
from services.runtime.data.db import Connection


async def kreise_without(conn: Connection, week: date) -> list[str]:
    """List the Kreise for which this week has not been published."""
    return [
        row["kreis"]
        for row in await conn.fetch(
            """
            SELECT DISTINCT kreis FROM course AS c WHERE NOT EXISTS (
            SELECT FROM counts_published AS p WHERE p.kreis = c.kreis AND p.week >= $1) ORDER BY kreis
            """,
            week,
        )
    ]


async def of_week(
    conn: Connection, kreis: str, starts: datetime, ends: datetime
) -> dict[str, dict[str, int]]:
    """Count what happened in a Kreis in a week: alerts by kind and answer, risks by rule, needs."""
    week: Mapping[str, str] = {
        "alerts": "SELECT a.kind AS cell, count(*) AS n FROM alert AS a JOIN course AS c USING (course_id)"
        " WHERE c.kreis = $1 AND a.raised_at >= $2 AND a.raised_at < $3 GROUP BY a.kind",
        "answers": "SELECT s.to_state AS cell, count(*) AS n FROM alert_step AS s"
        " JOIN alert AS a USING (alert_id) JOIN course AS c USING (course_id)"
        " WHERE c.kreis = $1 AND s.at >= $2 AND s.at < $3"
        " AND s.to_state IN ('accepted', 'declined', 'done') GROUP BY s.to_state",
        "risks": "SELECT r.rule AS cell, count(*) AS n FROM risk AS r JOIN course AS c USING (course_id)"
        " WHERE c.kreis = $1 AND r.raised_at >= $2 AND r.raised_at < $3 GROUP BY r.rule",
    }
    counted: dict[str, dict[str, int]] = {
        "alerts": {"enrolment": 0, "risk": 0},
        "answers": {"accepted": 0, "declined": 0, "done": 0},
        "risks": {"no_show": 0, "consecutive_unexcused": 0, "share_missed": 0},
    }
    for name, statement in week.items():
        for row in await conn.fetch(statement, kreis, starts, ends):
            counted[name][row["cell"]] = row["n"]
    return counted


async def needs(conn: Connection, kreis: str, week: date) -> dict[str, int]:
    """Count the needs reported for the month of a week."""
    month = f"{week + timedelta(days=6):%Y-%m}"
    rows = await conn.fetch(
        """
        SELECT need AS cell, count(*) AS n FROM need_report
        WHERE left(town, 5) = $1 AND month = $2 GROUP BY need
        """,
        kreis,
        month,
    )
    counted = dict.fromkeys(("childcare", "bus", "evening_course", "other_level", "other"), 0)
    for row in rows:
        cell = row["cell"] if row["cell"] in counted else "other"
        counted[cell] += row["n"]
    return counted


async def consenting(conn: Connection, kreis: str, today: date) -> dict[str, int]:
    """Count the people in courses of a Kreis with and without consent to support."""
    rows = await conn.fetch(
        "SELECT DISTINCT participant_id FROM placement WHERE kreis = $1 AND state = 'started'", kreis
    )
    people = [row["participant_id"] for row in rows]
    valid = await consents.valid(conn, people, [ConsentPurpose.DROPOUT_SUPPORT], today)
    given = len({consent.participant for consent in valid})
    return {"given": given, "not_given": len(people) - given}


async def keep(
    conn: Connection, kreis: str, week: date, counts: dict[str, int | None], now: datetime
) -> bool:
    """Store what is published; return False if the week was published already."""
    return bool(
        await conn.fetchval(
            """
            INSERT INTO counts_published (kreis, week, counts, published_at) VALUES ($1, $2, $3, $4)
            ON CONFLICT DO NOTHING RETURNING true
            """,
            kreis,
            week,
            counts,
            now,
        )
    )
