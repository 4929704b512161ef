"""One racer: a process that for some seconds does to few seats whatever people, offices, providers, time do.

`python -m tests.faults.racing` reads its orders as one line of JSON, says `ready`, waits for a second line,
races, and writes what it did as one line of JSON. What goes wrong ends it with the exception.
"""

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson

from schemas.base import Payload
from services.allocation.placements import by_hand
from services.allocation.placements.handlers import NotDone, Outcome, Placements
from services.allocation.placements.overrides import Answer, Overrides
from services.allocation.placements.rulings import Deviate, Exclude, ExcludeCourse, ExcludeProvider
from services.allocation.steering.policy import load_policies
from services.allocation.steering.rulebook import load_rulebook
from services.allocation.steering.run import Steering
from services.allocation.steering.worker import Worker, Workers
from services.runtime.consume import Applied, Parked, Rejected
from services.runtime.db import open_pool, web_transaction
from tests.allocation import builders
from tests.allocation.builders import KREIS, NOW, OFFICE, OTHER_PROVIDER, PROVIDER, Publisher
from tests.allocation.world import World, world_of
from tests.databases import Database
from tests.faults.test_seats_without_lock import WITHOUT_LOCKS

PEOPLE = [f"p{number}" for number in range(40)]
COURSES = [("k1", PROVIDER), ("k2", PROVIDER), ("k3", PROVIDER), ("o1", OTHER_PROVIDER)]
WHY = "raced with others for it"
LATEST = NOW + timedelta(days=12)
"""Steering and the timers run later than everything else that happens."""
COLLISIONS = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError)
TRIES = 20
LEAST_ACTIONS = 120
LEAST_RUNS = 3


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


@dataclass
class Racer:
    """Does one thing after another; counts what came of it."""

    world: World
    web: asyncpg.Pool
    chance: random.Random
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def placements(self) -> Placements:
        return self.world.placements

    @property
    def rules(self) -> Overrides:
        return Overrides(self.placements)

    async def race(self, seconds: float) -> None:
        """Do things until the time is over; a deadlock is the same thing again, anything else is an end.

        On a machine that is busy with other things it takes longer, until enough has happened.
        """
        end = monotonic() + seconds
        actions = [action for action, weight in ACTIONS.items() for _ in range(weight)]
        while monotonic() < end or self.counts.total() < LEAST_ACTIONS:
            action = self.chance.choice(actions)
            now = NOW + timedelta(days=self.chance.choice([0, 0, 0, 5, 11]))
            name = action.__name__.removeprefix("_")
            code = await self._again_after_collisions(lambda: action(self, now))  # noqa: B023
            self.counts[f"{name}/{code}"] += 1

    async def _again_after_collisions(self, work: Callable[[], Awaitable[str]]) -> str:
        for _ in range(TRIES - 1):
            try:
                return await work()
            except COLLISIONS as collision:
                self.counts[f"collision/{type(collision).__name__}"] += 1
        return await work()

    # Whom and what.

    def reference(self) -> str:
        return self.chance.choice(PEOPLE)

    def person(self) -> UUID:
        return builders.person(self.reference())

    def course(self) -> tuple[str, str, UUID]:
        own, provider = self.chance.choice(COURSES)
        return own, provider, builders.course(own, provider)

    async def placement(self, *states: str) -> asyncpg.Record:
        """Pick a placement that was in one of these states a moment ago."""
        rows = await self.world.rows(
            """
            SELECT p.placement, p.participant, w.reference, c.own_course, p.provider
            FROM placement p JOIN course c USING (course) JOIN participant w USING (participant)
            WHERE p.state = ANY($1::text[]) ORDER BY random() LIMIT 1
            """,
            list(states),
        )
        if not rows:
            raise NothingThereError
        return rows[0]

    # How it is done.

    async def command(self, work: Callable[[asyncpg.Connection], Awaitable[Outcome | Answer]]) -> str:
        """Do as the console does: with the web role, in one transaction."""
        async with web_transaction(self.web, kreise=[KREIS], person="racer") as conn:
            done = await work(conn)
        return done.refusal.code if isinstance(done, NotDone) else "done"

    async def say(self, slug: str, payload: Payload, now: datetime) -> str:
        """Do as the consumer does: judge one event in one transaction."""
        match await self.world.say(slug, payload, now):
            case Applied(warnings=warnings):
                return warnings[0].code if warnings else "done"
            case Rejected(problem=problem):
                return problem.code
            case Parked(problem=problem):
                return f"parked_{problem.code}"


