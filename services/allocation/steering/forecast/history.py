"""What a forecast rests on: counts of registrations, who waits, what ends, what is on offer. No person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple

from schemas.codes import CourseType, Level

UNTESTED: Final = "untested"
A_WEEK: Final = 7
WARM_UP: Final = 6
"""Weeks at the beginning of a database that may be left out."""
ENOUGH: Final = 12
"""Weeks that have to be left."""
_BY_LEVEL: Final = frozenset({CourseType.VOCATIONAL, CourseType.LAND, CourseType.MUNICIPAL})
_BELOW: Final = {
    above.value: below.value for below, above in zip(tuple(Level)[:-1], tuple(Level)[1:], strict=True)
}
_OF_SECTION: Final = {1: Level.NONE, 2: Level.NONE, 3: Level.A1, 4: Level.A1, 5: Level.A2, 6: Level.A2}


class Cell(NamedTuple):
    """What is counted apart: the course type wanted first, the level tested, the town."""

    course_type: str
    level: str
    town: str


@dataclass(frozen=True, slots=True)
class Registered:
    """So many people of a cell registered on a day."""

    on: date
    cell: Cell
    count: int


@dataclass(frozen=True, slots=True)
class CourseEnd:
    """A course that ends, with those who sit in it now."""

    on: date
    course_type: str
    target_level: str | None
    seated: int


@dataclass(frozen=True, slots=True)
class SectionStart:
    """A coming section with the seats free in it, and those taken."""

    course: str
    on: date
    number: int
    course_type: str
    target_level: str | None
    town: str
    free: int
    taken: int

    @property
    def cell(self) -> Cell:
        """Return whom the section is for: by its number, or one step below its target level."""
        return Cell(self.course_type, level_for(self.course_type, self.number, self.target_level), self.town)


@dataclass(frozen=True, slots=True)
class Afterwards:
    """Of so many whose course ended some time ago, so many registered again for the next one."""

    finished: int = 0
    registered_again: int = 0


@dataclass(frozen=True, slots=True)
class SectionEnd:
    """A section of a running course that ends before its last, with those who sit in it."""

    on: date
    course_type: str
    level: str
    """The level that the section asks for: who repeats it waits with that."""
    seated: int


@dataclass(frozen=True, slots=True)
class Repeated:
    """Of so many who sat at the end of a section in the last year, so many repeat it in another course."""

    ended: int = 0
    repeat: int = 0


@dataclass(frozen=True, slots=True)
class History:
    """Everything that is known on a day."""

    day: date
    weeks: int
    """Full weeks before the day for which registrations are known."""
    arrivals: Mapping[Cell, tuple[int, ...]]
    """Registrations by week, the oldest first."""
    waiting: Mapping[Cell, int]
    """Without a seat on the day."""
    ends: tuple[CourseEnd, ...] = ()
    starts: tuple[SectionStart, ...] = ()
    afterwards: Afterwards = Afterwards()
    section_ends: tuple[SectionEnd, ...] = ()
    repeated: Repeated = Repeated()


def level_for(course_type: str, section: int, target_level: str | None) -> str:
    """Return the level that a place asks for."""
    if course_type in _BY_LEVEL:
        return _BELOW.get(target_level or "", Level.NONE.value)
    return _OF_SECTION.get(section, Level.A2).value


def settled(registered: Sequence[Registered], day: date) -> Sequence[Registered]:
    """Leave out the first weeks of an installation, where enough others are left.

    They hold the lists of those who had been waiting before, which say nothing about who arrives.
    """
    if not registered:
        return registered
    begins = min(one.on for one in registered) + timedelta(weeks=WARM_UP)
    if begins + timedelta(weeks=ENOUGH) > day:
        return registered
    return [one for one in registered if one.on >= begins]


def by_week(
    registered: Iterable[Registered], day: date, most_weeks: int
) -> tuple[int, dict[Cell, tuple[int, ...]]]:
    """Count registrations in full weeks back from a day, as far as there are any; not the day's own."""
    counts: dict[Cell, Counter[int]] = {}
    oldest = 0
    for one in registered:
        ago = (day - timedelta(days=1) - one.on).days // A_WEEK
        if one.on < day and ago < most_weeks:
            counts.setdefault(one.cell, Counter())[ago] += one.count
            oldest = max(oldest, ago + 1)
    return oldest, {
        cell: tuple(found[ago] for ago in range(oldest - 1, -1, -1)) for cell, found in sorted(counts.items())
    }
