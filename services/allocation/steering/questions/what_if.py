"""Solves a changed snapshot with the same engine and compares the two answers.

Answers name people by participant id, and only those of the asking Kreis: a neighbour's people are
counted. Small groups are not suppressed, because whoever asks coordinates these very people.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.allocation.solver.engine.limits import Limits
from services.allocation.steering.matching.domain import EntryKey
from services.allocation.steering.matching.entries import minimum_of, need_of
from services.allocation.steering.matching.goals import class_of, deadline_of, waiting_days
from services.allocation.steering.matching.match import DETERMINISTIC, Result, match
from services.allocation.steering.matching.snapshot import Snapshot
from services.allocation.steering.questions.applying import apply, begins, beside_of
from services.allocation.steering.questions.changes import CourseCancelled, parse_all, written

WORK_OF_MANY = 120
"""Steps of the engine for each possibility of many: enough to prove all goals of 1,500 people, 60 courses."""
PAIRS_OF_MANY = 250_000
"""Pairs of all possibilities together: 2,000 people and 150 courses have about 23,000 each."""
LEAST_TRIES = 4
LAPSE_DAYS = 84
"""A clock that runs out within so many days is told of if its person has no place."""


@dataclass(frozen=True, slots=True)
class SolvedSnapshot:
    """A snapshot and what the engine makes of it."""

    seen: Snapshot
    result: Result


def solved(seen: Snapshot, limits: Limits = DETERMINISTIC) -> SolvedSnapshot:
    """Solve a snapshot as a run would, by default with a run's limit of work."""
    return SolvedSnapshot(seen, match(seen, limits=limits))


def screened(seen: Snapshot) -> SolvedSnapshot:
    """Solve a snapshot quickly: a good answer without proof, to choose what is solved exactly."""
    return SolvedSnapshot(seen, match(seen, limits=replace(DETERMINISTIC, work=0)))


def many(seconds_left: Callable[[], float]) -> Limits:
    """Return the limits for questions that solve often: work, the same everywhere, and then the clock."""
    return Limits(WORK_OF_MANY, seconds_left)