class NothingThereError(LookupError):
    """There is nothing that this could be done to right now."""


Action = Callable[[Racer, datetime], Awaitable[str]]


def _if_there(action: Action) -> Action:
    async def work(racer: Racer, now: datetime) -> str:
        try:
            return await action(racer, now)
        except NothingThereError:
            return "nothing_there"

    work.__name__ = action.__name__
    return work


async def _propose(racer: Racer, now: datetime) -> str:
    own, provider, _ = racer.course()
    return (
        "done" if await racer.world.propose(racer.reference(), own=own, now=now, provider=provider) else "no"
    )


@_if_there
async def _release(racer: Racer, now: datetime) -> str:
    found = await racer.placement("proposed", "sent_to_authority")
    present = racer.chance.random() < 0.3
    return await racer.command(
        lambda conn: racer.placements.release(conn, found["placement"], "racer", now, present=present)
    )


@_if_there
async def _accept(racer: Racer, now: datetime) -> str:
    found = await racer.placement("reserved")
    return await racer.say(OFFICE, builders.accepted(found["placement"], found["reference"]), now)


@_if_there
async def _decline(racer: Racer, now: datetime) -> str:
    found = await racer.placement("reserved", "accepted")
    return await racer.say(OFFICE, builders.declined(found["placement"], found["reference"]), now)


@_if_there
async def _confirm(racer: Racer, now: datetime) -> str:
    found = await racer.placement("reserved", "accepted")
    said = builders.confirmed(found["placement"], found["participant"], found["own_course"])
    return await racer.say(found["provider"], said, now)


@_if_there
async def _refuse(racer: Racer, now: datetime) -> str:
    found = await racer.placement("reserved", "accepted", "confirmed")
    said = builders.refused(found["placement"], found["participant"], found["own_course"])
    return await racer.say(found["provider"], said, now)


@_if_there
async def _leave(racer: Racer, now: datetime) -> str:
    found = await racer.placement("accepted", "confirmed", "started")
    return await racer.say(found["provider"], builders.left(found["participant"], found["own_course"]), now)


async def _register(racer: Racer, now: datetime) -> str:
    return await racer.say(OFFICE, builders.registered(racer.reference()), now)


async def _withdraw(racer: Racer, now: datetime) -> str:
    return await racer.say(OFFICE, builders.withdrawn(racer.reference()), now)


async def _cancel(racer: Racer, now: datetime) -> str:
    own, provider, _ = racer.course()
    return await racer.say(provider, builders.cancelled(own), now)


async def _change_capacity(racer: Racer, now: datetime) -> str:
    """Announce with another capacity; a cancelled course comes back by it."""
    own, provider, _ = racer.course()
    return await racer.say(provider, builders.announced(own, capacity=racer.chance.randint(2, 5)), now)


async def _assign(racer: Racer, now: datetime) -> str:
    own = racer.chance.choice([own for own, provider in COURSES if provider == PROVIDER])
    said = builders.assigned(racer.reference(), own)
    return await racer.say(OFFICE, said.model_copy(update={"section": racer.chance.randint(1, 2)}), now)


async def _expire(racer: Racer, _now: datetime) -> str:
    return "done" if await racer.world.timers.expire(LATEST) else "nothing_there"


async def _start(racer: Racer, now: datetime) -> str:
    found = await racer.placement("confirmed")
    return await racer.command(
        lambda conn: by_hand.start(
            racer.placements, conn, found["placement"], "racer", now + timedelta(days=40)
        )
    )


async def _lift(racer: Racer, _now: datetime) -> str:
    return "done" if await racer.world.timers.lift(LATEST) else "nothing_there"


async def _override(racer: Racer, now: datetime) -> str:
    who, (_, _, course) = racer.person(), racer.course()
    section = racer.chance.randint(1, 3)
    return await racer.command(
        lambda conn: racer.placements.override(conn, who, course, section, "racer", WHY, now)
    )


