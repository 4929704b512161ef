"""Stores events that wait for something not yet known, in order, with all later events of their subject."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import asyncpg

from schemas.envelope import Problem
from services.runtime.events.records import Readable
from services.runtime.events.subscription import RecordPosition, Subject

_LOCK = 4_075_716_003

_COLUMNS = (
    'SELECT id, reader, cluster, topic, partition, "offset", identity, subject, waits_for, attributes, data,'
    " code, field, params FROM runtime.parked"
)


@dataclass(frozen=True, slots=True)
class ParkedEvent:
    """A parked event as stored."""

    id: int
    reader: str
    cluster: str
    position: RecordPosition
    identity: UUID
    subject: str
    waits_for: str
    attributes: dict[str, str]
    data: bytes
    problem: Problem


@dataclass(frozen=True, slots=True)
class EventToPark:
    """An event about to be parked; `data` is the part of it that may be kept."""

    readable: Readable
    waits_for: str
    problem: Problem
    data: bytes


async def lock_for_unlocking(conn: asyncpg.Connection) -> None:
    """Wait for transactions that are parking: what they park must be visible to the one that unlocks it."""
    await conn.execute("SELECT pg_advisory_xact_lock_shared($1)", _LOCK)


async def lock_for_parking(conn: asyncpg.Connection) -> None:
    """Wait for transactions that are unlocking: afterwards there may be nothing left to wait for."""
    await conn.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)


async def park(conn: asyncpg.Connection, reader: str, cluster: str, rows: Sequence[EventToPark]) -> None:
    """Store events that wait."""
    if not rows:
        return
    incoming = [row.readable.incoming for row in rows]
    await conn.execute(
        'INSERT INTO runtime.parked (reader, cluster, topic, partition, "offset", publisher, identity,'
        " subject, waits_for, attributes, data, code, field, params)"
        " SELECT $1, $2, * FROM unnest($3::text[], $4::integer[], $5::bigint[], $6::text[], $7::uuid[],"
        " $8::text[], $9::text[], $10::jsonb[], $11::bytea[], $12::text[], $13::text[], $14::jsonb[])",
        reader,
        cluster,
        [event.position.topic for event in incoming],
        [event.position.partition for event in incoming],
        [event.position.offset for event in incoming],
        [event.publisher for event in incoming],
        [event.cause for event in incoming],
        [event.subject for event in incoming],
        [row.waits_for for row in rows],
        [row.readable.attributes for row in rows],
        [row.data for row in rows],
        [row.problem.code for row in rows],
        [row.problem.field for row in rows],
        [dict(row.problem.params) for row in rows],
    )


async def any_parked(conn: asyncpg.Connection, reader: str) -> bool:
    """Return whether a reader has parked events at all; mostly it has none."""
    return bool(await conn.fetchval("SELECT EXISTS (SELECT FROM runtime.parked WHERE reader = $1)", reader))


async def held_subjects(
    conn: asyncpg.Connection, reader: str, subjects: Iterable[Subject]
) -> dict[Subject, str]:
    """Return the subjects that have parked events, with the key that the first of these waits for."""
    wanted = sorted(set(subjects))
    rows = await conn.fetch(
        "SELECT DISTINCT ON (topic, subject) topic, subject, waits_for FROM runtime.parked"
        " WHERE reader = $1 AND (topic, subject) IN (SELECT * FROM unnest($2::text[], $3::text[]))"
        ' ORDER BY topic, subject, partition, "offset"',
        reader,
        [topic for topic, _ in wanted],
        [subject for _, subject in wanted],
    )
    return {(row["topic"], row["subject"]): row["waits_for"] for row in rows}


async def room_left(conn: asyncpg.Connection, reader: str, topic: str, limit: int) -> int:
    """Return how many more events of a topic may be parked."""
    parked = await conn.fetchval(
        "SELECT count(*) FROM (SELECT FROM runtime.parked WHERE reader = $1 AND topic = $2 LIMIT $3) AS here",
        reader,
        topic,
        limit,
    )
    return limit - int(parked)


async def waiting_for(conn: asyncpg.Connection, keys: Iterable[str]) -> list[ParkedEvent]:
    """Lock and return the events that wait for these keys, in order."""
    rows = await conn.fetch(
        _COLUMNS + " WHERE waits_for = ANY($1::text[])"
        ' ORDER BY reader, topic, partition, "offset" FOR UPDATE',
        sorted(keys),
    )
    return [_parked_event(row) for row in rows]


async def of_subjects(
    conn: asyncpg.Connection, reader: str, subjects: Iterable[Subject]
) -> list[ParkedEvent]:
    """Lock and return all parked events of these subjects, in order."""
    wanted = sorted(set(subjects))
    rows = await conn.fetch(
        _COLUMNS + " WHERE reader = $1 AND (topic, subject) IN (SELECT * FROM unnest($2::text[], $3::text[]))"
        ' ORDER BY reader, topic, partition, "offset" FOR UPDATE',
        reader,
        [topic for topic, _ in wanted],
        [subject for _, subject in wanted],
    )
    return [_parked_event(row) for row in rows]


async def too_old(
    conn: asyncpg.Connection, reader: str, seconds: float, limit: int = 500
) -> list[ParkedEvent]:
    """Lock and return the events parked for longer than `seconds` of technical time, in order."""
    rows = await conn.fetch(
        _COLUMNS + " WHERE reader = $1 AND parked_at < now() - make_interval(secs => $2)"
        ' ORDER BY reader, topic, partition, "offset" LIMIT $3 FOR UPDATE',
        reader,
        seconds,
        limit,
    )
    return [_parked_event(row) for row in rows]


async def remove(conn: asyncpg.Connection, ids: Sequence[int]) -> None:
    """Delete events that wait no longer."""
    if ids:
        await conn.execute("DELETE FROM runtime.parked WHERE id = ANY($1::bigint[])", ids)


async def forget_subjects(conn: asyncpg.Connection, subjects: Sequence[UUID]) -> int:
    """Delete the parked events of subjects that are erased, and their ids from other parked events.

    Returns the number of rows deleted or changed. Events that were deleted count as skipped.
    """
    ids = [str(subject) for subject in subjects]
    deleted = await conn.fetch(
        "WITH gone AS (DELETE FROM runtime.parked WHERE subject = ANY($1::text[])"
        " RETURNING identity, reader)"
        " UPDATE runtime.inbox AS i SET state = 'skipped' FROM gone"
        " WHERE i.identity = gone.identity AND i.reader = gone.reader RETURNING 1",
        ids,
    )
    mentioning = await conn.fetch(
        "SELECT k.id, k.data FROM runtime.parked AS k WHERE EXISTS ("
        " SELECT FROM unnest($1::text[]) AS s WHERE position(convert_to(s, 'UTF8') IN k.data) > 0)"
        " ORDER BY k.id FOR UPDATE",
        ids,
    )
    for row in mentioning:
        data: bytes = row["data"]
        for id_ in ids:
            data = data.replace(id_.encode(), str(uuid4()).encode())
        await conn.execute("UPDATE runtime.parked SET data = $2 WHERE id = $1", row["id"], data)
    await conn.execute(
        "DELETE FROM runtime.work_failure WHERE EXISTS ("
        " SELECT FROM unnest($1::text[]) AS s WHERE position(s IN item) > 0)",
        ids,
    )
    return len(deleted) + len(mentioning)


async def change_awaited_keys(conn: asyncpg.Connection, changes: Sequence[tuple[int, str]]) -> None:
    """Store that events (id, key) now wait for another key."""
    if changes:
        await conn.execute(
            "UPDATE runtime.parked AS p SET waits_for = new.waits_for"
            " FROM unnest($1::bigint[], $2::text[]) AS new (id, waits_for) WHERE p.id = new.id",
            [id_ for id_, _ in changes],
            [key for _, key in changes],
        )


def _parked_event(row: asyncpg.Record) -> ParkedEvent:
    return ParkedEvent(
        row["id"],
        row["reader"],
        row["cluster"],
        RecordPosition(row["topic"], row["partition"], row["offset"]),
        row["identity"],
        row["subject"],
        row["waits_for"],
        row["attributes"],
        row["data"],
        Problem(row["code"], row["field"], row["params"]),
    )
