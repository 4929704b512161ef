"""Tells from a course's totals, without any person, that reports have stopped or attendance collapses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
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


def signals(
    days: Sequence[CourseTotals], starts_on: date, ends_on: date, today: date, usual_gap: int | None
) -> list[Signal]:
    """Return what the totals of a course that goes on tell; `usual_gap` is the provider's, in days."""
    if not starts_on <= today <= ends_on:
        return []
    found: list[Signal] = []
    last = max((day.reported_on or day.day for day in days), default=None)
    own_gap = longest_gap([day.reported_on for day in days if day.reported_on is not None])
    gap = own_gap or usual_gap or _FIRST_REPORT_DAYS
    since = starts_on if last is None else last
    if (today - since).days > gap + _GRACE_DAYS:
        found.append(Silent(since))
    collapsed = _collapsed(sorted(days, key=lambda one: one.day))
    return [*found, collapsed] if collapsed is not None else found


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
