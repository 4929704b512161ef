"""What the forecast would have said in the past, held against what came, beside three naive forecasts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import fmean
from typing import Final

from services.allocation.steering.forecast.history import Cell, History, Registered, by_week
from services.allocation.steering.forecast.model import Expected, Group, forecast, groups_of, naive

KINDS: Final = ("all", "type", "level", "town", "type_level")
LAST_WEEK, FOUR_WEEKS, TWELVE_WEEKS = 1, 4, 12
MOST_WEEKS: Final = 156
"""Three years; what is older says little, and a season has shown three times."""
QUANTILES: Final = (0.025, 0.1, 0.9, 0.975)


@dataclass(frozen=True, slots=True)
class Point:
    """One count that was forecast, and what came."""

    by: str
    summed: bool
    """Over all weeks ahead; else a single week."""
    came: int
    expected: Expected
    last_week: float
    last_four: float
    last_twelve: float


@dataclass(frozen=True, slots=True)
class Score:
    """How good the forecasts of a kind were."""

    by: str
    summed: bool
    n: int
    inside80: float
    inside95: float
    """Shares of what came that lay in the ranges."""
    error: float
    error_last_week: float
    error_last_four: float
    error_last_twelve: float
    """Mean absolute errors: the forecast's mean, the last week's count, means of the last 4 and 12 weeks."""
    pinball: float
    pinball_naive: float
    """Mean loss of the four ends of the ranges (Koenker and Bassett 1978), and of those that chance alone
    (Poisson) would put around the mean of the last twelve weeks: wrong and wide ranges both cost."""

    @property
    def better_than_naive(self) -> bool:
        """Say whether no naive forecast has a smaller error."""
        return self.error <= min(self.error_last_week, self.error_last_four, self.error_last_twelve)

    @property
    def better_ranges(self) -> bool:
        """Say whether the naive ranges cost no less."""
        return self.pinball <= self.pinball_naive


def _weekly(arrivals: Mapping[Cell, tuple[int, ...]], weeks: int) -> dict[Group, list[int]]:
    """Sum counts by group, the oldest week first."""
    sums: dict[Group, list[int]] = {}
    for cell, counts in arrivals.items():
        for group in groups_of(cell):
            known = sums.setdefault(group, [0] * weeks)
            for week, count in enumerate(counts):
                known[week] += count
    return sums


def points(registered: Sequence[Registered], origins: Iterable[date], ahead: int) -> Iterator[Point]:
    """Forecast from each origin on what was known before it, and look what came."""
    for day in origins:
        weeks, arrivals = by_week(registered, day, MOST_WEEKS)
        end = day + timedelta(weeks=ahead)
        later, coming = by_week([one for one in registered if one.on >= day], end, ahead)
        if not weeks:
            continue
        known = _weekly(arrivals, weeks)
        came = {group: [0] * (ahead - later) + found for group, found in _weekly(coming, later).items()}
        said = forecast(History(day, weeks, arrivals, {}), ahead)
        for group in said.groups:
            key = group.by, group.value
            before, found = known.get(key, [0] * weeks), came.get(key, [0] * ahead)
            last = [naive(before, of_last) for of_last in (LAST_WEEK, FOUR_WEEKS, TWELVE_WEEKS)]
            for week, count in zip(group.weeks, found, strict=True):
                yield Point(group.by, False, count, week.demand, *last)  # noqa: FBT003 -- one week
            summed = (ahead * one for one in last)
            yield Point(group.by, True, sum(found), group.total, *summed)  # noqa: FBT003 -- the sum


def scores(found: Iterable[Point]) -> tuple[Score, ...]:
    """Sum up points by kind of group."""
    sorted_out: dict[tuple[str, bool], list[Point]] = {}
    for point in found:
        sorted_out.setdefault((point.by, point.summed), []).append(point)
    return tuple(
        _score(by, summed, sorted_out[by, summed])
        for by in KINDS
        for summed in (False, True)
        if (by, summed) in sorted_out
    )


def _score(by: str, summed: bool, found: Sequence[Point]) -> Score:
    return Score(
        by=by,
        summed=summed,
        n=len(found),
        inside80=fmean(one.expected.low80 <= one.came <= one.expected.high80 for one in found),
        inside95=fmean(one.expected.low95 <= one.came <= one.expected.high95 for one in found),
        error=fmean(abs(one.expected.mean - one.came) for one in found),
        error_last_week=fmean(abs(one.last_week - one.came) for one in found),
        error_last_four=fmean(abs(one.last_four - one.came) for one in found),
        error_last_twelve=fmean(abs(one.last_twelve - one.came) for one in found),
        pinball=fmean(
            pinball(one.came, (e.low95, e.low80, e.high80, e.high95)) for one in found for e in [one.expected]
        ),
        pinball_naive=fmean(pinball(one.came, by_chance(one.last_twelve)) for one in found),
    )


def pinball(came: float, ends: Sequence[float]) -> float:
    """Return the mean loss of the ends of the ranges, as in `QUANTILES`.

    >>> pinball(10, (5, 8, 12, 15))
    0.1625
    """
    return round(
        fmean(
            (came - end) * share if came >= end else (end - came) * (1 - share)
            for share, end in zip(QUANTILES, ends, strict=True)
        ),
        6,
    )


def by_chance(mean: float) -> tuple[float, ...]:
    """Return the ends of the ranges of a count that varies by chance alone (Poisson)."""
    if mean <= 0:
        return (0.0,) * len(QUANTILES)
    return tuple(_poisson_quantile(share, mean) for share in QUANTILES)


def _poisson_quantile(share: float, mean: float) -> float:
    """Return the least count that a Poisson variable stays at or below with this chance."""
    count, chance = 0, math.exp(-mean)
    reached = chance
    while reached < share and chance > 0:
        count += 1
        chance *= mean / count
        reached += chance
    return float(count)


def origins(first: date, last: date, ahead: int, *, after: int = 12, step: int = 4) -> tuple[date, ...]:
    """List the days from which to forecast: with some weeks of history, and all that came known."""
    found, day = [], first + timedelta(weeks=after)
    while day + timedelta(weeks=ahead) <= last:
        found.append(day)
        day += timedelta(weeks=step)
    return tuple(found)
