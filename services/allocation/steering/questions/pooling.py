"""Suggests mergers of parallel courses that are too weak to start, each verified by solving.

Courses are parallel if people could attend either: same type and entry, a time of day in common, starts
close to each other. A merger is suggested only if the one that stays reaches its minimum with the others
closed and more people sit in courses that take place than before; only whom the coordinator can move
counts as changing. Of the possible hosts the better one for
people goes first, then the one that closes fewer courses; among equals the provider that has given up more
often than it hosted in the last year, then the emptier one, then the shorter ways, then a lot by id.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.identity import NAMESPACE
from services.allocation.solver.engine.limits import Limits
from services.allocation.steering.matching.domain import Course, Person
from services.allocation.steering.matching.eligibility import eligibility_of, members
from services.allocation.steering.matching.entries import minimum_of
from services.allocation.steering.matching.goals import Way, way_to
from services.allocation.steering.matching.snapshot import Snapshot, read_people
from services.allocation.steering.questions.applying import begins
from services.allocation.steering.questions.changes import ChangeError
from services.allocation.steering.questions.weak_courses import (
    MOST_COURSES,
    MOST_IN_GROUP,
    PossibleMerger,
    SeatedPeople,
    changing,
    compared,
    groups,
    merged,
    mergers,
    of_seated,
    potential,
    suits_of,
    unmerged,
)
from services.allocation.steering.questions.what_if import (
    SolvedSnapshot,
    many,
    of_kreis,
    screened,
    solved,
    starting,
    tries,
)

SCREENED = 6


class PoolingQuestion(BaseModel):
    """The question for mergers."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    days_apart: int = Field(default=28, ge=0, le=120)
    """Starts of parallel courses lie at most so many days apart."""
    solve: int = Field(default=6, ge=1, le=60)
    """How many mergers of a group are solved exactly at most; so many times `SCREENED` are screened."""
    seconds: float = Field(default=90.0, gt=0)
    """After so many seconds no further merger is begun; the answer says that it is not complete."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A merger that works, with what makes it better or worse than others."""

    merger: PossibleMerger
    after: SolvedSnapshot
    safe: int
    """People who sit, or are given a place, in courses that take place."""
    seated_people: int
    extra_minutes: int
    ways: tuple[dict[str, Any], ...]


def question_of(question: Mapping[str, Any]) -> PoolingQuestion:
    """Read the question.

    Raises:
        ChangeError: `field_wrong`.
    """
    try:
        return PoolingQuestion.model_validate(dict(question))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = str(first["loc"][0])
        raise ChangeError("field_wrong", field=field, where=field, why=first["msg"]) from error


def answer(seen: Snapshot, question: Mapping[str, Any]) -> dict[str, Any]:
    """Suggest mergers; `material.balance` says by provider how often it hosted minus how often it gave up.

    Raises:
        ChangeError: the question is wrong.
    """
    wanted = question_of(question)
    material = question.get("material", {})
    balance: Mapping[str, int] = material.get("balance", {})
    seated = material.get("seated", {}).items()
    seated_people = SeatedPeople({UUID(course): read_people(people) for course, people in seated}, seen)
    until = monotonic() + wanted.seconds
    limits = many(lambda: until - monotonic())
    before = solved(seen, limits)
    weak = weak_courses(before, question.get("kreis", ""))
    found, suggestions, complete = groups(weak, wanted.days_apart), [], True
    most = tries(before.result.pairs, wanted.solve)
    for group in found:
        works, all_tried = _working(before, group, wanted.days_apart, (most, until, limits), seated_people)
        complete = complete and all_tried
        if works:
            best, *others = sorted(works, key=lambda one: _order(one, seen, balance))
            told = _told(before, best, others, (balance, seated_people, question.get("kreis", "")))
            suggestions.append(
                {**told, "seen": _seen(before, best, seated_people, material.get("taken", {}))}
            )
    taken = {one["course"] for told in suggestions for one in (told["host"], *told["closed"])}
    why = unmerged(before, weak, found, wanted.days_apart, seated_people, taken, complete=complete)
    return {
        "day": seen.day.isoformat(),
        "weak": [_course(course, before) | {"why": why.get(course.id)} for course in weak],
        "complete": complete,
        "cut": monotonic() >= until,
        "suggestions": sorted(suggestions, key=lambda one: (-one["gain"], one["host"]["course"])),
    }


