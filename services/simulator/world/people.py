"""Invents 1,500 people over a year who wait for a course, each a pure function of seed and number."""

import random
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from typing import Final

from schemas.codes import AccessRoute, AsylumPhase, ConsentPurpose, CourseType, Level, Standing, TimeOfDay
from services.simulator.world import kreis, names
from services.simulator.world.calendar import working_day_from
from services.simulator.world.chance import pick, stream

ROUTE_CLOSES: Final = date(2026, 2, 9)
"""BAMF circular TRS 02/26: no admissions under AufenthG § 44(4) from this day on."""

YEAR: Final = 365
BACKLOG_SHARE: Final = 0.12
YOUTH: Final = 27
_STANDINGS: Final = {
    (Standing.OBLIGED_JOBCENTER, AccessRoute.OBLIGATION): 26,
    (Standing.OBLIGED_FOREIGNERS_AUTHORITY, AccessRoute.OBLIGATION): 9,
    (Standing.OBLIGED_ASYLUM_BENEFITS, AccessRoute.OBLIGATION): 5,
    (Standing.ENTITLED, AccessRoute.CLAIM): 15,
    (Standing.ADMITTED, AccessRoute.ADMISSION): 35,
    (Standing.ENTITLED, AccessRoute.REPATRIATE): 1,
    (Standing.ENTITLED, AccessRoute.VOCATIONAL): 8,
    (Standing.SELF_PAYER, AccessRoute.OWN_COST): 1,
}
_VOLUNTARY: Final = {
    kreis.VHS_DESK: 30,
    kreis.WELCOME: 25,
    kreis.JOBCENTER: 20,
    kreis.MBE_NORTH: 10,
    kreis.MBE_SOUTH: 8,
    kreis.JMD: 7,
}
_SECTIONS: Final = {1: 48, 2: 11, 3: 15, 4: 11, 5: 8, 6: 7}
_LEVELS: Final = {
    1: Level.NONE, 2: Level.NONE, 3: Level.A1, 4: Level.A1, 5: Level.A2, 6: Level.A2,
}  # fmt: skip
_LANGUAGES: Final = {"uk": 34, "ar": 24, "fa": 10, "ru": 8, "tr": 8, "ti": 5, "en": 4, "ro": 4, "bg": 3}
_TIMES: Final[dict[tuple[TimeOfDay, ...], int]] = {
    (): 34,
    (TimeOfDay.MORNING,): 30,
    (TimeOfDay.MORNING, TimeOfDay.AFTERNOON): 18,
    (TimeOfDay.AFTERNOON,): 3,
    (TimeOfDay.EVENING,): 9,
    (TimeOfDay.AFTERNOON, TimeOfDay.EVENING): 6,
}


@dataclass(frozen=True, slots=True)
class Contact:
    """Contact data, which only the support side may know."""

    given_name: str
    family_name: str
    birth_date: date
    phone: str | None
    email: str | None
    street: str
    postcode: str
    town: str
    languages: tuple[str, ...]
    remark: str


@dataclass(frozen=True, slots=True)
class ConsentPlan:
    """When this person consents, to what, for which office, and whether they take it back."""

    office: str
    purposes: tuple[ConsentPurpose, ...]
    at_registration: bool
    days_in_class: int
    """If not at registration: days after the first lesson."""
    revoked_after: int | None


@dataclass(frozen=True, slots=True)
class Person:
    """An invented person; everything that will happen to them apart from what the Kreis decides."""

    number: int
    office: str
    reference: str
    arrives: date
    registered_on: date
    town: str
    standing: Standing
    route: AccessRoute
    granted_on: date
    valid_until: date | None
    cooperation_plan: bool
    hours_left: int | None
    course_types: tuple[CourseType, ...]
    available: tuple[TimeOfDay, ...]
    childcare: bool
    women_only: bool
    barrier_free: bool
    youth_until: str | None
    asylum_phase: AsylumPhase
    max_travel: int | None
    tested_after: int
    level: Level
    section: int
    consent: ConsentPlan | None
    changes_after: int | None
    withdraws_after: int | None
    contact: Contact
    family: str | None = None
    """Their office's reference of people who want to attend the same course."""


