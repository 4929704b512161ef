"""Reports the support side's status: work that is due, invariants, and figures that no consent changes."""

from datetime import datetime

import asyncpg

from schemas.days import local_day
from services.runtime.bookkeeping import publications
from services.runtime.serve.status import Invariant, OwnStatus
from services.texts.figures import SUPPORT


async def own_status(conn: asyncpg.Connection, now: datetime, *, delivers: bool = True) -> OwnStatus:
    """Read the status from the status role's views; without a mail server (`delivers`) no mail is due."""
    return OwnStatus(
        due=await due(conn, now, delivers=delivers),
        invariants=(
            await _each_has_its_alert(conn, now),
            await _counted(
                conn, "I5", "SELECT count(*) FROM status.attempts_wrong", "sent without one attempt"
            ),
            await _counted(
                conn, "I5", "SELECT count(*) FROM status.carried_wrong", "ride along with no mail"
            ),
            await _counted(
                conn, "I9", "SELECT count(*) FROM status.escalated_after_answer", "escalated after an answer"
            ),
        ),
        figures=await _figures(conn),
    )


async def due(conn: asyncpg.Connection, now: datetime, *, delivers: bool = True) -> int:
    """Return how much timers and workers have to do now."""
    return await _due(conn, now) + await _messages_due(conn, delivers=delivers)


async def _due(conn: asyncpg.Connection, now: datetime) -> int:
    today = local_day(now)
    waiting: int = await conn.fetchval("SELECT courses + people + registrations FROM status.waiting")
    due: int = await conn.fetchval(
        """
        SELECT (SELECT count(*) FROM status.escalation WHERE due_at <= $1)
        + (SELECT count(*) FROM status.reminder WHERE due_at <= $1)
        + (SELECT coalesce(sum(n), 0) FROM status.held WHERE release_at <= $1)
        + (SELECT coalesce(sum(n), 0) FROM status.consent WHERE NOT ended AND valid_until < $2)
        + (SELECT coalesce(sum(n), 0) FROM status.disclosure WHERE until < $2)
        + (SELECT count(*) FROM status.erasures_open)
        + (SELECT CASE WHEN coalesce(day, '-infinity') < $2 THEN 1 ELSE 0 END FROM status.risk_round)
        """,
        now,
        today,
    )
    return int(due) + waiting + await publications.due(conn, SUPPORT, now)


async def _messages_due(conn: asyncpg.Connection, *, delivers: bool) -> int:
    due = "SELECT coalesce(sum(due), 0) FROM status.delivery WHERE channel <> 'email' OR $1"
    return int(await conn.fetchval(due, delivers))


async def _each_has_its_alert(conn: asyncpg.Connection, now: datetime) -> Invariant:
    missing = await conn.fetchval(
        "SELECT count(*) FROM status.without_alert WHERE valid_until >= $1", local_day(now)
    )
    undelivered = await conn.fetchval("SELECT count(*) FROM status.without_delivery")
    checked = await conn.fetchval("SELECT coalesce(sum(n), 0)::bigint FROM status.alert")
    return Invariant(
        "I4",
        missing == 0 and undelivered == 0,
        checked,
        f"{missing} without their alert, {undelivered} alerts without a delivery row",
    )


async def _counted(conn: asyncpg.Connection, id_: str, statement: str, what: str) -> Invariant:
    wrong = await conn.fetchval(statement)
    checked = await conn.fetchval("SELECT coalesce(sum(n), 0)::bigint FROM status.delivery")
    return Invariant(id_, wrong == 0, checked, f"{wrong} {what}")


async def _figures(conn: asyncpg.Connection) -> dict[str, float]:
    """Count what does not depend on anybody's consent: registered people, and days that courses reported."""
    (row,) = await conn.fetch("SELECT kept, registered, course_days FROM status.people")
    return {
        "people_kept": row["kept"],
        "people_registered": row["registered"],
        "course_days": row["course_days"],
    }
