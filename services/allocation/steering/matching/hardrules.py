"""The hard rules by name: what has to be true of a person and a place that go together."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import date, timedelta

from schemas.codes import CourseKind, Level
from services.allocation.law.entries import Deadline
from services.allocation.law.rulebook import Rules
from services.allocation.policy.domain import Policy
from services.allocation.steering.matching.domain import Course, Person
from services.allocation.steering.matching.entries import Entry, at_the_beginning, begins_on, need_of, ue_held
from services.allocation.steering.matching.snapshot import Snapshot, Travel

VERSION = 2
"""Raised whenever a rule means something else: what was decided before is then told with a word about it."""
_LEVELS = {level.value: place for place, level in enumerate(Level)}


@dataclass(frozen=True, slots=True)
class Rule:
    """A hard rule: what it looks at in a person and in an entry, and whether the two go together."""

    name: str
    looks_at: Callable[[Person], Hashable]
    sees: Callable[[Entry], Hashable]
    passes: Callable[[Person, Entry], bool]
    """Decided once for all who are alike in `looks_at` and all entries that are alike in `sees`."""


def _nothing(_person: Person) -> Hashable:
    return None


def placed_by(course: Course, rules: Rules) -> str:
    """Say whether the placement test leads to a `section` of the course, or to a `level`."""
    known = rules.type_of(course.course_type)
    if known is not None:
        return known.placed_by
    return "section" if course.kind == CourseKind.INTEGRATION else "level"


def _sections(person: Person) -> set[int]:
    """Return where the person may enter: by the test, or against it for a reason on record."""
    other = None if person.deviation is None else person.deviation.section
    return {section for section in (person.section, other) if section is not None}


def _levels(person: Person) -> set[str]:
    other = None if person.deviation is None else person.deviation.level
    return {level for level in (person.level, other) if level is not None}


def _tested(person: Person, entry: Entry, rules: Rules) -> bool:
    if placed_by(entry.course, rules) == "section":
        return bool(_sections(person))
    return entry.course.target_level is None or bool(_levels(person))


def _level_fits(person: Person, entry: Entry, rules: Rules) -> bool:
    if not _tested(person, entry, rules):
        return True  # what is missing is the test, not the level
    if placed_by(entry.course, rules) == "section":
        return entry.section.number in _sections(person)
    if not at_the_beginning(entry):
        return False
    target = entry.course.target_level
    if target is None:
        return True
    return target in _LEVELS and any(_LEVELS.get(level) == _LEVELS[target] - 1 for level in _levels(person))


def _time_fits(person: Person, entry: Entry) -> bool:
    if not person.available:
        return True
    times = entry.course.times_of_day
    return bool(times) and all(time in person.available for time in times)


def _days_fit(person: Person, entry: Entry) -> bool:
    return not person.available_days or all(day in person.available_days for day in entry.course.weekdays)


def last_day(person: Person, clock: Deadline) -> date | None:
    """Return the last day of a clock of the law; None: it does not run, or a certificate has its own date."""
    if person.valid_until is not None or person.granted_on is None or person.route not in clock.routes:
        return None
    return clock.last_day(person.granted_on)


def _clock_rule(clock: Deadline) -> Rule:
    def in_time(person: Person, entry: Entry) -> bool:
        until = last_day(person, clock)
        return until is None or entry.course.kind == CourseKind.OTHER or entry.starts_on <= until

    return Rule(
        clock.code,
        lambda p: last_day(p, clock),
        lambda e: (e.starts_on, e.course.kind),
        in_time,
    )


def _travel_rule(snapshot: Snapshot) -> Rule:
    """A way that is not in the municipality's table is never too long: an estimate decides nothing."""
    general = snapshot.policy.limits.travel_minutes

    def longest(person: Person) -> int | None:
        known = [minutes for minutes in (general, person.max_travel_minutes) if minutes is not None]
        return min(known, default=None)

    def near(person: Person, entry: Entry) -> bool:
        limit = longest(person)
        minutes = travel_minutes(person, entry.course, snapshot.travel)
        return limit is None or minutes is None or minutes <= limit

    return Rule(
        "travel_time",
        lambda p: (p.town, longest(p)),
        lambda e: (e.course.town, e.course.online),
        near,
    )


def travel_minutes(person: Person, course: Course, travel: Travel) -> int | None:
    """Return the minutes from the person's town to the course by the table; None: not known."""
    if course.online:
        return 0
    return None if course.town is None else travel.get((person.town, course.town))


def _decision_rules(snapshot: Snapshot) -> tuple[Rule, ...]:
    """List what people have decided: holds, exclusions, courses that do not start; and the neighbours."""
    rules, policy = snapshot.rules, snapshot.policy
    pooled = set(snapshot.pooled)

    def shared(person: Person, entry: Entry) -> bool:
        home, there = person.kreis, entry.course.kreis
        if home == there or not home or not there:
            return True
        agreed = snapshot.agreed_types(home, there)
        return (home, there) in pooled and (not agreed or entry.course.course_type in agreed)

    return (
        Rule("on_hold", lambda p: p.held, lambda _: None, lambda p, _: not p.held),
        Rule(
            "free_choice",
            lambda p: p.standing,
            lambda _: None,
            lambda p, _: policy.free_choice == "propose" or not rules.chooses_freely(p.standing),
        ),
        Rule("neighbour", lambda p: p.kreis, lambda e: (e.course.kreis, e.course.course_type), shared),
        Rule(
            "course_not_to_start",
            _nothing,
            lambda e: e.course.decision,
            lambda _, e: e.course.decision != "close",
        ),
        Rule(
            "course_not_sure",
            _nothing,
            lambda e: (e.course.id, e.section.number),
            lambda _, e: not need_of(e.course, snapshot) or at_the_beginning(e),
        ),
        Rule(
            "exclusion",
            lambda p: (p.barred_courses, p.barred_providers),
            lambda e: (e.course.id, e.course.provider),
            lambda p, e: e.course.id not in p.barred_courses and e.course.provider not in p.barred_providers,
        ),
    )


