"""Draws the courses of a year: each provider plans for itself, some the same course at the same place."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from schemas.codes import CourseKind, CourseType, Level, TimeOfDay
from services.simulator.world.chance import name_of, pick, share, stream
from services.simulator.year.travel_times import VENUES

BEFORE, AFTER = -34, 18
"""Weeks before the year's first day and after its last one in which courses start."""
_G, _LAND, _V = CourseType.GENERAL, CourseType.LAND, CourseType.VOCATIONAL
_TYPES: Final = {
    _G: 62,
    CourseType.LITERACY: 12,
    CourseType.SECOND_SCRIPT: 4,
    CourseType.SUPPORT: 1,
    CourseType.INTENSIVE: 1,
    _V: 11,
    _LAND: 7,
}
_TIMES: Final = {TimeOfDay.MORNING: 68, TimeOfDay.AFTERNOON: 15, TimeOfDay.EVENING: 17}
_DAYS_A_SECTION: Final = {TimeOfDay.MORNING: 28, TimeOfDay.AFTERNOON: 35, TimeOfDay.EVENING: 56}
"""100 UE at 25, 20 and 12 to 13 a week."""
_TARGETS: Final = {_V: {Level.B2: 75, Level.C1: 25}, _LAND: {Level.A1: 60, Level.A2: 40}}
_UE: Final = {_G: 700, CourseType.INTENSIVE: 500, _V: 500, _LAND: 300}
"""Others have 1,000. Courses that are entered by level have one section, the others one for each 100 UE."""
_BUSY_WEEKS: Final = frozenset({2, 3, 4, 8, 9, 10, 15, 16, 17, 34, 35, 36, 37, 38, 39, 43, 44, 45})
_QUIET_WEEKS: Final = frozenset({29, 30, 31, 32, 51, 52, 53, 1})
_WEEKDAYS: Final = {
    TimeOfDay.MORNING: ("mon", "tue", "wed", "thu", "fri"),
    TimeOfDay.AFTERNOON: ("mon", "tue", "wed", "thu"),
    TimeOfDay.EVENING: ("mon", "tue", "thu"),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """A course as its provider plans it, and what its provider will do if too few people come."""

    id: UUID
    provider: str
    course_type: str
    kind: str
    town: str
    time: str
    weekdays: tuple[str, ...]
    announced: date
    starts_on: date
    sections: int
    section_days: int
    ue: int
    """Of one section."""
    capacity: int
    minimum: int
    outside: tuple[int, ...]
    """By section: seats of people who were there before the year; courses announced in the year have none."""
    target_level: str | None
    childcare: bool
    women_only: bool
    barrier_free: bool
    waits: bool
    """Below its minimum it is put off once by three weeks, before it is cancelled."""
    stubborn: bool
    """It starts although below its minimum."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider with the towns where it has rooms."""

    slug: str
    towns: tuple[str, ...]
    weight: float


def _providers(seed: int, count: int) -> tuple[Provider, ...]:
    """Draw the providers: all of them teach in the largest town, most in others besides."""
    largest, others = VENUES[0], VENUES[1:]
    providers = []
    for number in range(count):
        rng = stream(seed, "provider", number)
        more = rng.sample(others, rng.randrange(1, len(others)))
        towns = tuple(town.ags for town in (largest, *more))
        providers.append(Provider(f"traeger-{number + 1}", towns, 1.0 / (number + 1) ** 0.5))
    return tuple(providers)


def programme(
    seed: int, start: date, *, weeks: int, count: int, providers: int, twins: float
) -> tuple[Plan, ...]:
    """Draw all courses that run or start in the year; `count` start in its weeks, on average.

    The share `twins` of them copies another one's type, town and time within three weeks, by another
    provider: three providers announce the same course at the same place.
    """
    known = _providers(seed, providers)
    first, last = BEFORE, weeks + AFTER
    strengths = {week: _strength(start, week) for week in range(first, last)}
    plans: list[Plan] = []
    for number in range(round(count * (last - first) / weeks)):
        rng, name = stream(seed, "course", number), name_of(seed, "course", number)
        week, provider = pick(rng, strengths), pick(rng, {one: one.weight for one in known})
        copied = rng.choice(plans) if plans and rng.random() < twins else None
        others = _others(known, copied) if copied is not None else []
        if copied is None or not others:
            plans.append(_plan(name, start, start + timedelta(weeks=week), provider, rng))
            continue
        begins = copied.starts_on + timedelta(weeks=rng.randrange(-3, 4))
        drawn = _plan(name, start, begins, rng.choice(others), rng)
        plans.append(_like(drawn, copied))
    running = (plan for plan in plans if _ends(plan) >= start + timedelta(days=30))
    return tuple(sorted(running, key=lambda plan: (plan.announced, plan.id)))


def _others(known: Sequence[Provider], plan: Plan) -> list[Provider]:
    return [one for one in known if one.slug != plan.provider and plan.town in one.towns]


def _ends(plan: Plan) -> date:
    return plan.starts_on + timedelta(days=plan.sections * plan.section_days)


def _strength(start: date, week: int) -> float:
    number = (start + timedelta(weeks=week)).isocalendar().week
    return 1.8 if number in _BUSY_WEEKS else 0.3 if number in _QUIET_WEEKS else 1.0


def _like(drawn: Plan, copied: Plan) -> Plan:
    """Return a course of one provider that is announced like another's."""
    return Plan(
        id=drawn.id,
        provider=drawn.provider,
        course_type=copied.course_type,
        kind=copied.kind,
        town=copied.town,
        time=copied.time,
        weekdays=copied.weekdays,
        announced=drawn.announced,
        starts_on=drawn.starts_on,
        sections=copied.sections,
        section_days=copied.section_days,
        ue=copied.ue,
        capacity=copied.capacity,
        minimum=copied.minimum,
        outside=_outside(drawn.starts_on, drawn.announced, copied.sections, copied.capacity, drawn.id),
        target_level=copied.target_level,
        childcare=drawn.childcare,
        women_only=copied.women_only,
        barrier_free=drawn.barrier_free,
        waits=drawn.waits,
        stubborn=drawn.stubborn,
    )


def _outside(starts_on: date, announced: date, sections: int, capacity: int, course: UUID) -> tuple[int, ...]:
    """Draw how many seats people from before the year hold in each section; they leave over time, too."""
    if announced < starts_on:
        return (0,) * sections
    first = round(capacity * (0.6 + 0.3 * share("outside", course)))
    return tuple(round(first * (0.72 + 0.28 * 0.75**section)) for section in range(sections))


def _size(rng: random.Random, course_type: CourseType) -> tuple[int, int]:
    """Draw seats and minimum: the law's caps, and what providers need to cover their costs."""
    match course_type:
        case CourseType.VOCATIONAL:
            return rng.choice((20, 22, 25)), 15  # DeuFöV § 12(2)
        case CourseType.LITERACY | CourseType.SECOND_SCRIPT | CourseType.SUPPORT:
            return rng.choice((12, 14, 16)), rng.choice((7, 8, 9))
        case CourseType.LAND:
            return rng.choice((12, 14, 16)), rng.choice((4, 6, 8))
        case _:
            return rng.choice((18, 20, 20, 22)), rng.choice((10, 11, 12))


def _town(rng: random.Random, provider: Provider, *, special: bool) -> str:
    """Draw where a course is held: most special ones in the largest town."""
    if special and rng.random() < 0.75:
        return VENUES[0].ags
    return pick(rng, {town.ags: town.weight for town in VENUES if town.ags in provider.towns})


def _plan(name: UUID, start: date, begins: date, provider: Provider, rng: random.Random) -> Plan:
    course_type = pick(rng, _TYPES)
    special = course_type not in {_G, _LAND}
    town = _town(rng, provider, special=special)
    time = TimeOfDay.MORNING if special and rng.random() < 0.7 else pick(rng, _TIMES)
    capacity, minimum = _size(rng, course_type)
    whole = _UE.get(course_type, 1000)
    sections = 1 if course_type in {_V, _LAND} else whole // 100
    begun = begins < start
    announced = begins if begun else max(start, begins - timedelta(days=rng.randrange(35, 80)))
    women = course_type is _LAND and rng.random() < 0.3
    target = pick(rng, _TARGETS[course_type]).value if course_type in _TARGETS else None
    return Plan(
        id=name,
        provider=provider.slug,
        course_type=course_type.value,
        kind=_kind(course_type).value,
        town=town,
        time=time.value,
        weekdays=_WEEKDAYS[time],
        announced=announced,
        starts_on=begins,
        sections=sections,
        section_days=_DAYS_A_SECTION[time] * whole // (100 * sections),
        ue=whole // sections,
        capacity=capacity,
        minimum=minimum,
        outside=_outside(begins, announced, sections, capacity, name),
        target_level=target,
        childcare=women or (time is TimeOfDay.MORNING and rng.random() < 0.22),
        women_only=women,
        barrier_free=rng.random() < 0.6,
        waits=rng.random() < 0.4,
        stubborn=rng.random() < 0.15,
    )


def _kind(course_type: CourseType) -> CourseKind:
    if course_type is _V:
        return CourseKind.VOCATIONAL
    return CourseKind.OTHER if course_type is _LAND else CourseKind.INTEGRATION
