"""The forecast: weekly registrations as a Gamma-Poisson process that forgets, split by town and level.

For each course type the weekly rate has a Gamma posterior in which a week counts 5 % less with every week
that passes (the discount model of Smith and Miller 1986; Harvey and Fernandes 1989); ahead, the rate wanders
as much as the forgetting implies. Weeks vary more than by chance, because offices send people in bunches:
a factor common to all types, whose size is estimated from the Kreis's weekly sums; it makes the weeks to
come uneven, and what is known of the rate less sure. Towns share the Kreis's registrations of a type: their
shares are shrunk towards the towns' shares of all registrations; levels are shared out as people of the type
were tested. Every draw is counted for all groups alike, so that towns, types and levels add up. Nothing
about a person enters but type, level and town.

People whose course ends may register for the next one: a share that is learnt from earlier ends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.codes import CourseType, Level
from services.allocation.steering.forecast.history import A_WEEK, UNTESTED, Cell, CourseEnd, History

DRAWS: Final = 1000
KEEPS: Final = 0.95
"""Of a week's weight in the estimate, from week to week."""
PRIOR_COUNT: Final = 0.5
"""Registrations of a type in no time, before any are known (Jeffreys): never seen is not never to come."""
PRIOR_TOWNS: Final = 12.0
"""Registrations as which the Kreis's shares of the towns count for each type."""
PRIOR_LEVELS: Final = 3.0
USUAL_EVENNESS: Final = 12.0
EVEN: Final = 1e9
"""How even weeks are where they vary no more than by chance."""
STAYS: Final = 0.986
"""Who are in a course and still there a week later (62 % go through, BAMF 2018, over 35 weeks)."""
AGAIN: Final = (1.0, 9.0)
"""Prior of those who register for the next course: one in ten, worth ten people."""
AGAIN_WEEKS: Final = 8
"""Weeks after the end over which they come."""
_EVEN_AT_LEAST: Final = 2.0
_WEEKS_FOR_EVENNESS: Final = 8
_QUANTILES: Final = (0.025, 0.1, 0.9, 0.975)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
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


def _weights(weeks: int) -> Floats:
    """Return how much each week counts, the oldest first."""
    return KEEPS ** np.arange(weeks - 1, -1, -1, dtype=np.float64)


def evenness(totals: Ints) -> float:
    """Estimate how evenly people arrive: the shape of the Gamma factor that all types of a week share.

    `totals` are the Kreis's weekly sums, the oldest first. Few weeks say little: then chance alone counts
    together with a bunching as it is usual.
    """
    weights = _weights(len(totals))
    if len(totals) < _WEEKS_FOR_EVENNESS or not totals.sum():
        return USUAL_EVENNESS
    mean = float(np.average(totals, weights=weights))
    variance = float(np.average((totals - mean) ** 2, weights=weights)) * len(totals) / (len(totals) - 1)
    extra = variance - mean
    return EVEN if extra <= 0 else max(_EVEN_AT_LEAST, mean * mean / extra)


def _paths(chance: np.random.Generator, counts: Ints, ahead: int) -> Floats:
    """Draw the weekly rate of a type for the weeks ahead; (draws, ahead)."""
    weights = _weights(len(counts))
    shape = PRIOR_COUNT + float(weights @ counts)
    rate = chance.gamma(shape, 1 / weights.sum(), DRAWS)
    path = np.empty((DRAWS, ahead))
    for week in range(ahead):
        kept = KEEPS * shape
        rate = rate * chance.beta(kept, shape - kept, DRAWS) / KEEPS
        path[:, week], shape = rate, kept
    return path


def _shares(chance: np.random.Generator, counts: Floats, prior: Floats, worth: float) -> Floats:
    """Draw shares (Dirichlet) from counts and what is usual elsewhere; (draws, parts)."""
    whole = prior.sum()
    usual = prior / whole if whole > 0 else np.full(len(prior), 1 / len(prior))
    drawn = chance.standard_gamma(counts + worth * usual + 1e-3, (DRAWS, len(counts)))
    shares: Floats = drawn / drawn.sum(axis=1, keepdims=True)
    return shares


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
        self.weights = _weights(history.weeks)

    def add(self, sums: _Draws, course_type: int, drawn: Ints) -> None:
        """Count draws of a type in every group; (draws, ahead, towns, levels)."""
        name = self.types[course_type]
        by_level = drawn.sum(axis=2)
        whole = by_level.sum(axis=2)
        sums.add(("all", ""), whole)
        sums.add(("type", name), whole)
        by_town = drawn.sum(axis=3)
        for place, town in enumerate(self.towns):
            sums.add(("town", town), by_town[:, :, place])
        for place, level in enumerate(self.levels):
            sums.add(("level", level), by_level[:, :, place])
            sums.add(("type_level", f"{name}/{level}"), by_level[:, :, place])


def _new(chance: np.random.Generator, known: _Known, ahead: int, sums: _Draws) -> None:
    """Draw who registers."""
    factor = evenness(known.counts.sum(axis=(0, 1, 2)))
    bunched = np.ones((DRAWS, ahead))
    if factor < EVEN:
        past = factor * known.weights.sum()
        bunched = chance.gamma(factor, 1 / factor, (DRAWS, ahead)) * chance.gamma(past, 1 / past, (DRAWS, 1))
    weighted = known.counts @ known.weights
    all_towns = weighted.sum(axis=(0, 2))
    for course_type in range(len(known.types)):
        of_type = weighted[course_type]
        rates = _paths(chance, known.counts[course_type].sum(axis=(0, 1)), ahead)
        count = chance.poisson(rates * bunched)
        towns = _shares(chance, of_type.sum(axis=1), all_towns, PRIOR_TOWNS)
        tested = of_type.sum(axis=0)[:-1]
        levels = _shares(chance, tested, tested + 1e-6, PRIOR_LEVELS)
        in_town = chance.multinomial(count, towns[:, None, :])
        known.add(sums, course_type, chance.multinomial(in_town, levels[:, None, None, :]))


def _again(chance: np.random.Generator, history: History, known: _Known, ahead: int, sums: _Draws) -> None:
    """Draw who registers for the next course after one that ends, for work at the level above."""
    if not history.ends:
        return
    comes = chance.beta(
        AGAIN[0] + history.afterwards.registered_again,
        AGAIN[1] + max(0, history.afterwards.finished - history.afterwards.registered_again),
        DRAWS,
    )
    all_towns = (known.counts @ known.weights).sum(axis=(0, 2))
    towns = _shares(chance, np.zeros(len(known.towns)), all_towns, PRIOR_TOWNS)
    vocational = known.types.index(CourseType.VOCATIONAL.value)
    for end in history.ends:
        level = _reached(end)
        if level not in known.levels:
            continue
        weeks_left = max(0, (end.on - history.day).days) // A_WEEK
        through = chance.binomial(end.seated, STAYS**weeks_left, DRAWS)
        back = chance.binomial(through, comes)
        spread = chance.multinomial(back, np.full(AGAIN_WEEKS, 1 / AGAIN_WEEKS))
        drawn = np.zeros((DRAWS, ahead, len(known.towns), len(known.levels)), dtype=np.int64)
        for after in range(AGAIN_WEEKS):
            week = weeks_left + after
            if week < ahead:
                drawn[:, week, :, known.levels.index(level)] = chance.multinomial(spread[:, after], towns)
        known.add(sums, vocational, drawn)


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
