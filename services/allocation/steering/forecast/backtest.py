"""What the forecast would have said in the past, held against what came, beside two naive forecasts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import fmean
from typing import Final

from services.allocation.steering.forecast.history import Cell, History, Registered, by_week
from services.allocation.steering.forecast.model import Expected, Group, forecast, groups_of, naive

KINDS: Final = ("all", "type", "level", "town", "type_level")
LAST_WEEK, FOUR_WEEKS = 1, 4
MOST_WEEKS: Final = 52


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
    """Mean absolute errors: the forecast's mean, the last week's count, the mean of the last four weeks."""

    @property
    def better_than_naive(self) -> bool:
        """Say whether neither naive forecast has a smaller error."""
        return self.error <= min(self.error_last_week, self.error_last_four)


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
            one, four = naive(before, LAST_WEEK), naive(before, FOUR_WEEKS)
            for week, count in zip(group.weeks, found, strict=True):
                yield Point(group.by, False, count, week.demand, one, four)  # noqa: FBT003 -- one week
            yield Point(group.by, True, sum(found), group.total, ahead * one, ahead * four)  # noqa: FBT003 -- the sum


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
    )


def origins(first: date, last: date, ahead: int, *, after: int = 12, step: int = 4) -> tuple[date, ...]:
    """List the days from which to forecast: with some weeks of history, and all that came known."""
    found, day = [], first + timedelta(weeks=after)
    while day + timedelta(weeks=ahead) <= last:
        found.append(day)
        day += timedelta(weeks=step)
    return tuple(found)
