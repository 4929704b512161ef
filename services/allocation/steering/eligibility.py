"""Hard rules by name: which places a person can be given, and which rules speak against the others.

A set of entries is an integer with one bit per entry, so that a rule is decided once for everybody
who is alike in what it looks at, and what each rule forbids stays known.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from schemas.codes import CourseKind, CourseType, Level
from services.allocation.steering.domain import Course, EntryKey, Person, Section
from services.allocation.steering.rulebook import Rules
from services.allocation.steering.snapshot import Snapshot

_LEVELS = {level.value: place for place, level in enumerate(Level)}


@dataclass(frozen=True, slots=True)
class Entry:
    """A place to enter: a section of a course, running or to come."""

    course: Course
    section: Section
    starts_on: date
    """First day of somebody who enters today or later."""
    free: int
    """Seats free in this and every later section."""
    late: bool

    @property
    def key(self) -> EntryKey:
        """Return what names the entry."""
        return EntryKey(self.course.id, self.section.number)


def entries_of(snapshot: Snapshot) -> tuple[Entry, ...]:
    """List the entries of all courses, by course id and section."""
    entries = []
    for course in snapshot.courses:
        coming = [section for section in course.sections if section.ends_on >= snapshot.day]
        for place, section in enumerate(coming):
            free = max(0, min(later.free for later in coming[place:]))
            late = section.starts_on < snapshot.day
            entries.append(Entry(course, section, max(section.starts_on, snapshot.day), free, late))
    return tuple(entries)


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


def _placed_by(course: Course, rules: Rules) -> str:
    known = rules.course_types.get(course.course_type)
    if known is not None:
        return known.placed_by
    return "section" if course.kind == CourseKind.INTEGRATION else "level"


def ue_held(section: Section, day: date) -> int:
    """Estimate how many UE of a section lie before the day, spread evenly over its days."""
    length = (section.ends_on - section.starts_on).days + 1
    gone = min(max((day - section.starts_on).days, 0), length)
    return -(-(section.ue or 100) * gone // length)


def _tested(person: Person, entry: Entry, rules: Rules) -> bool:
    if _placed_by(entry.course, rules) == "section":
        return person.section is not None
    return entry.course.target_level is None or person.level is not None


def _level_fits(person: Person, entry: Entry, rules: Rules) -> bool:
    if not _tested(person, entry, rules):
        return True  # what is missing is the test, not the level
    if _placed_by(entry.course, rules) == "section":
        return person.section == entry.section.number
    if entry.section.number != entry.course.sections[0].number:
        return False
    target = entry.course.target_level
    if target is None or person.level is None:
        return True
    return _LEVELS.get(target, -1) == _LEVELS.get(person.level, -2) + 1


def _women_only(person: Person, entry: Entry) -> bool:
    women = entry.course.women_only or entry.course.course_type == CourseType.WOMEN
    if person.needs_women_only:
        return women
    return not women or CourseType.WOMEN in person.course_types


def _time_fits(person: Person, entry: Entry) -> bool:
    if not person.available:
        return True
    times = entry.course.times_of_day
    return bool(times) and all(time in person.available for time in times)


def hard_rules(snapshot: Snapshot) -> tuple[Rule, ...]:
    """List the hard rules of a day in the order in which they are told; seats are looked at after them."""
    day, rules, policy = snapshot.day, snapshot.rules, snapshot.policy
    latest = day + timedelta(days=policy.limits.latest_start_days)
    late_ue = rules.limits["late_entry_ue"] if policy.limits.late_entry else 0

    def admitted(person: Person) -> bool:
        return rules.route_admits(person.route, person.granted_on or person.registered_on)

    def level_seen(entry: Entry) -> Hashable:
        first = entry.section.number == entry.course.sections[0].number
        return _placed_by(entry.course, rules), entry.section.number, first, entry.course.target_level

    def route_leads(person: Person, entry: Entry) -> bool:
        history = rules.routes.get(person.route, ())
        return entry.course.kind == CourseKind.OTHER or any(
            entry.course.kind in rule.kinds for rule in history
        )

    return (
        Rule(
            "course_type",
            lambda p: p.course_types,
            lambda e: e.course.course_type,
            lambda p, e: e.course.course_type in p.course_types,
        ),
        Rule("route_leads_there", lambda p: p.route, lambda e: e.course.kind, route_leads),
        Rule(
            "route_open",
            admitted,
            lambda e: e.course.kind,
            lambda p, e: e.course.kind == CourseKind.OTHER or admitted(p),
        ),
        Rule(
            "entitlement_valid",
            lambda p: p.valid_until,
            lambda e: (e.starts_on, e.course.kind),
            lambda p, e: (
                p.valid_until is None or e.course.kind == CourseKind.OTHER or e.starts_on <= p.valid_until
            ),
        ),
        Rule(
            "placement_test",
            lambda p: (p.section is None, p.level is None),
            level_seen,
            lambda p, e: _tested(p, e, rules),
        ),
        Rule("level", lambda p: (p.section, p.level), level_seen, lambda p, e: _level_fits(p, e, rules)),
        Rule(
            "earliest_start",
            lambda p: p.earliest_start,
            lambda e: e.starts_on,
            lambda p, e: p.earliest_start is None or e.starts_on >= p.earliest_start,
        ),
        Rule(
            "registration_deadline",
            _nothing,
            lambda e: e.course.registration_until,
            lambda _, e: e.course.registration_until is None or e.course.registration_until >= day,
        ),
        Rule("latest_start", _nothing, lambda e: e.starts_on, lambda _, e: e.starts_on <= latest),
        Rule(
            "late_entry",
            _nothing,
            lambda e: e.section if e.late else None,
            lambda _, e: not e.late or ue_held(e.section, day) < late_ue,
        ),
        Rule("time_of_day", lambda p: p.available, lambda e: e.course.times_of_day, _time_fits),
        Rule(
            "childcare",
            lambda p: p.needs_childcare,
            lambda e: e.course.childcare,
            lambda p, e: not p.needs_childcare or e.course.childcare is True,
        ),
        Rule(
            "women_only",
            lambda p: (p.needs_women_only, CourseType.WOMEN in p.course_types),
            lambda e: (e.course.women_only, e.course.course_type),
            _women_only,
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


def members(mask: int) -> Iterator[int]:
    """Yield the indices in a set of entries, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


