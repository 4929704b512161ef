"""Declares the hard rules of level and dates: the placement test, starts, registration, late entry."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import date, timedelta

from schemas.codes import CourseKind, Level
from services.allocation.law.rulebook import Rules
from services.allocation.policy.domain import Policy
from services.allocation.steering.matching.domain import Course, Deviation, Person
from services.allocation.steering.matching.entries import Entry, at_the_beginning, begins_on, ue_held
from services.allocation.steering.matching.rule import (
    Fix,
    Params,
    Rule,
    anybody,
    day_param,
    fix,
    started_weeks,
)

_LEVELS = [level.value for level in Level]


def placed_by(course: Course, rules: Rules) -> str:
    """Return whether the placement test leads to a `section` of the course, or to a `level`."""
    known = rules.type_of(course.course_type)
    if known is not None:
        return known.placed_by
    return "section" if course.kind == CourseKind.INTEGRATION else "level"


def level_rules(rules: Rules) -> tuple[Rule, ...]:
    """List what the placement test has to say; a deviation from it counts if its reason is on record."""

    def by_section(entry: Entry) -> bool:
        return placed_by(entry.course, rules) == "section"

    def tested(person: Person, entry: Entry) -> bool:
        if by_section(entry):
            return bool(_sections(person))
        return entry.course.target_level is None or bool(_levels(person))

    def level_fits(person: Person, entry: Entry) -> bool:
        if not tested(person, entry):
            return True  # what is missing is the test, not the level
        if by_section(entry):
            return entry.section.number in _sections(person)
        target = entry.course.target_level
        return at_the_beginning(entry) and (target is None or _below(target) in _levels(person))

    def level_key(entry: Entry) -> Hashable:
        by, number, target = placed_by(entry.course, rules), entry.section.number, entry.course.target_level
        return by, number, at_the_beginning(entry), target

    def level_params(person: Person, entry: Entry) -> Params:
        tested_into = person.section if by_section(entry) else None
        return {} if tested_into is None else {"section": entry.section.number, "tested": tested_into}

    def level_told_as(person: Person, entry: Entry | None) -> str | None:
        return "level_section" if entry is not None and level_params(person, entry) else None

    return (
        Rule(
            "placement_test",
            lambda p: (not _sections(p), not _levels(p)),
            level_key,
            tested,
            fix=lambda _, e: _test(e, by_section=by_section(e)),
        ),
        Rule(
            "level",
            lambda p: (p.section, p.level, p.deviation),
            level_key,
            level_fits,
            params=level_params,
            told_as=level_told_as,
            fix=lambda p, e: _deviation(p, e, by_section=by_section(e)),
            told="after others",
        ),
    )


def _sections(person: Person) -> set[int]:
    """Return where the person may enter: by the test, or against it for a reason on record."""
    other = None if person.deviation is None else person.deviation.section
    return {section for section in (person.section, other) if section is not None}


def _levels(person: Person) -> set[str]:
    other = None if person.deviation is None else person.deviation.level
    return {level for level in (person.level, other) if level is not None}


def _below(level: str | None) -> str | None:
    """Return the level from which a course leads to this one."""
    if level not in _LEVELS or level == _LEVELS[0]:
        return None
    return _LEVELS[_LEVELS.index(level) - 1]


def _test(entry: Entry, *, by_section: bool) -> Fix | None:
    """Take the test, with a result that leads into the entry."""
    if by_section:
        number = entry.section.number
        return fix("test", 10 + number, {"section": number}, result=number)
    level = _below(entry.course.target_level)
    return None if level is None else fix("test", 10, {"level": level}, result=level)


def _deviation(person: Person, entry: Entry, *, by_section: bool) -> Fix | None:
    """Enter one step beside the test, for a reason on record."""
    before = person.deviation or Deviation()
    if by_section:
        number = entry.section.number
        if person.section is None or abs(number - person.section) != 1:
            return None
        return fix("level", 70, {"deviation": Deviation(number, before.level)}, level=number)
    level = _below(entry.course.target_level)
    if not at_the_beginning(entry) or level is None or person.level not in _LEVELS:
        return None
    if abs(_LEVELS.index(level) - _LEVELS.index(person.level)) != 1:
        return None
    return fix("level", 70, {"deviation": Deviation(before.section, level)}, level=level)


def date_rules(day: date, rules: Rules, policy: Policy) -> tuple[Rule, ...]:
    """List what the person's and the course's dates ask for."""
    latest = day + timedelta(days=policy.limits.latest_start_days)

    def late_ue(entry: Entry) -> int:
        return policy.limits.late_entry_of(rules.late_entry_ue(entry.course.course_type))

    def held(entry: Entry) -> int:
        return ue_held(entry.section, day, rules.section_ue(entry.course.course_type))

    def registrable(_person: Person, entry: Entry) -> bool:
        """A day before the course begins is said of its beginning; later sections are entered later."""
        until = entry.course.registration_until
        if until is None or until >= day:
            return True
        return until < begins_on(entry.course) and not at_the_beginning(entry)

    def earlier(person: Person, entry: Entry) -> Fix | None:
        weeks = started_weeks(person.earliest_start or entry.starts_on, entry.starts_on)
        sets = {"earliest_start": entry.starts_on}
        return None if weeks is None else fix("earlier", 30 + weeks, sets, day=entry.starts_on.isoformat())

    return (
        Rule(
            "earliest_start",
            lambda p: p.earliest_start,
            lambda e: e.starts_on,
            lambda p, e: p.earliest_start is None or e.starts_on >= p.earliest_start,
            params=lambda p, _: day_param(p.earliest_start),
            fix=earlier,
        ),
        Rule(
            "registration_deadline",
            anybody,
            lambda e: (e.course.registration_until, begins_on(e.course), at_the_beginning(e)),
            registrable,
            params=lambda _, e: day_param(e.course.registration_until),
        ),
        Rule(
            "latest_start",
            anybody,
            lambda e: e.starts_on,
            lambda _, e: e.starts_on <= latest,
            told="after others",
        ),
        Rule(
            "late_entry",
            anybody,
            lambda e: (e.section, e.course.course_type) if e.late else None,
            lambda _, e: not e.late or held(e) < late_ue(e),
        ),
    )