def weak_courses(before: SolvedSnapshot, home: str = "") -> list[Course]:
    """List the own courses to come that would not have enough people, as things stand."""
    seen, takes_place = before.seen, starting(before)
    return [
        course
        for course in seen.courses
        if begins(course) > seen.day
        and course.id not in takes_place
        and course.decision is None
        and (not home or course.kreis == home)
    ]


def _working(
    before: SolvedSnapshot,
    group: Sequence[Course],
    days_apart: int,
    budget: tuple[int, float, Limits],
    seated_people: SeatedPeople,
) -> tuple[list[Tried], bool]:
    """Try the mergers of a group: screen those that could bring most people together, solve the best.

    `budget` is how many are solved at most, until when, and with which limits. Returns what works, and
    whether all that could work were tried.
    """
    suits, used = suits_of(before, group), 0
    works: list[Tried] = []
    most, until, limits = budget
    hopeful = [
        (most_people, merger)
        for merger in mergers(group[:MOST_IN_GROUP], days_apart, seated_people)
        if (most_people := potential(merger, suits, seated_people.coming(merger)))
        >= minimum_of(merger.host, before.seen)
    ]
    hopeful.sort(key=lambda one: (-one[0], len(one[1].closed), one[1].host.id))
    rough, screen = safe(screened(before.seen)), []
    for _, merger in hopeful[: SCREENED * most]:
        if monotonic() > until:
            break
        used += 1
        after = screened(merged(before.seen, merger, seated_people))
        if merger.host.id in starting(after) and (people := safe(after)) > rough:
            screen.append((people, merger))
    complete = used == len(hopeful) and len(group) <= MOST_IN_GROUP
    screen.sort(key=lambda one: (-one[0], len(one[1].closed)))
    for _, merger in screen[:most]:
        if monotonic() > until:
            return works, False
        tried = _tried(before, merger, seated_people, limits)
        if tried is not None:
            works.append(tried)
    return works, complete and len(screen) <= most


def safe(one: SolvedSnapshot) -> int:
    """Count the people with a seat or a place in courses that run or will have enough people."""
    running = {course.id for course in one.seen.courses if begins(course) <= one.seen.day}
    sure = running | starting(one)
    seated_people = sum(course.seated for course in one.seen.courses if course.id in sure)
    return seated_people + sum(entry.course in sure for entry in one.result.places.values())


def _tried(
    before: SolvedSnapshot, merger: PossibleMerger, seated_people: SeatedPeople, limits: Limits
) -> Tried | None:
    after = solved(merged(before.seen, merger, seated_people), limits)
    host = merger.host.id
    if host not in starting(after) or (people := safe(after)) <= safe(before):
        return None
    ways = tuple(_ways(before, after, merger))
    entered = sum(entry.course == host for entry in after.result.places.values())
    seated = merger.host.seated + seated_people.coming(merger)
    extra = sum(max(0, way["extra"] or 0) for way in (*ways, *changing(merger, seated_people, before.seen)))
    return Tried(merger, after, people, seated + entered, extra, ways)


def _ways(before: SolvedSnapshot, after: SolvedSnapshot, merger: PossibleMerger) -> Iterator[dict[str, Any]]:
    """Return for everybody who would get a place in the host how much longer the way is than otherwise.

    It would have been the way to the course that the person was given before, else to the nearest of the
    merged ones that suits.
    """
    seen, courses = before.seen, {course.id: course for course in before.seen.courses}
    known = eligibility_of(seen)
    group = {merger.host.id, *(course.id for course in merger.closed)}
    for at, person in enumerate(seen.people):
        entry = after.result.places.get(person.id)
        if entry is None or entry.course != merger.host.id:
            continue
        old = before.result.places.get(person.id)
        suitable = {known.entries[one].course.id for one in members(known.suitable[at])} & group
        options = {old.course} if old is not None else suitable
        nearest = _nearest(person, [courses[one] for one in sorted(options)], seen)
        course, way = nearest or (None, None)
        yield {
            "person": str(person.id),
            "from": None if course is None else str(course.id),
            "had_place": old is not None,
            **compared(way, way_to(person, merger.host, seen)),
        }


