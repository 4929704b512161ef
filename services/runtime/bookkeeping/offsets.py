"""Stores how far each partition was read, and tells what of a poll may be processed next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import asyncpg
from aiokafka import TopicPartition


class HasOffset(Protocol):
    """A record that knows its offset."""

    @property
    def offset(self) -> int: ...  # noqa: D102


R = TypeVar("R", bound=HasOffset)


@dataclass(frozen=True, slots=True)
class Stored:
    """The next offset of a partition, and how many records in a row were refused, or crashed, before it."""

    next_offset: int
    refused_in_row: int
    crashed_in_row: int = 0


@dataclass(frozen=True, slots=True)
class Gap:
    """Records are missing between the expected offset and the one that was polled."""

    expected: int
    seen: int


@dataclass(slots=True)
class ContiguousRecords(Generic[R]):
    """The part of a poll that follows the stored offsets without a gap.

    `redelivered` counts records below the stored offsets. `gaps` are where the poll was cut off.
    `unprepared` are partitions without a stored offset. `next_offsets` are the offsets after `records`.
    """

    records: list[R] = field(default_factory=list)
    redelivered: int = 0
    gaps: dict[TopicPartition, Gap] = field(default_factory=dict)
    unprepared: set[TopicPartition] = field(default_factory=set)
    next_offsets: dict[TopicPartition, int] = field(default_factory=dict)


def contiguous_records(
    polled: Mapping[TopicPartition, Sequence[R]],
    stored: Mapping[TopicPartition, Stored],
    confirmed: Mapping[TopicPartition, Gap],
) -> ContiguousRecords[R]:
    """Skip what is below the stored offsets, stop at a gap unless a second read has confirmed it."""
    result: ContiguousRecords[R] = ContiguousRecords()
    for partition in sorted(polled):
        known = stored.get(partition)
        if known is None:
            result.unprepared.add(partition)
            continue
        expected = known.next_offset
        for record in polled[partition]:
            if record.offset < expected:
                result.redelivered += 1
                continue
            if record.offset > expected:
                gap = Gap(expected, record.offset)
                if confirmed.get(partition) != gap:
                    result.gaps[partition] = gap
                    break
            result.records.append(record)
            expected = record.offset + 1
        if expected > known.next_offset:
            result.next_offsets[partition] = expected
    return result


@dataclass(frozen=True, slots=True)
class ReadFrom:
    """Read on from this offset; `first_time` if nothing was stored yet."""

    offset: int
    first_time: bool


@dataclass(frozen=True, slots=True)
class OutOfRange:
    """The stored offset is outside of what the broker has: records are gone, or the topic is a new one."""

    stored: int
    beginning: int
    end: int


def where_to_read_from(stored: int | None, beginning: int, end: int) -> ReadFrom | OutOfRange:
    """Decide where reading goes on after an assignment.

    >>> where_to_read_from(40, 60, 90)
    OutOfRange(stored=40, beginning=60, end=90)
    """
    if stored is None:
        return ReadFrom(beginning, first_time=True)
    if beginning <= stored <= end:
        return ReadFrom(stored, first_time=False)
    return OutOfRange(stored, beginning, end)


@dataclass(frozen=True, slots=True)
class Group:
    """One consumer group on one cluster: the key of its offsets."""

    cluster: str
    name: str


async def lock(
    conn: asyncpg.Connection, group: Group, partitions: Sequence[TopicPartition]
) -> dict[TopicPartition, Stored]:
    """Lock the partitions' rows in order: a process that lost them waits here and then finds them moved."""
    rows = await conn.fetch(
        "SELECT topic, partition, next_offset, refused_in_row, crashed_in_row FROM runtime.stored_offset"
        " WHERE cluster = $1 AND consumer_group = $2"
        " AND (topic, partition) IN (SELECT * FROM unnest($3::text[], $4::integer[]))"
        " ORDER BY topic, partition FOR UPDATE",
        group.cluster,
        group.name,
        [partition.topic for partition in partitions],
        [partition.partition for partition in partitions],
    )
    return {
        TopicPartition(row["topic"], row["partition"]): Stored(
            row["next_offset"], row["refused_in_row"], row["crashed_in_row"]
        )
        for row in rows
    }


async def move(
    conn: asyncpg.Connection,
    group: Group,
    moves: Mapping[TopicPartition, Stored],
    *,
    begun: bool = True,
) -> None:
    """Store the next offsets of the partitions.

    `begun` counts the batch that follows as begun: its process may end before it can say so.
    """
    if not moves:
        return
    await conn.execute(
        "UPDATE runtime.stored_offset AS o"
        " SET next_offset = new.next_offset, refused_in_row = new.refused_in_row,"
        " crashed_in_row = new.crashed_in_row, attempts = $8, updated_at = now()"
        " FROM unnest($3::text[], $4::integer[], $5::bigint[], $6::integer[], $7::integer[])"
        " AS new (topic, partition, next_offset, refused_in_row, crashed_in_row)"
        " WHERE o.cluster = $1 AND o.consumer_group = $2"
        " AND o.topic = new.topic AND o.partition = new.partition",
        group.cluster,
        group.name,
        [partition.topic for partition in moves],
        [partition.partition for partition in moves],
        [stored.next_offset for stored in moves.values()],
        [stored.refused_in_row for stored in moves.values()],
        [stored.crashed_in_row for stored in moves.values()],
        int(begun),
    )


async def of_group(conn: asyncpg.Connection, group: Group) -> dict[TopicPartition, int]:
    """Return the next offset of every partition of a group."""
    rows = await conn.fetch(
        "SELECT topic, partition, next_offset FROM runtime.stored_offset"
        " WHERE cluster = $1 AND consumer_group = $2",
        group.cluster,
        group.name,
    )
    return {TopicPartition(row["topic"], row["partition"]): row["next_offset"] for row in rows}


async def begin(conn: asyncpg.Connection, group: Group, partition: TopicPartition, offset: int) -> int:
    """Store the first offset of a partition unless one is stored already; return the one that is stored."""
    value = await conn.fetchval(
        "INSERT INTO runtime.stored_offset (cluster, consumer_group, topic, partition, next_offset)"
        " VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (cluster, consumer_group, topic, partition)"
        " DO UPDATE SET updated_at = runtime.stored_offset.updated_at RETURNING next_offset",
        group.cluster,
        group.name,
        partition.topic,
        partition.partition,
        offset,
    )
    return int(value)
