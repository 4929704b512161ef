"""Expires parked events, replays quarantined records, prunes the inbox."""

from collections.abc import Mapping, Sequence
from itertools import groupby

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from schemas.topics import Family
from services.runtime.base.clock import Clock
from services.runtime.base.failures import name_of
from services.runtime.base.settings import LoopSettings
from services.runtime.bookkeeping import erased, inbox, parking, quarantine
from services.runtime.bookkeeping.inbox import InboxStatus
from services.runtime.bookkeeping.parking import ParkedEvent
from services.runtime.bookkeeping.quarantine import ReplayRequest
from services.runtime.bookkeeping.work import of_item
from services.runtime.consume.context import ConsumerContext
from services.runtime.consume.handler_calls import HandlerCall
from services.runtime.consume.unparking import apply_unlocked, retry_parked
from services.runtime.consume.verdicts import decide
from services.runtime.data.db import transaction
from services.runtime.events.records import Readable, Unreadable
from services.runtime.events.subscription import RecordPosition, Subscription
from services.runtime.kafka.access import RETENTION_DAYS
from services.runtime.kafka.administration import KafkaAddress, client_options

_FETCH_MS = 10_000
_AT_ONCE = 2_000  # hashes of one transaction


async def read_back(
    address: KafkaAddress, positions: Sequence[RecordPosition]
) -> dict[RecordPosition, ConsumerRecord]:
    """Return raw records by position; those that retention has deleted are missing."""
    found: dict[RecordPosition, ConsumerRecord] = {}
    if not positions:
        return found
    consumer = AIOKafkaConsumer(**client_options(address), enable_auto_commit=False, auto_offset_reset="none")
    await consumer.start()
    try:
        for (topic, partition), some in groupby(
            sorted(positions, key=_order), key=lambda position: _order(position)[:2]
        ):
            where = TopicPartition(topic, partition)
            consumer.assign([where])
            beginning = (await consumer.beginning_offsets([where]))[where]
            end = (await consumer.end_offsets([where]))[where]
            for position in some:
                if beginning <= position.offset < end:
                    consumer.seek(where, position.offset)
                    polled = await consumer.getmany(where, timeout_ms=_FETCH_MS, max_records=1)
                    for record in polled.get(where, []):
                        if record.offset == position.offset:
                            found[position] = record
    finally:
        await consumer.stop()
    return found


class Maintenance:
    """Runs the maintenance of all subscriptions of a service; each method is a timer's step."""

    def __init__(
        self,
        context: ConsumerContext,
        pool: asyncpg.Pool,
        kafka: KafkaAddress,
        clock: Clock,
        settings: LoopSettings,
    ) -> None:
        self._context, self._pool, self._kafka = context, pool, kafka
        self._clock, self._settings = clock, settings

    async def expire_parked(self) -> int:
        """Reject events parked for too long after one last try, then retry those parked behind them."""
        done = 0
        for subscription in self._context.subscriptions.values():
            async with transaction(self._pool) as conn:
                old = await parking.too_old(conn, subscription.name, self._settings.parked_for_seconds)
                if not old:
                    continue
                await parking.lock_for_parking(conn)
                await self._expire(conn, subscription, old)
                done += len(old)
        return done

    async def _expire(
        self, conn: asyncpg.Connection, subscription: Subscription, old: Sequence[ParkedEvent]
    ) -> None:
        call = HandlerCall(subscription, self._clock.now(), tries=self._context.crash_tries)
        expired, _ = await retry_parked(conn, self._context, call, old, last=True)
        subjects = {(row.position.topic, row.subject) for row in old}
        behind = await parking.of_subjects(conn, subscription.name, subjects)
        followers, _ = await retry_parked(conn, self._context, call, behind)
        keys = expired.unlocked | followers.unlocked
        await apply_unlocked(conn, self._context, call, keys, parking_locked=True)

    async def replay(self) -> int:
        """Process refused records again where an operator asked for it; they are read back from Kafka."""
        done = 0
        for subscription in self._context.subscriptions.values():
            name, cluster = subscription.name, self._context.cluster
            async with transaction(self._pool) as conn:
                requests = await quarantine.replay_requests(conn, name, cluster)
            # Nothing is read from Kafka inside a transaction; what is still requested afterwards is replayed.
            raw = await read_back(self._kafka, [row.position for row in requests])
            for request in requests:
                done += await self._replay_alone(subscription, request.id, raw)
        return done

    async def _replay_alone(
        self, subscription: Subscription, id_: int, raw: Mapping[RecordPosition, ConsumerRecord]
    ) -> int:
        """Process one record again, so that one on which our code fails stops no other."""
        name, cluster = subscription.name, self._context.cluster
        try:
            async with transaction(self._pool) as conn:
                for row in await quarantine.replay_requests(conn, name, cluster, only=id_):
                    finished, result = await self._replay_one(conn, subscription, row, raw)
                    await quarantine.store_replay_result(conn, row.id, done=finished, result=result)
                    return 1
        except Exception as error:
            if not of_item(error):
                raise
            async with transaction(self._pool) as conn:
                tries = self._context.crash_tries
                await quarantine.store_replay_failure(conn, id_, error=name_of(error), tries=tries)
        return 0

    async def _replay_one(
        self,
        conn: asyncpg.Connection,
        subscription: Subscription,
        row: ReplayRequest,
        raw: Mapping[RecordPosition, ConsumerRecord],
    ) -> tuple[bool, str]:
        """Process one record again; return whether the request is done, and the result in words."""
        record = raw.get(row.position)
        if record is None:
            return False, "gone from Kafka"
        reading = self._context.reader.read(record)
        if isinstance(reading, Unreadable):
            return False, reading.problems[0].code
        key = self._context.identity_key
        (status,) = await inbox.remember(conn, subscription.name, [reading], key)
        match status:
            case InboxStatus.REUSED:
                return False, str(status)
            case InboxStatus.DUPLICATE if not await inbox.was_refused(
                conn, subscription.name, reading.incoming.cause
            ):
                return True, str(status)
            case _:
                return await self._decide_again(conn, subscription, reading)

    async def _decide_again(
        self, conn: asyncpg.Connection, subscription: Subscription, reading: Readable
    ) -> tuple[bool, str]:
        call = HandlerCall(subscription, self._clock.now(), tries=self._context.crash_tries)
        outcome = self._context.new_outcome(subscription, call.now, in_order=False)
        await inbox.set_states(conn, subscription.name, [(reading.incoming.cause, "applied")])
        decision = await decide(conn, self._context, call, [reading])
        outcome.add_verdict(reading, decision.verdicts[0], decision.kept[0])
        await outcome.write(conn)
        await apply_unlocked(
            conn, self._context, call, outcome.unlocked, parking_locked=decision.parking_locked
        )
        outcomes = sorted(name for _, name in outcome.counts)
        return "refused" not in outcomes, ", ".join(outcomes)

    async def prune(self) -> int:
        """Delete old events from the inbox, and put hashes of before under the installation's key."""
        keyed = _AT_ONCE
        while keyed == _AT_ONCE:
            async with transaction(self._pool) as conn:
                keyed = await inbox.key_hashes(conn, self._context.identity_key, _AT_ONCE)
        async with transaction(self._pool) as conn:
            await erased.prune(conn, RETENTION_DAYS[Family.ERASURES])
            await quarantine.prune(conn, self._settings.quarantine_days)
            return await inbox.prune(conn, self._settings.inbox_days)


def _order(position: RecordPosition) -> tuple[str, int, int]:
    return position.topic, position.partition, position.offset
