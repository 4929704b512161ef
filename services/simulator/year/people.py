"""Draws the people who register in a year, each a pure function of seed and number."""

from __future__ import annotations

import random
from bisect import bisect
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from typing import Final

from schemas.codes import AccessRoute, CourseType, Level, Standing, TimeOfDay
from services.allocation.steering.matching.domain import Person
from services.simulator.world.chance import name_of, pick, share, stream
from services.simulator.world.kreis import TOWNS

ROUTE_CLOSES: Final = date(2026, 2, 9)
"""BAMF circular TRS 02/26: no admissions under AufenthG § 44(4) from this day on."""
MOVES_A_YEAR: Final = 0.22
"""Share of those who wait for a year who move away, take a job or no longer want a course (invented)."""
TELLS: Final = 0.5
"""Of them, tell the office: the others are found out when an offer stays unanswered (invented)."""
_BACKLOG_DAYS: Final = 150
_HOLIDAY_WEEKS: Final = frozenset({30, 31, 32, 52, 53, 1})
_HOLIDAYS: Final = 0.6
_BUNCHING: Final = 12.0
"""Arrivals of a week vary by 1/sqrt of this, more than by chance alone: offices send people in bunches."""
_RIGHTS: Final = {
    (Standing.OBLIGED_JOBCENTER, AccessRoute.OBLIGATION): 36,
    (Standing.OBLIGED_FOREIGNERS_AUTHORITY, AccessRoute.OBLIGATION): 11,
    (Standing.OBLIGED_ASYLUM_BENEFITS, AccessRoute.OBLIGATION): 6,
    (Standing.ENTITLED, AccessRoute.CLAIM): 20,
    (Standing.ADMITTED, AccessRoute.ADMISSION): 8,
    (Standing.ENTITLED, AccessRoute.REPATRIATE): 1,
    (Standing.ENTITLED, AccessRoute.VOCATIONAL): 20,
    (Standing.SELF_PAYER, AccessRoute.OWN_COST): 4,
    (Standing.ENTITLED, AccessRoute.LOCAL): 6,
}
_SECTIONS: Final = {1: 68, 2: 8, 3: 10, 4: 6, 5: 5, 6: 3}
_LEVELS: Final = {1: Level.NONE, 2: Level.NONE, 3: Level.A1, 4: Level.A1, 5: Level.A2, 6: Level.A2}
_TIMES: Final[dict[tuple[TimeOfDay, ...], int]] = {
    (): 34,
    (TimeOfDay.MORNING,): 30,
    (TimeOfDay.MORNING, TimeOfDay.AFTERNOON): 18,
    (TimeOfDay.AFTERNOON,): 3,
    (TimeOfDay.EVENING,): 9,
    (TimeOfDay.AFTERNOON, TimeOfDay.EVENING): 6,
}
_OFFICES: Final = {
    Standing.OBLIGED_JOBCENTER: "jobcenter",
    Standing.OBLIGED_FOREIGNERS_AUTHORITY: "auslaenderbehoerde",
    Standing.OBLIGED_ASYLUM_BENEFITS: "sozialamt-asyl",
}


@dataclass(frozen=True, slots=True)
class Someone:
    """An invented person: the facts that steering sees, and what happens whatever anybody decides."""

    number: int
    facts: Person
    """As registered: without a test."""
    arrives: date
    """Day on which the person asks for a course; before the year's first day for those who wait already."""
    tested_on: date
    level: str
    section: int
    moves_on: date
    """From this day on the person no longer wants a place."""
    tells: bool
    """Whether the office hears of it on that day."""


def _weeks(seed: int, start: date, weeks: int) -> list[float]:
    """Draw each week's strength of arrivals: holidays are quiet, offices send people in bunches."""
    strengths = []
    for week in range(weeks):
        season = _HOLIDAYS if (start + timedelta(weeks=week)).isocalendar().week in _HOLIDAY_WEEKS else 1.0
        strengths.append(season * stream(seed, "week", week).gammavariate(_BUNCHING, 1 / _BUNCHING))
    return strengths


def people_of(seed: int, start: date, weeks: int, count: int, waiting: int) -> tuple[Someone, ...]:
    """Draw `count` people who arrive in the year's weeks, after `waiting` who are there at its start."""
    strengths = _weeks(seed, start, weeks)
    reached = list(accumulate(strengths))
    everybody = []
    for number in range(waiting + count):
        rng = stream(seed, "person", number)
        drawn, weekday = rng.random(), rng.randrange(5)
        if number < waiting:
            arrives = start - timedelta(days=1 + int(_BACKLOG_DAYS * drawn * drawn))
        else:
            week = min(bisect(reached, drawn * reached[-1]), weeks - 1)
            arrives = start + timedelta(weeks=week, days=weekday)
        everybody.append(_someone(seed, number, start, arrives, rng))
    return tuple(everybody)


