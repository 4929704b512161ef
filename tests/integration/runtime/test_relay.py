"""Tests the relay: nothing lost with many writers, order per key, nothing blocks the rest, one active."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import asyncpg
import orjson
import pytest
from prometheus_client import CollectorRegistry

from schemas.envelope import Event
from schemas.providers import CourseCancelled
from schemas.topics import Family, topic
from services.runtime.base.metrics import relay_metrics
from services.runtime.data.db import transaction
from services.runtime.kafka.administration import parse_address
from services.runtime.send import relay as sending
from services.runtime.send.outbox import OutboxConflictError, Outgoing, effect_id, put
from services.runtime.send.relay import Relay, Row, delete_rows
from tests.reading import everything_on
from tests.stand import Stand
from tests.waiting import wait_until

Fetch = Callable[..., Awaitable[list[Row]]]


def outgoing(name: str, key: str, number: int, id_: UUID | None = None) -> Outgoing:
    id_ = id_ or uuid4()
    data = CourseCancelled(course=f"c{number}", cancelled_on=date(2026, 1, 1))
    said = Event(str(id_), data.type_, "/test", datetime(2026, 1, 1, tzinfo=UTC), data)
    return Outgoing(id_, name, key, said)


@asynccontextmanager
async def relaying(stand: Stand, fetch: Fetch | None = None) -> AsyncIterator[Relay]:
    stop = asyncio.Event()
    relay = Relay(
        stand.database.worker,
        parse_address(stand.servers.kafka),
        relay_metrics(CollectorRegistry()),
        name=f"{stand.prefix}test",
    )
    with pytest.MonkeyPatch.context() as patch:
        if fetch is not None:
            patch.setattr(sending, "next_rows", fetch)
        running = asyncio.create_task(relay.run(stop))
        try:
            yield relay
        finally:
            stop.set()
            await asyncio.wait_for(running, 15.0)


async def waiting(stand: Stand) -> int:
    return int(await stand.value("SELECT count(*) FROM runtime.outbox WHERE unsendable IS NULL"))


async def test_rows_become_records_with_their_attributes_and_are_gone(stand: Stand) -> None:
    assert stand.pool is not None
    name = topic(Family.PLACEMENTS, prefix=stand.prefix)
    rows = [outgoing(name, "k", number) for number in range(3)]
    async with transaction(stand.pool) as conn:
        await put(conn, rows)
        await put(conn, rows)  # the same effect again is one row
    async with relaying(stand):
        await wait_until(lambda: _empty(stand))
    records = await everything_on(stand.servers.kafka, name)
    assert [dict(record.headers)["ce_id"].decode() for record in records] == [str(row.id) for row in rows]
    assert records[0].key == b"k"


async def test_another_content_under_the_same_effect_is_a_bug_that_shows(stand: Stand) -> None:
    assert stand.pool is not None
    id_ = effect_id(uuid4(), "x", "y")
    async with transaction(stand.pool) as conn:
        await put(conn, [outgoing("t", "k", 1, id_)])
        with pytest.raises(OutboxConflictError):
            await put(conn, [outgoing("t", "k", 2, id_)])


async def lost_with_eight_writers(stand: Stand, fetch: Fetch | None) -> int:
    """Let eight writers commit in any order while the relay runs; count what never arrives."""
    name = topic(Family.PLACEMENTS, prefix=stand.prefix)
    told: list[UUID] = []

    async def write(writer: int) -> None:
        conn = await asyncpg.connect(stand.database.worker)
        try:
            await conn.set_type_codec("jsonb", schema="pg_catalog", encoder=_json, decoder=str)
            for turn in range(40):
                rows = [outgoing(name, f"w{writer}", turn * 10 + number) for number in range(5)]
                async with conn.transaction():
                    await put(conn, rows)
                    await asyncio.sleep(0.001 * ((writer * 7 + turn * 3) % 11))
                told.extend(row.id for row in rows)
        finally:
            await conn.close()

    async with relaying(stand, fetch):
        await asyncio.gather(*(write(writer) for writer in range(8)))
        if fetch is None:
            await wait_until(lambda: _empty(stand))
        else:
            await asyncio.sleep(2.0)
    records = await everything_on(stand.servers.kafka, name)
    arrived = [dict(record.headers)["ce_id"].decode() for record in records]
    assert len(arrived) == len(set(arrived))
    order: dict[bytes, list[int]] = {}
    for record in records:
        number = int(record.value.split(b'"c')[2].split(b'"')[0])
        order.setdefault(record.key, []).append(number)
    assert all(numbers == sorted(numbers) for numbers in order.values())
    return len({str(id_) for id_ in told} - set(arrived))


async def test_eight_writers_lose_nothing(stand: Stand) -> None:
    assert await lost_with_eight_writers(stand, None) == 0


async def test_the_mutant_that_reads_above_the_last_id_loses_rows(stand: Stand) -> None:
    last = 0

    async def above_last(conn: asyncpg.Connection, limit: int, _held: object) -> list[Row]:
        nonlocal last
        rows = [
            Row(
                row["position"],
                row["aggregatetype"],
                row["aggregateid"].encode(),
                row["payload"],
                _pairs(row),
            )
            for row in await conn.fetch(
                "SELECT * FROM runtime.outbox WHERE position > $1 ORDER BY position LIMIT $2", last, limit
            )
        ]
        if rows:
            last = rows[-1].position
            await delete_rows(conn, [])
        return rows

    assert await lost_with_eight_writers(stand, above_last) > 0


async def test_what_can_never_be_sent_and_a_missing_topic_block_nobody(stand: Stand) -> None:
    assert stand.pool is not None
    name = topic(Family.PLACEMENTS, prefix=stand.prefix)
    async with transaction(stand.pool) as conn:
        await put(conn, [outgoing(f"{stand.prefix}kurslotse.not-there", "k", 1), outgoing(name, "k", 2)])
        await conn.execute(
            "INSERT INTO runtime.outbox (id, aggregatetype, aggregateid, type, payload, headers)"
            " VALUES ($1, $2, 'k', 'x', $3, '{}')",
            uuid4(),
            name,
            b"x" * 2_000_000,
        )
        await put(conn, [outgoing(name, "k", 3)])
    async with relaying(stand):
        await wait_until(lambda: _left(stand, 1), 20.0)
        assert len(await everything_on(stand.servers.kafka, name)) == 2
    assert await stand.value("SELECT unsendable FROM runtime.outbox WHERE unsendable IS NOT NULL") == (
        "MessageSizeTooLargeError"
    )


async def test_only_one_relay_is_active_and_the_next_takes_over(stand: Stand) -> None:
    async with relaying(stand) as first:
        await wait_until(lambda: first.active)
        async with relaying(stand) as second:
            await asyncio.sleep(1.2)
            assert not second.active
            await stand.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = $1 AND datname = current_database() AND state IS NOT NULL"
                " AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted)",
                f"{stand.prefix}test relay",
            )
            await wait_until(lambda: first.active != second.active)


async def test_a_frozen_holder_loses_the_lock(stand: Stand) -> None:
    """A holder that shows no sign of life loses its session, and with it the lock."""
    frozen = await asyncpg.connect(stand.database.worker, server_settings={"idle_session_timeout": "2s"})
    assert await frozen.fetchval("SELECT pg_try_advisory_lock(4075716, 1)")
    async with relaying(stand) as relay:
        await asyncio.sleep(0.8)
        assert not relay.active
        await wait_until(lambda: relay.active, 5.0)
    frozen.terminate()


async def _empty(stand: Stand) -> bool:
    return await waiting(stand) == 0


async def _left(stand: Stand, n: int) -> bool:
    return await waiting(stand) == n


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _pairs(row: asyncpg.Record) -> list[tuple[str, bytes]]:
    return [(name, value.encode()) for name, value in row["headers"].items()]
