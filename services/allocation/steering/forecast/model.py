"""The forecast: weekly registrations of a Kreis, shared out over types, levels and towns.

How many come in a week is a level that wanders and weeks that are as uneven as they have been (rates.py);
who of them wants what are shares that lean on each other (shares.py). The Kreis is drawn first and shared
out, so that the parts add up in every draw and rest on the same weeks. Nothing about a person enters but
type, level and town.

People whose course ends may register for the next one, and those who repeat a section wait again: both
shares are learnt from earlier ends, and when courses and sections end is known to the day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from schemas.codes import CourseType, Level
from services.allocation.steering.forecast import rates, shares
from services.allocation.steering.forecast.history import A_WEEK, UNTESTED, Cell, CourseEnd, History
from services.allocation.steering.forecast.rates import Floats, Ints

DRAWS: Final = 1000
STAYS: Final = 0.986
"""Who are in a course and still there a week later (62 % go through, BAMF 2018, over 35 weeks)."""
AGAIN: Final = (1.0, 9.0)
"""Prior of those who register for the next course: one in ten, worth ten people."""
REPEATS: Final = (1.0, 19.0)
"""Prior of those who repeat a section and wait again: one in twenty, worth twenty people."""
TOWNS_KEEP: Final = 0.99
"""Of a week's weight in the shares of the towns, which hardly change."""
AGAIN_WEEKS: Final = 8
"""Weeks after the end over which they come."""
_QUANTILES: Final = (0.025, 0.1, 0.9, 0.975)

Group = tuple[str, str]
"""What is summed: `all`, `type`, `level`, `town` or `type_level`, and which."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A count to come: mean, and the ranges that hold it with 80 and 95 per cent."""

    mean: float
    low95: int
    low80: int
    high80: int
    high95: int


@dataclass(frozen=True, slots=True)
class Week:
    """One week to come of a group."""

    begins: date
    demand: Expected
    seats: int
    """Announced and free today."""
    falling_free: float
    """Seats that will probably fall free because people leave, as known from elsewhere (BAMF 2018)."""
    gap: Expected
    """Who will be without a seat at its end: waiting and registering until then, less the seats."""