def _right(rng: random.Random, arrives: date) -> tuple[Standing, AccessRoute, date]:
    """Draw by what right somebody comes, and since when; admissions are from before the route closed."""
    standing, route = pick(rng, _RIGHTS)
    days = rng.randrange(0, 20) if route is AccessRoute.VOCATIONAL else rng.randrange(5, 200)
    granted = arrives - timedelta(days=days)
    if route is AccessRoute.ADMISSION and granted >= ROUTE_CLOSES:
        return Standing.OBLIGED_JOBCENTER, AccessRoute.OBLIGATION, granted
    return standing, route, granted


def _types(rng: random.Random, route: AccessRoute, *, woman: bool, childcare: bool) -> tuple[CourseType, ...]:
    if route is AccessRoute.VOCATIONAL:
        return (CourseType.VOCATIONAL,)
    if route is AccessRoute.LOCAL:
        return (CourseType.LAND, CourseType.WOMEN) if woman else (CourseType.LAND,)
    special = pick(
        rng,
        {
            CourseType.LITERACY: 14,
            CourseType.SECOND_SCRIPT: 6,
            CourseType.SUPPORT: 3,
            CourseType.INTENSIVE: 2,
            CourseType.GENERAL: 75,
        },
    )
    if special is CourseType.GENERAL:
        mothers = (CourseType.GENERAL, CourseType.LAND, CourseType.WOMEN)
        return mothers if woman and childcare else (CourseType.GENERAL,)
    return (special,) if special is CourseType.LITERACY else (special, CourseType.GENERAL)


def _test(rng: random.Random, types: tuple[CourseType, ...]) -> tuple[Level, int]:
    if types[0] is CourseType.VOCATIONAL:
        return pick(rng, {(Level.B1, 1): 75, (Level.B2, 1): 25})
    if types[0] is CourseType.LAND:
        return pick(rng, {(Level.NONE, 1): 60, (Level.A1, 1): 40})
    if types[0] in {CourseType.LITERACY, CourseType.SECOND_SCRIPT, CourseType.SUPPORT}:
        return pick(rng, {(Level.NONE, 1): 75, (Level.NONE, 2): 15, (Level.NONE, 3): 10})
    section = pick(rng, _SECTIONS)
    return _LEVELS[section], section


def _someone(seed: int, number: int, start: date, arrives: date, rng: random.Random) -> Someone:
    standing, route, granted = _right(rng, arrives)
    woman = rng.random() < 0.54  # share of women
    childcare = rng.random() < (0.24 if woman else 0.04)  # parents of small children
    types = _types(rng, route, woman=woman, childcare=childcare)
    level, section = _test(rng, types)
    dated = route in {AccessRoute.CLAIM, AccessRoute.ADMISSION} and rng.random() < 0.8  # most papers
    times: tuple[TimeOfDay, ...] = pick(rng, _TIMES)
    facts = Person(
        id=name_of(seed, "person", number),
        version=1,
        office=_OFFICES.get(standing, "kursberatung"),
        town=pick(rng, {town.ags: town.weight for town in TOWNS}),
        standing=standing,
        route=route,
        registered_on=arrives,
        course_types=tuple(map(str, types)),
        granted_on=granted,
        valid_until=granted + timedelta(days=365) if dated else None,
        cooperation_plan=standing is Standing.OBLIGED_JOBCENTER and rng.random() < 0.6,  # many
        available=tuple(map(str, times)),
        needs_childcare=childcare,
        needs_women_only=woman and rng.random() < 0.02,  # few
        needs_barrier_free=rng.random() < 0.015,  # few
        max_travel_minutes=rng.choice((None, None, 45, 60, 60, 90)),
    )
    return Someone(
        number=number,
        facts=facts,
        arrives=arrives,
        tested_on=arrives + timedelta(days=rng.choice((0, 0, 1, 2, 3, 5, 7, 7, 10, 14, 21))),
        level=level,
        section=section,
        moves_on=max(arrives, start) + timedelta(days=1 + int(rng.expovariate(MOVES_A_YEAR / 365))),
        tells=share(seed, "tells", number) < TELLS,
    )
