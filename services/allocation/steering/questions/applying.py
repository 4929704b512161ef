"""Applies changes to a snapshot, each kind as a pure function from one snapshot to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, TypeVar, assert_never
from uuid import UUID, uuid5

import orjson

from schemas.codes import kind_of
from schemas.days import add_days
from schemas.identity import NAMESPACE
from services.allocation.law.entries import CourseTypeRule
from services.allocation.steering.matching import snapshot as snapshots
from services.allocation.steering.matching.domain import Course, Person, Section
from services.allocation.steering.matching.snapshot import Snapshot, Travel, snapshot_of
from services.allocation.steering.questions.changes import (
    TEMPLATE_DAYS,
    CapacityChanged,
    Change,
    ChangeError,
    ChildcareAdded,
    CourseAdded,
    CourseCancelled,
    CourseMoved,
    MoreArrivals,
    NeighbourJoins,
    PolicyChanged,
)

MOST_ARRIVALS = 1000
UE_A_WEEK = 20
UNKNOWN_UE = 300
"""What is assumed for a type of which the rule book says nothing."""

T = TypeVar("T", Person, Course)


@dataclass(frozen=True, slots=True)
class Beside:
    """Material that changes need beside the snapshot."""

    neighbours: Mapping[str, Snapshot] = field(default_factory=dict)
    """The snapshots of the Kreise that may join."""
    seated: Mapping[UUID, tuple[Person, ...]] = field(default_factory=dict)
    """Who would wait again if a course were cancelled."""
    recent: tuple[Person, ...] | None = None
    """Who registered in the last weeks, placed meanwhile or not; None: those of the snapshot."""
    travel: Travel | None = None
    """All ways that are known; None: those of the snapshot."""
    home: str = ""
    """The Kreis that new courses belong to; empty: the snapshot names none."""


def beside_of(question: Mapping[str, Any]) -> Beside:
    """Read what came with a question (see material.py)."""
    material = question.get("material", {})
    recent = material.get("recent")
    seated = material.get("seated", {}).items()
    return Beside(
        decode_neighbours(material.get("neighbours", {})),
        {UUID(course): snapshots.read_people(people) for course, people in seated},
        None if recent is None else snapshots.read_people(recent),
        travel_of(material),
        question.get("kreis", ""),
    )


def travel_of(material: Mapping[str, Any]) -> Travel | None:
    """Read the ways that came with a question; None: none did."""
    known = material.get("travel")
    return None if known is None else {(home, venue): minutes for home, venue, minutes in known}


def with_ways(seen: Snapshot, travel: Travel | None) -> Snapshot:
    """Take all known ways instead of those to courses that there are."""
    return seen if travel is None else replace(seen, travel={**travel, **seen.travel})


def apply(seen: Snapshot, changes: Sequence[Change], beside: Beside | None = None) -> Snapshot:
    """Apply changes one after the other.

    Raises:
        ChangeError: one of them cannot be made.
    """
    beside = beside or Beside()
    changed = seen
    for at, change in enumerate(changes):
        try:
            changed = _applied(changed, change, beside, at)
        except ChangeError as error:
            raise ChangeError(error.code, at, **error.params) from error
    return with_ways(changed, beside.travel)


def _applied(seen: Snapshot, change: Change, beside: Beside, at: int) -> Snapshot:  # noqa: PLR0911
    match change:
        case PolicyChanged(policy=policy):
            return replace(seen, policy=policy)
        case CourseAdded():
            return with_courses(seen, [added_course(seen, change, at, beside.home)])
        case CourseMoved(course=course):
            return _replaced(seen, moved(course_in(seen, course), change, seen.day))
        case CourseCancelled(course=course):
            return _cancelled(seen, course_in(seen, course), beside)
        case CapacityChanged(course=course, seats=seats):
            return _replaced(seen, _with_seats(course_in(seen, course), seats))
        case ChildcareAdded(course=course):
            return _replaced(seen, replace(course_in(seen, course), childcare=True))
        case NeighbourJoins(kreis=kreis):
            return _joined(seen, kreis, beside.neighbours, beside.home)
        case MoreArrivals():
            return _more_people(seen, change, at, beside.recent)
        case _:
            assert_never(change)


def _cancelled(seen: Snapshot, gone: Course, beside: Beside) -> Snapshot:
    """Take a course away; who sat in it waits again with what they had a claim to, as if it had happened."""
    known = {person.id for person in seen.people}
    back = [
        replace(person, offer=None) for person in beside.seated.get(gone.id, ()) if person.id not in known
    ]
    stays = (_unproposed(person, gone.id) for person in seen.people)
    return replace(
        seen,
        people=tuple(sorted((*stays, *back), key=lambda person: person.id)),
        courses=tuple(one for one in seen.courses if one.id != gone.id),
    )


def _unproposed(person: Person, course: UUID) -> Person:
    offered = person.offer is not None and person.offer.entry.course == course
    return replace(person, offer=None) if offered else person


def course_in(seen: Snapshot, course: UUID) -> Course:
    """Return a course of the snapshot.

    Raises:
        ChangeError: `course_unknown`: it has ended, was cancelled, or is another Kreis's.
    """
    for one in seen.courses:
        if one.id == course:
            return one
    raise ChangeError("course_unknown", course=str(course))


def with_courses(seen: Snapshot, courses: Sequence[Course]) -> Snapshot:
    """Add courses, in their order by id."""
    return replace(seen, courses=tuple(sorted((*seen.courses, *courses), key=lambda course: course.id)))


def _replaced(seen: Snapshot, course: Course) -> Snapshot:
    return replace(seen, courses=tuple(course if one.id == course.id else one for one in seen.courses))


def lengths_of(rule: CourseTypeRule) -> dict[int, int]:
    """Return the UE of each section of a type, the orientation course last; one section if it has none."""
    if rule.placed_by == "level" or rule.sections is None or rule.section_ue is None:
        return {1: rule.language_ue or UNKNOWN_UE}
    lengths = dict.fromkeys(range(1, rule.sections + 1), rule.section_ue)
    return {**lengths, rule.sections + 1: rule.orientation_ue} if rule.orientation_ue else lengths


def sections_from(rule: CourseTypeRule, change: CourseAdded) -> tuple[Section, ...]:
    """Lay out the sections of a new course, one after the other, at 20 UE a week.

    Raises:
        ChangeError: `sections_wrong`: the type has no such sections.
    """
    lengths = lengths_of(rule)
    ends = len(lengths) if change.last_section is None else change.last_section
    if not 1 <= change.first_section <= ends <= len(lengths):
        raise ChangeError("sections_wrong", most=str(len(lengths)))
    sections, start = [], change.starts_on
    for number in range(change.first_section, ends + 1):
        until = add_days(start, 7 * -(-lengths[number] // UE_A_WEEK) - 1)
        sections.append(Section(number, start, until, lengths[number], change.seats))
        start = add_days(until, 1)
    return tuple(sections)


def added_course(seen: Snapshot, change: CourseAdded, at: int = 0, home: str = "") -> Course:
    """Make the course; its id follows from what it is.

    Raises:
        ChangeError: `start_past`, `type_over` (no new ones on this day), `sections_wrong`.
    """
    rule = seen.rules.course_types.get(change.course_type)
    if change.starts_on <= seen.day:
        raise ChangeError("start_past")
    if rule is None:
        raise ChangeError("type_over", course_type=change.course_type)
    what = orjson.dumps(change.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS).decode()
    return Course(
        id=uuid5(NAMESPACE, f"what-if/course/{at}/{what}"),
        version=0,
        provider=change.provider,
        course_type=change.course_type.value,
        kind=kind_of(change.course_type).value,
        sections=sections_from(rule, change),
        town=change.town,
        times_of_day=tuple(sorted(time.value for time in change.times_of_day)),
        target_level=None if change.target_level is None else change.target_level.value,
        childcare=change.childcare,
        women_only=change.women_only or rule.women_only,
        barrier_free=change.barrier_free,
        kreis=home,
        weekdays=tuple(sorted(day.value for day in change.weekdays)),
        capacity=change.seats,
        minimum=change.minimum,
        begins_on=change.starts_on,
    )


def begins(course: Course) -> date:
    """Return the first day of a course's very first section."""
    return course.begins_on or course.sections[0].starts_on


