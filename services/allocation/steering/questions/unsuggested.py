"""Says why no course is suggested for what people wait for: by course type and level, as a forecast counts.

Each reason is read from what was computed: who wants it, who has a place by this computation, which
courses were
looked at, whom they suit and what they would bring. The first that holds is the one that has to change first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.allocation.steering.forecast import UNTESTED, level_for
from services.allocation.steering.matching.domain import Person
from services.allocation.steering.matching.snapshot import Snapshot
from services.allocation.steering.questions.changes import CourseAdded
from services.allocation.steering.questions.what_if import SolvedSnapshot, of_kreis


@dataclass(frozen=True, slots=True)
class Considered:
    """A course that was looked at: people whom it suits, those of them without a place, its minimum."""

    change: CourseAdded
    suited: int
    direct: int
    minimum: int


def part_of(change: Mapping[str, Any]) -> str:
    """Return the part of a forecast to which a course belongs: its type, and the level that it asks for."""
    level = level_for(change["course_type"], change["first_section"], change.get("target_level"))
    return f"{change['course_type']}/{level}"


def unsuggested(  # noqa: PLR0917 - what was asked, looked at, solved, shown
    before: SolvedSnapshot,
    home: str,
    asked: Sequence[str],
    considered: Sequence[Considered],
    ranked: Sequence[Mapping[str, Any]],
    shown: Sequence[Mapping[str, Any]],
) -> dict[str, dict[str, Any]]:
    """Return by part (type/level) what speaks against a suggestion: a code with numbers.

    Parts are those that anybody of the Kreis wants, and all types of the rule book under `type/*`, for parts
    that nobody waits for.
    """
    seen, own = before.seen, of_kreis(before.seen, home)
    wanted: dict[str, list[Person]] = {}
    for person in seen.people:
        if person.id in own:
            for course_type in person.course_types:
                wanted.setdefault(f"{course_type}/{person.level or UNTESTED}", []).append(person)
    for course_type in seen.rules.course_types:
        wanted.setdefault(f"{course_type}/*", [])
    looked_at: dict[str, list[Considered]] = {}
    for one in considered:
        looked_at.setdefault(part_of(one.change.model_dump(mode="json")), []).append(one)
    tried: dict[str, list[Mapping[str, Any]]] = {}
    for solved in ranked:
        tried.setdefault(part_of(solved["change"]), []).append(solved)
    offered = {part_of(one["change"]) for one in shown}
    found = {}
    for part, people in wanted.items():
        course_type, _, level = part.partition("/")
        if part in offered:
            continue
        if asked and course_type not in asked:
            reason: dict[str, Any] = {"code": "not_asked"}
        else:
            reason = _reason(before, course_type, level, people, looked_at.get(part, ()), tried.get(part, ()))
        found[part] = reason | {"announced": _announced(seen, course_type)}
    return found


def _reason(  # noqa: PLR0911, PLR0917 - one return for each reason
    before: SolvedSnapshot,
    course_type: str,
    level: str,
    people: Sequence[Person],
    looked_at: Sequence[Considered],
    tried: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    seen = before.seen
    if course_type not in seen.rules.course_types:
        return {"code": "not_permitted"}
    if not people:
        return {"code": "nobody_waits"}
    without = [one for one in people if one.id not in before.result.places]
    if not without:
        return {"code": "covered", "people": len(people)}
    waiting = [one for one in without if not one.held]
    if not waiting:
        return {"code": "on_hold", "people": len(without)}
    if level == UNTESTED or (
        seen.rules.course_types[course_type].placed_by == "section"
        and all(one.section is None for one in waiting)
    ):
        return {"code": "not_tested", "people": len(waiting)}
    if not looked_at:
        return {"code": "no_entry", "people": len(waiting)}
    best = max(
        looked_at, key=lambda one: (one.suited >= one.minimum and one.direct > 0, one.direct, one.suited)
    )
    if not best.direct:
        return {"code": "fits_nobody", "people": len(waiting)}
    if best.suited < best.minimum:
        most = max(one.suited for one in looked_at)
        return {"code": "too_few", "people": most, "minimum": best.minimum}
    if not tried:
        return {"code": "not_tried", "people": best.direct}
    gain = max(one["gain"] for one in tried)
    return {"code": "no_gain" if gain <= 0 else "others_first", "people": gain}


def _announced(seen: Snapshot, course_type: str) -> int:
    """Count the providers that have announced a course of a type."""
    return len({course.provider for course in seen.courses if course.course_type == course_type})
