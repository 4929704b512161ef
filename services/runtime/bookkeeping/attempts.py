"""Counts how often reading was begun at a place without getting past it.

The counter stands in the row of the stored offset. The transaction that moves the offset writes 1 there, for
the batch that follows, so that a batch costs nothing more. A new reader of a partition counts its first batch
in a transaction of its own: two without a move in between say that a process has ended inside the batch.
From then on the batch's records are read alone, each counted before. A process that lives to see that
a failure is no record's fault takes its count back: only processes that died unseen count against a record.
"""

from collections.abc import Collection

import asyncpg
from aiokafka import TopicPartition

from services.runtime.bookkeeping.offsets import Group


async def begin(
    conn: asyncpg.Connection, group: Group, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, bool]:
    """Count a new reader's first batch of each partition; return which of them to read record by record.

    A partition without a stored offset is missing: nothing of it is read yet.
    """
    rows = await conn.fetch(
        "UPDATE runtime.stored_offset"
        " SET attempts = CASE WHEN alone_until > next_offset THEN attempts ELSE attempts + 1 END"
        " WHERE cluster = $1 AND consumer_group = $2"
        " AND (topic, partition) IN (SELECT * FROM unnest($3::text[], $4::integer[]))"
        " RETURNING topic, partition, attempts > 1 OR alone_until > next_offset AS alone",
        group.cluster,
        group.name,
        [partition.topic for partition in partitions],
        [partition.partition for partition in partitions],
    )
    return {TopicPartition(row["topic"], row["partition"]): row["alone"] for row in rows}


async def read_alone(conn: asyncpg.Connection, group: Group, partition: TopicPartition, until: int) -> None:
    """Store that records below this offset are read one by one, whoever reads them."""
    await conn.execute(
        "UPDATE runtime.stored_offset SET alone_until = $5, attempts = 0"
        " WHERE cluster = $1 AND consumer_group = $2 AND topic = $3 AND partition = $4"
        " AND alone_until < $5 AND next_offset < $5",
        group.cluster,
        group.name,
        partition.topic,
        partition.partition,
        until,
    )


async def count(conn: asyncpg.Connection, group: Group, partition: TopicPartition, offset: int) -> int:
    """Count an attempt at the record that comes next; return how many there were, 0 if it is done already."""
    counted = await conn.fetchval(
        "UPDATE runtime.stored_offset SET attempts = attempts + 1"
        " WHERE cluster = $1 AND consumer_group = $2 AND topic = $3 AND partition = $4"
        " AND next_offset <= $5 RETURNING attempts",
        group.cluster,
        group.name,
        partition.topic,
        partition.partition,
        offset,
    )
    return int(counted or 0)


async def take_back(conn: asyncpg.Connection, group: Group, partition: TopicPartition, offset: int) -> None:
    """Undo `count` of a record that is still to be done: what failed is not the record's fault."""
    await conn.execute(
        "UPDATE runtime.stored_offset SET attempts = greatest(attempts - 1, 0)"
        " WHERE cluster = $1 AND consumer_group = $2 AND topic = $3 AND partition = $4 AND next_offset <= $5",
        group.cluster,
        group.name,
        partition.topic,
        partition.partition,
        offset,
    )


async def forget(conn: asyncpg.Connection, group: Group, partitions: Collection[TopicPartition]) -> None:
    """Store that nothing is being read here: this process stops with every batch finished."""
    await conn.execute(
        "UPDATE runtime.stored_offset SET attempts = 0"
        " WHERE cluster = $1 AND consumer_group = $2 AND alone_until <= next_offset"
        " AND (topic, partition) IN (SELECT * FROM unnest($3::text[], $4::integer[]))",
        group.cluster,
        group.name,
        [partition.topic for partition in partitions],
        [partition.partition for partition in partitions],
    )
