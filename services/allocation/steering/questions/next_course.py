"""Suggests which course to offer next: candidates from the waiting list, each proven by solving.

Pruning: a candidate can place at most as many more people as it has seats, and no more than people
without a place can reach it directly or by others moving over (`Reach`). The most promising ones by
that bound are solved exactly, by the same engine as a run. No feature of a person decides but what the
hard rules look at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import product
from time import monotonic
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.codes import CourseType, TimeOfDay
from services.allocation.solver.engine.limits import Limits
from services.allocation.steering.matching.domain import Course, EntryKey, Person
from services.allocation.steering.matching.eligibility import eligibility_of
from services.allocation.steering.matching.entries import minimum_of, need_of
from services.allocation.steering.matching.goals import waiting_days
from services.allocation.steering.matching.snapshot import Snapshot
from services.allocation.steering.questions import what_if
from services.allocation.steering.questions.applying import (
    added_course,
    lengths_of,
    travel_of,
    with_courses,
    with_ways,
)
from services.allocation.steering.questions.changes import ChangeError, CourseAdded, written
from services.allocation.steering.questions.reach import Reach, people_by_course
from services.allocation.steering.questions.suggested_parts import Considered, Idea, idea_of, parts_of
from services.allocation.steering.questions.what_if import SolvedSnapshot, lapsing, of_kreis, screened, solved

COMMON_SEATS = 20
"""Where the law recommends no size."""
VARIANTS = 3
"""So many variants of one idea are solved before the next idea has its turn."""
SHOWN_VARIANTS = 2
SCREENED = 3
DAYTIMES = (TimeOfDay.MORNING, TimeOfDay.AFTERNOON, TimeOfDay.EVENING)


class NextCourseQuestion(BaseModel):
    """The question for a course; an empty list: whatever the waiting list wants."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    course_types: tuple[CourseType, ...] = ()
    towns: tuple[str, ...] = ()
    start_weeks: tuple[int, ...] = Field(default=(4, 8, 12), min_length=1, max_length=6)
    """How many weeks ahead it could begin; four at the earliest."""
    seats: int | None = Field(default=None, ge=1, le=100)
    """None: as many as the law's recommended size of the type."""
    solve: int = Field(default=12, ge=1, le=60)
    """How many candidates are solved at most; so many times `SCREENED` are screened before."""
    show: int = Field(default=10, ge=1, le=60)
    seconds: float = Field(default=90.0, gt=0)
    """The safety net: after so many seconds the search ends, and the answer says so (`cut`).

    The most promising ones are still answered then, as the engine answers at once (`status` is `limit`).

    How much is searched follows from the size of the region (`what_if.tries`), so that the same question
    has the same answer on any machine that is fast enough.
    """


@dataclass(frozen=True, slots=True)
class Candidate:
    """A course that could be offered, how many people without a place it suits, and at most gains."""

    change: CourseAdded
    course: Course
    direct: int
    bound: int

    @property
    def group(self) -> Idea:
        """Return what makes candidates variants of one idea: type and where people enter."""
        return self.change.course_type, self.change.first_section, self.change.target_level


def question_of(question: Mapping[str, Any]) -> NextCourseQuestion:
    """Read the question.

    Raises:
        ChangeError: `field_wrong`.
    """
    try:
        query = NextCourseQuestion.model_validate(dict(question))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = str(first["loc"][0])
        raise ChangeError("field_wrong", field=field, where=field, why=first["msg"]) from error
    if min(query.start_weeks) < 1:
        raise ChangeError("start_past")
    return query


def answer(seen: Snapshot, question: Mapping[str, Any]) -> dict[str, Any]:
    """Rank candidate courses; see `NextCourseQuestion` for the question.

    Raises:
        ChangeError: the question is wrong.
    """
    query = question_of(question)
    home = question.get("kreis", "")
    seen = with_ways(seen, travel_of(question.get("material", {})))
    end = monotonic() + query.seconds
    limits = what_if.many(lambda: end - monotonic())
    before = solved(seen, limits)
    considered: list[Considered] = []
    found = candidates(before, query, home, considered)
    most = what_if.tries(before.result.pairs, query.solve)
    wanted = chosen(found, SCREENED * most)
    hopeful = _screened(seen, wanted, end - query.seconds / 2)[:most]
    in_time = (
        candidate for at, candidate in enumerate(hopeful) if at < what_if.LEAST_TRIES or monotonic() < end
    )
    ranked = sorted(
        (_tried(before, candidate, home, limits) for candidate in in_time),
        key=lambda one: (
            not one["viable"],
            -one["gain"],
            -one["waiting_days"],
            -one["sitting"],
            one["course"],
        ),
    )
    tried = {one["course"] for one in ranked}
    exact = bound_is_exact(seen) and all(one["status"] == "optimal" for one in ranked)
    shown = _shown(ranked, query.show)
    rest = max((one.bound for one in found if str(one.course.id) not in tried), default=0)
    return {
        "day": seen.day.isoformat(),
        "waiting": len(seen.people) - len(before.result.places),
        "generated": len(found),
        "screened": len(wanted),
        "solved": len(ranked),
        "cut": monotonic() >= end,
        "best_proven": exact and rest <= max((one["gain"] for one in ranked), default=0),
        "ranked": shown,
        "parts": parts_of(before, home, query.course_types, considered, ranked, shown),
    }


