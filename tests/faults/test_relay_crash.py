"""Tests a relay that dies between the broker's ack and its own delete, and a writer that commits late."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime
from uuid import uuid4

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from schemas.envelope import Event
from schemas.providers import CourseCancelled
from schemas.topics import Family, topic
from services.runtime.base import failpoints
from services.runtime.base.metrics import relay_metrics
from services.runtime.data.db import connect, transaction
from services.runtime.kafka.administration import parse_address
from services.runtime.send import relay
from services.runtime.send.outbox import Outgoing, put
from services.runtime.send.relay import Relay, Row, next_rows
from tests.reading import everything_on
from tests.stand import Stand
from tests.waiting import wait_until


class KilledError(BaseException):
    """The process is gone."""


def outgoing(name: str, number: int) -> Outgoing:
    id_ = uuid4()
    data = CourseCancelled(course=f"c{number}", cancelled_on=date(2026, 1, 1))
    said = Event(str(id_), data.type_, "/test", datetime(2026, 1, 1, tzinfo=UTC), data)
    return Outgoing(id_, name, "k", said)


def relay_of(stand: Stand) -> Relay:
    return Relay(
        stand.database.worker,
        parse_address(stand.servers.kafka),
        relay_metrics(CollectorRegistry()),
        name=f"{stand.prefix}test",
    )


async def ids_on(stand: Stand, name: str) -> list[str]:
    records = await everything_on(stand.servers.kafka, name)
    return [dict(record.headers)["ce_id"].decode() for record in records]


async def test_killed_after_the_send_and_before_the_delete_it_sends_again_and_loses_nothing(
    stand: Stand,
) -> None:
    assert stand.pool is not None
    name = topic(Family.PLACEMENTS, prefix=stand.prefix)
    rows = [outgoing(name, number) for number in range(20)]
    async with transaction(stand.pool) as conn:
        await put(conn, rows)

    async def killed(point: str) -> None:
        if point == "sent":
            raise KilledError

    stop = asyncio.Event()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(failpoints, "failpoint", killed)
        with pytest.raises(KilledError):
            await asyncio.wait_for(relay_of(stand).run(stop), 20.0)
    assert await stand.value("SELECT count(*) FROM runtime.outbox") == 20
    running = asyncio.create_task(relay_of(stand).run(stop))
    await wait_until(lambda: _empty(stand))
    stop.set()
    await asyncio.wait_for(running, 10.0)
    wanted = [str(row.id) for row in rows]
    assert await ids_on(stand, name) == wanted + wanted  # the readers' inbox takes each once


async def late_committer(stand: Stand) -> tuple[set[str], set[str]]:
    """A row inserted first and committed last: read by whoever looks again, lost by whoever reads on."""
    name = topic(Family.PLACEMENTS, prefix=stand.prefix)
    early, late = outgoing(name, 1), outgoing(name, 2)
    stop = asyncio.Event()
    running = asyncio.create_task(relay_of(stand).run(stop))
    slow, quick = (
        await connect(stand.database.worker, name="slow"),
        await connect(stand.database.worker, name="q"),
    )
    try:
        begun = slow.transaction()
        await begun.start()
        await put(slow, [late])
        async with quick.transaction():
            await put(quick, [early])
        await wait_until(lambda: _sent(stand, name, 1))
        await begun.commit()
        await wait_until(lambda: _sent(stand, name, 2), 4.0)
    except AssertionError:
        pass  # what was lost is told by the caller's check
    finally:
        stop.set()
        await asyncio.wait_for(running, 10.0)
        await asyncio.gather(slow.close(), quick.close())
    return {str(early.id), str(late.id)}, set(await ids_on(stand, name))


async def test_a_row_that_commits_late_is_sent(stand: Stand) -> None:
    told, arrived = await late_committer(stand)
    assert arrived == told


async def test_the_mutant_that_reads_on_from_the_last_id_is_killed(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = 0

    async def above_last(conn: asyncpg.Connection, limit: int, _held: Sequence[str]) -> list[Row]:
        nonlocal last
        rows = [row for row in await next_rows(conn, limit, []) if row.position > last]
        last = max((row.position for row in rows), default=last)
        return rows

    monkeypatch.setattr(relay, "next_rows", above_last)
    told, arrived = await late_committer(stand)
    assert len(told - arrived) == 1


async def _empty(stand: Stand) -> bool:
    return bool(await stand.value("SELECT count(*) FROM runtime.outbox") == 0)


async def _sent(stand: Stand, name: str, n: int) -> bool:
    return len(await ids_on(stand, name)) >= n
