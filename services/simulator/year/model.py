"""Draws by seed what is the same in every world of a year: people, courses, and how people behave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, Literal

from services.allocation.law.rulebook import RuleBook, load_rulebook
from services.allocation.policy.domain import Policy, load_policies
from services.simulator.world.chance import pick, share, stream
from services.simulator.world.kreis import KREIS
from services.simulator.year.courses import Plan, programme
from services.simulator.year.people import Someone, people_of

NO_SHOW: Final = 0.05
LEAVES: Final = 0.38
"""Of those who start; in 2018 62 % went through without interruption."""
SOON: Final = 0.6
"""Of those who leave: within weeks."""
SILENT: Final = 0.07
DECLINES: Final = 0.06
DECLINES_A_MINUTE: Final = 0.003
"""More decline for each minute of travel beyond a quarter of an hour."""
NEAR: Final = 15
GIVES_UP: Final = 0.08
"""After a cancelled course, on the spot."""


@dataclass(frozen=True, slots=True)
class Setting:
    """The seed and size of a year."""

    seed: int = 0
    people: int = 1200
    """Who arrive within the year; an eighth more waits at its start."""
    start: date = date(2026, 3, 2)
    weeks: int = 52
    people_a_course: int = 20
    """Arrivals for which one course is planned (nationwide 21 new participants for each that starts)."""
    twins: float = 0.2
    """Share of courses that another provider announces beside one of the same kind, unknowing."""

    @property
    def end(self) -> date:
        """Return the first day after the year."""
        return self.start + timedelta(weeks=self.weeks)

    @property
    def days(self) -> tuple[date, ...]:
        """List the days of the year."""
        return tuple(self.start + timedelta(days=day) for day in range(7 * self.weeks))


@dataclass(frozen=True, slots=True)
class Year:
    """A year's people, courses, law and policy: all that does not depend on who is offered a seat."""

    setting: Setting
    people: tuple[Someone, ...]
    plans: tuple[Plan, ...]
    rulebook: RuleBook
    policy: Policy


def year_of(setting: Setting, policy: Policy | None = None) -> Year:
    """Draw the year of a setting."""
    providers = 3 + stream(setting.seed, "providers").randrange(4)
    count = max(1, setting.people // setting.people_a_course)
    return Year(
        setting,
        people_of(setting.seed, setting.start, setting.weeks, setting.people, setting.people // 8),
        programme(
            setting.seed,
            setting.start,
            weeks=setting.weeks,
            count=count,
            providers=providers,
            twins=setting.twins,
        ),
        load_rulebook(),
        policy or default_policy(setting.start),
    )


def default_policy(day: date) -> Policy:
    """Return the packaged policy with late entry, and travel times instead of distances."""
    packaged = load_policies().on(KREIS, day)
    goals = tuple("travel_time" if goal == "distance" else goal for goal in packaged.goals)
    limits = packaged.limits.model_copy(update={"late_entry": True})
    return packaged.model_copy(update={"goals": goals, "limits": limits})


@dataclass(frozen=True, slots=True)
class Answer:
    """A person's answer to an offered course, and the days until the office has heard it."""

    kind: Literal["accept", "decline", "silence"]
    after: int


@lru_cache(maxsize=1 << 16)
def answer(seed: int, person: int, course: str, minutes: int) -> Answer:
    """Draw an answer; whoever offers the course and whenever, it is the same."""
    rng = stream(seed, "answer", person, course)
    drawn = rng.random()
    after = pick(rng, {0: 25, 1: 25, 2: 18, 3: 12, 5: 9, 7: 7, 9: 4})
    if drawn < SILENT:
        return Answer("silence", after)
    declines = DECLINES + DECLINES_A_MINUTE * max(0, minutes - NEAR)
    return Answer("decline" if drawn < SILENT + declines else "accept", after)


@dataclass(frozen=True, slots=True)
class Path:
    """How somebody goes through a course, in days since entry."""

    shows_up: bool
    leaves_after: int | None
    told_after: int
    """Days until the provider has taken the person off its list."""


@lru_cache(maxsize=1 << 16)
def path(seed: int, person: int, course: str) -> Path:
    """Draw the path of one person through one course."""
    rng = stream(seed, "path", person, course)
    shows_up, leaves, soon = rng.random() >= NO_SHOW, rng.random() < LEAVES, rng.random() < SOON
    after = 3 + int(rng.expovariate(1 / 18)) if soon else rng.randrange(35, 200)
    return Path(
        shows_up, after if leaves else None, rng.randrange(2, 10) if shows_up else rng.randrange(3, 9)
    )


def gives_up(seed: int, person: int, course: str) -> bool:
    """Return whether somebody no longer wants to wait after this course was cancelled."""
    return share(seed, "gives up", person, course) < GIVES_UP
