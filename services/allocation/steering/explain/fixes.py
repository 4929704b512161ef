"""What would have to change about a person so that one hard rule no longer speaks against an entry.

Each fix names the fields of the snapshot that it changes, and what it costs. Costs only order: what an
office can do alone and today comes before what needs somebody else's money or goodwill.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from schemas.codes import Level
from services.allocation.placements.domain import Reason
from services.allocation.steering.matching.domain import Deviation, Person
from services.allocation.steering.matching.entries import Entry, at_the_beginning
from services.allocation.steering.matching.hardrules import last_day, placed_by, travel_minutes
from services.allocation.steering.matching.snapshot import Snapshot

COSTS: Mapping[str, int] = {
    "hold": 5,
    "test": 10,
    "ask_again": 20,
    "exclusion": 25,
    "earlier": 30,
    "weekdays": 35,
    "time_of_day": 40,
    "travel": 45,
    "childcare": 60,
    "access": 65,
    "level": 70,
    "apart": 75,
    "extended": 80,
    "hours": 85,
    "seat": 90,
    "start": 100,
    "travel_limit": 110,
}
"""The order in which remedies are tried; the amount is added: a minute, a day each week, five a seat or a
person missing."""
TWO = 120
"""Two changes at once come after every single one."""
SEAT = 5
"""Each further seat, each person missing."""
MOST_MINUTES = 45
"""Nobody is asked to travel longer by more than that."""
MOST_DAYS = 92
"""Nor to begin, or to be entitled, by more days earlier or later."""
_LEVELS = [level.value for level in Level]


@dataclass(frozen=True, slots=True)
class Fix:
    """One change to a person."""

    reason: Reason
    cost: int
    sets: Mapping[str, Any] = field(default_factory=dict)
    """The changed fields of the person."""

    @property
    def code(self) -> str:
        """Return the kind of remedy."""
        return self.reason.code.removeprefix("remedy_")


def _fix(code: str, sets: Mapping[str, Any], more: int = 0, **params: str | int) -> Fix:
    return Fix(Reason(f"remedy_{code}", params), COSTS[code] + more, sets)


def _listed(codes: Sequence[str]) -> str:
    return ",".join(codes)


def by_section(entry: Entry, snapshot: Snapshot) -> bool:
    """Say whether the test places into a section of the course, not by level."""
    return placed_by(entry.course, snapshot.rules) == "section"


def _before(level: str | None) -> str | None:
    """Return the level from which a course leads to this one."""
    if level not in _LEVELS or level == _LEVELS[0]:
        return None
    return _LEVELS[_LEVELS.index(level) - 1]


def _test(_person: Person, entry: Entry, snapshot: Snapshot) -> Fix | None:
    if by_section(entry, snapshot):
        number = entry.section.number
        return _fix("test", {"section": number}, number, result=number)
    level = _before(entry.course.target_level)
    return None if level is None else _fix("test", {"level": level}, result=level)


def _level(person: Person, entry: Entry, snapshot: Snapshot) -> Fix | None:
    if by_section(entry, snapshot):
        number = entry.section.number
        if person.section is None or abs(number - person.section) != 1:
            return None
        kept = None if person.deviation is None else person.deviation.level
        return _fix("level", {"deviation": Deviation(number, kept)}, level=number)
    level = _before(entry.course.target_level)
    if not at_the_beginning(entry) or level is None or person.level not in _LEVELS:
        return None
    if abs(_LEVELS.index(level) - _LEVELS.index(person.level)) != 1:
        return None
    kept_section = None if person.deviation is None else person.deviation.section
    return _fix("level", {"deviation": Deviation(kept_section, level)}, level=level)


def _weeks(one: date, other: date) -> int | None:
    """Return the started weeks between two days, None if they are too many."""
    days = abs((one - other).days)
    return None if days > MOST_DAYS else -(-days // 7)


def _earlier(person: Person, entry: Entry, _snapshot: Snapshot) -> Fix | None:
    assert person.earliest_start is not None  # noqa: S101 -- the rule has spoken against it
    weeks = _weeks(person.earliest_start, entry.starts_on)
    sets = {"earliest_start": entry.starts_on}
    return None if weeks is None else _fix("earlier", sets, weeks, day=entry.starts_on.isoformat())


def _extended(person: Person, entry: Entry, snapshot: Snapshot) -> Fix | None:
    """A certificate's own date goes before the clocks of the law."""
    clocks = (last_day(person, clock) for clock in snapshot.rules.deadlines.values() if clock.lapses)
    ends = person.valid_until or min((day for day in clocks if day is not None), default=snapshot.day)
    weeks = _weeks(ends, entry.starts_on)
    sets = {"valid_until": entry.starts_on}
    return None if weeks is None else _fix("extended", sets, weeks, day=entry.starts_on.isoformat())


