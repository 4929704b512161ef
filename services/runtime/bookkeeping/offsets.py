"""How far was read: offsets of record in PostgreSQL, the fence around them, no gap, never out of range."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import asyncpg
from aiokafka import TopicPartition


class HasOffset(Protocol):
    """Something that lies at an offset."""

    @property
    def offset(self) -> int: ...  # noqa: D102


R = TypeVar("R", bound=HasOffset)


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a partition goes on, and how many records in a row were refused before that."""

    next_offset: int
    refused_in_row: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Records are missing between what we have and what we were given."""

    expected: int
    seen: int


@dataclass(slots=True)
class Cut(Generic[R]):
    """What of a poll is to be done: new records without gaps, in offset order."""

    fresh: list[R] = field(default_factory=list)
    redelivered: int = 0
    gaps: dict[TopicPartition, Gap] = field(default_factory=dict)
    unprepared: set[TopicPartition] = field(default_factory=set)
    moves: dict[TopicPartition, int] = field(default_factory=dict)


def cut(
    polled: Mapping[TopicPartition, Sequence[R]],
    stored: Mapping[TopicPartition, Stored],
    confirmed: Mapping[TopicPartition, Gap],
) -> Cut[R]:
    """Skip what is below the stored offsets, stop at a gap unless a second read has confirmed it."""
    result: Cut[R] = Cut()
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
            result.fresh.append(record)
            expected = record.offset + 1
        if expected > known.next_offset:
            result.moves[partition] = expected
    return result


@dataclass(frozen=True, slots=True)
class GoOn:
    """Read on from here; `first_time` if nothing was stored yet."""

    offset: int
    first_time: bool


@dataclass(frozen=True, slots=True)
class OutOfRange:
    """What is stored lies outside of what the broker has: records were lost, or the topic is another one."""

    stored: int
    beginning: int
    end: int


def where_to_go_on(stored: int | None, beginning: int, end: int) -> GoOn | OutOfRange:
    """Decide where reading goes on after an assignment.

    >>> where_to_go_on(40, 60, 90)
    OutOfRange(stored=40, beginning=60, end=90)
    """
    if stored is None:
        return GoOn(beginning, first_time=True)
    if beginning <= stored <= end:
        return GoOn(stored, first_time=False)
    return OutOfRange(stored, beginning, end)


@dataclass(frozen=True, slots=True)
class Group:
    """One consumer group on one cluster: the key of its offsets."""

    cluster: str
    name: str


async def lock(
    conn: asyncpg.Connection, group: Group, partitions: Sequence[TopicPartition]
) -> dict[TopicPartition, Stored]:
    """Lock the partitions' rows in order: a zombie waits here and then finds its work done."""
    rows = await conn.fetch(
        "SELECT topic, partition, next_offset, refused_in_row FROM runtime.stored_offset"
        " WHERE cluster = $1 AND consumer_group = $2"
        " AND (topic, partition) IN (SELECT * FROM unnest($3::text[], $4::integer[]))"
        " ORDER BY topic, partition FOR UPDATE",
        group.cluster,
        group.name,
        [partition.topic for partition in partitions],
        [partition.partition for partition in partitions],
    )
    return {
        TopicPartition(row["topic"], row["partition"]): Stored(row["next_offset"], row["refused_in_row"])
        for row in rows
    }


async def move(
    conn: asyncpg.Connection,
    group: Group,
    moves: Mapping[TopicPartition, Stored],
) -> None:
    """Store where the partitions go on."""
    await conn.execute(
        "UPDATE runtime.stored_offset AS o"
        " SET next_offset = new.next_offset, refused_in_row = new.refused_in_row, updated_at = now()"
        " FROM unnest($3::text[], $4::integer[], $5::bigint[], $6::integer[])"
        " AS new (topic, partition, next_offset, refused_in_row)"
        " WHERE o.cluster = $1 AND o.consumer_group = $2"
        " AND o.topic = new.topic AND o.partition = new.partition",
        group.cluster,
        group.name,
        [partition.topic for partition in moves],
        [partition.partition for partition in moves],
        [stored.next_offset for stored in moves.values()],
        [stored.refused_in_row for stored in moves.values()],
    )


async def of_group(conn: asyncpg.Connection, group: Group) -> dict[TopicPartition, int]:
    """Read where every partition of a group goes on."""
    rows = await conn.fetch(
        "SELECT topic, partition, next_offset FROM runtime.stored_offset"
        " WHERE cluster = $1 AND consumer_group = $2",
        group.cluster,
        group.name,
    )
    return {TopicPartition(row["topic"], row["partition"]): row["next_offset"] for row in rows}


async def begin(conn: asyncpg.Connection, group: Group, partition: TopicPartition, offset: int) -> int:
    """Store where a partition begins that was never read; return what is stored in the end."""
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
