"""Escalates unanswered alerts to the lead of the office, then further up, within its own organisation."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.notifications.alerts import store
from services.notifications.delivery import store as deliveries
from services.notifications.delivery.holding import store as holding
from services.notifications.delivery.holding.domain import level_of
from services.runtime.bookkeeping.work import Taking, WorkQueue
from services.runtime.data.db import Connection, Pool

_BATCH = 100


@dataclass(frozen=True, slots=True)
class EscalationWorker:
    """Settles the escalations that are due."""

    pool: Pool

    async def drain(self, now: datetime) -> int:
        """Settle the next escalations; return how many they were."""

        async def settle(conn: Connection, taking: Taking) -> int:
            due = await store.due_escalations(conn, now, taking)
            taking.taken += [row["item"] for row in due]
            for row in due:
                await _settle(conn, row, now)
            return len(due)

        return await WorkQueue(self.pool, "escalate", _BATCH).work(settle)


async def _settle(conn: Connection, row: asyncpg.Record, now: datetime) -> None:
    escalated = await store.escalate(conn, row["alert_id"], row["opening"], row["office"], now)
    if escalated:
        level = level_of(row["step"], await holding.levels(conn, row["office"]))
        await deliveries.add_mail(
            conn,
            row["alert_id"],
            row["organisation"],
            row["office"],
            recipient=f"{level}:{row['office']}",
            step=f"escalation-{row['opening']}-{row['step']}",
            now=now,
        )
    await store.close_escalation(conn, row, "escalated" if escalated else "answered_before", now)
