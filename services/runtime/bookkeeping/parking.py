"""Events that wait for something not yet known, in their order, with all later events of their subject."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from schemas.envelope import Problem
from services.runtime.consume.handler_calls import Subject
from services.runtime.events.records import Readable
from services.runtime.events.subscription import Place

_LOCK = 4_075_716_003

_COLUMNS = (
    'SELECT id, reader, cluster, topic, partition, "offset", identity, subject, waits_for, attributes, data,'
    " code, field, params FROM runtime.parked"
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A parked event as stored."""

    id: int
    reader: str
    cluster: str
    place: Place
    identity: UUID
    subject: str
    waits_for: str
    attributes: dict[str, str]
    data: bytes
    problem: Problem


@dataclass(frozen=True, slots=True)
class ToPark:
    """An event about to be parked; `data` is what of it may be kept."""

    readable: Readable
    waits_for: str
    problem: Problem
    data: bytes


async def lock_for_unlocking(conn: asyncpg.Connection) -> None:
    """Wait for transactions that are parking: what they park must be seen by who unlocks it."""
    await conn.execute("SELECT pg_advisory_xact_lock_shared($1)", _LOCK)


async def lock_for_parking(conn: asyncpg.Connection) -> None:
    """Wait for transactions that are unlocking: look again afterwards whether there is still need to wait."""
    await conn.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)


async def park(conn: asyncpg.Connection, reader: str, cluster: str, rows: Sequence[ToPark]) -> None:
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
        [event.place.topic for event in incoming],
        [event.place.partition for event in incoming],
        [event.place.offset for event in incoming],
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
    """Say whether a reader has parked events at all: mostly it has none."""
    return bool(await conn.fetchval("SELECT EXISTS (SELECT FROM runtime.parked WHERE reader = $1)", reader))


async def held_subjects(
    conn: asyncpg.Connection, reader: str, subjects: Iterable[Subject]
) -> dict[Subject, str]:
    """Find which subjects have parked events, and what the first of these waits for."""
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
    """Say how many more events of a topic may wait."""
    parked = await conn.fetchval(
        "SELECT count(*) FROM (SELECT FROM runtime.parked WHERE reader = $1 AND topic = $2 LIMIT $3) AS here",
        reader,
        topic,
        limit,
    )
    return limit - int(parked)


async def waiting_for(conn: asyncpg.Connection, keys: Iterable[str]) -> list[Waiting]:
    """Lock and read what waits for these keys, in order."""
    rows = await conn.fetch(
        _COLUMNS + " WHERE waits_for = ANY($1::text[])"
        ' ORDER BY reader, topic, partition, "offset" FOR UPDATE',
        sorted(keys),
    )
    return [_waiting(row) for row in rows]


async def of_subjects(conn: asyncpg.Connection, reader: str, subjects: Iterable[Subject]) -> list[Waiting]:
    """Lock and read everything parked of these subjects, in order."""
    wanted = sorted(set(subjects))
    rows = await conn.fetch(
        _COLUMNS + " WHERE reader = $1 AND (topic, subject) IN (SELECT * FROM unnest($2::text[], $3::text[]))"
        ' ORDER BY reader, topic, partition, "offset" FOR UPDATE',
        reader,
        [topic for topic, _ in wanted],
        [subject for _, subject in wanted],
    )
    return [_waiting(row) for row in rows]


async def too_old(conn: asyncpg.Connection, reader: str, seconds: float, limit: int = 500) -> list[Waiting]:
    """Lock and read what has waited longer than that (technical time), in order."""
    rows = await conn.fetch(
        _COLUMNS + " WHERE reader = $1 AND parked_at < now() - make_interval(secs => $2)"
        ' ORDER BY reader, topic, partition, "offset" LIMIT $3 FOR UPDATE',
        reader,
        seconds,
        limit,
    )
    return [_waiting(row) for row in rows]


async def release(conn: asyncpg.Connection, ids: Sequence[int]) -> None:
    """Take away events that wait no longer."""
    if ids:
        await conn.execute("DELETE FROM runtime.parked WHERE id = ANY($1::bigint[])", ids)


async def wait_for_other(conn: asyncpg.Connection, changes: Sequence[tuple[int, str]]) -> None:
    """Note that events now wait for something else."""
    if changes:
        await conn.execute(
            "UPDATE runtime.parked AS p SET waits_for = new.waits_for"
            " FROM unnest($1::bigint[], $2::text[]) AS new (id, waits_for) WHERE p.id = new.id",
            [id_ for id_, _ in changes],
            [key for _, key in changes],
        )


def _waiting(row: asyncpg.Record) -> Waiting:
    return Waiting(
        row["id"],
        row["reader"],
        row["cluster"],
        Place(row["topic"], row["partition"], row["offset"]),
        row["identity"],
        row["subject"],
        row["waits_for"],
        row["attributes"],
        row["data"],
        Problem(row["code"], row["field"], row["params"]),
    )
