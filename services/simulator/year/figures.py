"""Counts what came of a year in one world."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Final

from services.allocation.law.rulebook import Rules
from services.allocation.steering.matching.domain import Person
from services.allocation.steering.matching.entitlement_rules import last_day
from services.allocation.steering.matching.goals import class_of
from services.simulator.year.world import CourseState, PersonProgress, PersonState, SeatState, World

HALF_A_YEAR: Final = 182
CERTIFICATE: Final = "certificate_lapses"
"""The date that a person's own paper names, where it names one."""


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """A priority class: how many registered and started, and how long those waited who started."""

    code: str
    registered: int
    started: int
    median_wait: float | None
    waiting: int


@dataclass(frozen=True, slots=True)
class Figures:
    """One world at the end of the year. Waits run from the registration to the first day in a course."""

    registered: int
    suited: int
    """Of them, those for whom there was any suitable course in the year, started or not."""
    started: int
    median_wait: float | None
    p90_wait: float | None
    half_started_after: int | None
    """Days after which half of all registered have started, whoever still waits counted (Kaplan-Meier)."""
    waiting: int
    """Without a seat at the end of the year."""
    waiting_suited: int
    """Of them, those for whom there was a suitable course at some time of the year."""
    long_waiting: int
    """Without a seat for more than half a year."""
    seat_to_come: int
    """With a seat in a course that starts after the end of the year, or an open offer."""
    gone: int
    """Moved away, gave up, could not be reached or did not come: before any start."""
    courses_decided: int
    courses_started: int
    courses_cancelled: int
    dropped: int
    """How often somebody who had accepted a seat lost it because the course was cancelled."""
    offers: int
    declined: int
    expired: int
    lapsed: Mapping[str, int]
    """By clock of the law: people who still wanted a course when their right ran out in the year."""
    travel_median: float | None
    fill: float
    """Seats taken in per cent of all seats, over all sections that began in the year."""
    seats_unused: int
    """The rest, in seats and sections."""
    classes: tuple[ClassFigures, ...]


def _p90(days: Sequence[int]) -> float | None:
    """Return the smallest number of days within which nine of ten had started."""
    return None if not days else sorted(days)[-(-9 * len(days) // 10) - 1]


def half_after(spans: Iterable[tuple[int, bool]]) -> int | None:
    """Return when half have started, of (days, started) with those who did not counted as long as seen."""
    left = 1.0
    known = sorted(spans, key=lambda span: (span[0], not span[1]))
    for at, (days, started) in enumerate(known):
        if started:
            left *= 1 - 1 / (len(known) - at)
        if left <= 1 / 2:
            return days
    return None


def _wait(life: PersonProgress) -> int:
    assert life.started_on is not None  # noqa: S101 -- only asked of those who started
    return (life.started_on - life.someone.arrives).days


def _span(life: PersonProgress, end: date) -> tuple[int, bool]:
    if life.started_on is not None:
        return _wait(life), True
    return ((life.ended_on or end) - life.someone.arrives).days, False


def _clocks(person: Person, rules: Rules) -> dict[str, date]:
    """Return the last days of a person's rights, each clock by itself."""
    last = {clock.code: last_day(person, clock) for clock in rules.deadlines.values() if clock.lapses}
    return {code: day for code, day in (*last.items(), (CERTIFICATE, person.valid_until)) if day is not None}


def _lapsed(world: World, lives: Iterable[PersonProgress], rules: Rules) -> dict[str, int]:
    first, end = world.year.setting.start, world.year.setting.end
    codes = [code for code, clock in sorted(rules.deadlines.items()) if clock.lapses]
    counts = dict.fromkeys((*codes, CERTIFICATE), 0)
    for life in lives:
        for code, last in _clocks(life.someone.facts, rules).items():
            wanted = life.someone.moves_on > last and (life.ended_on is None or life.ended_on > last)
            in_time = life.started_on is not None and life.started_on <= last
            counts[code] += first <= last < end and wanted and not in_time
    return counts


def _median(values: Sequence[int]) -> float | None:
    return median(values) if values else None


def _classes(lives: Sequence[PersonProgress], rules: Rules) -> tuple[ClassFigures, ...]:
    found = []
    for place, known in enumerate(rules.priorities.classes):
        of_it = [life for life in lives if class_of(life.someone.facts, rules) == place]
        waits = [_wait(life) for life in of_it if life.started_on is not None]
        waiting = sum(life.state is PersonState.WAITING for life in of_it)
        found.append(ClassFigures(known.code, len(of_it), len(waits), _median(waits), waiting))
    return tuple(found)


def figures_of(world: World, suited: frozenset[int]) -> Figures:
    """Count a world at the end of its year; `suited` could have started some course in it."""
    setting = world.year.setting
    rules = world.rules(setting.start)
    lives = [life for life in world.lives if life.state is not PersonState.TO_COME]
    waits = [_wait(life) for life in lives if life.started_on is not None]
    waiting = [life for life in lives if life.state is PersonState.WAITING]
    seen = [(setting.end - life.someone.arrives).days for life in waiting]
    decided = [course for course in world.courses.values() if course.decided_on is not None]
    started = sum(course.state is CourseState.RUNNING for course in decided)
    to_come = (life for life in lives if life.state is PersonState.SEATED and life.started_on is None)
    coming = sum(life.seat is not None and life.seat.state is not SeatState.NO_SHOW for life in to_come)
    return Figures(
        registered=len(lives),
        suited=sum(life.someone.number in suited for life in lives),
        started=len(waits),
        median_wait=_median(waits),
        p90_wait=_p90(waits),
        half_started_after=half_after(_span(life, setting.end) for life in lives),
        waiting=len(waiting),
        waiting_suited=sum(life.someone.number in suited for life in waiting),
        long_waiting=sum(days > HALF_A_YEAR for days in seen),
        seat_to_come=coming,
        gone=len(lives) - len(waits) - len(waiting) - coming,
        courses_decided=len(decided),
        courses_started=started,
        courses_cancelled=len(decided) - started,
        dropped=world.dropped,
        offers=sum(life.offers for life in lives),
        declined=sum(life.declined for life in lives),
        expired=sum(life.expired for life in lives),
        lapsed=_lapsed(world, lives, rules),
        travel_median=_median([life.minutes for life in lives if life.minutes is not None]),
        fill=100 * world.section_taken / max(1, world.section_seats),
        seats_unused=world.section_seats - world.section_taken,
        classes=_classes(lives, rules),
    )
