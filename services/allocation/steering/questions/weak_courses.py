"""Compares, for people who sit in weak courses, the course that stays with their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from services.allocation.steering.matching.domain import Course, Person
from services.allocation.steering.matching.eligibility import eligibility_of
from services.allocation.steering.matching.goals import Way, way_to
from services.allocation.steering.matching.snapshot import Snapshot


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
