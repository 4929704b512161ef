"""From a snapshot to who sits where: the municipality's goals as numbers, solved by the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from math import asin, cos, radians, sin, sqrt
from uuid import UUID

import numpy as np
import orjson

from services.allocation.steering.domain import Course, EntryKey, Person
from services.allocation.steering.eligibility import Eligibility, Entry, eligibility_of, members
from services.allocation.steering.engine import flow
from services.allocation.steering.engine.flow import Problem, Tier
from services.allocation.steering.engine.mincost import Ints
from services.allocation.steering.policy import Policy
from services.allocation.steering.rulebook import Rules
from services.allocation.steering.snapshot import Snapshot

FAR = 2000
"""Distance in units of 100 m from which it no longer matters."""
UNKNOWN = 150
"""What is assumed in units of 100 m where a place is not known."""
_MASK = (1 << 64) - 1


def class_of(person: Person, rules: Rules) -> int:
    """Return the place of the person's priority class, 0 the most urgent."""
    classes = rules.priorities.classes
    for place, known in enumerate(classes):
        if person.standing in known.standings or (known.cooperation_plan and person.cooperation_plan):
            return place
    return len(classes) - 1


def waiting_days(person: Person, day: date) -> int:
    """Count the days since the registration."""
    return max((day - person.registered_on).days, 0)


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


def _fold(name: UUID) -> int:
    return (name.int >> 64) ^ (name.int & _MASK)


def lots(people: Ints, entries: Ints) -> Ints:
    """Draw the lot of each pair from the ids alone (splitmix64, 32 bits): last resort among equals."""
    mixed = people.view(np.uint64) ^ (entries.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    drawn: Ints = ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(32)).astype(np.int64)
    return drawn


class Worth:
    """What an entry is worth to a person under the goals that compare entries."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._policy = snapshot.policy
        self._day = snapshot.day
        self._near: dict[tuple[str, UUID], int] = {}
        self._by_goal: Mapping[str, Callable[[Person, Entry], int]] = {
            "keep_offer": lambda p, e: int(p.offer is not None and p.offer.entry == e.key),
            "type_choice": self._type_choice,
            "early_start": self._early_start,
            "distance": self._distance,
        }
        self.goals = tuple(goal for goal in self._policy.goals if goal in self._by_goal)

    def __call__(self, goal: str, person: Person, entry: Entry) -> int:
        """Return the value of a pair under a goal; more is better."""
        return self._by_goal[goal](person, entry)

    def vector(self, person: Person, entry: Entry) -> tuple[int, ...]:
        """Return the values under all comparing goals, in the policy's order."""
        return tuple(self._by_goal[goal](person, entry) for goal in self.goals)

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


def problem_of(snapshot: Snapshot, eligibility: Eligibility) -> Problem:
    """Write the snapshot as numbers; one tier for each goal, one for each priority class, lots last."""
    people, entries = snapshot.people, eligibility.entries
    found = [(place, entry) for place in range(len(people)) for entry in members(eligibility.eligible(place))]
    person, entry = (
        np.array(side, dtype=np.int64) for side in (zip(*found, strict=True) if found else ((), ()))
    )
    worth = Worth(snapshot)
    tiers: list[Tier] = []
    for goal in snapshot.policy.goals:
        if goal == "priority":
            ranks = np.array([class_of(someone, snapshot.rules) for someone in people], dtype=np.int64)
            tiers += [
                Tier(known.code, (ranks[person] == place).astype(np.int64))
                for place, known in enumerate(snapshot.rules.priorities.classes)
            ]
        elif goal == "waiting":
            days = np.array([waiting_days(someone, snapshot.day) for someone in people], dtype=np.int64)
            tiers.append(Tier(goal, days[person]))
        else:
            values = [worth(goal, people[place], entries[at]) for place, at in found]
            tiers.append(Tier(goal, np.array(values, dtype=np.int64)))
    folded = np.array([_fold(someone.id) for someone in people], dtype=np.uint64).view(np.int64)
    doors = np.array(
        [(_fold(one.course.id) + one.section.number) & _MASK for one in entries], dtype=np.uint64
    ).view(np.int64)
    tiers.append(Tier("lot", lots(folded[person], doors[entry])))
    later = [
        place + 1 if place + 1 < len(entries) and entries[place + 1].course.id == one.course.id else -1
        for place, one in enumerate(entries)
    ]
    return Problem(
        people=len(people),
        later=np.array(later, dtype=np.int64),
        seats=np.array([max(one.section.free, 0) for one in entries], dtype=np.int64),
        person=person,
        entry=entry,
        tiers=tuple(tiers),
    )


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run: a place for some, and how good it is under each goal, proven."""

    engine: str
    status: str
    pairs: int
    tiers: tuple[tuple[str, int], ...]
    places: Mapping[UUID, EntryKey]


def encode(result: Result) -> bytes:
    """Write the canonical bytes of a result."""
    return orjson.dumps(
        {
            "engine": result.engine,
            "status": result.status,
            "pairs": result.pairs,
            "tiers": [{"name": name, "value": value, "proven": True} for name, value in result.tiers],
            "places": [
                [str(person), str(entry.course), entry.section]
                for person, entry in sorted(result.places.items())
            ],
        },
        option=orjson.OPT_SORT_KEYS,
    )


def decode(raw: bytes) -> Result:
    """Read a result back."""
    data = orjson.loads(raw)
    return Result(
        data["engine"],
        data["status"],
        data["pairs"],
        tuple((tier["name"], tier["value"]) for tier in data["tiers"]),
        {UUID(person): EntryKey(UUID(course), section) for person, course, section in data["places"]},
    )


def match(snapshot: Snapshot, eligibility: Eligibility | None = None) -> Result:
    """Solve a snapshot; the same snapshot and engine give the same result."""
    known = eligibility or eligibility_of(snapshot)
    problem = problem_of(snapshot, known)
    solution = flow.solve(problem)
    places = {
        someone.id: known.entries[int(problem.entry[pair])].key
        for someone, pair in zip(snapshot.people, solution.pair, strict=True)
        if pair >= 0
    }
    tiers = tuple((tier.name, value) for tier, value in zip(problem.tiers, solution.values, strict=True))
    return Result(flow.VERSION, "optimal", len(problem.person), tiers, places)
