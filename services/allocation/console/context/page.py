"""What every page function of the console stands on: pool, clock, commands, the rule book's clocks."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Protocol, TypeVar
from uuid import UUID

import asyncpg
from fastapi import Depends
from starlette.requests import Request

from services.allocation.acts.overrides import Overrides
from services.allocation.acts.placements import Placements
from services.allocation.console.context.people_store import Clocks
from services.allocation.console.context.persons import COORDINATORS, PROVIDER
from services.allocation.law.rulebook import RuleBook, Rules
from services.allocation.policy.domain import local_day
from services.runtime.base.clock import Clock
from services.runtime.data.db import web_transaction
from services.runtime.web.guard import signed_in
from services.runtime.web.visitors import Visitor

SOON_DAYS = 28
"""The four weeks ahead that the first page speaks of."""

Coordinator = Annotated[Visitor, Depends(signed_in(*COORDINATORS))]
Provider = Annotated[Visitor, Depends(signed_in(PROVIDER))]


@dataclass(frozen=True, slots=True)
class Moment:
    """Business time of a page: now, the day, the last day of the four weeks ahead, the rules of the day."""

    now: datetime
    today: date
    soon: date
    clocks: Clocks
    rules: Rules


class Against(Protocol):
    """Says which hard rules speak against somebody in a course, by their codes."""

    async def __call__(
        self, conn: asyncpg.Connection, participant: UUID, course: UUID, section: int, now: datetime, /
    ) -> Sequence[str]:
        """Name the rules that fail, the most telling first."""
        ...


@dataclass(frozen=True, slots=True)
class Console:
    """What the console works with."""

    pool: asyncpg.Pool
    clock: Clock
    placements: Placements
    rulebook: RuleBook
    against: Against

    @property
    def overrides(self) -> Overrides:
        """The commands about people and courses."""
        return Overrides(self.placements)

    def moment(self) -> Moment:
        """Read the clock once for a page."""
        now = self.clock.now()
        today = local_day(now)
        rules = self.rulebook.on(today)
        clocks = Clocks(tuple(clock for _, clock in sorted(rules.deadlines.items()) if clock.lapses))
        return Moment(now, today, today + timedelta(days=SOON_DAYS), clocks, rules)

    def open(self, visitor: Visitor) -> AbstractAsyncContextManager[asyncpg.Connection]:
        """Begin a transaction that sees the visitor's Kreise only."""
        return web_transaction(self.pool, kreise=visitor.kreise, person=visitor.key)


T = TypeVar("T")
_TRIES = 4
_COLLISIONS = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError)


async def decide(desk: Console, visitor: Visitor, step: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
    """Take one step in a transaction of its own; two people at once at the same course is no error."""
    for _ in range(_TRIES - 1):
        try:
            async with desk.open(visitor) as conn:
                return await step(conn)
        except _COLLISIONS:
            continue
    async with desk.open(visitor) as conn:
        return await step(conn)


def desk_of(request: Request) -> Console:
    """Return the console of this application."""
    console = request.app.state.console
    assert isinstance(console, Console)  # noqa: S101 - set by create_console
    return console


Desk = Annotated[Console, Depends(desk_of)]


@dataclass(frozen=True, slots=True)
class RunningClock:
    """One clock of the law that runs for a person: which, and its last day."""

    code: str
    until: date


def running_clocks(person: Any, clocks: Clocks) -> Sequence[RunningClock]:  # noqa: ANN401 - a row
    """List the clocks that are known to run; each has its own start and they are never merged.

    The six weeks of IntV § 7(4) run from the registration at a provider, which nobody here knows.
    """
    found = []
    if person["valid_until"] is not None:
        found.append(RunningClock("certificate", person["valid_until"]))
    elif person["granted_on"] is not None:
        for clock in clocks.lapsing:
            if person["route"] in clock.routes:
                name = clock.code.removesuffix("_lapses")
                found.append(RunningClock(name, clock.last_day(person["granted_on"])))
    return found


def priority_of(person: Any, rules: Rules) -> str:  # noqa: ANN401 - a row
    """Return the code of the person's priority class."""
    return rules.priorities.code_of(person["standing"], cooperation_plan=person["cooperation_plan"])


def page_of(request: Request) -> int:
    """Read the page number of a list, 1 if it makes no sense."""
    text = request.query_params.get("page", "1")
    return max(1, min(int(text), 10_000)) if text.isdecimal() and len(text) < 6 else 1  # noqa: PLR2004


def as_uuid(text: object) -> UUID | None:
    """Read an id; None if it is none."""
    try:
        return UUID(str(text))
    except ValueError:
        return None
