"""Forecasts the weekly registrations of a Kreis as the mean of its last twelve weeks, with ranges.

A range is the quantiles of a negative binomial distribution. Its variance is what chance alone gives around a
mean that is itself only known from so many weeks (Poisson counts, Gamma posterior), times how much more the
same mean has been off in the group's own past: where offices send people in bunches, or where numbers move,
ranges are as wide as they should have been. For want of a past, weeks are as uneven as offices usually bunch
(docs/decisions/0017). Every group is forecast by the same rule from its own counts, so that means add up;
ranges do not, as those of parts are wider together than that of their sum. Nothing about a person enters but
type, level and town.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import fmean
from typing import Final, NamedTuple

from schemas.codes import CourseType, Level
from schemas.days import add_days

UNTESTED: Final = "untested"
MEAN_WEEKS: Final = 12
MOST_WEEKS: Final = 156
"""Three years; what is older says little."""
WARM_UP: Final = 6
"""Weeks at the beginning of a database that may be left out."""
STAYS: Final = 0.986
"""Who are in a course and still there a week later (62 % go through, BAMF 2018, over 35 weeks)."""
PRIOR_COUNT: Final = 0.5
"""Registrations in no time, before any are known (Jeffreys): never seen is not never to come."""
USUAL_EVENNESS: Final = 12.0
"""Weeks vary by 1/sqrt of this beside chance, as offices usually bunch: assumed as if `USUAL_WORTH` past
forecasts had shown it."""
USUAL_WORTH: Final = 2.0
QUANTILES: Final = (0.025, 0.1, 0.9, 0.975)
A_WEEK: Final = 7
_BY_LEVEL: Final = frozenset({CourseType.VOCATIONAL, CourseType.LAND, CourseType.MUNICIPAL})
_LEVELS: Final = [level.value for level in Level]
_OF_SECTION: Final = {1: Level.NONE, 2: Level.NONE, 3: Level.A1, 4: Level.A1, 5: Level.A2, 6: Level.A2}

Group = tuple[str, str]
"""A sum of cells: `all`, `type`, `level`, `town` or `type_level`, and which."""
KINDS: Final = ("all", "type", "level", "town", "type_level")


class Cell(NamedTuple):
    """The smallest group: the course type wanted first, the level tested, the town."""

    course_type: str
    level: str
    town: str


@dataclass(frozen=True, slots=True)
class Registered:
    """So many people of a cell registered on a day."""

    on: date
    cell: Cell
    count: int


@dataclass(frozen=True, slots=True)
class SectionStart:
    """A coming section, with the seats free in it and all after it, and those taken."""

    course: str
    on: date
    cell: Cell
    free: int
    taken: int


@dataclass(frozen=True, slots=True)
class DemandHistory:
    """Counts that a forecast from `day` on rests on."""

    day: date
    weeks: int
    """Full weeks before the day for which registrations are known."""
    arrivals: tuple[tuple[Cell, tuple[int, ...]], ...]
    """Registrations by week, the oldest first."""
    waiting: tuple[tuple[Cell, int], ...] = ()
    """People without a seat on the day."""
    starts: tuple[SectionStart, ...] = ()


@dataclass(frozen=True, slots=True)
class Expected:
    """A count to come: its mean, and the ranges that hold it in 80 and 95 of 100 cases."""

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
    """Announced and free today; counted in the week in which they can first be taken."""
    falling_free: float
    """Seats that will probably fall free because people leave, at the rate `STAYS`."""
    gap: Expected
    """People without a seat at its end: waiting and registering until then, less the seats."""


@dataclass(frozen=True, slots=True)
class GroupForecast:
    """All weeks to come of a group, and their sum."""

    by: str
    value: str
    waiting: int
    past: tuple[int, ...]
    """Registrations in the weeks that the mean is taken of, the oldest first."""
    seats: int
    weeks: tuple[Week, ...]
    total: Expected


@dataclass(frozen=True, slots=True)
class Forecast:
    """What to expect from a day on."""

    day: date
    history_weeks: int
    groups: tuple[GroupForecast, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """How good past forecasts of a kind of group were; errors are mean absolute ones, in people."""

    by: str
    summed: bool
    """Over all weeks ahead; else single weeks."""
    forecasts: int
    inside80: float
    inside95: float
    """Shares of the counts that came to lie in the ranges."""
    error: float
    error_four_weeks: float
    """The error of the mean of the last four weeks instead."""


def level_for(course_type: str, section: int, target_level: str | None) -> str:
    """Return the level that a section asks for: by its number, or one step below the target level."""
    if course_type not in _BY_LEVEL:
        return _OF_SECTION.get(section, Level.A2).value
    return _LEVELS[max(0, _LEVELS.index(target_level) - 1)] if target_level in _LEVELS else Level.NONE.value


def history_from(registered: Sequence[Registered], day: date) -> DemandHistory:
    """Count registrations in full weeks back from a day, without the first weeks of an installation.

    Those hold the lists of people who had been waiting before, which say nothing about who arrives. They are
    kept where fewer than `MEAN_WEEKS` would be left.
    """
    begins = add_days(min((one.on for one in registered), default=day), WARM_UP * A_WEEK)
    if add_days(begins, MEAN_WEEKS * A_WEEK) > day:
        begins = date.min
    counts: defaultdict[Cell, Counter[int]] = defaultdict(Counter)
    weeks = 0
    for one in registered:
        ago = (day - timedelta(days=1) - one.on).days // A_WEEK
        if begins <= one.on < day and ago < MOST_WEEKS:
            counts[one.cell][ago] += one.count
            weeks = max(weeks, ago + 1)
    arrivals = tuple(
        (cell, tuple(found[ago] for ago in range(weeks - 1, -1, -1)))
        for cell, found in sorted(counts.items())
    )
    return DemandHistory(day, weeks, arrivals)


def groups_of(cell: Cell) -> tuple[Group, ...]:
    """List the groups that a cell counts in."""
    return (
        ("all", ""),
        ("type", cell.course_type),
        ("level", cell.level),
        ("town", cell.town),
        ("type_level", f"{cell.course_type}/{cell.level}"),
    )


def forecast(history: DemandHistory, ahead: int = 12) -> Forecast:
    """Forecast every group for the weeks from the history's day on.

    Raises:
        ValueError: there is no history at all.
    """
    if not history.arrivals:
        raise ValueError("nobody has registered before this day")
    weekly, supply = _weekly(history), _supply(history, ahead)
    past: defaultdict[Group, list[int]] = defaultdict(lambda: [0] * min(MEAN_WEEKS, history.weeks))
    for cell, weeks_of_cell in history.arrivals:
        for group in groups_of(cell):
            latest = weeks_of_cell[-MEAN_WEEKS:]
            past[group] = [one + other for one, other in zip(past[group], latest, strict=True)]
    waiting: Counter[Group] = Counter()
    for cell, count in history.waiting:
        waiting.update(dict.fromkeys(groups_of(cell), count))
    nothing = [0.0] * history.weeks
    groups = []
    for group in sorted({*weekly, *waiting, *supply}):
        counts = weekly.get(group, nothing)
        sums = [expected(counts, span) for span in range(1, ahead + 1)]
        seats, falling = supply.get(group, ([0] * ahead, [0.0] * ahead))
        weeks = tuple(
            Week(
                history.day + timedelta(weeks=week),
                sums[0],
                seats[week],
                round(falling[week], 1),
                _moved(sums[week], waiting[group] - sum(seats[: week + 1]) - round(sum(falling[: week + 1]))),
            )
            for week in range(ahead)
        )
        groups.append(GroupForecast(*group, waiting[group], tuple(past[group]), sum(seats), weeks, sums[-1]))
    return Forecast(history.day, history.weeks, tuple(groups))


def expected(counts: Sequence[float], span: int) -> Expected:
    """Forecast the sum of `span` weeks from weekly counts, the oldest first."""
    known = min(MEAN_WEEKS, len(counts))
    likely = (sum(counts[-known:]) + PRIOR_COUNT) / known * span
    variance = likely * (1 + span / known) * _unevenness(counts, span)
    return Expected(round(fmean(counts[-known:]) * span, 2), *_quantiles(likely, variance))


def backtest(histories: Iterable[DemandHistory], ahead: int = 12, step: int = 4) -> tuple[Score, ...]:
    """Forecast from every fourth week of the past on the weeks before it, and score it by what came."""
    found: defaultdict[tuple[str, bool], list[tuple[Expected, float, float]]] = defaultdict(list)
    for by, counts in ((by, counts) for history in histories for (by, _), counts in _weekly(history).items()):
        for origin in range(MEAN_WEEKS, len(counts) - ahead + 1, step):
            before, came = counts[:origin], counts[origin : origin + ahead]
            four, week = fmean(before[-4:]), expected(before, 1)
            found[by, False].extend((week, count, four) for count in came)
            found[by, True].append((expected(before, ahead), sum(came), four * ahead))
    return tuple(_score(*key, found[key]) for by in KINDS for key in ((by, False), (by, True)) if found[key])


def _score(by: str, summed: bool, tested: Sequence[tuple[Expected, float, float]]) -> Score:
    return Score(
        by,
        summed,
        len(tested),
        fmean(said.low80 <= came <= said.high80 for said, came, _ in tested),
        fmean(said.low95 <= came <= said.high95 for said, came, _ in tested),
        fmean(abs(said.mean - came) for said, came, _ in tested),
        fmean(abs(four - came) for _, came, four in tested),
    )


def _weekly(history: DemandHistory) -> dict[Group, list[float]]:
    """Sum weekly counts by group; who is not tested yet counts as others of the type were tested."""
    tested: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for cell, counts in history.arrivals:
        if cell.level != UNTESTED:
            tested[cell.course_type][cell.level] += sum(counts)
    sums: defaultdict[Group, list[float]] = defaultdict(lambda: [0.0] * history.weeks)
    for cell, counts in history.arrivals:
        levels = tested[cell.course_type] if cell.level == UNTESTED else Counter()
        for level, weight in levels.items() or ((cell.level, 1),):
            share = weight / (levels.total() or 1)
            for group in groups_of(cell._replace(level=level)):
                sums[group] = [one + share * count for one, count in zip(sums[group], counts, strict=True)]
    return sums


def _supply(history: DemandHistory, ahead: int) -> Mapping[Group, tuple[list[int], list[float]]]:
    """Sum the seats by group and week: free ones once, when they can first be entered; those falling free."""
    supply: defaultdict[Group, tuple[list[int], list[float]]] = defaultdict(
        lambda: ([0] * ahead, [0.0] * ahead)
    )
    counted: dict[str, tuple[int, int]] = {}
    for start in sorted(history.starts, key=lambda start: (start.course, start.on)):
        week = (start.on - history.day).days // A_WEEK
        if not 0 <= week < ahead:
            continue
        before, weeks = counted.get(start.course, (0, 0))
        counted[start.course] = max(before, start.free), week
        for group in groups_of(start.cell):
            seats, falling = supply[group]
            seats[week] += max(0, start.free - before)
            falling[week] += start.taken * (STAYS**weeks - STAYS**week)
    return supply


def _unevenness(counts: Sequence[float], span: int) -> float:
    """Return how much more than by chance the mean's errors vary: at least as single weeks do, at least 1."""
    return max(1.0, *(_past_unevenness(counts, weeks) for weeks in {1, span}))


