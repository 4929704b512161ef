"""Escalates unanswered alerts to the lead of the office, within the office's own organisation."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.notifications.alerts import store
from services.notifications.delivery import store as deliveries
from services.runtime.data.db import Connection, Pool, transaction

_BATCH = 100


@dataclass(frozen=True, slots=True)
class EscalationWorker:
    """Settles the escalations that are due."""

    pool: Pool

    async def drain(self, now: datetime) -> int:
        """Settle the next escalations; return how many they were."""
        async with transaction(self.pool) as conn:
            due = await store.due_escalations(conn, now, _BATCH)
            for row in due:
                await _settle(conn, row, now)
            return len(due)


async def _settle(conn: Connection, row: asyncpg.Record, now: datetime) -> None:
    escalated = await store.escalate(conn, row["alert_id"], row["opening"], row["office"], now)
    if escalated:
        await deliveries.add(
            conn,
            row["alert_id"],
            row["organisation"],
            row["office"],
            recipient=f"lead:{row['office']}",
            step=f"escalation-{row['opening']}-{row['step']}",
            now=now,
        )
    await store.close_escalation(conn, row, "escalated" if escalated else "answered_before", now)
