"""Declares the hard rules of the law: course type, access route, the end of entitlements, hours left."""

from __future__ import annotations

from datetime import date

from schemas.codes import CourseKind
from services.allocation.law.entries import Deadline
from services.allocation.law.rulebook import Rules
from services.allocation.steering.matching.domain import Person
from services.allocation.steering.matching.entries import Entry, begins_on
from services.allocation.steering.matching.rule import Fix, Rule, anybody, day_param, fix, started_weeks


def last_day(person: Person, clock: Deadline) -> date | None:
    """Return the last day of a clock of the law; None: it does not run, or a certificate has its own date."""
    if person.valid_until is not None or person.granted_on is None or person.route not in clock.routes:
        return None
    return clock.last_day(person.granted_on)


def entitlement_rules(day: date, rules: Rules) -> tuple[Rule, ...]:
    """List what the law asks of a person: type, way of access, and each clock by itself."""

    def admitted(person: Person) -> bool:
        return rules.route_admits(person.route, person.granted_on or person.registered_on)

    def leads(person: Person) -> tuple[str, ...]:
        return rules.route_leads(person.route, person.granted_on or person.registered_on)

    def type_ends(entry: Entry) -> date | None:
        return rules.last_starts.get(entry.course.course_type)

    def type_exists(_person: Person, entry: Entry) -> bool:
        until = type_ends(entry)
        return until is None or begins_on(entry.course) <= until

    def funded(person: Person, entry: Entry) -> bool:
        left = person.hours_left
        return left is None or entry.course.kind != CourseKind.INTEGRATION or left >= (entry.section.ue or 1)

    def more_hours(person: Person, entry: Entry) -> Fix:
        needed = entry.section.ue or 1
        return fix("hours", 85, {"hours_left": needed}, ue=needed - (person.hours_left or 0))

    return (
        Rule(
            "course_type",
            lambda p: p.course_types,
            lambda e: e.course.course_type,
            lambda p, e: e.course.course_type in p.course_types,
            params=lambda _, e: {"course_type": e.course.course_type},
            told="after others",
        ),
        Rule(
            "type_over",
            anybody,
            lambda e: (e.course.course_type, begins_on(e.course)),
            type_exists,
            params=lambda _, e: day_param(type_ends(e)),
        ),
        Rule(
            "route_leads_there",
            leads,
            lambda e: e.course.kind,
            lambda p, e: e.course.kind == CourseKind.OTHER or e.course.kind in leads(p),
        ),
        Rule(
            "route_open",
            admitted,
            lambda e: e.course.kind,
            lambda p, e: e.course.kind == CourseKind.OTHER or admitted(p),
        ),
        *_end_rules(day, rules),
        Rule(
            "hours_left",
            lambda p: p.hours_left,
            lambda e: (e.course.kind, e.section.ue),
            funded,
            params=lambda p, e: {"ue": e.section.ue or 1, "left": p.hours_left or 0},
            fix=more_hours,
        ),
    )


def _end_rules(day: date, rules: Rules) -> tuple[Rule, ...]:
    """List the ends of entitlements: a certificate's own date, and each clock of the law by itself."""
    clocks = [clock for _, clock in sorted(rules.deadlines.items()) if clock.lapses]

    def valid(person: Person, entry: Entry) -> bool:
        until = person.valid_until
        return until is None or entry.course.kind == CourseKind.OTHER or entry.starts_on <= until

    def extended(person: Person, entry: Entry) -> Fix | None:
        """A certificate's own date goes before the clocks of the law."""
        days = (last_day(person, clock) for clock in clocks)
        ends = person.valid_until or min((one for one in days if one is not None), default=day)
        weeks, sets = started_weeks(ends, entry.starts_on), {"valid_until": entry.starts_on}
        return None if weeks is None else fix("extended", 80 + weeks, sets, day=entry.starts_on.isoformat())

    def clock_rule(clock: Deadline) -> Rule:
        def in_time(person: Person, entry: Entry) -> bool:
            until = last_day(person, clock)
            return until is None or entry.course.kind == CourseKind.OTHER or entry.starts_on <= until

        return Rule(
            clock.code,
            lambda p: last_day(p, clock),
            lambda e: (e.starts_on, e.course.kind),
            in_time,
            params=lambda p, _: day_param(last_day(p, clock)),
            fix=extended,
        )

    return (
        Rule(
            "entitlement_valid",
            lambda p: p.valid_until,
            lambda e: (e.starts_on, e.course.kind),
            valid,
            params=lambda p, _: day_param(p.valid_until),
            fix=extended,
        ),
        *(clock_rule(clock) for clock in clocks),
    )
