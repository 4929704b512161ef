"""Writes what an office decides about its alerts, and reads to whom it may hand them over."""

from datetime import date
from uuid import UUID

from services.runtime.data.db import Connection


async def judge(conn: Connection, alert: UUID, verdict: str) -> None:
    """Write down what the office thought of a risk; of a beginning course nothing is asked."""
    await conn.execute(
        "UPDATE alert SET verdict = $2 WHERE alert_id = $1 AND kind <> 'enrolment'", alert, verdict
    )


async def offices_to_hand_to(conn: Connection, alert: UUID, today: date) -> list[str]:
    """Return the other offices that may know of an alert of the visitor's own office, for the web role."""
    rows = await conn.fetch("SELECT office FROM offices_to_hand_to($1, $2)", alert, today)
    return [row["office"] for row in rows]


async def hand_to(conn: Connection, alert: UUID, office: str) -> None:
    """Write down to which office an alert is handed over: it is asked next, whoever ranks before it."""
    await conn.execute(
        "UPDATE alert SET routing = routing || jsonb_build_object('handed_to', $2::text) WHERE alert_id = $1",
        alert,
        office,
    )