def _nearest(person: Person, courses: Sequence[Course], seen: Snapshot) -> tuple[Course, Way] | None:
    known = [(course, way) for course in courses if (way := way_to(person, course, seen)) is not None]
    return min(known, key=lambda one: (one[1].minutes, one[0].id), default=None)


def _fill(provider: str, seen: Snapshot) -> int:
    """Return how full the courses of a provider are, in per cent."""
    own = [course for course in seen.courses if course.provider == provider]
    seats = sum(course.capacity or course.seated + course.sections[0].free for course in own)
    return 100 * sum(course.seated for course in own) // max(1, seats)


def _order(tried: Tried, seen: Snapshot, balance: Mapping[str, int]) -> tuple[object, ...]:
    """Order mergers: best for people, fewest courses, even-handed over providers, shorter ways, lot."""
    host = tried.merger.host
    return (
        -tried.safe,
        len(tried.merger.closed),
        balance.get(host.provider, 0),
        _fill(host.provider, seen),
        tried.extra_minutes,
        uuid5(NAMESPACE, f"pooling/{seen.day}/{host.id}"),
        tuple(course.id for course in tried.merger.closed),
    )


def _course(course: Course, one: SolvedSnapshot) -> dict[str, Any]:
    entered = sum(entry.course == course.id for entry in one.result.places.values())
    return {
        "course": str(course.id),
        "provider": course.provider,
        "course_type": course.course_type,
        "town": course.town,
        "starts_on": course.sections[0].starts_on.isoformat(),
        "section": course.sections[0].number,
        "times_of_day": list(course.times_of_day),
        "seated": course.seated,
        "given": entered,
        "minimum": minimum_of(course, one.seen),
        "version": course.version,
    }


def _seen(
    before: SolvedSnapshot, tried: Tried, seated_people: SeatedPeople, taken: Mapping[str, int]
) -> dict[str, Any]:
    """Write what the merger rests on; if any of it has changed it is not carried out (acts/mergers.py)."""
    merger, home = tried.merger, tried.merger.host.kreis
    entering = {who for who, entry in tried.after.result.places.items() if entry.course == merger.host.id}
    return {
        "courses": [
            {
                "course": str(course.id),
                "version": course.version,
                "taken": taken.get(str(course.id), course.seated),
                "people": [str(person.id) for person in seated_people.people(course.id)],
            }
            for course in (merger.host, *merger.closed)
        ],
        "entering": [
            [str(person.id), person.version]
            for person in before.seen.people
            if person.id in entering and person.kreis == home
        ],
    }


def _told(
    before: SolvedSnapshot,
    best: Tried,
    others: Sequence[Tried],
    with_: tuple[Mapping[str, int], SeatedPeople, str],
) -> dict[str, Any]:
    """Write a suggestion as JSON values; people of neighbours are counted, not named."""
    balance, seated_people, home = with_
    then, now = before.result.places, best.after.result.places
    own = of_kreis(before.seen, home)
    seen, merger = before.seen, best.merger
    return {
        "host": _course(merger.host, before),
        "closed": [_course(course, before) for course in merger.closed],
        "sitting": best.seated_people,
        "safe": [safe(before), best.safe],
        "gain": best.safe - safe(before),
        "placed": [len(then), len(now)],
        **of_seated(merger, seated_people, seen),
        "ways": [way for way in best.ways if UUID(way["person"]) in own],
        "extra_minutes": best.extra_minutes,
        "lose": [str(person) for person in sorted((then.keys() - now.keys()) & own)],
        "losing": len(then.keys() - now.keys()),
        "status": best.after.result.status,
        "balance": {
            course.provider: {"hosted": balance.get(course.provider, 0), "fill": _fill(course.provider, seen)}
            for course in (merger.host, *merger.closed)
        },
        "instead": [
            {
                "host": str(other.merger.host.id),
                "provider": other.merger.host.provider,
                "safe": other.safe,
                "extra_minutes": other.extra_minutes,
            }
            for other in others[:MOST_COURSES]
        ],
    }