def moved(course: Course, change: CourseMoved, day: date) -> Course:
    """Shift a course in time, to another town, or to other times of day.

    Raises:
        ChangeError: `course_runs` or `start_past`: what has begun, or would have, is not shifted.
    """
    if change.days and begins(course) <= day:
        raise ChangeError("course_runs", course=str(course.id))
    by = change.days
    sections = tuple(
        replace(section, starts_on=add_days(section.starts_on, by), ends_on=add_days(section.ends_on, by))
        for section in course.sections
    )
    if change.days and sections[0].starts_on <= day:
        raise ChangeError("start_past", course=str(course.id))
    until = course.registration_until
    shifted = replace(
        course,
        sections=sections,
        begins_on=None if course.begins_on is None else add_days(course.begins_on, by),
        registration_until=None if until is None else max(add_days(until, by), day),
    )
    if change.town is not None and change.town != course.town:
        shifted = replace(shifted, town=change.town, latitude=None, longitude=None)
    if change.times_of_day:
        shifted = replace(shifted, times_of_day=tuple(sorted(time.value for time in change.times_of_day)))
    return shifted


def _with_seats(course: Course, more: int) -> Course:
    if any(section.free + more < 0 for section in course.sections):
        taken = min(section.free for section in course.sections)
        raise ChangeError("seats_taken", course=str(course.id), free=str(max(0, taken)))
    return replace(
        course,
        capacity=None if course.capacity is None else course.capacity + more,
        sections=tuple(replace(section, free=section.free + more) for section in course.sections),
    )


