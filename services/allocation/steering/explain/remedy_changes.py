"""Changes of a snapshot that remedies ask for, as JSON and as values; and a run solved again with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson

from services.allocation.solver.engine.mincost import InfeasibleError
from services.allocation.steering.explain.resolve import Base, seated_again, with_seats
from services.allocation.steering.matching.domain import EntryKey
from services.allocation.steering.matching.snapshot import Snapshot

Change = Mapping[str, Any]
"""One change of the snapshot as JSON: {"op": "person" | "seats" | "start" | "travel_minutes", ...}."""

Made = tuple[Change, Mapping[str, Any]]
"""A change, and beside it the values that it sets."""


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
