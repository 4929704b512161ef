"""Processes the polls of one subscription one after the other, each until it has committed."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn, TypeVar

import asyncpg
from aiokafka import TopicPartition

from services.runtime.base.clock import Clock
from services.runtime.base.failures import Meaning, meaning_of, name_of
from services.runtime.base.metrics import ConsumeMetrics
from services.runtime.base.retry import jittered
from services.runtime.base.settings import LoopSettings
from services.runtime.bookkeeping import attempts
from services.runtime.bookkeeping.offsets import Gap, Group
from services.runtime.consume.batch import (
    Batch,
    BatchResult,
    PolledRecord,
    TooManyCrashesError,
    process_batch,
)
from services.runtime.consume.context import ConsumerContext
from services.runtime.data.db import connect
from services.runtime.events.records import RawRecord, Reading
from services.runtime.events.subscription import RecordPosition, Subscription
from services.runtime.kafka.tolerant_records import UndecodableRecord

T = TypeVar("T")

log = logging.getLogger(__name__)

_PARSED_AT_ONCE = 25  # records parsed before other tasks may run
_TAKE_BACK_SECONDS = 5.0


_PROCESS_ENDED = "process_ended"  # stands for the name of an error that nobody could catch


class StoppedError(Exception):
    """The loop has given up; the process has to stop."""


class _RecordsFaultError(Exception):
    """A batch failed for a reason that one of its records may be."""

    def __init__(self, meaning: Meaning, name: str) -> None:
        super().__init__(name)
        self.meaning, self.name = meaning, name


def cut(
    records: Mapping[TopicPartition, Sequence[PolledRecord]], cuts: Mapping[TopicPartition, int]
) -> dict[TopicPartition, Sequence[PolledRecord]]:
    """Return the records that lie below the cuts of their partitions."""
    return {
        partition: [one for one in some if partition not in cuts or one.offset < cuts[partition]]
        for partition, some in records.items()
    }


def joined(results: Sequence[BatchResult]) -> BatchResult:
    """Return the result of batches that were processed one after the other."""
    next_offsets: dict[TopicPartition, int] = {}
    gaps: dict[TopicPartition, Gap] = {}
    unprepared: set[TopicPartition] = set()
    paused: set[TopicPartition] = set()
    counts: Counter[str] = Counter()
    for result in results:
        next_offsets |= result.next_offsets
        gaps |= result.gaps
        unprepared |= result.unprepared
        paused |= result.paused
        counts.update(result.counts)
    return BatchResult(next_offsets, gaps, unprepared, paused, counts)


class BatchLoop:
    """Runs the batches of one subscription on a connection of its own; retries what is transient."""

    def __init__(
        self,
        subscription: Subscription,
        context: ConsumerContext,
        group: Group,
        *,
        dsn: str,
        clock: Clock,
        metrics: ConsumeMetrics,
        settings: LoopSettings,
    ) -> None:
        self.subscription, self.group = subscription, group
        self._context, self._dsn, self._clock = context, dsn, clock
        self._metrics, self._settings = metrics, settings
        self._conn: asyncpg.Connection | None = None
        self._last_failure = _PROCESS_ENDED

    def close(self) -> None:
        """Drop the connection."""
        conn, self._conn = self._conn, None
        if conn is not None:
            conn.terminate()

    async def parse(self, records: Sequence[RawRecord]) -> dict[TopicPartition, list[PolledRecord]]:
        """Parse a poll; let other tasks run in between, for the batch before it is being written."""
        parsed: dict[TopicPartition, list[PolledRecord]] = {}
        for number, record in enumerate(records):
            partition = TopicPartition(record.topic, record.partition)
            parsed.setdefault(partition, []).append(PolledRecord(record.offset, self._read(record)))
            if number % _PARSED_AT_ONCE == _PARSED_AT_ONCE - 1:
                await asyncio.sleep(0)
        return parsed

    def _read(self, record: RawRecord) -> Reading:
        """Parse one record; one on which the reader fails is set aside."""
        if isinstance(record, UndecodableRecord):
            log.error(
                "ALARM: a record cannot be decoded",
                extra=self._about(error=record.error, topic=record.topic, offset=record.offset),
            )
            self._metrics.alarms.labels(reader=self.subscription.name, what="undecodable").inc()
        try:
            return self._context.reader.read(record)
        except Exception as error:  # noqa: BLE001 - whatever a record brings about, it is told and set aside
            log.error(  # noqa: TRY400 - its text may quote the record
                "ALARM: a record makes its reader fail and is set aside",
                extra=self._about(error=name_of(error), topic=record.topic, offset=record.offset),
            )
            where = RecordPosition(record.topic, record.partition, record.offset)
            return self._context.reader.set_aside(where, times=1, error=name_of(error))

    async def begin(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, bool]:
        """Count the first batch of these partitions; return whose records are to be read alone."""

        async def counted() -> dict[TopicPartition, bool]:
            return await attempts.begin(await self._connection(), self.group, partitions)

        return await self._until_answered(counted)

    async def process(
        self,
        records: Mapping[TopicPartition, Sequence[PolledRecord]],
        confirmed_gaps: Mapping[TopicPartition, Gap],
    ) -> BatchResult:
        """Process one poll until it has committed.

        Raises:
            StoppedError: the failure is a bug, or lasts longer than `give_up_after_seconds`.
        """
        started = time.monotonic()
        result = await self._written(records, confirmed_gaps)
        if result is None:
            readings = {partition: list(polled) for partition, polled in records.items()}
            result = await self._each_alone(readings, confirmed_gaps)
        self._measure(result, time.monotonic() - started)
        return result

    async def process_alone(
        self, records: Sequence[RawRecord], confirmed_gaps: Mapping[TopicPartition, Gap]
    ) -> BatchResult:
        """Process records one by one, each counted before it is parsed: one of them has ended a process."""
        started = time.monotonic()
        raw: dict[TopicPartition, list[RawRecord]] = {}
        for record in records:
            raw.setdefault(TopicPartition(record.topic, record.partition), []).append(record)
        result = await self._each_alone(raw, confirmed_gaps)
        self._measure(result, time.monotonic() - started)
        return result

    async def _each_alone(
        self,
        records: Mapping[TopicPartition, Sequence[PolledRecord] | Sequence[RawRecord]],
        confirmed_gaps: Mapping[TopicPartition, Gap],
    ) -> BatchResult:
        results: list[BatchResult] = []
        for partition, some in records.items():
            log.warning("records are read one by one", extra=self._about(topic=partition.topic, n=len(some)))
            self._metrics.alarms.labels(reader=self.subscription.name, what="alone").inc()
            until = some[-1].offset + 1
            await self._until_answered(partial(self._read_alone_until, partition, until))
            for record in some:
                result = await self._alone(partition, record, confirmed_gaps)
                results.append(result)
                if partition in result.paused | result.unprepared | result.gaps.keys():
                    break
        return joined(results)

    async def _read_alone_until(self, partition: TopicPartition, until: int) -> None:
        await attempts.read_alone(await self._connection(), self.group, partition, until)

    async def _alone(
        self,
        partition: TopicPartition,
        record: PolledRecord | RawRecord,
        confirmed_gaps: Mapping[TopicPartition, Gap],
    ) -> BatchResult:
        """Process one record, counted before; after too many attempts it is set aside."""
        tries, failure = self._context.crash_tries, _PROCESS_ENDED
        while True:
            if await self._until_answered(partial(self._count, partition, record.offset)) > tries:
                return await self._set_aside(partition, record, confirmed_gaps, failure)
            polled = (
                record
                if isinstance(record, PolledRecord)
                else PolledRecord(record.offset, self._read(record))
            )
            where = (partition, record.offset)
            result = await self._written({partition: [polled]}, confirmed_gaps, alone=where)
            if result is not None:
                return result
            failure = self._last_failure

    async def _count(self, partition: TopicPartition, offset: int) -> int:
        return await attempts.count(await self._connection(), self.group, partition, offset)

    async def _take_back(self, partition: TopicPartition, offset: int) -> bool:
        """Undo the count of a record if the database answers; return whether it did."""
        try:
            async with asyncio.timeout(_TAKE_BACK_SECONDS):
                await attempts.take_back(await self._connection(), self.group, partition, offset)
        except Exception as error:  # noqa: BLE001 - the failure seen before is the one to act on
            self.close()
            log.warning("a count was not taken back", extra=self._about(error=name_of(error)))
            return False
        return True

    async def _set_aside(
        self,
        partition: TopicPartition,
        record: PolledRecord | RawRecord,
        confirmed_gaps: Mapping[TopicPartition, Gap],
        failure: str,
    ) -> BatchResult:
        log.error(
            "ALARM: a record makes its reader fail and is set aside",
            extra=self._about(error=failure, topic=partition.topic, offset=record.offset),
        )
        where = RecordPosition(partition.topic, partition.partition, record.offset)
        read = record.reading if isinstance(record, PolledRecord) else None
        times = self._context.crash_tries
        reading = self._context.reader.set_aside(where, read, times=times, error=failure)
        polled = {partition: [PolledRecord(record.offset, reading)]}
        result = await self._written(polled, confirmed_gaps, alone=(partition, record.offset))
        if result is None:
            msg = f"{self.group.name}: {self._last_failure} where nothing of a record is read"
            raise StoppedError(msg)
        return result

    async def _written(
        self,
        records: Mapping[TopicPartition, Sequence[PolledRecord]],
        confirmed_gaps: Mapping[TopicPartition, Gap],
        *,
        alone: tuple[TopicPartition, int] | None = None,
    ) -> BatchResult | None:
        """Write a batch; None if it fails again and again for a reason that one of its records may be.

        `alone` is where a single record lies that has been counted. A failure that is not its fault
        takes the count back until the next try.
        """
        isolate_poison = taken_back = False

        async def write() -> BatchResult | None:
            nonlocal isolate_poison, records, taken_back
            conn = await self._connection()
            if alone is not None and taken_back:
                await attempts.count(conn, self.group, *alone)
                taken_back = False
            now = self._clock.now()
            batch = Batch(
                self.subscription,
                self.group,
                records,
                confirmed_gaps,
                now,
                isolate_poison,
                alone=alone is not None,
            )
            try:
                return await process_batch(conn, self._context, batch)
            except TooManyCrashesError as error:
                records = cut(records, error.cuts)
                return await process_batch(conn, self._context, replace(batch, records=records))

        async def take_back() -> None:
            nonlocal taken_back
            if alone is not None and not taken_back:
                taken_back = await self._take_back(*alone)

        while True:
            try:
                return await self._until_answered(write, take_back)
            except _RecordsFaultError as error:
                if error.meaning is Meaning.POISON and not isolate_poison:
                    isolate_poison = True  # only the commit complained, which does not name the record
                    continue
                self._last_failure = error.name
                return None

    async def _until_answered(
        self, work: Callable[[], Awaitable[T]], no_records_fault: Callable[[], Awaitable[None]] | None = None
    ) -> T:
        """Do a transaction's work until it has committed, through everything that passes by itself.

        `no_records_fault` is called after each failure that no record can be blamed for.
        """
        started, attempt = time.monotonic(), 0
        while True:
            try:
                return await work()
            except Exception as error:
                meaning = meaning_of(error, connection_dead=await self._connection_is_dead(error))
                self.close()
                log.warning(
                    "batch rolled back", extra=self._about(error=name_of(error), outcome=str(meaning))
                )
                if meaning in {Meaning.POISON, Meaning.CRASH}:
                    raise _RecordsFaultError(meaning, name_of(error)) from error
                if no_records_fault is not None:
                    await no_records_fault()
                if meaning is not Meaning.TRANSIENT:
                    self._stop(error)
                attempt += 1
                delay = jittered(attempt)
                if time.monotonic() - started + delay > self._settings.give_up_after_seconds:
                    self._stop(error)
                self._metrics.retries.labels(reader=self.subscription.name).inc()
                await asyncio.sleep(delay)
            except BaseException:
                self.close()
                raise

    def _measure(self, result: BatchResult, seconds: float) -> None:
        name = self.subscription.name
        for outcome, n in result.counts.items():
            if outcome == "crashed":
                self._metrics.alarms.labels(reader=name, what="crashed").inc(n)
            else:
                self._metrics.records.labels(reader=name, outcome=outcome).inc(n)
        self._metrics.batches.labels(reader=name).observe(seconds)

    async def _connection(self) -> asyncpg.Connection:
        if self._conn is None or self._conn.is_closed():
            self._conn = await connect(self._dsn, name=self.group.name)
        return self._conn

    async def _connection_is_dead(self, error: Exception) -> bool:
        """Return whether the connection is of use no more; asyncpg may complain while it is only dying."""
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