def _pooled(own: Sequence[T], home: str, others: Sequence[T], kreis: str) -> list[T]:
    """Put people or courses of two Kreise together, each with its Kreis; what is known stays as it is."""
    known = {one.id for one in own}
    return [replace(one, kreis=one.kreis or home) for one in own] + [
        replace(one, kreis=one.kreis or kreis) for one in others if one.id not in known
    ]


def _joined(seen: Snapshot, kreis: str, neighbours: Mapping[str, Snapshot], home: str) -> Snapshot:
    """Merge a neighbour; ways that no table knows are estimated, and an estimate is never a hard rule."""
    other, home = neighbours.get(kreis), home or seen.region[:5]
    if kreis in seen.region.split("+"):
        raise ChangeError("kreis_same", kreis=kreis)
    if other is None:
        raise ChangeError("kreis_unknown", kreis=kreis)
    return snapshot_of(
        "+".join(sorted({*seen.region.split("+"), kreis})),
        seen.day,
        people=_pooled(seen.people, home, other.people, kreis),
        courses=_pooled(seen.courses, home, other.courses, kreis),
        rules=seen.rules,
        policy=seen.policy.model_copy(
            update={"towns": {**other.policy.towns, **seen.policy.towns}},
        ),
        travel={**other.travel, **seen.travel},
        pooled={*seen.pooled, *other.pooled, (home, kreis), (kreis, home)},
    )


def _more_people(seen: Snapshot, change: MoreArrivals, at: int, recent: Sequence[Person] | None) -> Snapshot:
    """Let more people register in the last weeks, like those who did: all of them, not only who still waits.

    The same people each time, from whatever order; nobody knows yet what they would be proposed.
    """
    wanted = change.per_week * change.weeks
    if wanted > MOST_ARRIVALS:
        raise ChangeError("too_many_arrivals", most=str(MOST_ARRIVALS))
    since = seen.day - timedelta(days=TEMPLATE_DAYS)
    drawn = sorted(
        (one for one in (seen.people if recent is None else recent) if since < one.registered_on <= seen.day),
        key=lambda one: uuid5(NAMESPACE, f"what-if/template/{seen.day}/{one.id}"),
    )
    if not drawn:
        raise ChangeError("nobody_registered", days=str(TEMPLATE_DAYS))
    new = [
        _like(
            drawn[number % len(drawn)], seen.day - timedelta(days=7 * (number // change.per_week)), at, number
        )
        for number in range(wanted)
    ]
    return replace(seen, people=tuple(sorted((*seen.people, *new), key=lambda person: person.id)))


def _like(person: Person, registered_on: date, at: int, number: int) -> Person:
    """Make somebody who is like a person but registered on another day, with all dates moved alike."""
    by = registered_on - person.registered_on

    def shifted(day: date | None) -> date | None:
        return None if day is None else day + by

    return replace(
        person,
        id=uuid5(NAMESPACE, f"what-if/arrival/{at}/{number}/{person.id}"),
        version=0,
        registered_on=registered_on,
        last_course_ended_on=None,
        granted_on=shifted(person.granted_on),
        valid_until=shifted(person.valid_until),
        earliest_start=shifted(person.earliest_start),
        excluded=(),
        offer=None,
        held=False,
        family=None,
        deviation=None,
        barred_courses=(),
        barred_providers=(),
    )


def decode_neighbours(material: Mapping[str, Any]) -> dict[str, Snapshot]:
    """Read the snapshots that came with a question: canonical text by Kreis."""
    return {kreis: snapshots.decode(text.encode()) for kreis, text in material.items()}
