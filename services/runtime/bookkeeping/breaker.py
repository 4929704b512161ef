"""Pauses a partition, never the service: after many refusals in a row, or if its offset is out of range."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

import asyncpg
from aiokafka import TopicPartition


class Fate(StrEnum):
    """What became of a record, as far as the breaker cares."""

    FINE = "fine"
    REFUSED = "refused"
    CRASHED = "crashed"  # set aside because its reader fails on it
    NEITHER = "neither"


def refused_in_row(before: int, fates: Iterable[Fate]) -> int:
    """Count refusals in a row, for whatever reason.

    >>> refused_in_row(2, [Fate.REFUSED, Fate.NEITHER, Fate.CRASHED])
    4
    >>> refused_in_row(2, [Fate.REFUSED, Fate.FINE, Fate.REFUSED])
    1
    """
    count = before
    for fate in fates:
        count = 0 if fate is Fate.FINE else count + (fate in {Fate.REFUSED, Fate.CRASHED})
    return count


def crashed_in_row(before: int, fates: Iterable[Fate]) -> int:
    """Count records set aside in a row because their reader fails on them.

    >>> crashed_in_row(1, [Fate.CRASHED, Fate.REFUSED, Fate.CRASHED])
    3
    """
    count = before
    for fate in fates:
        count = 0 if fate is Fate.FINE else count + (fate is Fate.CRASHED)
    return count


def first_beyond(before: int, fates: Iterable[tuple[int, Fate]], limit: int) -> int | None:
    """Return the offset of the first record that would make more than `limit` crash in a row, or None.

    >>> first_beyond(1, [(7, Fate.CRASHED), (8, Fate.CRASHED)], 2)
    8
    """
    count = before
    for offset, fate in sorted(fates):
        count = crashed_in_row(count, [fate])
        if count > limit:
            return offset
    return None


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
            "UPDATE runtime.stored_offset AS o SET refused_in_row = 0, crashed_in_row = 0, attempts = 0,"
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