def _screened(seen: Snapshot, wanted: Sequence[Candidate], until: float) -> list[Candidate]:
    """Put the candidates in the order of what a quick answer promises; those after the clock come last."""
    order = []
    for place, candidate in enumerate(wanted):
        places: Mapping[UUID, EntryKey] = {}
        if monotonic() < until:
            places = screened(with_courses(seen, [candidate.course])).result.places
        seated = sum(entry.course == candidate.course.id for entry in places.values())
        starts = seated >= minimum_of(candidate.course, seen)
        order.append((not starts, -len(places), place, candidate))
    return [candidate for *_, candidate in sorted(order, key=lambda one: one[:3])]


def _shown(ranked: Sequence[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """Leave out further variants of an idea that is on the list often enough already."""
    seen: Counter[tuple[object, ...]] = Counter()
    shown = []
    for one in ranked:
        change = one["change"]
        idea = (change["course_type"], change["first_section"], change.get("target_level"))
        seen[idea] += 1
        if seen[idea] <= SHOWN_VARIANTS:
            shown.append({key: value for key, value in one.items() if key != "course"})
    return shown[:most]


def bound_is_exact(seen: Snapshot) -> bool:
    """Return whether no course can gain more than its bound; minimum sizes and families leave it open."""
    return all(person.family is None for person in seen.people) and not any(
        need_of(course, seen) for course in seen.courses
    )


def candidates(
    before: SolvedSnapshot,
    query: NextCourseQuestion,
    home: str = "",
    considered: list[Considered] | None = None,
) -> list[Candidate]:
    """Make the candidates that suit enough people to start and anybody without a place, the best first.

    `considered` takes all that were looked at, those that suit too few as well.
    """
    seen = before.seen
    waiting = [person for person in seen.people if person.id not in before.result.places and not person.held]
    changes = list(_variants(seen, waiting, query))
    courses = [added_course(seen, change, home=home) for change in changes]
    tried = replace(seen, people=tuple(_open_to_new(person) for person in seen.people))
    known = eligibility_of(with_courses(replace(tried, courses=()), courses))
    people_of = people_by_course(known)
    reach = Reach(before)
    found: dict[tuple[object, int], Candidate] = {}
    for change, course in zip(changes, courses, strict=True):
        suited = people_of.get(course.id, 0)
        direct = suited & reach.waiting
        if considered is not None:
            least = minimum_of(course, seen)
            considered.append(Considered(change, course, suited.bit_count(), direct.bit_count(), least))
        if direct and suited.bit_count() >= minimum_of(course, seen):
            bound = min(change.seats, reach.within(suited).bit_count())
            one = Candidate(change, course, direct.bit_count(), bound)
            found.setdefault((one.group, suited), one)  # who would bring in the same people is the same idea
    return sorted(
        found.values(),
        key=lambda one: (
            -min(one.direct, one.change.seats),
            -one.bound,
            -one.direct,
            one.change.starts_on,
            one.change.childcare,
            one.course.id,
        ),
    )


def chosen(found: Sequence[Candidate], most: int) -> list[Candidate]:
    """Choose what is solved: the best variants of each idea in turn, so that no idea crowds out others."""
    turns: Counter[Idea] = Counter()
    order = []
    for place, candidate in enumerate(found):
        order.append((turns[candidate.group] // VARIANTS, place, candidate))
        turns[candidate.group] += 1
    return [candidate for _, _, candidate in sorted(order, key=lambda one: one[:2])[:most]]


def _open_to_new(person: Person) -> Person:
    """Forget what a person has said about courses that there are: it says nothing about a new one."""
    return replace(person, excluded=(), barred_courses=(), barred_providers=(), offer=None)


def _variants(seen: Snapshot, waiting: Sequence[Person], query: NextCourseQuestion) -> Iterator[CourseAdded]:
    """Vary type and entry, start, childcare, town, time of day; of equals the first one is kept."""
    towns = query.towns or _towns(seen, waiting)
    starts = [_monday(seen.day + timedelta(weeks=weeks)) for weeks in sorted(set(query.start_weeks))]
    for course_type, section, level in _ideas(seen, waiting, query):
        rule = seen.rules.course_types[course_type]
        seats, usual = query.seats or rule.cap_should or COMMON_SEATS, usual_minimum(seen, course_type)
        for start, childcare, town, time in product(starts, (False, True), towns, DAYTIMES):
            change = CourseAdded(
                course_type=CourseType(course_type),
                starts_on=start,
                town=town,
                times_of_day=(time,),
                first_section=section,
                target_level=level,
                childcare=childcare,
                barrier_free=True,
                seats=seats,
            )
            yield change.model_copy(update={"minimum": usual})


def usual_minimum(seen: Snapshot, course_type: str) -> int:
    """Return the municipality's minimum, else the one in the middle of what providers ask for."""
    query = sorted(
        one.minimum for one in seen.courses if one.course_type == course_type and one.minimum is not None
    )
    return seen.policy.sizes.minimum.get(course_type) or (query[len(query) // 2] if query else 0)


def _ideas(seen: Snapshot, waiting: Sequence[Person], query: NextCourseQuestion) -> list[Idea]:
    """List the types with section or level that anybody who waits wants, but types that are over."""
    found: set[Idea] = set()
    for person in waiting:
        for course_type in person.course_types:
            rule = seen.rules.course_types.get(course_type)
            if rule is None or (query.course_types and course_type not in query.course_types):
                continue
            if (idea := idea_of(person, course_type, rule.placed_by)) is not None:
                found.add(idea)
    lengths = {code: lengths_of(rule) for code, rule in seen.rules.course_types.items()}
    return sorted(
        (one for one in found if one[1] in lengths[one[0]]), key=lambda one: (one[0], one[1], one[2] or "")
    )


def _towns(seen: Snapshot, waiting: Sequence[Person]) -> tuple[str, ...]:
    """List where courses are held and, most people first, where people who wait live; at most twelve."""
    lives = Counter(person.town for person in waiting)
    venues = {course.town for course in seen.courses if course.town is not None and not course.online}
    order = sorted(venues | lives.keys(), key=lambda town: (-lives[town], town))
    return tuple(town for town in order if len(town) == 8 and town.isdecimal())[:12]  # noqa: PLR2004 - an AGS


def _monday(day: date) -> date:
    return day + timedelta(days=-day.weekday() % 7)


def _tried(before: SolvedSnapshot, candidate: Candidate, home: str, limits: Limits) -> dict[str, Any]:
    """Solve with the candidate added and say what that brings; neighbours' people are only counted."""
    own = of_kreis(before.seen, home)
    seen, course = before.seen, candidate.course
    after = solved(with_courses(seen, [course]), limits)
    then, now = before.result.places, after.result.places
    people = {person.id: person for person in seen.people}
    gained, lost = sorted(now.keys() - then.keys()), sorted(then.keys() - now.keys())
    seated = sorted(person for person, entry in now.items() if entry.course == course.id)
    minimum = minimum_of(course, seen)
    lapse = (lapsing(before), lapsing(after))
    return {
        "course": str(course.id),
        "change": written(candidate.change),
        "gain": len(now) - len(then),
        "waiting_days": sum(waiting_days(people[one], seen.day) for one in gained)
        - sum(waiting_days(people[one], seen.day) for one in lost),
        "sitting": len(seated),
        "minimum": minimum,
        "target": seen.policy.sizes.target.get(course.course_type),
        "viable": len(seated) >= minimum,
        "direct": candidate.direct,
        "bound": candidate.bound,
        "lapses_averted": len(lapse[0]) - len(lapse[1]),
        "remedies": _remedies(before, gained),
        "status": after.result.status,
        "gained": [str(one) for one in gained if one in own],
        "lost": [str(one) for one in lost if one in own],
        "losing": len(lost),
        "moved": sum(then[one] != now[one] for one in then.keys() & now.keys()),
    }


def _remedies(before: SolvedSnapshot, gained: Sequence[UUID]) -> dict[str, int]:
    """Count what those who gain a place lacked: a seat, or all in which the nearest course failed them."""
    known = eligibility_of(before.seen)
    at = {person.id: place for place, person in enumerate(before.seen.people)}
    counted: Counter[str] = Counter()
    for person in gained:
        place = at[person]
        if known.suitable[place]:
            counted["seat"] += 1
        elif known.entries:
            counted[",".join(known.failed(place, known.nearest(place)))] += 1
        else:
            counted["course_type"] += 1
    return dict(sorted(counted.items(), key=lambda one: (-one[1], one[0])))
