"""Beside the loop: what waited too long, what is to be tried again, an inbox that does not grow for ever."""

from collections.abc import Mapping, Sequence
from itertools import groupby

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from services.runtime.base.clock import Clock
from services.runtime.base.settings import LoopSettings
from services.runtime.bookkeeping import inbox, parking, quarantine
from services.runtime.bookkeeping.inbox import Seen
from services.runtime.bookkeeping.parking import Waiting
from services.runtime.bookkeeping.quarantine import Requested
from services.runtime.consume.handler_calls import Question
from services.runtime.consume.verdicts import Bench, judge, try_again, unlock
from services.runtime.data.db import transaction
from services.runtime.events.records import Readable, Unreadable
from services.runtime.events.subscription import Place, Subscription
from services.runtime.kafka.administration import KafkaAddress, client_options

__all__ = ["Upkeep", "read_back"]

_FETCH_MS = 10_000


async def read_back(address: KafkaAddress, places: Sequence[Place]) -> dict[Place, ConsumerRecord]:
    """Read raw records by position; what retention has taken is missing from the answer."""
    found: dict[Place, ConsumerRecord] = {}
    if not places:
        return found
    consumer = AIOKafkaConsumer(**client_options(address), enable_auto_commit=False, auto_offset_reset="none")
    await consumer.start()
    try:
        for (topic, partition), some in groupby(
            sorted(places, key=_order), key=lambda place: _order(place)[:2]
        ):
            where = TopicPartition(topic, partition)
            consumer.assign([where])
            beginning = (await consumer.beginning_offsets([where]))[where]
            end = (await consumer.end_offsets([where]))[where]
            for place in some:
                if beginning <= place.offset < end:
                    consumer.seek(where, place.offset)
                    polled = await consumer.getmany(where, timeout_ms=_FETCH_MS, max_records=1)
                    for record in polled.get(where, []):
                        if record.offset == place.offset:
                            found[place] = record
    finally:
        await consumer.stop()
    return found


class Upkeep:
    """What is done now and then for all subscriptions of a service."""

    def __init__(
        self, bench: Bench, pool: asyncpg.Pool, kafka: KafkaAddress, clock: Clock, settings: LoopSettings
    ) -> None:
        self._bench, self._pool, self._kafka = bench, pool, kafka
        self._clock, self._settings = clock, settings

    async def expire_parked(self) -> int:
        """Refuse what has waited too long, after one last try; then look at what waited behind it."""
        done = 0
        for subscription in self._bench.subscriptions.values():
            async with transaction(self._pool) as conn:
                old = await parking.too_old(conn, subscription.name, self._settings.parked_for_seconds)
                if not old:
                    continue
                await parking.lock_for_parking(conn)
                await self._refuse_old(conn, subscription, old)
                done += len(old)
        return done

    async def _refuse_old(
        self, conn: asyncpg.Connection, subscription: Subscription, old: Sequence[Waiting]
    ) -> None:
        question = Question(subscription, self._clock.now())
        book, _ = await try_again(conn, self._bench, question, old, last=True)
        subjects = {(row.place.topic, row.subject) for row in old}
        behind = await parking.of_subjects(conn, subscription.name, subjects)
        followers, _ = await try_again(conn, self._bench, question, behind)
        keys = book.unlocks | followers.unlocks
        await unlock(conn, self._bench, keys, question.now, locked=True, careful=False)

    async def replay(self) -> int:
        """Try refused records again that an operator asked for; raw records come back from Kafka."""
        done = 0
        for subscription in self._bench.subscriptions.values():
            async with transaction(self._pool) as conn:
                places = [
                    row.place
                    for row in await quarantine.requested(conn, subscription.name, self._bench.cluster)
                ]
            if not places:
                continue
            raw = await read_back(self._kafka, places)
            async with transaction(self._pool) as conn:
                rows = await quarantine.requested(conn, subscription.name, self._bench.cluster)
                for row in rows:
                    if row.place in places:
                        await self._replay_one(conn, subscription, row, raw)
                        done += 1
        return done

    async def _replay_one(
        self,
        conn: asyncpg.Connection,
        subscription: Subscription,
        row: Requested,
        raw: Mapping[Place, ConsumerRecord],
    ) -> None:
        record = raw.get(row.place)
        if record is None:
            await quarantine.settle(conn, row.id, done=False, result="gone from Kafka")
            return
        reading = self._bench.reader.read(record)
        if isinstance(reading, Unreadable):
            await quarantine.settle(conn, row.id, done=False, result=reading.problems[0].code)
            return
        seen = (await inbox.remember(conn, subscription.name, [reading]))[0]
        if seen is Seen.REUSED or (
            seen is Seen.DUPLICATE
            and not await inbox.was_refused(conn, subscription.name, reading.incoming.cause)
        ):
            await quarantine.settle(conn, row.id, done=seen is Seen.DUPLICATE, result=str(seen))
            return
        await self._judge_again(conn, subscription, row, reading)

    async def _judge_again(
        self, conn: asyncpg.Connection, subscription: Subscription, row: Requested, reading: Readable
    ) -> None:
        now = self._clock.now()
        book = self._bench.settlement(subscription, now, watermarks=False)
        await inbox.set_states(conn, subscription.name, [(reading.incoming.cause, "applied")])
        locked = await judge(conn, self._bench, Question(subscription, now), [reading], book)
        await book.write(conn)
        await unlock(conn, self._bench, set(book.unlocks), now, locked=locked, careful=False)
        outcomes = sorted(outcome for _, outcome in book.counts)
        refused = "refused" in outcomes
        await quarantine.settle(conn, row.id, done=not refused, result=", ".join(outcomes))

    async def prune(self) -> int:
        """Forget old events of the inbox."""
        async with transaction(self._pool) as conn:
            return await inbox.prune(conn, self._settings.inbox_days)


def _order(place: Place) -> tuple[str, int, int]:
    return place.topic, place.partition, place.offset
