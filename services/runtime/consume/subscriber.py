"""Runs the batch loop on a Kafka subscriber: polling, seeking, pausing."""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import IllegalStateError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.message import StreamMessage

from schemas.topics import PUBLISHERS_FAMILIES, topic
from services.runtime.base.failures import Meaning, meaning_of, name_of
from services.runtime.base.metrics import ConsumeMetrics
from services.runtime.base.retry import jittered
from services.runtime.base.settings import LoopSettings
from services.runtime.bookkeeping import breaker, offsets
from services.runtime.bookkeeping.offsets import Gap, OutOfRange, ReadFrom
from services.runtime.consume.asyncapi import described
from services.runtime.consume.batch import BatchResult, PolledRecord
from services.runtime.consume.first_batches import FirstBatches, partition_of
from services.runtime.consume.loop import BatchLoop
from services.runtime.data.db import acquire
from services.runtime.kafka.cluster import EndOffsets

log = logging.getLogger(__name__)

_COMMIT_EVERY = 1.0
_LOOK_EVERY = 2.0


async def hand_over_raw(message: StreamMessage[Any]) -> Any:  # noqa: ANN401 - the records as polled
    """Decode nothing: the loop validates each record by itself."""
    return message.raw_message


class _NoConsumer:
    """Ignores FastStream's acknowledgements: the offsets that count are in PostgreSQL."""

    async def commit(self) -> None:
        """Do nothing."""

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Do nothing."""


class Subscriber(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka is untyped
    """Consumes one subscription: polls go to the loop, partitions go on at their stored offset."""

    ack_policy = AckPolicy.MANUAL

    def __init__(
        self,
        loop: BatchLoop,
        *,
        pool: asyncpg.Pool,
        end_offsets: EndOffsets,
        metrics: ConsumeMetrics,
        settings: LoopSettings,
        prefix: str,
        fail: Callable[[BaseException], None],
    ) -> None:
        self.loop = loop
        self.progressed_at = time.monotonic()
        self.lag: dict[str, int] = {}
        self._pool, self._end_offsets = pool, end_offsets
        self._metrics, self._settings = metrics, settings
        self._prefix, self._fail = prefix, fail
        self._failed = self._closing = False
        self._writing: asyncio.Task[None] | None = None
        self._paused: set[TopicPartition] = set()
        self._suspected: dict[TopicPartition, Gap] = {}
        self._positions: dict[TopicPartition, int] = {}
        self._first = FirstBatches(pool, loop.group)
        self._subscriber: Any = None

    @property
    def name(self) -> str:
        """Return the name of the subscription."""
        return self.loop.subscription.name

    def attach(self, broker: KafkaBroker) -> None:
        """Subscribe on the broker, as the loop needs it."""
        subscription = self.loop.subscription
        self._subscriber = broker.subscriber(
            *subscription.topics,
            pattern=subscription.pattern,
            group_id=self.loop.group.name,
            batch=True,
            max_records=self._settings.max_records,
            batch_timeout_ms=self._settings.batch_timeout_ms,
            ack_policy=self.ack_policy,
            auto_offset_reset="earliest",
            partition_assignment_strategy=(RoundRobinPartitionAssignor,),
            max_poll_interval_ms=self._settings.max_poll_interval_ms,
            session_timeout_ms=self._settings.session_timeout_ms,
            fetch_max_wait_ms=250,
            listener=self,
            parser=self.parse,
            decoder=hand_over_raw,
            title=subscription.name,
            description=f"Consumer group {self.loop.group.name}",
        )
        self._subscriber(described(subscription, self._prefix, self.on_poll))

    @property
    def consumer(self) -> AIOKafkaConsumer:
        """Return the aiokafka consumer; there is none before the broker has started."""
        consumer = self._subscriber.consumer
        if consumer is None:
            msg = f"{self.name} has not started"
            raise RuntimeError(msg)
        return consumer

    async def parse(self, records: tuple[ConsumerRecord, ...]) -> StreamMessage[Any]:
        """Wrap a poll without reading its headers: FastStream loses the whole batch if one is not UTF-8."""
        return KafkaMessage(
            body=b"",
            headers={},
            message_id="",
            correlation_id="",
            raw_message=records,
            consumer=_NoConsumer(),
        )

    @property
    def started(self) -> bool:
        """Return whether the broker has started."""
        return self._subscriber.consumer is not None

    @property
    def assigned(self) -> set[TopicPartition]:
        """Return the partitions that this process reads now."""
        return set(self.consumer.assignment()) if self.started else set()

    async def on_poll(self, records: Sequence[ConsumerRecord]) -> None:
        """Hand a poll to the loop. FastStream would swallow an exception, so none leaves this function."""
        if self._failed or self._closing:
            return
        try:
            alone = await self._alone(records)
            polled = await self.loop.parse([one for one in records if partition_of(one) not in alone])
            await self.written()
            if not self._failed:
                # Written while the next poll is fetched and parsed; the contiguity guard keeps them in order.
                kept_raw = [one for one in records if partition_of(one) in alone]
                self._writing = asyncio.create_task(self.write(polled, kept_raw))
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - it stops the process
            self._failed = True
            self._fail(error)

    async def _alone(self, records: Sequence[ConsumerRecord]) -> set[TopicPartition]:
        """Count the first batch of each partition; return those in whose batch a process has ended before."""
        first = self._first.among(records)
        if not first:
            return set()
        await self.written()
        counted = await self.loop.begin(first)
        self._first.begun(counted)
        return {partition for partition, alone in counted.items() if alone}

    async def written(self) -> None:
        """Wait for the batch that is being written."""
        if self._writing is not None:
            await asyncio.wait([self._writing])

    async def finish(self) -> None:
        """Take no more polls, finish the batch in work, and say that nothing is being read."""
        self._closing = True
        await self.written()
        if not self._failed:
            await self._first.say_all_finished()

    async def write(
        self,
        polled: Mapping[TopicPartition, Sequence[PolledRecord]],
        alone: Sequence[ConsumerRecord] = (),
    ) -> None:
        """Process one poll, some partitions of it record by record; an exception stops the process."""
        try:
            readable = {
                partition: some for partition, some in polled.items() if partition not in self._paused
            }
            if readable:
                confirmed = await self._confirmed(set(readable))
                await self._follow_up(await self.loop.process(readable, confirmed))
            single = [one for one in alone if partition_of(one) not in self._paused]
            if single:
                confirmed = await self._confirmed({partition_of(one) for one in single})
                await self._follow_up(await self.loop.process_alone(single, confirmed))
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - it stops the process
            self._failed = True
            self._fail(error)

    async def _confirmed(self, polled: set[TopicPartition]) -> dict[TopicPartition, Gap]:
        """Return the gaps seen before that the broker explains: it has what lies before them (compaction)."""
        suspected = {one: self._suspected[one] for one in polled if one in self._suspected}
        try:
            beginnings = await self.consumer.beginning_offsets(list(suspected)) if suspected else {}
        except (KafkaError, OSError) as error:  # the gap is met again, and the broker asked again
            log.warning("gap: the broker does not answer", extra={"error": name_of(error)})
            return {}
        return {one: gap for one, gap in suspected.items() if beginnings[one] <= gap.expected}

    async def _follow_up(self, result: BatchResult) -> None:
        """Pause, seek or prepare partitions as a committed batch asks for."""
        if result.next_offsets:
            self.progressed_at = time.monotonic()
        for partition, offset in result.next_offsets.items():
            self._positions[partition] = offset
            self._suspected.pop(partition, None)
        for partition in result.paused:
            self._pause(partition, "refused_in_row")
        again = result.unprepared
        for partition, gap in result.gaps.items():
            if self._suspected.get(partition) == gap:
                again = again | {partition}  # seen twice and not confirmed: the beginning has moved on
                continue
            log.warning("gap: reading again", extra=self._about(partition, offset=gap.expected, to=gap.seen))
            self._metrics.alarms.labels(reader=self.name, what="gap").inc()
            self._suspected[partition] = gap
            self._seek(partition, gap.expected)
        if again:
            await self._prepare(again)

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Forget partitions that another process reads from now on."""
        self._first.revoked(revoked)
        for partition in revoked:
            self._paused.discard(partition)
            self._suspected.pop(partition, None)
            self._positions.pop(partition, None)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Go on at the offsets stored in PostgreSQL."""
        self._first.assigned(assigned)
        try:
            await self._prepare(assigned)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - aiokafka would only log it
            self._failed = True
            self._fail(error)

    async def _prepare(self, partitions: set[TopicPartition]) -> None:
        """Seek or pause partitions as stored; try again while the database or the broker is away."""
        attempt, started = 0, time.monotonic()
        while partitions:
            try:
                await self._check_and_seek(sorted(partitions))
            except Exception as error:
                attempt += 1
                delay = jittered(attempt)
                patience = time.monotonic() - started + delay <= self._settings.give_up_after_seconds
                if meaning_of(error, connection_dead=True) is not Meaning.TRANSIENT or not patience:
                    raise
                log.warning(
                    "assignment: trying again", extra={"error": name_of(error), "group": self.loop.group.name}
                )
                await asyncio.sleep(delay)
            else:
                return

    async def _check_and_seek(self, partitions: Sequence[TopicPartition]) -> None:
        group = self.loop.group
        # The stored offsets first: a former reader may still move them, and the end is never behind them.
        async with acquire(self._pool) as conn:
            stored = await offsets.of_group(conn, group)
            paused = await breaker.paused(conn, group.name)
        beginnings = await self.consumer.beginning_offsets(partitions)
        ends = await self.consumer.end_offsets(partitions)
        for partition in partitions:
            if partition in paused:
                self._pause(partition, paused[partition])
                continue
            match offsets.where_to_read_from(stored.get(partition), beginnings[partition], ends[partition]):
                case ReadFrom(offset, first_time):
                    if first_time:
                        async with acquire(self._pool) as conn:
                            offset = await offsets.begin(conn, group, partition, offset)
                    self._seek(partition, offset)
                case OutOfRange(was, beginning, end):
                    detail = {"stored": was, "beginning": beginning, "end": end}
                    async with acquire(self._pool) as conn:
                        await breaker.pause(conn, group.name, partition, "out_of_range", detail)
                    self._pause(partition, "out_of_range")

    def _seek(self, partition: TopicPartition, offset: int) -> None:
        try:
            self.consumer.seek(partition, offset)
        except IllegalStateError:
            return  # no longer assigned to this process

    def _pause(self, partition: TopicPartition, why: str) -> None:
        if partition not in self._paused:
            log.error("ALARM: partition paused", extra=self._about(partition, reason=why))
            self._metrics.alarms.labels(reader=self.name, what=why).inc()
        self._paused.add(partition)
        try:
            self.consumer.pause(partition)
        except IllegalStateError:
            self._paused.discard(partition)

    async def maintain(self, stop: asyncio.Event) -> None:
        """Resume partitions, report positions to Kafka and measure the lag until told to stop."""
        committed_at = looked_at = 0.0
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), 0.5)
            except TimeoutError:
                pass
            else:
                return
            now = time.monotonic()
            if now - looked_at >= _LOOK_EVERY:
                looked_at = now
                await self._follow_pauses()
            if now - committed_at >= _COMMIT_EVERY:
                committed_at = now
                await self._commit()

    async def _follow_pauses(self) -> None:
        """Pause and resume as stored, for operators and other processes change it; measure the lag."""
        try:
            async with acquire(self._pool) as conn:
                paused = await breaker.paused(conn, self.loop.group.name)
            for partition in (set(paused) & self.assigned) - self._paused:
                self._pause(partition, paused[partition])
            resumed = (self._paused & self.assigned) - set(paused)
            if resumed:
                self._paused -= resumed
                self.consumer.resume(*resumed)
                await self._prepare(resumed)
            await self.measure_lag()
        except Exception as error:
            if meaning_of(error, connection_dead=True) is not Meaning.TRANSIENT:
                raise
            log.warning(
                "could not look after the group",
                extra={"error": name_of(error), "group": self.loop.group.name},
            )

    async def _commit(self) -> None:
        """Commit to Kafka, for lag tools only: the offsets that count are in PostgreSQL."""
        positions = {partition: at for partition, at in self._positions.items() if partition in self.assigned}
        self._positions.clear()
        if positions:
            try:
                await self.consumer.commit(positions)
            except (KafkaError, IllegalStateError) as error:
                log.info("position not told to Kafka", extra={"error": name_of(error)})

    async def measure_lag(self) -> dict[str, int]:
        """Count unread records by topic; a topic that the consumer has not discovered yet counts as 1."""
        async with acquire(self._pool) as conn:
            stored = await offsets.of_group(conn, self.loop.group)
            slugs = await conn.fetch("SELECT slug FROM runtime.publisher")
        known = self.consumer.subscription() | {partition.topic for partition in self.assigned}
        here = [partition for partition in stored if partition.topic in known]
        ends = await self._end_offsets.of(here)
        lag: dict[str, int] = {}
        for partition in here:
            behind = max(0, ends[partition] - stored[partition])
            lag[partition.topic] = lag.get(partition.topic, 0) + behind
        wanted = {name for row in slugs for name in self._topics_of(row["slug"])}
        for name in wanted.union(self.loop.subscription.topics) - lag.keys():
            lag[name] = 1
        self.lag = lag
        if not any(lag.values()):
            self.progressed_at = time.monotonic()
        self._metrics.lag.labels(reader=self.name).set(sum(lag.values()))
        return lag

    def stalled_seconds(self) -> float:
        """Return for how many seconds there has been something to read without progress."""
        paused = {partition.topic for partition in self._paused}
        behind = any(n for name, n in self.lag.items() if name not in paused)
        return time.monotonic() - self.progressed_at if behind else 0.0

    def _topics_of(self, slug: str) -> list[str]:
        pattern = self.loop.subscription.pattern
        names = [topic(family, slug, prefix=self._prefix) for family in PUBLISHERS_FAMILIES]
        return [name for name in names if pattern is not None and re.match(pattern, name)]

    def _about(self, partition: TopicPartition, **further: object) -> dict[str, object]:
        where = {"topic": partition.topic, "partition": partition.partition}
        return {"subscription": self.name, "group": self.loop.group.name} | where | further