@dataclass(frozen=True, slots=True)
class Eligibility:
    """What the hard rules say, for every person and entry of a snapshot."""

    entries: tuple[Entry, ...]
    rules: tuple[str, ...]
    passing: tuple[tuple[int, ...], ...]
    """By person, then by rule: the entries that pass."""
    suitable: tuple[int, ...]
    """By person: the entries that pass all rules, whether or not a seat is free."""
    with_seats: int
    """Entries with a free seat."""

    def eligible(self, person: int) -> int:
        """Return the entries that the person could be given now."""
        return self.suitable[person] & self.with_seats

    def failed(self, person: int, entry: int) -> tuple[str, ...]:
        """Name the rules that speak against an entry."""
        bit = 1 << entry
        return tuple(
            name for name, passing in zip(self.rules, self.passing[person], strict=True) if not passing & bit
        )

    def alone(self, person: int) -> dict[str, int]:
        """Return for each rule the entries that it alone takes away from the person, if any."""
        left, once = (1 << len(self.entries)) - 1, 0
        masks = self.passing[person]
        for mask in masks:
            once = (once & mask) | (left & ~mask)
            left &= mask
        taken = {name: once & ~mask for name, mask in zip(self.rules, masks, strict=True) if once}
        return {name: entries for name, entries in taken.items() if entries}

    def nearest(self, person: int) -> int:
        """Return the entry that the fewest rules speak against, the first of equals."""
        layers = [(1 << len(self.entries)) - 1]
        for mask in self.passing[person]:
            failing = [layer & ~mask for layer in layers]
            kept = [layer & mask for layer in layers]
            layers = [one | other for one, other in zip([*kept, 0], [0, *failing], strict=True)]
        return next(next(members(layer)) for layer in layers if layer)


def _decide(rule: Rule, people: Sequence[Person], entries: Sequence[Entry]) -> list[int]:
    alike: dict[Hashable, tuple[Entry, int]] = {}
    for place, entry in enumerate(entries):
        seen = rule.sees(entry)
        first, places = alike.get(seen, (entry, 0))
        alike[seen] = (first, places | 1 << place)
    known: dict[Hashable, int] = {}
    masks = []
    for person in people:
        key = rule.looks_at(person)
        mask = known.get(key)
        if mask is None:
            mask = 0
            for entry, places in alike.values():
                if rule.passes(person, entry):
                    mask |= places
            known[key] = mask
        masks.append(mask)
    return masks


def eligibility_of(snapshot: Snapshot) -> Eligibility:
    """Apply all hard rules of the day."""
    entries = entries_of(snapshot)
    rules = hard_rules(snapshot)
    by_rule = [_decide(rule, snapshot.people, entries) for rule in rules]
    passing = tuple(zip(*by_rule, strict=True))
    everything = (1 << len(entries)) - 1
    suitable = []
    for masks in passing:
        left = everything
        for mask in masks:
            left &= mask
        suitable.append(left)
    with_seats = sum(1 << place for place, entry in enumerate(entries) if entry.free > 0)
    return Eligibility(entries, tuple(rule.name for rule in rules), passing, tuple(suitable), with_seats)
