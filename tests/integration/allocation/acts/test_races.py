"""Eight tasks accept, decline, expire, cancel, release, start at once; the invariants hold."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from schemas.base import Payload
from schemas.gateway import PublisherProgressed
from services.allocation.placements import progress
from services.allocation.placements.results import DecidedBy
from services.runtime.data.db import transaction
from tests.allocation.builders import (
    NOW,
    OFFICE,
    PROVIDER,
    accepted,
    announced,
    cancelled,
    confirmed,
    declined,
    left,
    person,
    refused,
    registered,
    withdrawn,
)
from tests.allocation.world import World, world_on
from tests.conftest import MakeDatabase

PEOPLE = [f"p{number}" for number in range(24)]
COURSES = ["k1", "k2", "k3"]
TASKS, ROUNDS = 8, 30


async def _again_after_deadlock(work: Callable[[], Awaitable[object]]) -> None:
    """Do as the loop does: a deadlock is transient, the same again."""
    for _ in range(10):
        try:
            await work()
        except asyncpg.DeadlockDetectedError:
            continue
        return
    pytest.fail("ten deadlocks in a row")


async def _somebody(world: World, chance: random.Random) -> None:
    own, reference = chance.choice(COURSES), chance.choice(PEOPLE)
    now = NOW + timedelta(days=chance.choice([0, 0, 0, 5, 11]))
    found = await world.rows(
        "SELECT placement, state FROM placement WHERE participant = $1 ORDER BY random() LIMIT 1",
        person(reference),
    )
    placement = found[0]["placement"] if found else person(reference)
    match chance.randrange(9):
        case 0 | 1 | 2:
            await world.propose(reference, own=own, now=now)
        case 3 | 4:
            await world.release(placement, now)
        case 5:
            answer = chance.choice([accepted, declined])(placement, reference)
            await world.say(OFFICE, answer, now)
        case 6:
            word = chance.choice([confirmed, refused])(placement, person(reference), own)
            await world.say(PROVIDER, word, now)
        case 7:
            event: Payload = chance.choice(
                [left(person(reference), own), announced(own, capacity=chance.randint(1, 4))]
            )
            await world.say(PROVIDER, event, now)
        case _:
            await chance.choice([world.timers.start, world.timers.expire, _withdraw(world, placement)])(now)


def _withdraw(world: World, placement: UUID) -> Callable[[datetime], Awaitable[object]]:
    async def work(now: datetime) -> object:
        async with transaction(world.pool) as conn:
            return await world.placements.withdraw_proposal(
                conn, DecidedBy("jana", now, "raced with others"), placement
            )

    return work


@pytest.mark.parametrize("seed", [1, 2])
async def test_eight_at_once(database: MakeDatabase, prefix: str, seed: int) -> None:
    async with world_on(await database("allocation"), prefix, size=TASKS + 2) as world:
        for own in COURSES:
            await world.must(PROVIDER, announced(own, capacity=3))
        await world.judged(*(world.event(OFFICE, registered(reference)) for reference in PEOPLE))

        async with transaction(world.pool) as conn:
            until = NOW + timedelta(days=90)
            spoken = [
                PublisherProgressed(publisher=slug, until=until, offsets={"0": 0})
                for slug in (PROVIDER, OFFICE)
            ]
            await progress.write(conn, spoken)

        async def task(number: int) -> None:
            chance = random.Random(f"{seed}/{number}")
            for _ in range(ROUNDS):
                await _again_after_deadlock(lambda: _somebody(world, chance))

        await asyncio.gather(*(task(number) for number in range(TASKS)))
        await world.check()
        states = {row["state"] for row in await world.rows("SELECT DISTINCT state FROM placement")}
        assert len(states) > 4, states
        for own in COURSES:
            await world.say(PROVIDER, cancelled(own))
        for reference in PEOPLE:
            await world.say(OFFICE, withdrawn(reference))
        await world.check()
        assert not await world.rows(
            "SELECT FROM placement WHERE state IN ('proposed', 'reserved', 'confirmed', 'started')"
        )
        # Every step is in the history and numbered without gaps.
        assert not await world.rows(
            """
            SELECT FROM placement p JOIN placement_step s USING (placement)
            GROUP BY p.placement, p.version HAVING count(*) <> p.version OR max(s.version) <> p.version
            """
        )
