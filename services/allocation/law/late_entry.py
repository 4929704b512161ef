"""Estimates how much of a section is held, and until when it can be entered (UE: lessons of 45 minutes)."""

from datetime import date

from schemas.days import add_days


def ue_held(starts_on: date, ends_on: date, ue: int, day: date) -> int:
    """Estimate how many UE of a section lie before the day, spread evenly over its days."""
    length = (ends_on - starts_on).days + 1
    gone = min(max((day - starts_on).days, 0), length)
    return -(-ue * gone // length)


def last_entry(starts_on: date, ends_on: date, ue: int, limit: int) -> date | None:
    """Return the last day on which fewer UE than the limit are held; None: there is none.

    >>> (
    ...     last_entry(date(2026, 3, 2), date(2026, 4, 3), 100, 25),
    ...     last_entry(date(2026, 3, 2), date(2026, 4, 3), 100, 0),
    ... )
    (datetime.date(2026, 3, 9), None)
    """
    if limit < 1:
        return None
    length = (ends_on - starts_on).days + 1
    return min(ends_on, add_days(starts_on, (limit - 1) * length // ue)) if ue > 0 else ends_on
