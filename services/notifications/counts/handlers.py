"""Publishes each Kreis's counts of the last week that is over, once."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid5

from schemas.counts import Count, CountsReported
from schemas.days import LOCAL, local_day
from schemas.envelope import Event
from schemas.identity import NAMESPACE
from schemas.topics import Family, topic
from services.notifications.counts import store
from services.notifications.counts.domain import last_week, table
from services.runtime.data.db import Connection, Pool, transaction
from services.runtime.send.outbox import Outgoing, put


@dataclass(frozen=True, slots=True)
class CountsPublisher:
    """Publishes the weekly counts that are due."""

    pool: Pool
    prefix: str
    suppress_below: int

    async def publish(self, now: datetime) -> int:
        """Publish the counts of last week where they are missing; return for how many Kreise."""
        week = last_week(local_day(now))
        async with transaction(self.pool) as conn:
            kreise = await store.kreise_without(conn, week)
            for kreis in kreise:
                await self._publish(conn, kreis, week, now)
            return len(kreise)

    async def _publish(self, conn: Connection, kreis: str, week: date, now: datetime) -> None:
        tables = await store.of_week(conn, kreis, _midnight(week), _midnight(week + timedelta(days=7)))
        tables["needs"] = await store.needs(conn, kreis, week)
        tables["consent"] = await store.consenting(conn, kreis, local_day(now))
        told: dict[str, int | None] = {}
        for name, cells in tables.items():
            told |= table(name, cells, self.suppress_below)
        if not await store.keep(conn, kreis, week, told, now):
            return
        data = CountsReported(
            kreis=kreis,
            week=week,
            suppressed_below=self.suppress_below,
            counts=tuple(Count(name=name, value=value) for name, value in told.items()),
        )
        id_ = uuid5(NAMESPACE, f"counts/{kreis}/{week}")
        event = Event(id=str(id_), type=CountsReported.type_, source="/notifications", time=now, data=data)
        name = topic(Family.COUNTS, prefix=self.prefix)
        await put(conn, [Outgoing(id_, name, data.subject_key(""), event)])


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), LOCAL).astimezone(UTC)
