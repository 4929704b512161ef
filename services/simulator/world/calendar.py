"""Knows the working days, teaching days and breaks of the simulated years."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

_HOLIDAYS: Final = frozenset(
    date(year, month, day)
    for year, days in {
        2025: ((1, 1), (4, 18), (4, 21), (5, 1), (5, 29), (6, 9), (10, 3), (10, 31), (12, 25), (12, 26)),
        2026: ((1, 1), (4, 3), (4, 6), (5, 1), (5, 14), (5, 25), (12, 25)),
        2027: ((1, 1), (3, 26), (3, 29), (5, 6), (5, 17)),
    }.items()
    for month, day in days
)
"""Public holidays of the invented Land (those of Mecklenburg-Vorpommern)."""

_BREAKS: Final = tuple(
    (date.fromisoformat(first), date.fromisoformat(last))
    for first, last in (
        ("2025-07-28", "2025-08-15"),
        ("2025-12-22", "2026-01-04"),
        ("2026-07-27", "2026-08-14"),
        ("2026-12-21", "2027-01-03"),
    )
)
"""Weeks without lessons."""


def is_working_day(day: date) -> bool:
    """Return whether offices are open."""
    return day.weekday() < 5 and day not in _HOLIDAYS


def is_teaching_day(day: date, weekdays: frozenset[int]) -> bool:
    """Return whether a course with these weekdays is held."""
    return (
        day.weekday() in weekdays
        and day not in _HOLIDAYS
        and not any(first <= day <= last for first, last in _BREAKS)
    )


def teaching_days(start: date, weekdays: frozenset[int]) -> Iterator[date]:
    """List the days of a course from `start` on, without end."""
    day = start
    while True:
        if is_teaching_day(day, weekdays):
            yield day
        day += timedelta(days=1)


def working_day_from(day: date) -> date:
    """Return the day itself, or the next one on which offices are open."""
    while not is_working_day(day):
        day += timedelta(days=1)
    return day
