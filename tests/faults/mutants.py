"""Defines loops that are known to be wrong: each lacks one guard and must fail the check of its promise."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import asyncpg
from aiokafka import ConsumerRecord, TopicPartition
from faststream import AckPolicy
from faststream.kafka.message import KafkaAckableMessage
from faststream.message import StreamMessage

from services.runtime.base import failpoints
from services.runtime.base.identity_key import IdentityKey
from services.runtime.bookkeeping import inbox, offsets
from services.runtime.bookkeeping.inbox import InboxStatus, remember
from services.runtime.bookkeeping.offsets import ContiguousRecords, Gap, Group, Stored
from services.runtime.consume import consumers
from services.runtime.consume.batch import PolledRecord
from services.runtime.consume.subscriber import Subscriber
from services.runtime.events.records import Readable
from tests.stand import Patch


class Swallowing(Subscriber):
    """A subscriber around which FastStream swallows what the loop raises, and the next poll is handled."""

    async def write(
        self,
        polled: Mapping[TopicPartition, Sequence[PolledRecord]],
        alone: Sequence[ConsumerRecord] = (),
    ) -> None:
        await super().write(polled, alone)
        self._failed = False


def any_records(
    polled: Mapping[TopicPartition, Sequence[PolledRecord]],
    stored: Mapping[TopicPartition, Stored],
    _confirmed: Mapping[TopicPartition, Gap],
) -> ContiguousRecords[PolledRecord]:
    """Take whatever lies at or above the stored offset."""
    result: ContiguousRecords[PolledRecord] = ContiguousRecords()
    for partition in sorted(polled):
        known = stored.get(partition)
        if known is None:
            result.unprepared.add(partition)
            continue
        fresh = [record for record in polled[partition] if record.offset >= known.next_offset]
        result.records += fresh
        if fresh:
            result.next_offsets[partition] = fresh[-1].offset + 1
    return result


async def remember_nothing(
    conn: asyncpg.Connection, reader: str, events: Sequence[Readable], key: IdentityKey
) -> list[InboxStatus]:
    """Take every event for new."""
    await remember(conn, reader, events, key)
    return [InboxStatus.NEW] * len(events)


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
        await self.loop.process(await self.loop.parse(records), {})

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
    _conn: asyncpg.Connection,
    _group: Group,
    _moves: Mapping[TopicPartition, Stored],
    *,
    begun: bool = True,  # noqa: ARG001 - as offsets.move
) -> None:
    """Store no offset."""
    await asyncio.sleep(0)


def crashing(failpoint: Callable[[str], Awaitable[None]]) -> Patch:
    """Return the patch that makes something happen at the failpoints."""
    return failpoints, "failpoint", failpoint


SWALLOWING: Patch = (consumers, "Subscriber", Swallowing)
WITHOUT_CONTIGUITY: Patch = (offsets, "contiguous_records", any_records)
WITHOUT_INBOX: Patch = (inbox, "remember", remember_nothing)
ACKNOWLEDGING_FIRST: tuple[Patch, ...] = (
    (consumers, "Subscriber", AckFirst),
    WITHOUT_CONTIGUITY,
    (offsets, "lock", lock_nothing),
    (offsets, "move", move_nothing),
)