LATE: Final = 5
"""One in so many of the backlog was granted the course almost a year ago."""
NEIGHBOURS: Final = 8
"""One in so many people of the Jobcenter lives in the neighbouring Kreis."""
FAMILIES: Final = 0.03
"""Share of pairs of people who come together and want to attend the same course."""


@cache
def population(seed: int, start: date, count: int) -> tuple[Person, ...]:
    """Return the people of the simulated year, by number; a few came together with the one before."""
    people = [_person(seed, start, count, number) for number in range(count)]
    for number in range(0, count - 1, 2):
        if stream(seed, "family", number).random() < FAMILIES:
            people[number], people[number + 1] = _together(people[number], people[number + 1])
    return tuple(_lives_next_door(seed, one) if _is_neighbour(one) else one for one in people)


def _is_neighbour(person: Person) -> bool:
    return (
        person.number % NEIGHBOURS == NEIGHBOURS // 2
        and person.office == kreis.JOBCENTER
        and not person.family
    )


def _lives_next_door(seed: int, person: Person) -> Person:
    """Let a person live in the neighbouring Kreis, whose counselling offices are not part of the demo."""
    rng = stream(seed, "neighbour", person.number)
    town = kreis.TOWN[pick(rng, {town.ags: town.weight for town in kreis.NEIGHBOUR_TOWNS})]
    return replace(
        person,
        office=kreis.NEXT_JOBCENTER,
        reference=person.reference.replace(_PREFIX[person.office], _PREFIX[kreis.NEXT_JOBCENTER]),
        town=town.ags,
        consent=None,
        contact=replace(person.contact, postcode=town.postcode, town=town.name),
    )


def _together(one: Person, other: Person) -> tuple[Person, Person]:
    """Let two people arrive together who need the same course."""
    family = f"F-{one.number}"
    same = {
        name: getattr(one, name)
        for name in (
            "office", "arrives", "registered_on", "town", "standing", "route", "granted_on", "valid_until",
            "cooperation_plan", "course_types", "available", "max_travel", "tested_after", "level", "section",
        )
    }  # fmt: skip
    reference = f"{_PREFIX[one.office]}-{100000 + other.number * 7}"
    return replace(one, family=family), replace(other, **same, reference=reference, family=family)


