"""Tells from a course's totals, without any person, that reports have stopped or attendance collapses."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise

_GRACE_DAYS = 14
"""Days that a report may be later than it usually is: courses pause over Christmas and in summer."""
_FIRST_REPORT_DAYS = 21
"""Days after the start of a course by which a first report is expected of a provider that never reported."""
_LATELY = 5
_BEFORE = 15
_LOW = 0.5
"""Share of the lessons attended below which a course is looked at ..."""
_DROP = 0.7
"""... and how much lower than before it must be: a course that always was thin did not collapse."""


@dataclass(frozen=True, slots=True)
class CourseTotals:
    """The totals of one course day; `attended` is None where too few were listed to tell."""

    day: date
    reported_on: date | None
    ue_held: float
    listed: int
    attended: float | None

    @property
    def told_on(self) -> date:
        """The day from which on it is known."""
        return self.reported_on or self.day


@dataclass(frozen=True, slots=True)
class Silent:
    """Nothing was reported since a day, longer than the course's own rhythm explains."""

    since: date


@dataclass(frozen=True, slots=True)
class Collapsed:
    """Attendance fell, in percent of the lessons held."""

    before: int
    lately: int


Signal = Silent | Collapsed


@dataclass(frozen=True, slots=True)
class FirstTold:
    """The days on which a course told something for the first time; None: it never did."""

    silent: date | None
    collapsed: date | None


def signals(
    days: Sequence[CourseTotals], starts_on: date, ends_on: date, today: date, usual_gap: int | None
) -> list[Signal]:
    """Return what the totals of a course that goes on tell; `usual_gap` is the provider's, in days."""
    if not starts_on <= today <= ends_on:
        return []
    found: list[Signal] = []
    since = max((day.told_on for day in days), default=starts_on)
    if today >= _silent_from(days, since, usual_gap):
        found.append(Silent(since))
    collapsed = _collapsed(sorted(days, key=lambda one: one.day))
    return [*found, collapsed] if collapsed is not None else found


def first_told(
    days: Sequence[CourseTotals], starts_on: date, until: date, usual_gap: int | None
) -> FirstTold:
    """Return when `signals` first had something to tell, from the start of a course `until` a day.

    Only a report changes what is told, besides time that passes without one.
    """
    reports = sorted({day.told_on for day in days if day.told_on <= until})
    silent = collapsed = None
    for at, since in enumerate((None, *reports)):
        known = [day for day in days if since is not None and day.told_on <= since]
        end = reports[at] - timedelta(days=1) if at < len(reports) else until
        begin = max(starts_on, since or starts_on)
        if silent is None:
            first = max(begin, _silent_from(known, since or starts_on, usual_gap))
            silent = first if first <= end else None
        if collapsed is None and begin <= end and _collapsed(sorted(known, key=lambda one: one.day)):
            collapsed = begin
    return FirstTold(silent, collapsed)


def of_many(days: Sequence[CourseTotals], least: int) -> list[CourseTotals]:
    """Leave out how much was attended on days on which fewer than `least` people were listed."""
    return [day if day.listed >= least else replace(day, attended=None) for day in days]


def _silent_from(days: Sequence[CourseTotals], since: date, usual_gap: int | None) -> date:
    """Return the first day on which nothing reported `since` is longer than the course's rhythm explains."""
    own_gap = longest_gap([day.reported_on for day in days if day.reported_on is not None])
    return since + timedelta(days=(own_gap or usual_gap or _FIRST_REPORT_DAYS) + _GRACE_DAYS + 1)


def longest_gap(reported: Sequence[date]) -> int | None:
    """Return the longest time between two reports in a row, in days; None before there are two."""
    ordered = sorted(set(reported))
    return max(((after - before).days for before, after in pairwise(ordered)), default=None)


def _collapsed(days: Sequence[CourseTotals]) -> Collapsed | None:
    told = [day for day in days if day.attended is not None and day.ue_held > 0]
    lately, before = told[-_LATELY:], told[-_LATELY - _BEFORE : -_LATELY]
    if len(lately) < _LATELY or len(before) < _LATELY:
        return None
    now, then = _share(lately), _share(before)
    if now >= _LOW or now > then * _DROP:
        return None
    return Collapsed(round(then * 100), round(now * 100))


def _share(days: Sequence[CourseTotals]) -> float:
    """Return the share of the lessons held that were attended by everybody listed."""
    held = sum(day.ue_held * day.listed for day in days)
    return sum(day.attended or 0.0 for day in days) / held if held else 1.0
