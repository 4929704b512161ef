"""Finds whom a course could bring in: whom its entries suit, and who could move up if others changed over."""

from __future__ import annotations

from uuid import UUID

from services.allocation.steering.matching.eligibility import Eligibility, eligibility_of, members
from services.allocation.steering.questions.what_if import SolvedSnapshot


def people_by_course(known: Eligibility) -> dict[UUID, int]:
    """Return for each course the people whom one of its entries suits, one bit each."""
    by_entry = [0] * len(known.entries)
    for place, suitable in enumerate(known.suitable):
        for at in members(suitable):
            by_entry[at] |= 1 << place
    found: dict[UUID, int] = {}
    for entry, people in zip(known.entries, by_entry, strict=True):
        found[entry.course.id] = found.get(entry.course.id, 0) | people
    return found


class Reach:
    """Finds who without a place could come in if somebody else moved: sets of people, one bit each."""

    def __init__(self, before: SolvedSnapshot) -> None:
        known, places = eligibility_of(before.seen), before.result.places
        people = before.seen.people
        self.waiting = sum(1 << at for at, person in enumerate(people) if person.id not in places)
        seated: dict[UUID, int] = {}
        for at, person in enumerate(people):
            if person.id in places:
                course = places[person.id].course
                seated[course] = seated.get(course, 0) | 1 << at
        suited = people_by_course(known)
        self._seated = seated
        self._freed = self._closed(
            {course: suited.get(course, 0) & self.waiting for course in seated}, suited
        )

    def _closed(self, freed: dict[UUID, int], suited: dict[UUID, int]) -> dict[UUID, int]:
        """Follow chains until nothing more is reached: a seat in one course frees a seat in another."""
        again = True
        while again:
            again = False
            for course, people in freed.items():
                more = people
                for other, seated in self._seated.items():
                    if suited.get(course, 0) & seated:
                        more |= freed[other]
                if more != people:
                    freed[course], again = more, True
        return freed

    def within(self, suited: int) -> int:
        """Return the people without a place whom a course that suits these people could bring in."""
        found = suited & self.waiting
        for course, seated in self._seated.items():
            if suited & seated:
                found |= self._freed[course]
        return found
