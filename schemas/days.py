"""Defines the day by which people in Germany count, and days and months added without overflow."""

from calendar import monthrange
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

LOCAL = ZoneInfo("Europe/Berlin")


def local_day(now: datetime) -> date:
    """Return the day in Germany at a moment.

    >>> local_day(datetime.fromisoformat("2026-06-30T23:30:00+00:00"))
    datetime.date(2026, 7, 1)
    """
    return now.astimezone(LOCAL).date()


def add_days(day: date, days: int) -> date:
    """Return the day so many days later; beyond the calendar, its last or first day.

    Rows written before days had bounds may hold any day, and no page and no timer may fail on them.

    >>> add_days(date(2026, 1, 31), 1), add_days(date.max, 1), add_days(date.min, -1)
    (datetime.date(2026, 2, 1), datetime.date(9999, 12, 31), datetime.date(1, 1, 1))
    """
    reach = (date.max if days > 0 else date.min).toordinal() - day.toordinal()
    return day + timedelta(days=min(days, reach) if days > 0 else max(days, reach))


def add_months(day: date, months: int) -> date:
    """Return the day so many months later, the last of the month where it has no such day (BGB § 188).

    Beyond the calendar it is its last or first day, as with `add_days`.

    >>> add_months(date(2024, 2, 29), 12), add_months(date(9999, 12, 31), 12)
    (datetime.date(2025, 2, 28), datetime.date(9999, 12, 31))
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if year > date.max.year:
        return date.max
    if year < date.min.year:
        return date.min
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


_OLDEST = 110


def is_birth(day: date, today: date) -> bool:
    """Return whether a participant can be born on a day: before today, less than 110 years ago.

    >>> [is_birth(date(year, 1, 1), date(2027, 1, 4)) for year in (985, 1916, 1936, 2027, 2199)]
    [False, False, True, True, False]
    """
    return today.year - _OLDEST < day.year and day < today
