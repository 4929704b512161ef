"""Reports the support side's status: work that is due, invariants, and figures without persons."""

from datetime import datetime

import asyncpg

from schemas.days import local_day
from services.notifications.counts.domain import last_week
from services.runtime.serve.status import Invariant, OwnStatus


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
                conn, "I9", "SELECT count(*) FROM status.escalated_after_answer", "escalated after an answer"
            ),
        ),
        figures=await _figures(conn),
    )


async def due(conn: asyncpg.Connection, now: datetime, *, delivers: bool = True) -> int:
    """Return how much timers and workers have to do now."""
    return await _due(conn, now) + (await _mails_due(conn) if delivers else 0)


async def _due(conn: asyncpg.Connection, now: datetime) -> int:
    today = local_day(now)
    waiting: int = await conn.fetchval("SELECT courses + people + registrations FROM status.waiting")
    due: int = await conn.fetchval(
        """
        SELECT (SELECT count(*) FROM status.escalation WHERE due_at <= $1)
        + (SELECT coalesce(sum(n), 0) FROM status.consent WHERE NOT ended AND valid_until < $2)
        + (SELECT coalesce(sum(n), 0) FROM status.disclosure WHERE until < $2)
        + (SELECT count(*) FROM status.erasures_open)
        + (SELECT count(*) FROM status.counts_published WHERE coalesce(last_week < $3, true))
        """,
        now,
        today,
        last_week(today),
    )
    return int(due) + waiting


async def _mails_due(conn: asyncpg.Connection) -> int:
    return int(await conn.fetchval("SELECT coalesce(sum(due), 0) FROM status.delivery"))


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
    figures: dict[str, float] = {}
    for row in await conn.fetch(
        "SELECT kind, state, sum(n)::bigint AS n FROM status.alert GROUP BY kind, state"
    ):
        figures[f"alerts_{row['kind']}_{row['state']}"] = row["n"]
    for row in await conn.fetch("SELECT state, n, in_doubt FROM status.delivery"):
        figures[f"deliveries_{row['state']}"] = row["n"]
        figures["possible_duplicates"] = figures.get("possible_duplicates", 0) + row["in_doubt"]
    figures["alerts"] = sum(n for name, n in figures.items() if name.startswith("alerts_"))
    figures["deliveries"] = figures.get("deliveries_sent", 0)
    for row in await conn.fetch("SELECT kept, registered, course_days FROM status.people"):
        figures |= {
            "people_kept": row["kept"],
            "people_registered": row["registered"],
            "course_days": row["course_days"],
        }
    figures["risks_open"] = await conn.fetchval(
        "SELECT coalesce(sum(n), 0)::bigint FROM status.risk WHERE state = 'open'"
    )
    figures["consents_open"] = await conn.fetchval(
        "SELECT coalesce(sum(n), 0)::bigint FROM status.consent WHERE NOT ended"
    )
    figures["erasures_open"] = await conn.fetchval("SELECT count(*) FROM status.erasures_open")
    return figures