def _hours(person: Person, entry: Entry, _snapshot: Snapshot) -> Fix | None:
    needed = entry.section.ue or 1
    return _fix("hours", {"hours_left": needed}, ue=needed - (person.hours_left or 0))


def _time(person: Person, entry: Entry, _snapshot: Snapshot) -> Fix | None:
    more = tuple(sorted(set(entry.course.times_of_day) - set(person.available)))
    return (
        _fix("time_of_day", {"available": (*person.available, *more)}, times=_listed(more)) if more else None
    )


def _weekdays(person: Person, entry: Entry, _snapshot: Snapshot) -> Fix | None:
    more = tuple(day for day in entry.course.weekdays if day not in person.available_days)
    return _fix("weekdays", {"available_days": (*person.available_days, *more)}, weekdays=_listed(more))


def _travel(person: Person, entry: Entry, snapshot: Snapshot) -> Fix | None:
    """Only the person's own limit can be changed for one person; the municipality's holds for all."""
    way, general = (
        travel_minutes(person, entry.course, snapshot.travel),
        snapshot.policy.limits.travel_minutes,
    )
    own = person.max_travel_minutes
    if way is None or own is None or way <= own or (general is not None and way > general):
        return None
    if way - own > MOST_MINUTES:
        return None
    return _fix("travel", {"max_travel_minutes": way}, way - own, minutes=way - own)


def _exclusion(person: Person, entry: Entry, _snapshot: Snapshot) -> Fix | None:
    return _fix(
        "exclusion",
        {
            "barred_courses": tuple(one for one in person.barred_courses if one != entry.course.id),
            "barred_providers": tuple(one for one in person.barred_providers if one != entry.course.provider),
        },
    )


def _again(person: Person, entry: Entry, _snapshot: Snapshot) -> Fix | None:
    return _fix("ask_again", {"excluded": tuple(one for one in person.excluded if one != entry.course.id)})


_FIXES: Mapping[str, Callable[[Person, Entry, Snapshot], Fix | None]] = {
    "on_hold": lambda _p, _e, _s: _fix("hold", {"held": False}),
    "placement_test": _test,
    "level": _level,
    "earliest_start": _earlier,
    "entitlement_valid": _extended,
    "hours_left": _hours,
    "time_of_day": _time,
    "weekdays": _weekdays,
    "childcare": lambda _p, _e, _s: _fix("childcare", {"needs_childcare": False}),
    "barrier_free": lambda _p, _e, _s: _fix("access", {"needs_barrier_free": False}),
    "travel_time": _travel,
    "exclusion": _exclusion,
    "earlier_answer": _again,
}


def fixable(snapshot: Snapshot) -> frozenset[str]:
    """Name the hard rules that a change to the person can satisfy; each clock of the law is one."""
    clocks = {clock.code for clock in snapshot.rules.deadlines.values() if clock.lapses}
    return frozenset({*_FIXES, *clocks})


def fix_for(rule: str, person: Person, entry: Entry, snapshot: Snapshot) -> Fix | None:
    """Return what would satisfy a rule at an entry; None: nothing that could be asked for."""
    clock = snapshot.rules.deadlines.get(rule)
    made = _extended if clock is not None and clock.lapses else _FIXES.get(rule)
    return None if made is None else made(person, entry, snapshot)