def _past_unevenness(counts: Sequence[float], span: int) -> float:
    sums = [0.0]
    for count in counts:
        sums.append(sums[-1] + count)
    usual = 1 + sums[-1] / len(counts) / USUAL_EVENNESS
    total, weight = USUAL_WORTH * usual, USUAL_WORTH
    for origin in range(MEAN_WEEKS, len(counts) - span + 1):
        likely = (sums[origin] - sums[origin - MEAN_WEEKS] + PRIOR_COUNT) / MEAN_WEEKS * span
        error = sums[origin + span] - sums[origin] - likely
        total += error**2 / (likely * (1 + span / MEAN_WEEKS)) / span
        weight += 1 / span
    return total / weight


def _quantiles(mean: float, variance: float) -> list[int]:
    """Return the quantiles of a negative binomial distribution; the variance exceeds the mean."""
    shape, odds = mean**2 / (variance - mean), 1 - mean / variance
    count, logarithm, found = 0, shape * math.log1p(-odds), list[int]()
    reached = math.exp(logarithm)
    for share in QUANTILES:
        while reached < share:
            logarithm += math.log(odds * (count + shape) / (count + 1))
            count += 1
            reached += math.exp(logarithm)
        found.append(count)
    return found


def _moved(one: Expected, by: int) -> Expected:
    return Expected(round(one.mean + by, 2), one.low95 + by, one.low80 + by, one.high80 + by, one.high95 + by)
