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
    Needless,
    Office,
    Standing,
    Telling,
    Waiting,
    grouped,
    kind_of,
    needless,
    when,
)
from services.runtime.bookkeeping.work import Taking, WorkQueue
from services.runtime.data.db import Connection, Pool

_BATCH = 500

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
        no_more: dict[UUID, Needless] = {}
        for row in rows:
            role = row["recipient"].partition(":")[0]
            stands = Standing(
                row["state"], row["opening"], row["snoozed_until"], row["asked"] == row["office"]
            )
            why = needless(row["step"], role, stands, now)
            if why is not None:
                no_more[row["delivery_id"]] = why
                continue
            message = Message(row["created_at"], row["kind"], role, kind_of(row["step"]))
            match when(message, offices[row["office"]], now):
                case GoesOut():
                    out.append(Waiting(row["delivery_id"], row["recipient"], row["step"], row["created_at"]))
                case Held(until, reason):
                    held.append((row["delivery_id"], until, reason))
        await store.needless(conn, no_more)
        await store.hold(conn, held)
        groups = grouped(out)
        await store.carry(conn, [(one.delivery, first.delivery) for first, *rest in groups for one in rest])
        await store.release(conn, [group[0].delivery for group in groups])
