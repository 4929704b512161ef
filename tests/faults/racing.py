"""Runs a racer as a process: for some seconds it does what people, offices, providers and time do.

`python -m tests.faults.racing` reads its orders as one line of JSON, says `ready`, waits for a second line,
races, and writes what it did as one line of JSON. What goes wrong ends it with the exception.
"""

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from time import monotonic
from typing import Any

import orjson

from services.allocation.law.rulebook import load_rulebook
from services.allocation.policy.current import CurrentPolicies
from services.allocation.policy.domain import load_policies
from services.allocation.steering.runs.service import Steering
from services.allocation.steering.runs.worker import Worker, Workers
from services.runtime.data.db import open_pool
from tests.allocation.builders import OFFICE, OTHER_PROVIDER, PROVIDER, Publisher
from tests.allocation.world import world_of
from tests.databases import Database
from tests.faults.race_actions import ACTIONS
from tests.faults.racer import COLLISIONS, LATEST, LEAST_RUNS, Racer
from tests.faults.test_seats_without_lock import without_locks


@dataclass(frozen=True, slots=True)
class Orders:
    """What a racer is told: databases by role, who it is, how long, with or without locks."""

    worker: str
    web: str
    prefix: str
    seed: int
    seconds: float
    steers: bool
    locks: bool


async def _steer(racer: Racer, prefix: str, seconds: float) -> None:
    """Steer whatever is due, with a solving process of its own, until the time is over and enough was."""
    end = monotonic() + seconds
    solver, policies = Worker(), CurrentPolicies(load_policies())
    world = racer.world
    steering = Steering(
        world.pool, Workers([solver], 30.0), racer.placements, policies, load_rulebook(), prefix
    )
    try:
        while monotonic() < end or racer.counts["steer/done"] < LEAST_RUNS:
            try:
                racer.counts["steer/done"] += await steering.run_due(LATEST)
            except COLLISIONS as collision:
                racer.counts[f"collision/steer_{type(collision).__name__}"] += 1
            await asyncio.sleep(0.05)
    finally:
        await solver.stop()


async def _run(orders: Orders, go: Callable[[], Awaitable[None]]) -> Counter[str]:
    pool = await open_pool(orders.worker, name=f"racer-{orders.seed}", max_size=4)
    web = await open_pool(orders.web, name=f"racer-web-{orders.seed}", max_size=2)
    try:
        world = world_of(Database("", orders.worker, orders.web, "", ""), pool, orders.prefix)
        for slug in (PROVIDER, OTHER_PROVIDER, OFFICE):
            world.publishers[slug] = Publisher(slug, orders.prefix, orders.seed * 10**9)
        racer = Racer(world, web, random.Random(orders.seed))
        await go()
        async with AsyncExitStack() as patched, asyncio.TaskGroup() as both:
            if not orders.locks:
                patched.enter_context(without_locks())
            both.create_task(racer.race(ACTIONS, orders.seconds))
            if orders.steers:
                both.create_task(_steer(racer, orders.prefix, orders.seconds))
        return racer.counts
    finally:
        await pool.close()
        await web.close()


async def _main() -> None:
    orders = Orders(**orjson.loads(await asyncio.to_thread(sys.stdin.readline)))

    async def go() -> None:
        _say({"ready": orders.seed})
        await asyncio.to_thread(sys.stdin.readline)

    _say(dict(await _run(orders, go)))


def _say(what: dict[str, Any]) -> None:
    sys.stdout.write(orjson.dumps(what).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_main())
