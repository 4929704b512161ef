"""Invents the courses of seven providers over the year, each a pure function of seed and track."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import islice
from typing import Final, TypedDict

from schemas.codes import CourseType, Level, TimeOfDay
from services.simulator.world.calendar import teaching_days, working_day_from
from services.simulator.world.chance import stream
from services.simulator.world.kreis import KREIS, NEIGHBOUR

WEEKDAYS_5: Final = frozenset({0, 1, 2, 3, 4})
WEEKDAYS_4: Final = frozenset({0, 1, 2, 3})
EVENINGS: Final = frozenset({0, 1, 3})
_BEFORE: Final = 40
_AFTER: Final = 66
"""Weeks before and after the first day in which courses start; the end still has some to announce."""


class _Options(TypedDict, total=False):
    childcare: bool
    women_only: bool
    target: Level


@dataclass(frozen=True, slots=True)
class Track:
    """A series of like courses that a provider starts every so many weeks."""

    provider: str
    prefix: str
    course_type: CourseType
    town: str
    time: TimeOfDay
    weekdays: frozenset[int]
    ue_a_day: int
    sections: int
    every_weeks: int
    first_week: int
    title: str
    capacity: int = 20
    minimum: int = 12
    childcare: bool = False
    women_only: bool = False
    target: Level = Level.B1


def _town(number: int, kreis: str = KREIS) -> str:
    return f"{kreis}{number:03d}"


_M, _A, _E = TimeOfDay.MORNING, TimeOfDay.AFTERNOON, TimeOfDay.EVENING
_G, _L = CourseType.GENERAL, CourseType.LITERACY
_VHS, _SH, _BW = "vhs-musterland", "sprachhaus", "bildungswerk-probe"
_LW, _FA, _BN = "lernwerkstatt", "frauenakademie", "berufssprache-nord"
_Z, _V, _LAND = CourseType.SECOND_SCRIPT, CourseType.VOCATIONAL, CourseType.LAND
_CHILDREN: Final[_Options] = {"childcare": True}
_WOMEN: Final[_Options] = {"childcare": True, "women_only": True, "target": Level.A1}
_IK: Final = "Integrationskurs"

TRACKS: Final = (
    Track(_VHS, "IK-V", _G, _town(1), _M, WEEKDAYS_5, 5, 7, 8, 0, f"Allgemeiner {_IK}, vormittags"),
    Track(_VHS, "IK-N", _G, _town(1), _A, WEEKDAYS_4, 5, 7, 20, 3, f"Allgemeiner {_IK}, nachmittags"),
    Track(_VHS, "IK-A", _G, _town(1), _E, EVENINGS, 4, 7, 26, 2, f"Allgemeiner {_IK}, abends"),
    Track(_VHS, "AL", _L, _town(1), _M, WEEKDAYS_5, 5, 10, 12, 2, f"{_IK} mit Alphabetisierung", 16, 9),
    Track(_SH, "B1-V", _G, _town(2), _M, WEEKDAYS_5, 4, 7, 12, 1, f"{_IK} Beispielhausen, vormittags"),
    Track(_SH, "B1-A", _G, _town(1), _E, EVENINGS, 5, 7, 30, 6, f"{_IK} am Abend"),
    Track(_SH, "ZS", _Z, _town(1), _M, WEEKDAYS_5, 5, 10, 20, 3, "Kurs für Zweitschriftlernende", 16, 8),
    Track(_SH, "INT", CourseType.INTENSIVE, _town(1), _M, WEEKDAYS_5, 6, 5, 20, 5, "Intensivkurs", 18, 10),
    Track(_SH, "B1-F", _G, _town(7), _M, WEEKDAYS_4, 5, 7, 36, 6, f"{_IK} Fiktivow"),
    Track(_BW, "P1", _G, _town(3), _M, WEEKDAYS_5, 5, 7, 14, 2, f"{_IK} Probeheim"),
    Track(_BW, "P2", _G, _town(5), _A, WEEKDAYS_5, 4, 7, 34, 7, f"{_IK} Attrappenburg, nachmittags"),
    Track(_BW, "P3", _L, _town(3), _M, WEEKDAYS_5, 4, 10, 18, 6, "Alphabetisierung Probeheim", 14, 8),
    Track(_BW, "P4", _G, _town(7), _M, WEEKDAYS_4, 5, 7, 36, 7, f"{_IK} Fiktivow, vormittags"),
    Track(_LW, "E-IK", _G, _town(4), _M, WEEKDAYS_5, 5, 7, 16, 3, f"{_IK} Erdachtingen"),
    Track(_LW, "M-IK", _G, _town(6), _M, WEEKDAYS_4, 5, 7, 34, 4, f"{_IK} Modellitz"),
    Track(_LW, "E-AL", _L, _town(2), _M, WEEKDAYS_4, 5, 10, 18, 1, "Alphabetisierung Beispielhausen", 14, 8),
    Track(_LW, "FO", CourseType.SUPPORT, _town(1), _M, WEEKDAYS_4, 4, 10, 36, 5, "Förderkurs", 14, 8),
    Track(_LW, "F-IK", _G, _town(7), _M, WEEKDAYS_4, 5, 7, 36, 8, f"{_IK} an der Küste"),
    Track(_FA, "KI", _G, _town(1), _M, WEEKDAYS_4, 4, 7, 14, 2, f"{_IK} mit Kinderbetreuung", **_CHILDREN),
    Track(_FA, "KI-B", _G, _town(2), _M, WEEKDAYS_4, 4, 7, 26, 5, f"{_IK} mit Kindern", **_CHILDREN),
    Track(_FA, "FR", _LAND, _town(1), _M, EVENINGS, 4, 3, 13, 4, "Frauenkurs des Landes", 14, 4, **_WOMEN),
    Track(_FA, "LK", _LAND, _town(1), _A, EVENINGS, 4, 3, 14, 2, "Landeskurs A1", 16, 6, target=Level.A1),
    Track(_FA, "LK2", _LAND, _town(1), _A, EVENINGS, 4, 3, 18, 5, "Landeskurs A2", 16, 6, target=Level.A2),
    Track(_BN, "B2", _V, _town(1), _M, WEEKDAYS_5, 5, 5, 10, 1, "Berufssprache B2", 22, 12, target=Level.B2),
    Track(_BN, "C1", _V, _town(1), _E, WEEKDAYS_4, 5, 4, 20, 4, "Berufssprache C1", 20, 10, target=Level.C1),
)  # fmt: skip
_VN: Final = "vhs-nachbarland"
NEIGHBOUR_TRACKS: Final = (
    Track(
        _VN, "N-V", _G, _town(1, NEIGHBOUR), _M, WEEKDAYS_5, 5, 7, 14, 1, f"{_IK} Nachbarstadt, vormittags"
    ),
    Track(_VN, "N-A", _G, _town(1, NEIGHBOUR), _E, EVENINGS, 5, 7, 26, 8, f"{_IK} Nachbarstadt, abends"),
)


@dataclass(frozen=True, slots=True)
class PlannedSection:
    """A section with its teaching days."""

    number: int
    days: tuple[date, ...]
    ue: int

    @property
    def starts_on(self) -> date:
        """First lesson."""
        return self.days[0]

    @property
    def ends_on(self) -> date:
        """Last lesson."""
        return self.days[-1]


@dataclass(frozen=True, slots=True)
class PlannedCourse:
    """A course as its provider plans it, and the mishaps that will happen to it."""

    track: Track
    own_id: str
    announced: date
    sections: tuple[PlannedSection, ...]
    capacity: int
    minimum: int
    taken_elsewhere: int
    changes_on: date | None
    stubborn: bool
    """Starts although below its minimum."""

    @property
    def provider(self) -> str:
        """Slug of the provider."""
        return self.track.provider

    @property
    def starts_on(self) -> date:
        """First lesson of the course."""
        return self.sections[0].starts_on

    @property
    def ends_on(self) -> date:
        """Last lesson of the course."""
        return self.sections[-1].ends_on

    def lesson(self, day: date) -> tuple[PlannedSection, int] | None:
        """Return the section taught on a day and the number of lessons before it, or None."""
        if not self.starts_on <= day <= self.ends_on:
            return None
        before = 0
        for section in self.sections:
            if day <= section.ends_on:
                return (section, before + section.days.index(day)) if day in section.days else None
            before += len(section.days)
        return None


@cache
def programme(
    seed: int, start: date, tracks: tuple[Track, ...] = (*TRACKS, *NEIGHBOUR_TRACKS)
) -> tuple[PlannedCourse, ...]:
    """Return the courses that run or start in the simulated year, in the order of their announcement."""
    planned = (course for track in tracks for course in _of_track(seed, start, track))
    return tuple(sorted(planned, key=lambda course: (course.announced, course.provider, course.own_id)))


def _of_track(seed: int, start: date, track: Track) -> Iterator[PlannedCourse]:
    first = -_BEFORE + (track.first_week + _BEFORE) % track.every_weeks
    for number, week in enumerate(range(first, _AFTER, track.every_weeks), 1):
        course = _course(seed, start, track, number, start + timedelta(weeks=week))
        if course.ends_on >= start + timedelta(days=30):
            yield course


def _course(seed: int, start: date, track: Track, number: int, begins: date) -> PlannedCourse:
    own_id = f"{track.prefix}-{begins.year % 100:02d}{number:02d}"
    rng = stream(seed, "course", track.provider, own_id)
    section_days = -(-100 // track.ue_a_day)
    days = tuple(islice(teaching_days(begins, track.weekdays), section_days * track.sections))
    sections = tuple(
        PlannedSection(n + 1, days[n * section_days : (n + 1) * section_days], 100)
        for n in range(track.sections)
    )
    running = begins < start
    lead = rng.randrange(35, 80)
    announced = max(start, begins - timedelta(days=lead))
    changes = announced + timedelta(days=rng.randrange(3, 20)) if rng.random() < 0.15 else None
    return PlannedCourse(
        track=track,
        own_id=own_id,
        announced=working_day_from(announced),
        sections=sections,
        capacity=track.capacity,
        minimum=track.minimum,
        taken_elsewhere=_elsewhere(rng, start, begins) * track.capacity // 20,
        changes_on=changes if changes is not None and changes < begins and not running else None,
        stubborn=rng.random() < 0.15,
    )


def _elsewhere(rng: random.Random, start: date, begins: date) -> int:
    """Return how many of twenty seats were given away before Kurslotse knew the course."""
    if begins < start:
        return rng.randrange(9, 15)
    return rng.randrange(7, 12) if begins < start + timedelta(days=35) else rng.randrange(1, 7)
