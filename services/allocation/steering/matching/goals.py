"""Weighs each goal of the municipality as a number for a person and a place; more is better."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from math import asin, cos, radians, sin, sqrt
from uuid import UUID

from services.allocation.law.rulebook import Rules
from services.allocation.policy.domain import Policy
from services.allocation.steering.matching.domain import Course, Person
from services.allocation.steering.matching.entitlement_rules import last_day
from services.allocation.steering.matching.entries import Entry
from services.allocation.steering.matching.hardrules import travel_minutes
from services.allocation.steering.matching.snapshot import Snapshot

FAR = 2000
"""Distance in units of 100 m from which it no longer matters."""
UNKNOWN = 150
"""What is assumed in units of 100 m where a place is not known."""
LONGEST = 240
"""Minutes from which a way no longer matters."""
AS_THE_CROW_FLIES = 2.5
"""Minutes estimated for a kilometre where the municipality's table has no time; only ever weighed."""
GETTING_READY = 10


def class_of(person: Person, rules: Rules) -> int:
    """Return the place of the person's priority class, 0 the most urgent."""
    return rules.priorities.place_of(person.standing, cooperation_plan=person.cooperation_plan)


def waiting_days(person: Person, day: date) -> int:
    """Count the days of waiting."""
    return max((day - person.waiting_since).days, 0)


def deadline_of(person: Person, rules: Rules) -> date | None:
    """Return the first of the person's clocks to run out, lapses and dates to be kept alike."""
    clocks = [last_day(person, clock) for clock in rules.deadlines.values()]
    days = [day for day in (*clocks, person.valid_until) if day is not None]
    return min(days, default=None)


def hundreds_of_metres(person: Person, course: Course, policy: Policy) -> int | None:
    """Estimate the distance as the crow flies; None where one end is not known."""
    if course.online or (course.latitude is None and course.town == person.town):
        return 0
    home = policy.towns.get(person.town)
    town = policy.towns.get(course.town or "")
    if course.latitude is not None and course.longitude is not None:
        there = (course.latitude, course.longitude)
    elif town is not None:
        there = (town.latitude, town.longitude)
    else:
        return None
    if home is None:
        return None
    lat1, lon1, lat2, lon2 = map(radians, (home.latitude, home.longitude, *there))
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return round(2 * 63710 * asin(sqrt(half)))


@dataclass(frozen=True, slots=True)
class Way:
    """How long somebody travels to a course, in minutes, and whether that is only an estimate."""

    minutes: int
    estimated: bool


def way_to(person: Person, course: Course, snapshot: Snapshot) -> Way | None:
    """Return the way by the municipality's table, else as the crow flies; None where an end is not known."""
    known = travel_minutes(person, course, snapshot.travel)
    if known is not None:
        return Way(known, estimated=False)
    metres = hundreds_of_metres(person, course, snapshot.policy)
    if metres is None:
        return None
    return Way(GETTING_READY + round(AS_THE_CROW_FLIES * metres / 10), estimated=True)


class Worth:
    """What an entry is worth to a person under the goals that compare entries."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._policy = snapshot.policy
        self._day = snapshot.day
        self._near: dict[tuple[str, UUID], int] = {}
        self._ways: dict[tuple[str, UUID], int] = {}
        self._by_goal: Mapping[str, Callable[[Person, Entry], int]] = {
            "deadline": self._deadline,
            "viability": self._viability,
            "keep_offer": lambda p, e: int(p.offer is not None and p.offer.entry == e.key),
            "type_choice": self._type_choice,
            "early_start": self._early_start,
            "travel_time": self._travel_time,
            "distance": self._distance,
            "balance": self._balance,
        }
        self.goals = tuple(goal for goal in self._policy.goals if goal in self._by_goal)
        self._until = {person.id: deadline_of(person, snapshot.rules) for person in snapshot.people}
        self._fill = _fill_of_providers(snapshot) if "balance" in self.goals else {}

    def __call__(self, goal: str, person: Person, entry: Entry) -> int:
        """Return the value of a pair under a goal; more is better."""
        return self._by_goal[goal](person, entry)

    def vector(self, person: Person, entry: Entry) -> tuple[int, ...]:
        """Return the values under all comparing goals, in the policy's order."""
        return tuple(self._by_goal[goal](person, entry) for goal in self.goals)

    def _deadline(self, person: Person, entry: Entry) -> int:
        until = self._until[person.id]
        return int(until is not None and entry.starts_on <= until)

    def _viability(self, _person: Person, entry: Entry) -> int:
        target = self._policy.sizes.target.get(entry.course.course_type)
        return int(target is not None and entry.course.seated < target)

    def _type_choice(self, person: Person, entry: Entry) -> int:
        return 11 - person.course_types.index(entry.course.course_type)

    def _early_start(self, _person: Person, entry: Entry) -> int:
        return self._policy.limits.latest_start_days - (entry.starts_on - self._day).days

    def _distance(self, person: Person, entry: Entry) -> int:
        key = (person.town, entry.course.id)
        if key not in self._near:
            known = hundreds_of_metres(person, entry.course, self._policy)
            self._near[key] = FAR - min(UNKNOWN if known is None else known, FAR)
        return self._near[key]

    def _travel_time(self, person: Person, entry: Entry) -> int:
        key = (person.town, entry.course.id)
        if key not in self._ways:
            way = way_to(person, entry.course, self._snapshot)
            minutes = GETTING_READY + round(AS_THE_CROW_FLIES * UNKNOWN / 10) if way is None else way.minutes
            self._ways[key] = LONGEST - min(minutes, LONGEST)
        return self._ways[key]

    def _balance(self, _person: Person, entry: Entry) -> int:
        return 100 - self._fill.get(entry.course.provider, 0)


def _fill_of_providers(snapshot: Snapshot) -> dict[str, int]:
    """Return how full the courses of each provider are before the run, in per cent."""
    seats: dict[str, int] = {}
    taken: dict[str, int] = {}
    for course in snapshot.courses:
        free = sum(max(0, section.free) for section in course.sections[:1])
        capacity = course.seated + free if course.capacity is None else course.capacity
        seats[course.provider] = seats.get(course.provider, 0) + capacity
        taken[course.provider] = taken.get(course.provider, 0) + course.seated
    return {provider: min(100, 100 * taken[provider] // max(1, all_)) for provider, all_ in seats.items()}
