"""Tests that every promise holds at all times while eight processes compete for few seats."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict
from datetime import timedelta

import asyncpg
import orjson
import pytest

from schemas.gateway import PublisherProgressed
from services.allocation.placements import progress
from services.runtime.data.db import connect, transaction
from tests.allocation.builders import (
    NOW,
    OFFICE,
    OTHER_OFFICE,
    OTHER_PROVIDER,
    PROVIDER,
    announced,
    levelled,
    registered,
)
from tests.allocation.world import World, world_on
from tests.conftest import MakeDatabase
from tests.databases import Database
from tests.faults.race_invariants import broken
from tests.faults.racer import COURSES, PEOPLE
from tests.faults.racing import Orders
from tests.serving import REPOSITORY

SECONDS = float(os.environ.get("KURSLOTSE_RACE_SECONDS", "8"))
RACERS = 8
STEERING = 2
"""Racers that also steer: two, so that runs of one region meet."""
READY_SECONDS = 90.0
LOOK_EVERY = 0.5


class RaceError(AssertionError):
    """A promise was broken, or a racer ended with something that is no deadlock."""


async def _few_seats(world: World) -> None:
    for own, provider in COURSES:
        await world.must(provider, announced(own, capacity=3))
    await world.judged(*(world.event(OFFICE, registered(reference)) for reference in PEOPLE))
    await world.judged(*(world.event(OFFICE, levelled(reference)) for reference in PEOPLE))
    until = NOW + timedelta(days=365)
    said = [
        PublisherProgressed(publisher=slug, until=until, offsets={"0": 0})
        for slug in (PROVIDER, OTHER_PROVIDER, OFFICE, OTHER_OFFICE)
    ]
    async with transaction(world.pool) as conn:
        await progress.write(conn, said)


@asynccontextmanager
async def _racer(orders: Orders) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.faults.racing",
        cwd=REPOSITORY,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(orjson.dumps(asdict(orders)) + b"\n")
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _said(process: asyncio.subprocess.Process, within: float) -> dict[str, int]:
    """Read one line of a racer; one that has ended instead failed."""
    assert process.stdout is not None
    assert process.stderr is not None
    line = await asyncio.wait_for(process.stdout.readline(), within)
    if not line:
        raise RaceError((await process.stderr.read()).decode()[-3000:])
    counts: dict[str, int] = orjson.loads(line)
    return counts


async def _race(database: Database, prefix: str, seconds: float, *, locks: bool = True) -> Counter[str]:
    """Let all race for some seconds and look at the promises meanwhile; return what was done how often."""
    racers = [
        Orders(database.worker, database.web, prefix, seed, seconds, seed < STEERING, locks)
        for seed in range(RACERS)
    ]
    async with AsyncExitStack() as stack:
        processes = [await stack.enter_async_context(_racer(one)) for one in racers]
        await asyncio.gather(*(_said(process, READY_SECONDS) for process in processes))
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(b"go\n")
        looking = asyncio.create_task(_look(database))
        try:
            done = await asyncio.gather(*(_said(process, seconds + 120) for process in processes))
        finally:
            looking.cancel()
            looks = (await asyncio.gather(looking, return_exceptions=True))[0]
    if isinstance(looks, RaceError):
        raise looks
    await _hold(database)
    counts: Counter[str] = Counter()
    for one in done:
        counts.update(one)
    return counts


async def _look(database: Database) -> None:
    while True:
        await _hold(database)
        await asyncio.sleep(LOOK_EVERY)


async def _hold(database: Database) -> None:
    conn = await connect(database.worker, name="race-look")
    try:
        async with conn.transaction(isolation="repeatable_read", readonly=True):
            found = await broken(conn)
    finally:
        await conn.close()
    if found:
        raise RaceError("; ".join(f"{name}: {count}" for name, count in found.items()))


async def _raced(made: Database, prefix: str, *, locks: bool, seconds: float) -> Counter[str]:
    async with world_on(made, prefix) as world:
        await _few_seats(world)
        counts = await _race(made, prefix, seconds, locks=locks)
        await world.check()
        return counts


@pytest.mark.timeout(SECONDS + 240)
async def test_eight_processes_at_once(
    database: MakeDatabase, prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made = await database("allocation")
    counts = await _raced(made, prefix, locks=True, seconds=SECONDS)
    with capsys.disabled():
        sys.stdout.write(f"\n{RACERS} processes, {SECONDS:.0f} s\n{_table(counts)}\n")
    happened = {name.partition("/")[0] for name in counts if name.endswith("/done")}
    assert happened >= {"approve", "accept", "decline", "cancel", "change_capacity", "override", "steer"}
    assert counts["steer/done"] > 0
    conn = await connect(made.worker, name="race-figures")
    by_run = await conn.fetchval("SELECT count(*) FROM placement WHERE run IN (SELECT run FROM steering_run)")
    await conn.close()
    assert by_run > 0, "no proposal came from a steering run"


def _table(counts: Counter[str]) -> str:
    """Write one line for each kind of action: what came of it how often."""
    lines: dict[str, list[str]] = {}
    for name, number in sorted(counts.items()):
        action, _, code = name.partition("/")
        lines.setdefault(action, []).append(f"{code} {number}")
    total = sum(number for name, number in counts.items() if not name.startswith("collision"))
    return "\n".join(
        [*(f"{action:22} {', '.join(codes)}" for action, codes in lines.items()), f"{total} in all"]
    )


async def test_without_row_locks_it_is_noticed(database: MakeDatabase, prefix: str) -> None:
    """The same race on readers without locks: over capacity, a lost update or a broken constraint."""
    with pytest.raises(AssertionError, match=r"seats|capacity|I2|Violation"):
        await _raced(await database("allocation"), prefix, locks=False, seconds=min(SECONDS, 5))


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("UPDATE course_section SET taken = taken + 1 WHERE number = 2", "taken is not what is counted"),
        ("UPDATE placement SET state = 'reserved', version = version + 1", "history"),
        ("DELETE FROM runtime.outbox", "outbox"),
        ("UPDATE placement_step SET from_state = 'completed' WHERE version = 2", "chain"),
    ],
)
async def test_each_promise_can_be_broken(database: MakeDatabase, prefix: str, query: str, name: str) -> None:
    made = await database("allocation")
    async with world_on(made, prefix) as world:
        await _few_seats(world)
        await world.reserved("p1")
        await _hold(made)
        admin: asyncpg.Connection = await asyncpg.connect(made.admin)
        await admin.execute(query)
        await admin.close()
        with pytest.raises(RaceError, match=name):
            await _hold(made)
