"""Pauses a partition, never the service: after many refusals in a row, or if its offset is out of range."""

from collections.abc import Iterable, Mapping

import asyncpg
from aiokafka import TopicPartition


def refused_in_row(before: int, outcomes: Iterable[bool | None]) -> int:
    """Count refusals in a row: True for refused, False for accepted, None for neither.

    >>> refused_in_row(2, [True, None, True])
    4
    >>> refused_in_row(2, [True, False, True])
    1
    """
    count = before
    for refused in outcomes:
        if refused:
            count += 1
        elif refused is False:
            count = 0
    return count


async def pause(
    conn: asyncpg.Connection, group: str, partition: TopicPartition, why: str, detail: Mapping[str, int]
) -> None:
    """Store that a partition is not read until an operator resumes it."""
    await conn.execute(
        "INSERT INTO runtime.paused (consumer_group, topic, partition, why, detail)"
        " VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (consumer_group, topic, partition) DO NOTHING",
        group,
        partition.topic,
        partition.partition,
        why,
        dict(detail),
    )


async def paused(conn: asyncpg.Connection, group: str) -> dict[TopicPartition, str]:
    """Return the paused partitions of a group, with the reason."""
    rows = await conn.fetch(
        "SELECT topic, partition, why FROM runtime.paused WHERE consumer_group = $1", group
    )
    return {TopicPartition(row["topic"], row["partition"]): row["why"] for row in rows}


async def resume(conn: asyncpg.Connection, topic: str, *, go_on_at: int | None) -> int:
    """Resume the partitions of a topic, by an operator's decision; return how many.

    One paused as out of range needs an offset to go on at. This is the only way a stored offset goes back.
    """
    async with conn.transaction():
        if go_on_at is not None:
            await conn.execute("SELECT set_config('kurslotse.offset_reset', 'by an operator', true)")
        await conn.execute(
            "UPDATE runtime.stored_offset AS o SET refused_in_row = 0,"
            " next_offset = coalesce($2, o.next_offset), updated_at = now()"
            " FROM runtime.paused AS p WHERE p.topic = $1 AND o.topic = p.topic"
            " AND o.partition = p.partition AND o.consumer_group = p.consumer_group",
            topic,
            go_on_at,
        )
        rows = await conn.fetch(
            "DELETE FROM runtime.paused"
            " WHERE topic = $1 AND (why <> 'out_of_range' OR $2::bigint IS NOT NULL)"
            " RETURNING partition",
            topic,
            go_on_at,
        )
    return len(rows)


async def list_paused(conn: asyncpg.Connection) -> list[asyncpg.Record]:
    """Return all paused partitions in this database."""
    return await conn.fetch(
        "SELECT topic, partition, why, detail, paused_at FROM runtime.paused"
        " ORDER BY paused_at, topic, partition"
    )
