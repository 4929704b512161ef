"""Says which course is suggested for what people wait for, or why none is: by parts of a forecast.

Each reason is read from what was computed: who wants it, who has a place by this computation, which courses
were looked at, whom they suit and what they would bring. The first that holds is the one that has to change
first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from schemas.codes import Level
from services.allocation.steering.forecast import UNTESTED
from services.allocation.steering.matching.domain import Course, Person
from services.allocation.steering.matching.eligibility import eligibility_of
from services.allocation.steering.matching.snapshot import Snapshot
from services.allocation.steering.questions.applying import with_courses
from services.allocation.steering.questions.changes import CourseAdded
from services.allocation.steering.questions.what_if import SolvedSnapshot, of_kreis

_LEVELS = tuple(Level)
Idea = tuple[str, int, str | None]
"""What makes candidates variants of one idea: type, and section or level at which people enter."""


@dataclass(frozen=True, slots=True)
class Considered:
    """A course that was looked at: people whom it suits, those of them without a place, its minimum."""

    change: CourseAdded
    course: Course
    suited: int
    direct: int
    minimum: int


def idea_of(person: Person, course_type: str, placed_by: str) -> Idea | None:
    """Return where somebody would enter a course of a type; None: no placement test says it."""
    if placed_by == "section":
        return None if person.section is None else (course_type, person.section, None)
    if person.level not in _LEVELS or person.level == _LEVELS[-1]:
        return None
    return course_type, 1, _LEVELS[_LEVELS.index(Level(person.level)) + 1]


def _idea(change: Mapping[str, Any]) -> Idea:
    return change["course_type"], change["first_section"], change.get("target_level")


def parts_of(  # noqa: PLR0917 - what was asked, looked at, solved, shown
    before: SolvedSnapshot,
    home: str,
    asked: Sequence[str],
    considered: Sequence[Considered],
    ranked: Sequence[Mapping[str, Any]],
    shown: Sequence[Mapping[str, Any]],
) -> dict[str, dict[str, Any]]:
    """Return by part (type/level) the place of its first suggestion (`rank`), or what speaks against one.

    That is a code with numbers. Parts are those that anybody of the Kreis wants, and every type of the rule
    book under `type/*` for parts that nobody wants.
    """
    seen, own = before.seen, of_kreis(before.seen, home)
    wanted: dict[str, list[Person]] = {}
    for person in seen.people:
        if person.id in own:
            for course_type in person.course_types:
                wanted.setdefault(f"{course_type}/{person.level or UNTESTED}", []).append(person)
    for course_type in seen.rules.course_types:
        wanted.setdefault(f"{course_type}/*", [])
    found = {}
    for part, people in wanted.items():
        course_type = part.partition("/")[0]
        rule = seen.rules.course_types.get(course_type)
        ideas = set() if rule is None else {idea_of(one, course_type, rule.placed_by) for one in people}
        rank = next((at for at, one in enumerate(shown, 1) if _idea(one["change"]) in ideas), 0)
        if rank:
            found[part] = {"rank": rank}
            continue
        if asked and course_type not in asked:
            reason: dict[str, Any] = {"code": "not_asked"}
        else:
            looked_at = [one for one in considered if _idea(one.change.model_dump(mode="json")) in ideas]
            tried = [one for one in ranked if _idea(one["change"]) in ideas]
            reason = _reason(before, course_type, people, ideas, looked_at, tried)
        found[part] = reason | {"announced": _announced(seen, course_type)}
    return found


def _reason(  # noqa: PLR0911, PLR0917 - one return for each reason
    before: SolvedSnapshot,
    course_type: str,
    people: Sequence[Person],
    ideas: Collection[Idea | None],
    looked_at: Sequence[Considered],
    tried: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    if course_type not in before.seen.rules.course_types:
        return {"code": "not_permitted"}
    if not people:
        return {"code": "nobody_waits"}
    without = [one for one in people if one.id not in before.result.places]
    if not without:
        return {"code": "covered", "people": len(people)}
    waiting = [one for one in without if not one.held]
    if not waiting:
        return {"code": "on_hold", "people": len(without)}
    if not any(ideas):
        return {"code": "not_tested", "people": len(waiting)}
    if not looked_at:
        return {"code": "no_entry", "people": len(waiting)}
    possible = [one for one in looked_at if one.direct]
    if not possible:
        most = max(looked_at, key=lambda one: one.suited)
        return {"code": "fits_nobody", "people": len(waiting), "against": _against(before, most, waiting)}
    best = max(possible, key=lambda one: (one.suited - one.minimum, one.direct))
    if best.suited < best.minimum:
        against = _against(before, best, waiting)
        return {"code": "too_few", "people": best.suited, "minimum": best.minimum, "against": against}
    if not tried:
        return {"code": "not_tried", "people": max(one.direct for one in possible)}
    gain = max(one["gain"] for one in tried)
    return {"code": "no_gain" if gain <= 0 else "others_first", "people": gain}


def _against(before: SolvedSnapshot, one: Considered, waiting: Sequence[Person]) -> dict[str, int]:
    """Count by rule for how many of these people the course that suits most is nothing, commonest first."""
    known = eligibility_of(
        with_courses(replace(before.seen, people=tuple(waiting), courses=()), [one.course])
    )
    counted: Counter[str] = Counter()
    for place, suitable in enumerate(known.suitable):
        if not suitable and known.entries:
            counted.update(known.failed(place, known.nearest(place)))
    return dict(sorted(counted.items(), key=lambda each: (-each[1], each[0])))


def _announced(seen: Snapshot, course_type: str) -> int:
    """Count the providers that have announced a course of a type."""
    return len({course.provider for course in seen.courses if course.course_type == course_type})
