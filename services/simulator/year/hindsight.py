"""Finds the people for whom there was a suitable course in a year; the others no world could have placed.

The law says who may enter where; the year has drawn who declines, stays away or moves. Seats, minimum sizes
and the days that offers and answers take are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final

from services.allocation.law.rulebook import Rules
from services.allocation.steering.matching.domain import Course, Section
from services.allocation.steering.matching.eligibility import eligibility_of, members
from services.allocation.steering.matching.entries import Entry, ue_held
from services.allocation.steering.matching.snapshot import snapshot_of
from services.simulator.world.kreis import KREIS
from services.simulator.year.model import Year, answer, path
from services.simulator.year.people import Someone
from services.simulator.year.travel_times import TRAVEL
from services.simulator.year.world import PUT_OFF, STEERING_ONLY, CourseState, World

_LEFT_OUT: Final = STEERING_ONLY | {"latest_start", "late_entry", "course_not_to_start"}
"""Rules of steering alone, and rules about days, which `_starts` checks."""


def suited(year: Year) -> frozenset[int]:
    """Return the numbers of those who could have started some course in the year."""
    found = set[int]()
    for put_off in (0, PUT_OFF):
        world = World(year)
        towns = {course.plan.id: course.plan.town for course in world.courses.values()}
        courses = _announced(world, put_off)
        for rules in (year.rulebook.on(year.setting.start), year.rulebook.on(year.setting.end)):
            for someone, entry in _allowed(world, courses, rules):
                minutes = TRAVEL[someone.facts.town, towns[entry.course.id]]
                if someone.number not in found and _starts(year, someone, entry, minutes, rules):
                    found.add(someone.number)
    return frozenset(found)


def _announced(world: World, put_off: int) -> list[Course]:
    """List the courses that start in the year or run at its beginning, as announced on the first day."""
    found, setting = [], world.year.setting
    for course in world.courses.values():
        begun = any(course.plan.outside)
        if put_off and (begun or not course.plan.waits):
            continue
        course.shift, course.state = put_off, CourseState.RUNNING if begun else CourseState.ANNOUNCED
        known = world.course(course, setting.start, world.rules(setting.start))
        if known is not None and known.sections[0].starts_on < setting.end:
            found.append(known)
    return found


def _allowed(world: World, courses: Sequence[Course], rules: Rules) -> Iterator[tuple[Someone, Entry]]:
    """Yield who may enter where by the rules of a day, whatever the day of entry."""
    year = world.year
    people = [life.person(year.setting.end + timedelta(days=365)) for life in world.lives]
    seen = snapshot_of(
        KREIS,
        year.setting.start,
        people=people,
        courses=courses,
        rules=rules,
        policy=year.policy,
        travel=TRAVEL,
    )
    known = eligibility_of(seen)
    for person, entries in zip(seen.people, known.without(_LEFT_OUT), strict=True):
        someone = world.lives[world.number[person.id]].someone
        for at in members(entries):
            yield someone, known.entries[at]


def _starts(year: Year, someone: Someone, entry: Entry, minutes: int, rules: Rules) -> bool:
    """Return whether somebody would have come on the first day on which they could have entered."""
    seed, course = year.setting.seed, str(entry.course.id)
    first = max(someone.arrives, someone.tested_on, entry.section.starts_on, year.setting.start)
    in_time = first < min(someone.moves_on, year.setting.end) and first <= _last(entry, rules)
    accepts = answer(seed, someone.number, course, minutes).kind != "decline"
    return in_time and accepts and path(seed, someone.number, course).shows_up


def _last(entry: Entry, rules: Rules) -> date:
    """Return the last day on which somebody may enter a section: its first one where late entry is barred."""
    section, type_ = entry.section, entry.course.course_type
    return _until(section, rules.late_entry_ue(type_), rules.section_ue(type_))


def _until(section: Section, limit: int, usual: int) -> date:
    day = section.starts_on
    while day < section.ends_on and ue_held(section, day + timedelta(days=1), usual) < limit:
        day += timedelta(days=1)
    return day
