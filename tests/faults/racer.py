"""Runs one racer: picks people and actions by chance, acts, counts what came of it."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

import asyncpg

from schemas.base import Payload
from services.allocation.acts.mergers import NotMergedError
from services.allocation.acts.overrides import Answer, Overrides
from services.allocation.acts.placements import NotDone, Placements, Result
from services.runtime.data.db import web_transaction
from services.runtime.events.subscription import Applied, Incoming, Parked, Rejected
from tests.allocation import builders
from tests.allocation.builders import KREIS, NOW, OTHER_PROVIDER, PROVIDER
from tests.allocation.world import World

PEOPLE = [f"p{number}" for number in range(40)]
COURSES = [("k1", PROVIDER), ("k2", PROVIDER), ("k3", PROVIDER), ("o1", OTHER_PROVIDER)]
WHY = "raced with others for it"
LATEST = NOW + timedelta(days=12)
"""Steering and the timers run later than everything else that happens."""
COLLISIONS = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError)
TRIES = 20
LEAST_ACTIONS = 80
LEAST_RUNS = 3


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

    async def race(self, actions: Mapping["Action", int], seconds: float) -> None:
        """Do things until the time is over; a deadlock is the same thing again, anything else is an end.

        On a machine that is busy with other things it takes longer, until enough has happened.
        """
        end = monotonic() + seconds
        drawn = [action for action, weight in actions.items() for _ in range(weight)]
        while monotonic() < end or self.counts.total() < LEAST_ACTIONS:
            action = self.chance.choice(drawn)
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

    async def command(self, work: Callable[[asyncpg.Connection], Awaitable[Result | Answer]]) -> str:
        """Do as the console does: with the web role, in one transaction."""
        async with web_transaction(self.web, kreise=[KREIS], person="racer") as conn:
            done = await work(conn)
        return done.refusal.code if isinstance(done, NotDone) else "done"

    async def told(self, work: Callable[[asyncpg.Connection], Awaitable[object]]) -> str:
        """Do as the console does where nothing of a decision may remain if a part of it is refused."""
        try:
            async with web_transaction(self.web, kreise=[KREIS], person="racer") as conn:
                await work(conn)
        except NotMergedError as error:
            return error.refusal.code
        return "done"

    async def say(self, slug: str, payload: Payload, now: datetime, **further: str) -> str:
        """Do as the consumer does: judge one event in one transaction."""
        return await self.heard(self.world.event(slug, payload, **further), now)

    async def heard(self, incoming: Incoming, now: datetime) -> str:
        """Judge an event; say what came of it in a word."""
        (verdict,) = await self.world.judged(incoming, now=now)
        match verdict:
            case Applied(warnings=warnings):
                return warnings[0].code if warnings else "done"
            case Rejected(problem=problem):
                return problem.code
            case Parked(problem=problem):
                return f"parked_{problem.code}"


class NothingThereError(LookupError):
    """There is nothing that this could be done to right now."""


Action = Callable[[Racer, datetime], Awaitable[str]]
"""Returns what came of it in a word."""
