"""Defines the day and the hours by which people in Germany count."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

LOCAL = ZoneInfo("Europe/Berlin")


def local_day(now: datetime) -> date:
    """Return the day in Germany at a moment.

    >>> local_day(datetime.fromisoformat("2026-06-30T23:30:00+00:00"))
    datetime.date(2026, 7, 1)
    """
    return now.astimezone(LOCAL).date()