def tries(pairs: int, most: int) -> int:
    """Return how many possibilities are solved in a region of this size: the same number on any machine."""
    return max(min(most, LEAST_TRIES), min(most, PAIRS_OF_MANY // max(1, pairs)))


def answer(seen: Snapshot, question: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `{"changes": [...], "kreis": ..., "material": {...}}`, the last as read by material.changed.

    Raises:
        ChangeError: a change cannot be made.
    """
    changes, beside = parse_all(question.get("changes")), beside_of(question)
    before, after = solved(seen), solved(apply(seen, changes, beside))
    cancelled = {change.course for change in changes if isinstance(change, CourseCancelled)}
    back = sum(len(beside.seated.get(course, ())) for course in cancelled)
    seated = sum(course.seated for course in seen.courses if course.id in cancelled)
    return {
        "day": seen.day.isoformat(),
        "changes": [written(change) for change in changes],
        **difference(before, after, beside.home),
        "seated_back": back,
        "seated_in_cancelled": max(0, seated - back),
    }


def of_kreis(seen: Snapshot, home: str) -> set[UUID]:
    """Name the people of a Kreis; empty: everybody."""
    return {person.id for person in seen.people if not home or person.kreis in {"", home}}


def difference(before: SolvedSnapshot, after: SolvedSnapshot, home: str = "") -> dict[str, Any]:
    """Return the difference between two solved snapshots, as JSON values; people of `home` by id."""
    return {
        "before": _totals(before),
        "after": _totals(after),
        "by_class": _by_class(before, after),
        "by_town": _by_town(before, after, home),
        "of_neighbours": _of_neighbours(before, after, home),
        "people": _people(before, after, home),
        "elsewhere": _elsewhere(before, after, home),
        "courses": _courses(before, after),
        "lapsing": _lapsing(before, after, home),
    }


def _totals(one: SolvedSnapshot) -> dict[str, Any]:
    placed = [person for person in one.seen.people if person.id in one.result.places]
    return {
        "people": len(one.seen.people),
        "placed": len(placed),
        "waiting_days": sum(waiting_days(person, one.seen.day) for person in placed),
        "status": one.result.status,
        "cut": one.result.cut,
        "gap": one.result.gap,
        "tiers": [asdict(tier) for tier in one.result.tiers],
    }


def _by_class(before: SolvedSnapshot, after: SolvedSnapshot) -> list[dict[str, Any]]:
    """Count people and places of each priority class, the most urgent first."""
    people, placed = [], []
    for one in (before, after):
        ranks = {person.id: class_of(person, one.seen.rules) for person in one.seen.people}
        people.append(Counter(ranks.values()))
        placed.append(Counter(ranks[person] for person in one.result.places))
    return [
        {
            "class": known.code,
            "people": [people[0][place], people[1][place]],
            "placed": [placed[0][place], placed[1][place]],
        }
        for place, known in enumerate(before.seen.rules.priorities.classes)
    ]


def _by_town(before: SolvedSnapshot, after: SolvedSnapshot, home: str) -> list[dict[str, Any]]:
    """Count people and places by town of residence, where anything is different."""
    people, placed = [], []
    for one in (before, after):
        own = of_kreis(one.seen, home)
        towns = {person.id: person.town for person in one.seen.people if person.id in own}
        people.append(Counter(towns.values()))
        placed.append(Counter(towns[person] for person in one.result.places if person in own))
    return [
        {"town": town, "people": [side[town] for side in people], "placed": [side[town] for side in placed]}
        for town in sorted(people[0].keys() | people[1].keys())
        if people[0][town] != people[1][town] or placed[0][town] != placed[1][town]
    ]


def _of_neighbours(before: SolvedSnapshot, after: SolvedSnapshot, home: str) -> dict[str, list[int]]:
    """Count people and places of neighbours: with the towns they add up to the totals."""
    found = []
    for one in (before, after):
        own = of_kreis(one.seen, home)
        others = {person.id for person in one.seen.people} - own
        found.append((len(others), len(others & one.result.places.keys())))
    return {"people": [people for people, _ in found], "placed": [placed for _, placed in found]}


def _place(entry: EntryKey | None) -> dict[str, Any] | None:
    return None if entry is None else {"course": str(entry.course), "section": entry.section}


def _changed(before: SolvedSnapshot, after: SolvedSnapshot) -> Iterator[tuple[str, UUID]]:
    """Yield who gains a place, who loses one, who has another course."""
    then, now = before.result.places, after.result.places
    for person in sorted(then.keys() | now.keys()):
        old, new = then.get(person), now.get(person)
        if old != new:
            yield "gain" if old is None else "lose" if new is None else "move", person


def _elsewhere(before: SolvedSnapshot, after: SolvedSnapshot, home: str) -> dict[str, int]:
    """Count for how many of the neighbours' people something is different."""
    own = of_kreis(before.seen, home) | of_kreis(after.seen, home)
    counted = Counter(kind for kind, person in _changed(before, after) if person not in own)
    return {kind: counted[kind] for kind in ("gain", "lose", "move")}


def _people(before: SolvedSnapshot, after: SolvedSnapshot, home: str) -> dict[str, list[dict[str, Any]]]:
    """List for whom of the asking Kreis something is different."""
    then, now = before.result.places, after.result.places
    known = {person.id for person in before.seen.people}
    own = of_kreis(before.seen, home) | of_kreis(after.seen, home)
    lists: dict[str, list[dict[str, Any]]] = {"gain": [], "lose": [], "move": []}
    for kind, person in _changed(before, after):
        if person not in own:
            continue
        old, new = then.get(person), now.get(person)
        lists[kind].append(
            {"person": str(person), "new": person not in known, "from": _place(old), "to": _place(new)}
        )
    return lists


def starting(one: SolvedSnapshot) -> set[UUID]:
    """Name the courses to come that have enough people to start, as things stand."""
    entered = Counter(entry.course for entry in one.result.places.values())
    found = set()
    for course in one.seen.courses:
        if begins(course) <= one.seen.day or course.decision == "close":
            continue
        sure = course.decision == "start" or one.seen.policy.sizes.protects(course.course_type, course.id)
        if course.seated + entered[course.id] >= (0 if sure else minimum_of(course, one.seen)):
            found.add(course.id)
    return found


def _courses(before: SolvedSnapshot, after: SolvedSnapshot) -> dict[str, Any]:
    """Return which courses have enough people only before or only after, and how many sit in each then."""
    then, now = starting(before), starting(after)
    entered = [Counter(entry.course for entry in one.result.places.values()) for one in (before, after)]
    courses = {course.id: course for one in (before, after) for course in one.seen.courses}

    def told(ids: set[UUID]) -> list[dict[str, Any]]:
        return [
            {
                "course": str(id_),
                "course_type": courses[id_].course_type,
                "town": courses[id_].town,
                "provider": courses[id_].provider,
                "starts_on": courses[id_].sections[0].starts_on.isoformat(),
                "people": [courses[id_].seated + side[id_] for side in entered],
                "minimum": minimum_of(courses[id_], before.seen),
            }
            for id_ in sorted(ids)
        ]

    return {
        "start": told(now - then),
        "close": told(then - now),
        "need": sum(need_of(course, after.seen) > 0 for course in after.seen.courses),
        "starting": [len(then), len(now)],
    }


def lapsing(one: SolvedSnapshot) -> dict[UUID, str]:
    """Name the people without a place whose first clock runs out soon, and its last day."""
    found = {}
    last = one.seen.day + timedelta(days=LAPSE_DAYS)
    for person in one.seen.people:
        until = deadline_of(person, one.seen.rules)
        if until is not None and one.seen.day <= until <= last and person.id not in one.result.places:
            found[person.id] = until.isoformat()
    return found


def _lapsing(before: SolvedSnapshot, after: SolvedSnapshot, home: str) -> dict[str, Any]:
    then, now = lapsing(before), lapsing(after)
    own = of_kreis(before.seen, home) | of_kreis(after.seen, home)

    def told(ids: set[UUID], days: Mapping[UUID, str]) -> list[dict[str, str]]:
        return [{"person": str(person), "until": days[person]} for person in sorted(ids & own)]

    return {
        "days": LAPSE_DAYS,
        "count": [len(then), len(now)],
        "saved": told(then.keys() - now.keys(), then),
        "lost": told(now.keys() - then.keys(), now),
    }
