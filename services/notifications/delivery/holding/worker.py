"""Lets held mails go out when their office allows it, those to one mailbox together."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.notifications.delivery.holding import store
from services.notifications.delivery.holding.domain import (
    GoesOut,
    Held,
    HeldFor,
    Hours,
    Message,
    Office,
    Telling,
    Waiting,
    grouped,
    kind_of,
    when,
)
from services.runtime.bookkeeping.work import Taking, WorkQueue
from services.runtime.data.db import Connection, Pool

_BATCH = 500
_UNANSWERED = frozenset({"new", "seen"})
_ASKS = frozenset({"notice", "repeat", "snooze"})
"""Steps by which an office is asked to look; needless as soon as it has answered."""

ReadHours = Callable[[Connection], Awaitable[Mapping[str, Hours]]]


class _Always:
    """The hours of an office that the directory no longer names."""

    def of(self, _day: object, /) -> tuple[()]:
        return ()


@dataclass(frozen=True, slots=True)
class ReleaseWorker:
    """Looks at held mails whose time has come: each goes out, rides along with another, or waits on."""

    pool: Pool
    hours: ReadHours
    usual: Telling

    async def drain(self, now: datetime) -> int:
        """Look at the next held mails; return how many they were."""

        async def look(conn: Connection, taking: Taking) -> int:
            rows = await store.due(conn, now, taking)
            taking.taken += [row["item"] for row in rows]
            if rows:
                await self._decide(conn, rows, now)
            return len(rows)

        return await WorkQueue(self.pool, "release", _BATCH).work(look)

    async def _decide(self, conn: Connection, rows: list[asyncpg.Record], now: datetime) -> None:
        slugs = sorted({row["office"] for row in rows})
        hours = await self.hours(conn)
        chosen = await store.tellings(conn, slugs)
        silences = await store.silences(conn, slugs, now)
        offices = {
            slug: Office(chosen.get(slug, self.usual), hours.get(slug, _Always()), silences.get(slug, ()))
            for slug in slugs
        }
        held: list[tuple[UUID, datetime, HeldFor]] = []
        out: list[Waiting] = []
        needless: list[UUID] = []
        for row in rows:
            if _needless(row):
                needless.append(row["delivery_id"])
                continue
            message = Message(row["created_at"], row["kind"], _role(row["recipient"]), kind_of(row["step"]))
            match when(message, offices[row["office"]], now):
                case GoesOut():
                    out.append(Waiting(row["delivery_id"], row["recipient"], row["step"], row["created_at"]))
                case Held(until, why):
                    held.append((row["delivery_id"], until, why))
        await store.needless(conn, needless)
        await store.hold(conn, held)
        groups = grouped(out)
        await store.carry(conn, [(one.delivery, first.delivery) for first, *rest in groups for one in rest])
        await store.release(conn, [group[0].delivery for group in groups])


def _role(recipient: str) -> str:
    return recipient.partition(":")[0]


def _needless(row: asyncpg.Record) -> bool:
    """Return whether a mail asks an office that has answered, or that is no longer asked."""
    asks = kind_of(row["step"]) in _ASKS and _role(row["recipient"]) == "office"
    return asks and (row["state"] not in _UNANSWERED or row["asked"] != row["office"])