@dataclass(frozen=True, slots=True)
class GroupForecast:
    """All weeks of a group, and their sum."""

    by: str
    value: str
    waiting: int
    weeks: tuple[Week, ...]
    total: Expected

    @property
    def seats(self) -> int:
        """Sum the seats on offer."""
        return sum(week.seats for week in self.weeks)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What to expect from a day on."""

    day: date
    history_weeks: int
    groups: tuple[GroupForecast, ...]

    def group(self, by: str, value: str = "") -> GroupForecast | None:
        """Find a group."""
        return next((one for one in self.groups if (one.by, one.value) == (by, value)), None)


def groups_of(cell: Cell) -> tuple[Group, ...]:
    """List the groups that a cell counts in."""
    return (
        ("all", ""),
        ("type", cell.course_type),
        ("level", cell.level),
        ("town", cell.town),
        ("type_level", f"{cell.course_type}/{cell.level}"),
    )


class _Draws:
    """Sums of draws by group: (draws, weeks ahead)."""

    def __init__(self, ahead: int) -> None:
        self._sums: dict[Group, Ints] = defaultdict(lambda: np.zeros((DRAWS, ahead), dtype=np.int64))

    def add(self, group: Group, drawn: Ints) -> None:
        """Count draws in."""
        self._sums[group] += drawn

    def of(self, group: Group) -> Ints:
        """Return the draws of a group; zeros if there are none."""
        return self._sums[group]

    def groups(self) -> Iterator[Group]:
        """Yield the groups that have any."""
        yield from self._sums


class _Known:
    """The history as arrays, with the towns and levels in a fixed order."""

    def __init__(self, history: History) -> None:
        cells = list(history.arrivals)
        self.types = sorted({cell.course_type for cell in cells} | {CourseType.VOCATIONAL.value})
        self.towns = sorted({cell.town for cell in (*cells, *history.waiting)})
        self.levels = sorted({cell.level for cell in cells if cell.level != UNTESTED} | {Level.B1.value})
        shape = (len(self.types), len(self.towns), len(self.levels) + 1, history.weeks)
        self.counts: Ints = np.zeros(shape, dtype=np.int64)
        for cell, weeks in history.arrivals.items():
            level = len(self.levels) if cell.level == UNTESTED else self.levels.index(cell.level)
            place = self.types.index(cell.course_type), self.towns.index(cell.town), level
            self.counts[place] += np.asarray(weeks)
        self.day = history.day

    def town_counts(self) -> Floats:
        """Return people by type and town, older ones counting less; (types, towns)."""
        return shares.weighted(self.counts.sum(axis=2), TOWNS_KEEP)

    def add(self, sums: _Draws, course_type: int, by_town: Ints, by_level: Ints) -> None:
        """Count draws of a type in every group; (draws, ahead, towns) and (draws, ahead, levels)."""
        name = self.types[course_type]
        whole = by_level.sum(axis=2)
        sums.add(("all", ""), whole)
        sums.add(("type", name), whole)
        for place, town in enumerate(self.towns):
            sums.add(("town", town), by_town[:, :, place])
        for place, level in enumerate(self.levels):
            sums.add(("level", level), by_level[:, :, place])
            sums.add(("type_level", f"{name}/{level}"), by_level[:, :, place])


def _new(chance: np.random.Generator, known: _Known, ahead: int, sums: _Draws) -> None:
    """Draw who registers: the Kreis, shared out over types, and those over towns and levels."""
    totals: Ints = known.counts.sum(axis=(0, 1, 2))
    past, coming = rates.season(totals, known.day, ahead)
    whole, _ = rates.drawn(chance, rates.remembered(totals, past), coming, DRAWS)
    of_types = shares.drawn(chance, known.counts.sum(axis=(1, 2)), DRAWS)
    by_type = shares.split(chance, whole, of_types)
    of_towns = shares.leaning(chance, known.town_counts(), DRAWS)
    for course_type in range(len(known.types)):
        count = by_type[:, :, course_type]
        tested = known.counts[course_type].sum(axis=0)[:-1]
        of_levels = shares.drawn(chance, tested, DRAWS)
        by_town = shares.split(chance, count, of_towns[course_type])
        known.add(sums, course_type, by_town, shares.split(chance, count, of_levels))


def _again(chance: np.random.Generator, history: History, known: _Known, ahead: int, sums: _Draws) -> None:
    """Draw who registers for the next course after one that ends, for work at the level above."""
    comes = _share(chance, AGAIN, history.afterwards.finished, history.afterwards.registered_again)
    vocational = known.types.index(CourseType.VOCATIONAL.value)
    for end in history.ends:
        level = _reached(end)
        if level not in known.levels:
            continue
        weeks_left = max(0, (end.on - history.day).days) // A_WEEK
        through = chance.binomial(end.seated, STAYS**weeks_left, DRAWS)
        back = chance.binomial(through, comes)
        spread = chance.multinomial(back, np.full(AGAIN_WEEKS, 1 / AGAIN_WEEKS))
        coming = np.zeros((DRAWS, ahead), dtype=np.int64)
        within = max(0, min(AGAIN_WEEKS, ahead - weeks_left))
        coming[:, weeks_left : weeks_left + within] = spread[:, :within]
        _count_in(chance, known, sums, (vocational, level), coming)


def _repeats(chance: np.random.Generator, history: History, known: _Known, ahead: int, sums: _Draws) -> None:
    """Draw who waits again because they repeat a section that ends, at its level."""
    repeats = _share(chance, REPEATS, history.repeated.ended, history.repeated.repeat)
    for end in history.section_ends:
        week = (end.on - history.day).days // A_WEEK
        if end.course_type not in known.types or end.level not in known.levels or not 0 <= week < ahead:
            continue
        there = chance.binomial(end.seated, STAYS**week, DRAWS)
        coming = np.zeros((DRAWS, ahead), dtype=np.int64)
        coming[:, week] = chance.binomial(there, repeats)
        _count_in(chance, known, sums, (known.types.index(end.course_type), end.level), coming)


def _share(chance: np.random.Generator, prior: tuple[float, float], of: int, did: int) -> Floats:
    """Draw a share that is known from so many who could and did."""
    drawn: Floats = chance.beta(prior[0] + did, prior[1] + max(0, of - did), DRAWS)
    return drawn


def _count_in(
    chance: np.random.Generator, known: _Known, sums: _Draws, who: tuple[int, str], coming: Ints
) -> None:
    """Count people of a type and level; they live where others of the Kreis do; (draws, ahead)."""
    course_type, level = who
    (towns,) = shares.leaning(chance, known.town_counts().sum(axis=0, keepdims=True), DRAWS)
    by_level = np.zeros((*coming.shape, len(known.levels)), dtype=np.int64)
    by_level[:, :, known.levels.index(level)] = coming
    known.add(sums, course_type, shares.split(chance, coming, towns), by_level)


def _reached(end: CourseEnd) -> str:
    """Return the level with which people leave a course: the next one is a step above."""
    if end.course_type == CourseType.VOCATIONAL and end.target_level:
        return end.target_level
    return Level.B1.value


def _supply(history: History, ahead: int) -> Mapping[Group, tuple[Ints, Floats]]:
    """Sum the seats by group and week: free ones once, when they can first be entered; those falling free."""
    seats: dict[Group, Ints] = defaultdict(lambda: np.zeros(ahead, dtype=np.int64))
    falling: dict[Group, Floats] = defaultdict(lambda: np.zeros(ahead))
    counted: dict[str, tuple[int, int]] = {}
    for start in sorted(history.starts, key=lambda start: (start.course, start.on)):
        week = (start.on - history.day).days // A_WEEK
        if not 0 <= week < ahead:
            continue
        before, weeks = counted.get(start.course, (0, 0))
        lost = start.taken * (STAYS**weeks - STAYS**week)
        counted[start.course] = max(before, start.free), week
        for group in groups_of(start.cell):
            seats[group][week] += max(0, start.free - before)
            falling[group][week] += lost
    return {group: (seats[group], falling[group]) for group in seats}


def _expected(drawn: Ints) -> Expected:
    """Sum up draws."""
    low95, low80, high80, high95 = np.quantile(drawn, _QUANTILES, method="inverted_cdf").astype(int).tolist()
    return Expected(round(float(drawn.mean()), 2), low95, low80, high80, high95)


def forecast(history: History, ahead: int = 12, seed: int = 1) -> Forecast:
    """Say what to expect in the weeks from the history's day on; the same history gives the same answer.

    Raises:
        ValueError: there is no history at all.
    """
    if not history.weeks or not history.arrivals:
        raise ValueError("nobody has registered before this day")
    chance, known, sums = np.random.default_rng(seed), _Known(history), _Draws(ahead)
    _new(chance, known, ahead, sums)
    _again(chance, history, known, ahead, sums)
    _repeats(chance, history, known, ahead, sums)
    supply = _supply(history, ahead)
    waiting: dict[Group, int] = defaultdict(int)
    for cell, count in history.waiting.items():
        for group in groups_of(cell):
            waiting[group] += count
    nothing = np.zeros(ahead, dtype=np.int64), np.zeros(ahead)
    found = sorted({*sums.groups(), *waiting, *supply})
    groups = tuple(
        _group(group, sums.of(group), waiting[group], supply.get(group, nothing), history.day)
        for group in found
    )
    return Forecast(history.day, history.weeks, groups)


def _group(group: Group, drawn: Ints, waiting: int, supply: tuple[Ints, Floats], day: date) -> GroupForecast:
    seats, falling = supply
    gap = waiting + drawn.cumsum(axis=1) - (seats.cumsum() + np.rint(falling.cumsum()).astype(np.int64))
    weeks = tuple(
        Week(
            day + timedelta(weeks=week),
            _expected(drawn[:, week]),
            int(seats[week]),
            round(float(falling[week]), 1),
            _expected(gap[:, week]),
        )
        for week in range(drawn.shape[1])
    )
    return GroupForecast(group[0], group[1], waiting, weeks, _expected(drawn.sum(axis=1)))


def naive(weeks: Sequence[int], of_last: int) -> float:
    """Forecast like somebody without a model: the mean of the last weeks."""
    last = weeks[-of_last:]
    return sum(last) / max(1, len(last))