def _arrival(rng: random.Random, start: date, count: int, number: int) -> date:
    backlog = int(count * BACKLOG_SHARE)
    if number < backlog:
        return working_day_from(start + timedelta(days=number * 10 // max(1, backlog)))
    position = (number - backlog) / max(1, count - backlog)
    return working_day_from(start + timedelta(days=1 + int(position * (YEAR - 2) + rng.random())))


def _person(seed: int, start: date, count: int, number: int) -> Person:
    rng = stream(seed, "person", number)
    arrives = _arrival(rng, start, count, number)
    standing, route = _right(rng, arrives)
    age = _age(rng)
    birth = arrives - timedelta(days=int((age + rng.random()) * 365.25))
    woman = rng.random() < 0.54  # share of women
    childcare = rng.random() < (0.27 if woman and age < 45 else 0.04)  # parents of small children
    phase = _phase(rng, standing)
    town = pick(rng, {town.ags: town.weight for town in kreis.TOWNS})
    office = _office(rng, standing, route, age)
    types = _course_types(rng, route, woman=woman, childcare=childcare)
    level, section = _level(rng, types)
    granted = _granted(rng, route, arrives, backlog=number < count * BACKLOG_SHARE)
    return Person(
        number=number,
        office=office,
        reference=f"{_PREFIX[office]}-{100000 + number * 7}",
        arrives=arrives,
        registered_on=arrives - timedelta(days=rng.randrange(0, 25) if number < count * BACKLOG_SHARE else 0),
        town=town,
        standing=standing,
        route=route,
        granted_on=granted,
        valid_until=granted + timedelta(days=365)
        if route in {AccessRoute.CLAIM, AccessRoute.ADMISSION} and rng.random() < 0.8  # on most papers
        else None,
        cooperation_plan=standing is Standing.OBLIGED_JOBCENTER and rng.random() < 0.6,  # of many
        hours_left=rng.choice((None, None, 700, 700, 400, 1000)),
        course_types=types,
        available=pick(rng, _TIMES),
        childcare=childcare,
        women_only=woman and rng.random() < 0.02,  # few
        barrier_free=rng.random() < 0.015,  # few
        youth_until=_youth_until(birth) if age < YOUTH else None,
        asylum_phase=phase,
        max_travel=rng.choice((None, None, 45, 60, 60, 90)),
        tested_after=rng.choice((0, 0, 1, 2, 3, 5, 7, 7, 10, 14, 21)),
        level=level,
        section=section,
        consent=_consent(rng, town, age, phase),
        changes_after=_some_day(rng, 0.09, 5, 120),  # nine in a hundred
        withdraws_after=_some_day(rng, 0.07, 15, 150),  # seven
        contact=_contact(rng, birth, town),
    )


def _some_day(rng: random.Random, share: float, first: int, end: int) -> int | None:
    return rng.randrange(first, end) if rng.random() < share else None


def _granted(rng: random.Random, route: AccessRoute, arrives: date, *, backlog: bool) -> date:
    days = rng.randrange(5, 200)
    if backlog and days % LATE == 0:  # asked too late: a year after the grant the entitlement lapses
        days = YEAR - days // LATE
    granted = arrives - timedelta(days=days)
    if route is AccessRoute.VOCATIONAL or (route is AccessRoute.ADMISSION and arrives >= ROUTE_CLOSES):
        granted = arrives - timedelta(days=rng.randrange(0, 20))
    return granted


_PREFIX: Final = {
    kreis.JOBCENTER: "BG",
    kreis.NEXT_JOBCENTER: "NL",
    kreis.FOREIGNERS: "ABH",
    kreis.SOCIAL: "SOZ",
    kreis.VHS_DESK: "KB",
    kreis.WELCOME: "WP",
    kreis.MBE_NORTH: "N",
    kreis.MBE_SOUTH: "S",
    kreis.JMD: "J",
}


def _right(rng: random.Random, arrives: date) -> tuple[Standing, AccessRoute]:
    standing, route = pick(rng, _STANDINGS)
    if route is AccessRoute.ADMISSION and arrives >= ROUTE_CLOSES:
        return pick(
            rng,
            {
                (Standing.ADMITTED, AccessRoute.ADMISSION): 20,  # sent all the same: the rule book says no
                (Standing.OBLIGED_JOBCENTER, AccessRoute.OBLIGATION): 35,
                (Standing.SELF_PAYER, AccessRoute.OWN_COST): 15,
                (Standing.ENTITLED, AccessRoute.LOCAL): 30,
            },
        )
    return standing, route


def _office(rng: random.Random, standing: Standing, route: AccessRoute, age: int) -> str:
    match standing:
        case Standing.OBLIGED_JOBCENTER:
            return kreis.JOBCENTER
        case Standing.OBLIGED_FOREIGNERS_AUTHORITY:
            return kreis.FOREIGNERS
        case Standing.OBLIGED_ASYLUM_BENEFITS:
            return kreis.SOCIAL
        case _ if route is AccessRoute.VOCATIONAL:
            return kreis.JOBCENTER
        case _:
            office = pick(rng, _VOLUNTARY)
            return kreis.MBE_NORTH if office == kreis.JMD and age >= YOUTH else office


def _age(rng: random.Random) -> int:
    return min(66, max(18, int(rng.triangular(17, 62, 31))))


def _phase(rng: random.Random, standing: Standing) -> AsylumPhase:
    if standing is Standing.OBLIGED_ASYLUM_BENEFITS:
        return pick(rng, {AsylumPhase.PROCEDURE: 70, AsylumPhase.TOLERATED: 30})
    if standing is Standing.ADMITTED:
        return pick(
            rng,
            {
                AsylumPhase.NONE: 70,
                AsylumPhase.PROCEDURE: 12,
                AsylumPhase.RECOGNISED: 14,
                AsylumPhase.TOLERATED: 4,
            },
        )
    return pick(rng, {AsylumPhase.NONE: 75, AsylumPhase.RECOGNISED: 25})


def _course_types(
    rng: random.Random, route: AccessRoute, *, woman: bool, childcare: bool
) -> tuple[CourseType, ...]:
    if route is AccessRoute.VOCATIONAL:
        return (CourseType.VOCATIONAL,)
    draw = rng.random()
    special: CourseType | None = None
    if draw < 0.20:  # reads another script
        special = CourseType.SECOND_SCRIPT
    elif draw < 0.23:  # learns more slowly
        special = CourseType.SUPPORT
    elif draw > 0.96:  # learns fast
        special = CourseType.INTENSIVE
    if route is AccessRoute.LOCAL:
        return (CourseType.LAND, CourseType.MUNICIPAL)
    if draw < 0.14:  # cannot read yet
        return (CourseType.LITERACY,)
    if special is not None:
        return (special, CourseType.GENERAL)
    return (CourseType.GENERAL, CourseType.LAND) if woman and childcare else (CourseType.GENERAL,)


def _level(rng: random.Random, types: tuple[CourseType, ...]) -> tuple[Level, int]:
    if types[0] is CourseType.VOCATIONAL:
        return pick(rng, {(Level.B1, 1): 75, (Level.B2, 1): 25})
    if types[0] is CourseType.LAND:
        return pick(rng, {(Level.NONE, 1): 60, (Level.A1, 1): 40})
    if types[0] in {CourseType.LITERACY, CourseType.SECOND_SCRIPT, CourseType.SUPPORT}:
        return pick(rng, {(Level.NONE, 1): 70, (Level.NONE, 2): 18, (Level.NONE, 3): 12})
    section = pick(rng, _SECTIONS)
    return _LEVELS[section], section


def _youth_until(birth: date) -> str:
    birthday_month = birth.year * 12 + birth.month - 1 + YOUTH * 12
    year, month = divmod(birthday_month - 1, 12)
    return f"{year:04d}-{month + 1:02d}"


def _consent(rng: random.Random, town: str, age: int, phase: AsylumPhase) -> ConsentPlan | None:
    draw, revokes, in_class = rng.random(), rng.random(), rng.randrange(1, 12)
    after = rng.randrange(8, 90)
    purposes = pick(
        rng,
        {
            tuple(ConsentPurpose): 50,
            (ConsentPurpose.ENROLMENT_NOTICE, ConsentPurpose.DROPOUT_SUPPORT): 30,
            (ConsentPurpose.ENROLMENT_NOTICE,): 8,
            (ConsentPurpose.DROPOUT_SUPPORT,): 12,
        },
    )
    if draw < 0.32:  # never consent
        return None
    if phase in {AsylumPhase.PROCEDURE, AsylumPhase.TOLERATED}:
        office = kreis.ASYLUM
    elif age < YOUTH:
        office = kreis.JMD
    else:
        office = kreis.MBE_NORTH if town in kreis.NORTH else kreis.MBE_SOUTH
    return ConsentPlan(
        office=office,
        purposes=purposes,
        at_registration=draw < 0.60,  # the others in class
        days_in_class=in_class,
        revoked_after=after if revokes < 0.07 else None,  # few take it back
    )


def _contact(rng: random.Random, birth: date, town: str) -> Contact:
    family = names.family_name(rng)
    place = kreis.TOWN[town]
    return Contact(
        given_name=names.given_name(rng),
        family_name=family,
        birth_date=birth,
        phone=names.phone(rng) if rng.random() < 0.85 else None,  # most have one
        email=f"{family.lower()}@personen.kurslotse.invalid" if rng.random() < 0.5 else None,  # half
        street=f"Erfundene Straße {rng.randrange(1, 120)}",
        postcode=place.postcode,
        town=place.name,
        languages=(pick(rng, _LANGUAGES),),
        remark=names.free_text(rng),
    )
