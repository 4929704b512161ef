"""Stores which records were refused and why; their values stay in Kafka and are read back for a replay."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from schemas.envelope import Problem
from services.runtime.events.subscription import RecordPosition


@dataclass(frozen=True, slots=True)
class Refused:
    """One refused record."""

    position: RecordPosition
    publisher: str | None
    identity: UUID | None  # None if it could not be read, or if its id is another event's
    event_id: str | None
    event_type: str | None
    problem: Problem


async def refuse(conn: asyncpg.Connection, reader: str, cluster: str, rows: Sequence[Refused]) -> None:
    """Store refused records; one that is there already gets the newer reason."""
    if not rows:
        return
    await conn.execute(
        'INSERT INTO runtime.quarantine (reader, cluster, topic, partition, "offset", publisher, identity,'
        " event_id, event_type, code, field, params)"
        " SELECT $1, $2, * FROM unnest($3::text[], $4::integer[], $5::bigint[], $6::text[], $7::uuid[],"
        " $8::text[], $9::text[], $10::text[], $11::text[], $12::jsonb[])"
        ' ON CONFLICT (reader, cluster, topic, partition, "offset") DO UPDATE'
        " SET code = excluded.code, field = excluded.field, params = excluded.params",
        reader,
        cluster,
        [row.position.topic for row in rows],
        [row.position.partition for row in rows],
        [row.position.offset for row in rows],
        [row.publisher for row in rows],
        [row.identity for row in rows],
        [row.event_id for row in rows],
        [row.event_type for row in rows],
        [row.problem.code for row in rows],
        [row.problem.field for row in rows],
        [dict(row.problem.params) for row in rows],
    )


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """A refused record that an operator wants processed again."""

    id: int
    position: RecordPosition


async def replay_requests(
    conn: asyncpg.Connection, reader: str, cluster: str, *, only: int | None = None, limit: int = 100
) -> list[ReplayRequest]:
    """Lock and return the records to be processed again, in order; `only` is the number of one of them."""
    rows = await conn.fetch(
        'SELECT id, topic, partition, "offset" FROM runtime.quarantine'
        " WHERE reader = $1 AND cluster = $2 AND replay_requested_at IS NOT NULL AND replayed_at IS NULL"
        " AND ($4::bigint IS NULL OR id = $4)"
        ' ORDER BY topic, partition, "offset" LIMIT $3 FOR UPDATE',
        reader,
        cluster,
        limit,
        only,
    )
    return [
        ReplayRequest(row["id"], RecordPosition(row["topic"], row["partition"], row["offset"]))
        for row in rows
    ]


async def store_replay_result(conn: asyncpg.Connection, id_: int, *, done: bool, result: str) -> None:
    """Store the result of a replay; `done` ends the request."""
    await conn.execute(
        "UPDATE runtime.quarantine SET replay_result = $3,"
        " replayed_at = CASE WHEN $2 THEN now() END,"
        " replay_requested_at = CASE WHEN $2 THEN replay_requested_at END"
        " WHERE id = $1",
        id_,
        done,
        result,
    )


async def store_replay_failure(conn: asyncpg.Connection, id_: int, *, error: str, tries: int) -> None:
    """Count a replay on which our code failed; after `tries` the request ends, the record stays refused."""
    await conn.execute(
        "UPDATE runtime.quarantine SET replay_result = $2, replay_attempts = replay_attempts + 1,"
        " replay_requested_at = CASE WHEN replay_attempts + 1 < $3 THEN replay_requested_at END"
        " WHERE id = $1 AND replayed_at IS NULL",
        id_,
        error,
        tries,
    )


async def prune(conn: asyncpg.Connection, days: int) -> int:
    """Delete old refused records with what the inbox knows of them; return how many."""
    rows = await conn.fetch(
        "WITH gone AS (DELETE FROM runtime.quarantine WHERE refused_at < now() - make_interval(days => $1)"
        " RETURNING identity, reader), forgotten AS (DELETE FROM runtime.inbox AS i USING gone"
        " WHERE i.identity = gone.identity AND i.reader = gone.reader AND i.state = 'refused')"
        " SELECT 1 FROM gone",
        days,
    )
    return len(rows)


async def list_open(conn: asyncpg.Connection, limit: int) -> list[asyncpg.Record]:
    """Return the newest refused records that were not replayed."""
    return await conn.fetch(
        'SELECT id, reader, topic, partition, "offset", publisher, event_id, event_type, code, field,'
        " refused_at, replay_result FROM runtime.quarantine WHERE replayed_at IS NULL"
        " ORDER BY id DESC LIMIT $1",
        limit,
    )


async def request_replay(conn: asyncpg.Connection, *, ids: Sequence[int], code: str | None) -> int:
    """Request a replay of records by id or by reason, which their reader does; return how many."""
    rows = await conn.fetch(
        "UPDATE runtime.quarantine SET replay_requested_at = now(), replay_result = NULL, replay_attempts = 0"
        " WHERE replayed_at IS NULL AND (id = ANY($1::bigint[]) OR code = $2) RETURNING id",
        list(ids),
        code,
    )
    return len(rows)
