"""One poll at a time: all that happens to a batch, in order, in one transaction, until it has happened."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import asyncpg
from aiokafka import TopicPartition

from services.runtime.base.clock import Clock
from services.runtime.base.failpoints import Reach, pass_by
from services.runtime.base.failures import Meaning, meaning_of, name_of
from services.runtime.base.metrics import ConsumeMetrics
from services.runtime.base.retry import jittered
from services.runtime.base.settings import LoopSettings
from services.runtime.bookkeeping import breaker, inbox, offsets
from services.runtime.bookkeeping.inbox import Seen
from services.runtime.bookkeeping.offsets import Cut, Gap, Group, Stored
from services.runtime.consume.handler_calls import Question
from services.runtime.consume.verdicts import Bench, judge, unlock
from services.runtime.consume.outcome import Settlement
from services.runtime.data.db import connect
from services.runtime.events.records import RawRecord, Readable, Reading
from services.runtime.events.subscription import Subscription

log = logging.getLogger(__name__)

_AT_ONCE = 25  # records read before others may run


@dataclass(frozen=True, slots=True)
class Polled:
    """A record as read from a poll."""

    offset: int
    reading: Reading


CutOff = Callable[
    [
        Mapping[TopicPartition, Sequence[Polled]],
        Mapping[TopicPartition, Stored],
        Mapping[TopicPartition, Gap],
    ],
    Cut[Polled],
]


@dataclass(frozen=True, slots=True)
class Parts:
    """The guards of the loop; the fault tests replace one at a time and must see the promise break."""

    reach: Reach = pass_by
    cut: CutOff = offsets.cut
    lock: Callable[..., Awaitable[dict[TopicPartition, Stored]]] = offsets.lock
    move: Callable[..., Awaitable[None]] = offsets.move
    remember: Callable[..., Awaitable[list[Seen]]] = inbox.remember


@dataclass(slots=True)
class After:
    """What is to be done about partitions once the transaction has committed."""

    committed: dict[TopicPartition, int] = field(default_factory=dict)
    gaps: dict[TopicPartition, Gap] = field(default_factory=dict)
    unprepared: set[TopicPartition] = field(default_factory=set)
    tripped: set[TopicPartition] = field(default_factory=set)


class StoppedError(Exception):
    """The loop has given up; the process has to stop."""


class Loop:
    """The consumption loop of one subscription."""

    def __init__(
        self,
        subscription: Subscription,
        bench: Bench,
        group: Group,
        *,
        dsn: str,
        clock: Clock,
        metrics: ConsumeMetrics,
        settings: LoopSettings,
        parts: Parts | None = None,
    ) -> None:
        self.subscription, self.group = subscription, group
        self._bench, self._dsn, self._clock = bench, dsn, clock
        self._metrics, self._settings = metrics, settings
        self._parts = parts or Parts()
        self._conn: asyncpg.Connection | None = None

    async def close(self) -> None:
        """Give up the connection."""
        self._drop_connection()

    async def read(self, records: Sequence[RawRecord]) -> dict[TopicPartition, list[Polled]]:
        """Read a poll, letting others run in between: the batch before it is being written meanwhile."""
        polled: dict[TopicPartition, list[Polled]] = {}
        for number, record in enumerate(records):
            partition = TopicPartition(record.topic, record.partition)
            reading = self._bench.reader.read(record)
            polled.setdefault(partition, []).append(Polled(record.offset, reading))
            if number % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
        return polled

    async def handle(
        self, polled: Mapping[TopicPartition, Sequence[Polled]], confirmed: Mapping[TopicPartition, Gap]
    ) -> After:
        """Do one poll, whatever it takes; raise only if the process has to stop."""
        started = time.monotonic()
        attempt, careful = 0, False
        while True:
            try:
                after = await self._once(polled, confirmed, careful=careful)
            except Exception as error:  # noqa: BLE001 - the failure table decides
                meaning = meaning_of(error, connection_dead=await self._connection_is_dead(error))
                self._drop_connection()
                log.warning(
                    "batch rolled back", extra=self._about(error=name_of(error), outcome=str(meaning))
                )
                if meaning is Meaning.CULPRIT and not careful:
                    careful = True  # only the commit complained: look closer
                    continue
                if meaning is not Meaning.TRANSIENT:
                    self._stop(error)
                attempt += 1
                delay = jittered(attempt)
                if time.monotonic() - started + delay > self._settings.give_up_after_seconds:
                    self._stop(error)
                self._metrics.retries.labels(reader=self.subscription.name).inc()
                await asyncio.sleep(delay)
            except BaseException:
                self._drop_connection()
                raise
            else:
                self._metrics.batches.labels(reader=self.subscription.name).observe(
                    time.monotonic() - started
                )
                return after

    async def _once(
        self,
        polled: Mapping[TopicPartition, Sequence[Polled]],
        confirmed: Mapping[TopicPartition, Gap],
        *,
        careful: bool,
    ) -> After:
        conn = await self._connection()
        await self._parts.reach("before_transaction")
        async with conn.transaction():
            stored = await self._parts.lock(conn, self.group, sorted(polled))
            cut = self._parts.cut(polled, stored, confirmed)
            after = After(gaps=cut.gaps, unprepared=cut.unprepared)
            book: Settlement | None = None
            if cut.fresh:
                book = await self._judge(conn, cut, careful=careful)
            if cut.moves:
                moves = self._moves(cut, stored, book)
                await self._trip(conn, moves, after)
                await self._parts.move(conn, self.group, moves)
                after.committed = dict(cut.moves)
            await self._parts.reach("before_commit")
        await self._parts.reach("after_commit")
        self._count(cut, book)
        return after

    async def _judge(self, conn: asyncpg.Connection, cut: Cut[Polled], *, careful: bool) -> Settlement:
        now = self._clock.now()
        name = self.subscription.name
        book = self._bench.settlement(self.subscription, now, watermarks=True)
        events = [polled.reading for polled in cut.fresh if isinstance(polled.reading, Readable)]
        seen = iter(await self._parts.remember(conn, name, events) if events else [])
        await self._parts.reach("after_inbox")
        new: list[Readable] = []
        for polled in cut.fresh:
            if not isinstance(polled.reading, Readable):
                book.unreadable(polled.reading)
            elif (what := next(seen)) is Seen.NEW:
                new.append(polled.reading)
            else:
                book.seen_before(polled.reading, what)
        locked = False
        if new:
            locked = await judge(conn, self._bench, Question(self.subscription, now, careful), new, book)
        await book.write(conn)
        await unlock(conn, self._bench, set(book.unlocks), now, locked=locked, careful=careful)
        return book

    def _moves(
        self,
        cut: Cut[Polled],
        stored: Mapping[TopicPartition, Stored],
        book: Settlement | None,
    ) -> dict[TopicPartition, Stored]:
        outcomes = book.outcomes if book is not None else {}
        return {
            partition: Stored(
                offset,
                breaker.refused_in_row(
                    stored[partition].refused_in_row, outcomes.get((partition.topic, partition.partition), [])
                ),
            )
            for partition, offset in cut.moves.items()
        }

    async def _trip(
        self, conn: asyncpg.Connection, moves: Mapping[TopicPartition, Stored], after: After
    ) -> None:
        """Pause partitions where too much was refused in a row."""
        for partition, stored in moves.items():
            if stored.refused_in_row >= self._settings.breaker_limit:
                detail = {"refused_in_row": stored.refused_in_row, "next_offset": stored.next_offset}
                await breaker.pause(conn, self.group.name, partition, "refused_in_row", detail)
                after.tripped.add(partition)

    def _count(self, cut: Cut[Polled], book: Settlement | None) -> None:
        records, name = self._metrics.records, self.subscription.name
        if cut.redelivered:
            records.labels(reader=name, outcome="redelivered").inc(cut.redelivered)
        for (_, outcome), n in (book.counts if book is not None else {}).items():
            records.labels(reader=name, outcome=outcome).inc(n)

    async def _connection(self) -> asyncpg.Connection:
        if self._conn is None or self._conn.is_closed():
            self._conn = await connect(self._dsn, name=self.group.name)
        return self._conn

    def _drop_connection(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            conn.terminate()

    async def _connection_is_dead(self, error: Exception) -> bool:
        """Ask the connection itself where asyncpg complains about its state: it may be dying."""
        conn = self._conn
        if conn is None or conn.is_closed():
            return True
        if not isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError):
            return False
        try:
            await asyncio.wait_for(conn.fetchval("SELECT 1"), 2.0)
        except Exception:  # noqa: BLE001 - whatever it says, it is of no use any more
            return True
        return False

    def _about(self, **further: Any) -> dict[str, Any]:  # noqa: ANN401 - keys of a log line
        return {"subscription": self.subscription.name, "group": self.group.name} | further

    def _stop(self, error: Exception) -> NoReturn:
        log.critical("the loop stops the process", exc_info=error, extra=self._about(error=name_of(error)))
        msg = f"{self.group.name}: {name_of(error)}"
        raise StoppedError(msg) from error