@_if_there
async def _discard(racer: Racer, now: datetime) -> str:
    found = await racer.placement("proposed", "sent_to_authority", "reserved", "accepted", "confirmed")
    again = racer.chance.random() < 0.8
    return await racer.command(
        lambda conn: racer.placements.discard(conn, found["placement"], "racer", WHY, now, again=again)
    )


@_if_there
async def _send_to_authority(racer: Racer, now: datetime) -> str:
    found = await racer.placement("proposed")
    return await racer.command(
        lambda conn: racer.placements.send_to_authority(conn, found["placement"], "racer", now)
    )


@_if_there
async def _refused_by_authority(racer: Racer, now: datetime) -> str:
    found = await racer.placement("sent_to_authority")
    return await racer.command(
        lambda conn: racer.placements.refused_by_authority(
            conn, found["placement"], "racer", WHY, now, again=True
        )
    )


async def _hold(racer: Racer, now: datetime) -> str:
    who, until = racer.person(), racer.chance.choice([None, now.date() + timedelta(days=1)])
    return await racer.command(lambda conn: racer.rules.hold(conn, who, until, "racer", WHY, now))


async def _end_hold(racer: Racer, now: datetime) -> str:
    who = await _one_of(racer, "SELECT participant FROM steering_hold WHERE lifted_at IS NULL")
    return await racer.command(lambda conn: racer.rules.end_hold(conn, who, "racer", now))


async def _exclude(racer: Racer, now: datetime) -> str:
    who, (_, provider, course) = racer.person(), racer.course()
    what: Exclude = ExcludeCourse(course) if racer.chance.random() < 0.5 else ExcludeProvider(provider)
    return await racer.command(lambda conn: racer.rules.exclude(conn, who, what, "racer", WHY, now))


async def _end_exclusion(racer: Racer, now: datetime) -> str:
    which = await _one_of(racer, "SELECT id FROM steering_exclusion WHERE lifted_at IS NULL")
    return await racer.command(lambda conn: racer.rules.end_exclusion(conn, which, "racer", now))


async def _deviate(racer: Racer, now: datetime) -> str:
    who, what = racer.person(), Deviate(racer.chance.randint(1, 3), None)
    return await racer.command(lambda conn: racer.rules.deviate(conn, who, what, "racer", WHY, now))


async def _rule_course(racer: Racer, now: datetime) -> str:
    _, _, course = racer.course()
    if racer.chance.random() < 0.6:
        return await racer.command(
            lambda conn: racer.rules.take_back_course_ruling(conn, course, "racer", now)
        )
    close = racer.chance.random() < 0.4
    return await racer.command(
        lambda conn: racer.rules.rule_course(conn, course, "close" if close else "start", "racer", WHY, now)
    )


async def _one_of(racer: Racer, query: str) -> UUID:
    rows = await racer.world.rows(f"{query} ORDER BY random() LIMIT 1")
    return rows[0][0] if rows else uuid4()


ACTIONS: dict[Action, int] = {
    _propose: 8,
    _release: 10,
    _accept: 5,
    _decline: 3,
    _confirm: 4,
    _refuse: 2,
    _if_there(_start): 2,
    _leave: 1,
    _register: 4,
    _withdraw: 1,
    _cancel: 1,
    _change_capacity: 5,
    _assign: 1,
    _expire: 2,
    _lift: 1,
    _override: 5,
    _discard: 3,
    _send_to_authority: 2,
    _refused_by_authority: 1,
    _hold: 1,
    _end_hold: 3,
    _exclude: 2,
    _end_exclusion: 3,
    _deviate: 1,
    _rule_course: 2,
}


async def _steer(racer: Racer, prefix: str, seconds: float) -> None:
    """Steer whatever is due, with a solving process of its own, until the time is over and enough was."""
    end = monotonic() + seconds
    solver, policies = Worker(), load_policies()
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
        locks = None if orders.locks else WITHOUT_LOCKS
        world = world_of(Database("", orders.worker, orders.web, "", ""), pool, orders.prefix, locks)
        for slug in (PROVIDER, OTHER_PROVIDER, OFFICE):
            world.publishers[slug] = Publisher(slug, orders.prefix, orders.seed * 10**9)
        racer = Racer(world, web, random.Random(orders.seed))
        await go()
        async with asyncio.TaskGroup() as both:
            both.create_task(racer.race(orders.seconds))
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
