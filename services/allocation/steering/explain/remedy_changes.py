"""Makes the changes that remedies ask for, as JSON and as values, and solves a run again with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import orjson

from services.allocation.placements.domain import Reason
from services.allocation.solver.engine.mincost import InfeasibleError
from services.allocation.steering.explain.resolve import Base, seated_again, with_seats
from services.allocation.steering.matching.domain import Course, EntryKey
from services.allocation.steering.matching.entries import need_of
from services.allocation.steering.matching.snapshot import Snapshot

Change = Mapping[str, Any]
"""One change of the snapshot as JSON: {"op": "person" | "seats" | "start" | "travel_minutes", ...}."""

Made = tuple[Change, Mapping[str, Any]]
"""A change, and beside it the values that it sets."""


TWO = 120
"""Two changes at once come after every single one."""
APART, MORE_SEATS, START, TRAVEL_LIMIT = 75, 90, 100, 110
"""Costs of what is no change to a person, beside those of `Fix` (matching/rule.py)."""
SEAT = 5
"""Each further seat, each person missing."""
MOST_SEATS = 5
"""More seats than so many are another course."""
MOST_TRIES = 12
"""Ways of helping somebody that are solved again before the search ends."""


@dataclass(frozen=True, slots=True)
class Supply:
    """One change to a course: what it costs, how it is told, and what it changes."""

    cost: int
    part: Reason
    change: Made


def more_seats(course: UUID, more: int) -> Supply:
    """Put more seats into a course."""
    change = {"op": "seats", "id": str(course), "add": more}
    return Supply(MORE_SEATS + SEAT * (more - 1), Reason("remedy_seat", {"seats": more}), (change, {}))


def start(base: Base, course: Course) -> Supply:
    """Start a course for which people are missing."""
    missing = max(1, need_of(course, base.snapshot) - base.asking(course.id))
    part, change = Reason("remedy_start", {"missing": missing}), {"op": "start", "id": str(course.id)}
    return Supply(START + SEAT * missing, part, (change, {}))


def _plain(value: object) -> Any:  # noqa: ANN401 - a JSON value
    return orjson.loads(orjson.dumps(value))


def person_change(person: UUID, sets: Mapping[str, Any]) -> Change:
    """Make a change of a person's fields."""
    return {"op": "person", "id": str(person), "set": _plain(sets)}


def apply(snapshot: Snapshot, changes: Sequence[Made]) -> Snapshot:
    """Return the snapshot with changes made; beside each stand the values that it sets."""
    people = {person.id: person for person in snapshot.people}
    courses = {course.id: course for course in snapshot.courses}
    policy = snapshot.policy
    for change, sets in changes:
        match change["op"]:
            case "person":
                name = UUID(change["id"])
                people[name] = replace(people[name], **sets)
            case "seats":
                name = UUID(change["id"])
                courses[name] = with_seats(courses[name], change["add"])
            case "start":
                name = UUID(change["id"])
                courses[name] = replace(courses[name], decision="start")
            case _:
                limits = policy.limits.model_copy(update={"travel_minutes": change["value"]})
                policy = policy.model_copy(update={"limits": limits})
    return replace(snapshot, people=tuple(people.values()), courses=tuple(courses.values()), policy=policy)


def solved_with(
    base: Base, changes: Sequence[Made], forced: Mapping[int, int] | None = None
) -> Mapping[UUID, EntryKey]:
    """Solve the whole changed snapshot again; nobody has a place if a started course cannot be filled.

    `forced`: members of families, by their places among the people, and the entries where they sit then.
    """
    people = {UUID(change["id"]): sets for change, sets in changes if change["op"] == "person"}
    try:
        if len(people) < len(changes):
            return seated_again(apply(base.snapshot, changes), base.result, forced)
        before = {person.id: person for person in base.snapshot.people if person.id in people}
        changed = {name: replace(before[name], **sets) for name, sets in people.items()}
        return base.with_people(changed, forced)
    except InfeasibleError:
        return {}
