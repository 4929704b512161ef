"""Finds parallel weak courses and the mergers that they allow, and says why others have none.

Compares, for people who sit in weak courses, the course that stays with their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any
from uuid import UUID

from services.allocation.steering.matching.domain import Course, Person
from services.allocation.steering.matching.eligibility import eligibility_of
from services.allocation.steering.matching.entries import minimum_of
from services.allocation.steering.matching.goals import Way, way_to
from services.allocation.steering.matching.snapshot import Snapshot
from services.allocation.steering.questions.what_if import SolvedSnapshot

MOST_COURSES = 4
"""So many courses are merged into one at most."""
MOST_IN_GROUP = 12
"""Of more parallel courses those that start first are looked at; the others are, once these are merged."""


@dataclass(frozen=True, slots=True)
class PossibleMerger:
    """Courses that could be merged, and the one that would stay."""

    host: Course
    closed: tuple[Course, ...]


EXCLUSION = "exclusion"
"""A coordinator has excluded the course or its provider for the person: no act moves them there."""


class SeatedPeople:
    """People with a seat in weak courses whom the coordinator can move, and for whom which course is nothing.

    Whom a provider took in itself, who is a neighbour's or with BAMF is not among them, and counts for no
    merger.
    """

    def __init__(self, seated: Mapping[UUID, Sequence[Person]], seen: Snapshot) -> None:
        self._seated, self._seen = seated, seen
        self._known: dict[tuple[UUID, UUID], dict[UUID, str]] = {}

    def people(self, course: UUID) -> Sequence[Person]:
        """List who has a seat in a course and can be moved."""
        return self._seated.get(course, ())

    def unsuited(self, course: Course, host: Course) -> dict[UUID, str]:
        """Name the people of a course for whom the other one is nothing, with the rules that say so.

        Only rules that do not speak against their own course as well: what was settled stays settled,
        except exclusions, which every act obeys.
        """
        key = course.id, host.id
        if key not in self._known:
            self._known[key] = dict(self._found(course, host))
        return self._known[key]

    def _found(self, course: Course, host: Course) -> Iterator[tuple[UUID, str]]:
        people = tuple(self.people(course.id))
        both = tuple(sorted((_with_room(course), _with_room(host)), key=lambda one: one.id))
        known = eligibility_of(replace(self._seen, people=people, courses=both))
        first = {entry.course.id: at for at, entry in reversed(list(enumerate(known.entries)))}
        for at, person in enumerate(people):
            settled = set(known.failed(at, first[course.id])) if course.id in first else set()
            settled.discard(EXCLUSION)
            objections = [rule for rule in known.failed(at, first[host.id]) if rule not in settled]
            if objections:
                yield person.id, ",".join(objections)

    def coming(self, merger: PossibleMerger) -> int:
        """Count who would change to the host: of those who can be moved all but the unsuited."""
        return sum(
            len(self.people(course.id)) - len(self.unsuited(course, merger.host)) for course in merger.closed
        )


def _with_room(course: Course) -> Course:
    """Leave out whether a seat is free: that is another question."""
    return replace(
        course, sections=tuple(replace(section, free=max(1, section.free)) for section in course.sections)
    )


def merged(seen: Snapshot, merger: PossibleMerger, seated_people: SeatedPeople | None = None) -> Snapshot:
    """Close the others; who sits in them changes to the host, except those whom it does not suit."""
    coming = (seated_people or SeatedPeople({}, seen)).coming(merger)
    host = replace(
        merger.host,
        seated=merger.host.seated + coming,
        sections=tuple(replace(one, free=one.free - coming) for one in merger.host.sections),
    )
    gone = {course.id for course in merger.closed}
    courses = (
        host if one.id == host.id else replace(one, decision="close", seated=0) if one.id in gone else one
        for one in seen.courses
    )
    return replace(seen, courses=tuple(courses))


def changing(merger: PossibleMerger, seated_people: SeatedPeople, seen: Snapshot) -> Iterator[dict[str, Any]]:
    """Return for everybody who would change how much longer the way to the host is than now."""
    for course in merger.closed:
        unsuited = seated_people.unsuited(course, merger.host)
        for person in seated_people.people(course.id):
            if person.id in unsuited:
                continue
            old, now = way_to(person, course, seen), way_to(person, merger.host, seen)
            yield {
                "person": str(person.id),
                "from": str(course.id),
                "had_place": True,
                **compared(old, now),
            }


def compared(old: Way | None, now: Way | None) -> dict[str, Any]:
    """Return the minutes of two ways, how much longer the second is, and whether either is an estimate."""
    minutes = [None if way is None else way.minutes for way in (old, now)]
    if old is None or now is None:
        return {"minutes": minutes, "extra": None, "estimated": True}
    return {
        "minutes": minutes,
        "extra": now.minutes - old.minutes,
        "estimated": now.estimated or old.estimated,
    }


def of_seated(merger: PossibleMerger, seated_people: SeatedPeople, seen: Snapshot) -> dict[str, Any]:
    """Return who of the closed courses changes, who cannot and why, and how many are not ours to move."""
    rules: Counter[str] = Counter()
    unsuited: dict[UUID, str] = {}
    for course in merger.closed:
        unsuited |= seated_people.unsuited(course, merger.host)
    rules.update(unsuited.values())
    ours = sum(len(seated_people.people(course.id)) for course in merger.closed)
    return {
        "changing": list(changing(merger, seated_people, seen)),
        "unsuited": sorted(str(person) for person in unsuited),
        "against": sorted([str(person), rules] for person, rules in unsuited.items()),
        "unsuited_by_rule": dict(sorted(rules.items(), key=lambda one: (-one[1], one[0]))),
        "not_ours": sum(course.seated for course in merger.closed) - ours,
    }


def parallel(one: Course, other: Course, days_apart: int) -> bool:
    """Return whether people could as well attend the other course."""
    apart = abs((one.sections[0].starts_on - other.sections[0].starts_on).days)
    times = not one.times_of_day or not other.times_of_day or set(one.times_of_day) & set(other.times_of_day)
    return (
        one.course_type == other.course_type
        and one.sections[0].number == other.sections[0].number
        and one.target_level == other.target_level
        and one.women_only == other.women_only
        and bool(times)
        and apart <= days_apart
    )


def groups(weak: Sequence[Course], days_apart: int) -> list[tuple[Course, ...]]:
    """Put courses together that are connected by being parallel; the ones that start first go first."""
    left = sorted(weak, key=lambda course: (course.sections[0].starts_on, course.id))
    found = []
    while left:
        group = [left.pop(0)]
        for course in group:  # grows while it is walked
            near = [one for one in left if parallel(course, one, days_apart)]
            group += near
            left = [one for one in left if one not in near]
        if len(group) > 1:
            found.append(tuple(group))
    return found


def mergers(
    group: Sequence[Course], days_apart: int, seated_people: SeatedPeople
) -> Iterator[PossibleMerger]:
    """List the mergers of parallel courses of a group in which whoever sits there has room."""
    for size in range(2, min(MOST_COURSES, len(group)) + 1):
        for some in combinations(group, size):
            if all(parallel(one, other, days_apart) for one, other in combinations(some, 2)):
                for host in some:
                    closed = tuple(course for course in some if course.id != host.id)
                    merger = PossibleMerger(host, closed)
                    if min(section.free for section in host.sections) >= seated_people.coming(merger):
                        yield merger


def potential(merger: PossibleMerger, suits: Counter[UUID], coming: int) -> int:
    """Count how many people the merged course could have at most."""
    free = merger.host.sections[0].free - coming
    return merger.host.seated + coming + min(suits[merger.host.id], free)


def suits_of(before: SolvedSnapshot, group: Sequence[Course]) -> Counter[UUID]:
    """Count by course whom it suits: no more can be given a place there."""
    known, wanted = eligibility_of(before.seen), {course.id for course in group}
    places = [(at, entry.course.id) for at, entry in enumerate(known.entries) if entry.course.id in wanted]
    counted: Counter[UUID] = Counter()
    for suitable in known.suitable:
        counted.update({course for at, course in places if suitable >> at & 1})
    return counted


def unmerged(  # noqa: PLR0917 - what was computed
    before: SolvedSnapshot,
    weak: Sequence[Course],
    found: Sequence[Sequence[Course]],
    days_apart: int,
    seated_people: SeatedPeople,
    taken: Collection[str],
    *,
    complete: bool,
) -> dict[UUID, dict[str, Any]]:
    """Return why weak courses stand in no suggestion: a code with numbers; `taken` are those that do."""
    why: dict[UUID, dict[str, Any]] = {}
    group_of = {course.id: group for group in found for course in group}
    for course in weak:
        if str(course.id) in taken:
            continue
        group = group_of.get(course.id)
        if group is None:
            same = sum(one.course_type == course.course_type for one in weak) - 1
            why[course.id] = {"code": "no_parallel", "courses": same, "days": days_apart}
        elif any(str(one.id) in taken for one in group):
            why[course.id] = {"code": "others_merged"}
        else:
            why[course.id] = _against_merging(before, course, group, days_apart, seated_people, complete)
    return why


def _against_merging(  # noqa: PLR0917 - what was computed
    before: SolvedSnapshot,
    course: Course,
    group: Sequence[Course],
    days_apart: int,
    seated_people: SeatedPeople,
    complete: bool,
) -> dict[str, Any]:
    """Return what speaks against every merger of a course with others of its group."""
    suits = suits_of(before, group)
    possible = [
        (potential(one, suits, seated_people.coming(one)), minimum_of(one.host, before.seen))
        for one in mergers(group[:MOST_IN_GROUP], days_apart, seated_people)
        if course.id in {one.host.id, *(closed.id for closed in one.closed)}
    ]
    if course not in group[:MOST_IN_GROUP]:
        return {"code": "not_tried"}
    if not possible:
        return {"code": "no_room"}
    people, minimum = max(possible, key=lambda one: (one[0] - one[1], one[0]))
    if people < minimum:
        return {"code": "too_few", "people": people, "minimum": minimum}
    return {"code": "no_gain" if complete else "not_tried"}
