"""Loops that are known to be wrong, made by replacing one guard: each must fail the check of its promise."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
from aiokafka import ConsumerRecord, TopicPartition
from faststream import AckPolicy
from faststream.kafka.message import KafkaAckableMessage
from faststream.message import StreamMessage

from services.runtime.bookkeeping import inbox
from services.runtime.bookkeeping.inbox import Seen
from services.runtime.bookkeeping.offsets import Cut, Gap, Group, Stored
from services.runtime.consume.loop import Polled
from services.runtime.consume.subscriber import Subscriber
from services.runtime.events.records import Readable


class Swallowing(Subscriber):
    """A subscriber around which FastStream swallows what the loop raises, and the next poll is handled."""

    async def write(self, polled: Mapping[TopicPartition, Sequence[Polled]]) -> None:
        await super().write(polled)
        self._failed = False


def cut_without_contiguity(
    polled: Mapping[TopicPartition, Sequence[Polled]],
    stored: Mapping[TopicPartition, Stored],
    _confirmed: Mapping[TopicPartition, Gap],
) -> Cut[Polled]:
    """Take whatever lies at or above the stored offset."""
    result: Cut[Polled] = Cut()
    for partition in sorted(polled):
        known = stored.get(partition)
        if known is None:
            result.unprepared.add(partition)
            continue
        fresh = [record for record in polled[partition] if record.offset >= known.next_offset]
        result.fresh += fresh
        if fresh:
            result.moves[partition] = fresh[-1].offset + 1
    return result


async def remember_nothing(conn: asyncpg.Connection, reader: str, events: Sequence[Readable]) -> list[Seen]:
    """Take every event for new."""
    await inbox.remember(conn, reader, events)
    return [Seen.NEW] * len(events)


class AckFirst(Subscriber):
    """Offsets of record in Kafka, acknowledged by FastStream whatever the handler did (AckPolicy.ACK)."""

    ack_policy = AckPolicy.ACK

    async def parse(self, records: tuple[ConsumerRecord, ...]) -> StreamMessage[Any]:
        return KafkaAckableMessage(
            body=b"",
            headers={},
            message_id="",
            correlation_id="",
            raw_message=records,
            consumer=self.consumer,
        )

    async def on_poll(self, records: Sequence[ConsumerRecord]) -> None:
        await self.loop.handle(await self.loop.read(records), {})

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Go on where Kafka says."""

    async def measure_lag(self) -> dict[str, int]:
        lag: dict[str, int] = {}
        assigned = self.assigned
        ends = await self.consumer.end_offsets(assigned) if assigned else {}
        for partition in assigned:
            at = await self.consumer.committed(partition) or 0
            lag[partition.topic] = ends[partition] - at
        return lag


async def lock_nothing(
    _conn: asyncpg.Connection, _group: Group, partitions: Sequence[TopicPartition]
) -> dict[TopicPartition, Stored]:
    """Believe whatever Kafka hands over."""
    return {partition: Stored(0, 0) for partition in partitions}


async def move_nothing(
    _conn: asyncpg.Connection, _group: Group, _moves: Mapping[TopicPartition, Stored]
) -> None:
    """Store no offset."""
    await asyncio.sleep(0)