def _entitlement_rules(rules: Rules) -> tuple[Rule, ...]:
    """List what the law asks of a person: type, way of access, and each clock by itself."""

    def admitted(person: Person) -> bool:
        return rules.route_admits(person.route, person.granted_on or person.registered_on)

    def leads(person: Person) -> tuple[str, ...]:
        return rules.route_leads(person.route, person.granted_on or person.registered_on)

    def exists(_person: Person, entry: Entry) -> bool:
        until = rules.last_starts.get(entry.course.course_type)
        return until is None or begins_on(entry.course) <= until

    def valid(person: Person, entry: Entry) -> bool:
        until = person.valid_until
        return until is None or entry.course.kind == CourseKind.OTHER or entry.starts_on <= until

    def funded(person: Person, entry: Entry) -> bool:
        left = person.hours_left
        return left is None or entry.course.kind != CourseKind.INTEGRATION or left >= (entry.section.ue or 1)

    return (
        Rule(
            "course_type",
            lambda p: p.course_types,
            lambda e: e.course.course_type,
            lambda p, e: e.course.course_type in p.course_types,
        ),
        Rule("type_over", _nothing, lambda e: (e.course.course_type, begins_on(e.course)), exists),
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
        Rule("entitlement_valid", lambda p: p.valid_until, lambda e: (e.starts_on, e.course.kind), valid),
        *(_clock_rule(clock) for _, clock in sorted(rules.deadlines.items()) if clock.lapses),
        Rule("hours_left", lambda p: p.hours_left, lambda e: (e.course.kind, e.section.ue), funded),
    )


def _course_rules(day: date, rules: Rules, policy: Policy) -> tuple[Rule, ...]:
    """List what level and dates ask for."""
    latest = day + timedelta(days=policy.limits.latest_start_days)

    def late_ue(entry: Entry) -> int:
        law = rules.late_entry_ue(entry.course.course_type) if policy.limits.late_entry else 0
        own = policy.limits.late_entry_ue
        return law if own is None else min(law, own)

    def held(entry: Entry) -> int:
        return ue_held(entry.section, day, rules.section_ue(entry.course.course_type))

    def registrable(_person: Person, entry: Entry) -> bool:
        """A day before the course begins is said of its beginning; later sections are entered later."""
        until = entry.course.registration_until
        if until is None or until >= day:
            return True
        return until < begins_on(entry.course) and not at_the_beginning(entry)

    def level_seen(entry: Entry) -> Hashable:
        by, number, target = placed_by(entry.course, rules), entry.section.number, entry.course.target_level
        return by, number, at_the_beginning(entry), target

    return (
        Rule(
            "placement_test",
            lambda p: (not _sections(p), not _levels(p)),
            level_seen,
            lambda p, e: _tested(p, e, rules),
        ),
        Rule(
            "level",
            lambda p: (p.section, p.level, p.deviation),
            level_seen,
            lambda p, e: _level_fits(p, e, rules),
        ),
        Rule(
            "earliest_start",
            lambda p: p.earliest_start,
            lambda e: e.starts_on,
            lambda p, e: p.earliest_start is None or e.starts_on >= p.earliest_start,
        ),
        Rule(
            "registration_deadline",
            _nothing,
            lambda e: (e.course.registration_until, begins_on(e.course), at_the_beginning(e)),
            registrable,
        ),
        Rule("latest_start", _nothing, lambda e: e.starts_on, lambda _, e: e.starts_on <= latest),
        Rule(
            "late_entry",
            _nothing,
            lambda e: (e.section, e.course.course_type) if e.late else None,
            lambda _, e: not e.late or held(e) < late_ue(e),
        ),
    )


def _need_rules(rules: Rules) -> tuple[Rule, ...]:
    """List what the person needs, and what has been answered before."""

    def women(entry: Entry) -> bool:
        return entry.course.women_only or entry.course.course_type in rules.women_types

    def among_women(person: Person) -> bool:
        return any(one in rules.women_types for one in person.course_types)

    return (
        Rule("time_of_day", lambda p: p.available, lambda e: e.course.times_of_day, _time_fits),
        Rule("weekdays", lambda p: p.available_days, lambda e: e.course.weekdays, _days_fit),
        Rule(
            "childcare",
            lambda p: p.needs_childcare,
            lambda e: e.course.childcare,
            lambda p, e: not p.needs_childcare or e.course.childcare is True,
        ),
        Rule(
            "women_only",
            lambda p: (p.needs_women_only, among_women(p)),
            women,
            lambda p, e: women(e) if p.needs_women_only else not women(e) or among_women(p),
        ),
        Rule(
            "barrier_free",
            lambda p: p.needs_barrier_free,
            lambda e: (e.course.online, e.course.barrier_free),
            lambda p, e: not p.needs_barrier_free or e.course.online or e.course.barrier_free is True,
        ),
        Rule(
            "earlier_answer",
            lambda p: p.excluded,
            lambda e: e.course.id,
            lambda p, e: e.course.id not in p.excluded,
        ),
    )


def hard_rules(snapshot: Snapshot) -> tuple[Rule, ...]:
    """List the hard rules of a day in the order in which they are told; seats are looked at after them."""
    day, rules, policy = snapshot.day, snapshot.rules, snapshot.policy
    return (
        *_entitlement_rules(rules),
        *_course_rules(day, rules, policy),
        *_need_rules(rules),
        _travel_rule(snapshot),
        *_decision_rules(snapshot),
    )
