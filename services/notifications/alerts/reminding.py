"""Reminds offices of alerts at which nobody has looked, and of those that were put off until now."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.notifications.alerts import reminder_store
from services.notifications.delivery import store as deliveries
from services.runtime.bookkeeping.work import Taking, WorkQueue
from services.runtime.data.db import Connection, Pool

_BATCH = 100


@dataclass(frozen=True, slots=True)
class ReminderWorker:
    """Settles the reminders that are due."""

    pool: Pool

    async def drain(self, now: datetime) -> int:
        """Settle the next reminders; return how many they were."""

        async def settle(conn: Connection, taking: Taking) -> int:
            due = await reminder_store.due(conn, now, taking)
            taking.taken += [row["item"] for row in due]
            for row in due:
                await _settle(conn, row, now)
            return len(due)

        return await WorkQueue(self.pool, "remind", _BATCH).work(settle)


async def _settle(conn: Connection, row: asyncpg.Record, now: datetime) -> None:
    still_open = await reminder_store.still_open(conn, row)
    if still_open:
        step = f"{row['kind']}-{row['opening']}-{row['step']}"
        notice = deliveries.Notice(row["alert_id"], row["organisation"], row["office"], step)
        await deliveries.add_to_offices(conn, [notice], now)
    await reminder_store.close(conn, row, "reminded" if still_open else "answered_before", now)
