"""Simulates a world without steering: people go from provider to provider, each of which keeps a list.

What is assumed in its favour: everybody knows which providers usually have suitable courses and how far
away they are; the nearest is asked first; at the desk the answer is there at once and no offer goes
unanswered; a provider goes through its list on the very day a seat falls free or a course is announced;
it applies the same law to the same seats; lists remember the day on which somebody first asked, also
after a cancelled course; who has found a seat elsewhere is off all lists at once, nobody holds two.
What is assumed against it: a provider gives the first suitable seat of its own to the first who asks and
does not send people to others; a person asks one provider at a time and the next one only after weeks.
The list that all providers share has no desk: it asks people by post, just as steering does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from services.allocation.steering.matching.domain import Course, Person, Section
from services.allocation.steering.matching.eligibility import eligibility_of, members
from services.allocation.steering.matching.entries import Entry
from services.allocation.steering.matching.hardrules import hard_rules
from services.allocation.steering.matching.rule import Rule
from services.simulator.world.chance import share
from services.simulator.year.courses import Plan
from services.simulator.year.model import Year
from services.simulator.year.steering import snapshot_on
from services.simulator.year.travel_times import TRAVEL
from services.simulator.year.world import STEERING_ONLY, PersonProgress, PersonState, World

LISTS: Final = 3
"""The providers whom somebody asks at most."""
PATIENCE: Final = (14, 28)
"""Days on one list before the next provider is asked, by person."""
SOON_ENOUGH: Final = 84
"""Days until a start that somebody agrees to before having asked the other providers."""
SATURDAY: Final = 5
EVERYBODY: Final = "all providers"
_OF_THE_COURSE: Final = frozenset(
    {"course_type", "time_of_day", "weekdays", "childcare", "women_only", "barrier_free", "travel_time"}
)
"""Rules about what stays the same of a provider's courses, so that people can know it beforehand."""


@dataclass(slots=True)
class Search:
    """How far somebody's search has come."""

    providers: tuple[str, ...]
    """The providers that usually have suitable courses, the nearest first."""
    asked: dict[str, date] = field(default_factory=dict)
    """The providers asked, with the day."""
    next_on: date | None = None
    """When the next provider is asked."""


class FirstComeFirstServed:
    """One Kreis without steering: lists by provider, or one list that all providers share."""

    def __init__(self, world: World, *, shared: bool = False) -> None:
        self.world = world
        self._shared = shared
        self._searches: dict[int, Search] = {}
        self._habits = tuple((self._desk(plan.provider), _habit(plan)) for plan in world.year.plans)
        self._supply: tuple[Entry, ...] = ()
        self._of: dict[str, int] = {}
        self._suitable: dict[int, int] = {}
        self._rules: tuple[Rule, ...] = ()

    def _desk(self, provider: str) -> str:
        return EVERYBODY if self._shared else provider

    def live(self) -> World:
        """Simulate the year."""
        world, open_again = self.world, False
        for day in world.year.setting.days:
            world.begin(day)
            open_again |= world.fell_free or bool(world.announced_today)
            for person in world.cancelled_today:
                self._searches[person].next_on = day
            if day.weekday() >= SATURDAY:
                continue
            self._open(day)
            if open_again:
                self._call(day)
            open_again = False
            for life in list(world.waiting()):
                self._ask(life, day)
        return world

    def _open(self, day: date) -> None:
        """Find out which entries are open and suitable on a day, by the same law as when steered."""
        seen = snapshot_on(self.world, day)
        known = eligibility_of(seen)
        self._supply, self._of = known.entries, {}
        for at, entry in enumerate(known.entries):
            desk = self._desk(entry.course.provider)
            self._of[desk] = self._of.get(desk, 0) | 1 << at
        self._suitable = {
            self.world.number[person.id]: entries
            for person, entries in zip(seen.people, known.without(STEERING_ONLY), strict=True)
        }
        if not self._rules:
            self._rules = tuple(rule for rule in hard_rules(seen) if rule.name in _OF_THE_COURSE)

    def _free(self, life: PersonProgress, provider: str) -> list[Entry]:
        """List the places of a provider that a person can take, the earliest first."""
        found = self._suitable.get(life.someone.number, 0) & self._of.get(provider, 0)
        entries = [self._supply[at] for at in members(found)]
        return sorted(
            (
                entry
                for entry in entries
                if entry.course.id not in life.excluded
                and self.world.courses[entry.course.id].free(entry.section.number) > 0
            ),
            key=lambda entry: (entry.starts_on, entry.course.id),
        )

    def _call(self, day: date) -> None:
        """Let each provider go through its list and offer what is free, in the order of asking."""
        lists: dict[str, list[tuple[date, int]]] = {}
        for number, search in self._searches.items():
            for provider, since in search.asked.items():
                lists.setdefault(provider, []).append((since, number))
        for provider in sorted(lists):
            for _, number in sorted(lists[provider]):
                life = self.world.lives[number]
                if life.state is not PersonState.WAITING:
                    continue
                found = self._free(life, provider)
                if found:
                    self.world.offer(number, found[0].key, day)

    def _ask(self, life: PersonProgress, day: date) -> None:
        """Let somebody go to the next provider, if it is time."""
        someone = life.someone
        if day < someone.tested_on or (someone.moves_on <= day):
            return
        search = self._searches.get(someone.number)
        if search is None:
            search = Search(self._near(life.person(day)), next_on=day)
            self._searches[someone.number] = search
        if search.next_on is None or day < search.next_on:
            return
        left = [provider for provider in search.providers[:LISTS] if provider not in search.asked]
        for provider in (*search.asked, *left[:1]):
            last = len(left) <= 1
            if self._at_the_desk(life, provider, day, last=last):
                return
        if left:
            search.asked[left[0]] = day
        first, latest = PATIENCE
        patience = first + int((latest - first) * share("patience", someone.facts.id))
        search.next_on = day + timedelta(days=patience) if len(left) > 1 else None

    def _at_the_desk(self, life: PersonProgress, provider: str, day: date, *, last: bool) -> bool:
        """Let somebody choose among what a provider has; return whether a seat is held."""
        number = life.someone.number
        for entry in self._free(life, provider):
            wanted = last or entry.starts_on <= day + timedelta(days=SOON_ENOUGH)
            if wanted and self.world.offer(number, entry.key, day, in_the_room=not self._shared):
                return True
        return False

    def _near(self, person: Person) -> tuple[str, ...]:
        """List the providers that usually have courses suitable for the person, the nearest first."""
        ways: dict[str, int] = {}
        for provider, habit in self._habits:
            if all(rule.allows(person, habit) for rule in self._rules):
                way = TRAVEL[person.town, habit.course.town or ""]
                ways[provider] = min(way, ways.get(provider, way))
        return tuple(sorted(ways, key=lambda provider: (ways[provider], share(person.id, provider))))


def _habit(plan: Plan) -> Entry:
    """Return a course as an entry whose day does not matter."""
    section = Section(1, plan.starts_on, plan.starts_on, plan.ue, plan.capacity)
    course = Course(
        id=plan.id,
        version=1,
        provider=plan.provider,
        course_type=plan.course_type,
        kind=plan.kind,
        sections=(section,),
        town=plan.town,
        times_of_day=(plan.time,),
        target_level=plan.target_level,
        childcare=plan.childcare,
        women_only=plan.women_only,
        barrier_free=plan.barrier_free,
        weekdays=plan.weekdays,
    )
    return Entry(course, section, plan.starts_on, plan.capacity, plan.capacity, late=False)


def unsteered(year: Year, *, shared: bool = False) -> World:
    """Return the unsteered world at the end of the year."""
    return FirstComeFirstServed(World(year), shared=shared).live()
