"""Defines the bounds of days, months, times, numbers and texts in events.

Business days reach from 1900, before anybody in a course was born, to the end of 2199 in any case: then no
arithmetic on them (months of consent, clocks of the law, days on a roster) comes near the calendar's end.
Within that, a day lies at most YEARS_AHEAD years after the day on which the event is taken: the longest
clock of the law runs ten years, and no course is planned further ahead. That second bound is checked against
a day which the caller hands in, never against the clock of the moment: a door hands in its own day, a reader
the day on which the broker took the record. So reading again gives the same verdict, and what a door took no
reader refuses, for readers add READER_SLACK_DAYS.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from schemas.days import add_days, add_months

EARLIEST = date(1900, 1, 1)
LATEST = date(2199, 12, 31)
YEARS_AHEAD = 10
READER_SLACK_DAYS = 366
"""Clocks of doors and brokers differ, and the days of a demo run up to a year ahead of the broker's."""

_DAY = r"^(?:19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}$"
_LOCAL_TIME = r"^(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?$"

CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
"""Characters that no text holds: control characters, line ends, and what turns the direction of writing."""

INT4 = 2**31 - 1
INT8 = 2**63 - 1


def latest_day(today: date, *, slack_days: int = 0) -> date:
    """Return the latest business day that an event taken today may name.

    >>> latest_day(date(2026, 11, 29)), latest_day(date(9999, 1, 1))
    (datetime.date(2036, 11, 29), datetime.date(2199, 12, 31))
    """
    return min(add_days(add_months(today, 12 * YEARS_AHEAD), slack_days), LATEST)


def _within(value: date, info: ValidationInfo) -> date:
    latest: date = (info.context or {}).get("latest", LATEST)
    if value < EARLIEST:
        raise PydanticCustomError("date_too_early", "too early", {"earliest": EARLIEST.isoformat()})
    if value > latest:
        raise PydanticCustomError("date_too_late", "too late", {"latest": latest.isoformat()})
    return value


def _saturated(value: date) -> date:
    return min(max(value, EARLIEST), LATEST)


def _without_offset(value: time) -> time:
    if value.tzinfo is not None:
        raise PydanticCustomError("time_with_offset", "a time with an offset")
    return value


def _representable(value: datetime) -> datetime:
    moment = value.astimezone(UTC) if EARLIEST.year <= value.year <= LATEST.year else value
    if not EARLIEST <= moment.date() <= LATEST:
        raise PydanticCustomError("moment_out_of_range", "out of range")
    return value


def composed(value: Any) -> Any:  # noqa: ANN401 - whatever was sent
    """Return a text with composed letters (NFC): the same letters are the same characters."""
    if not isinstance(value, str) or value.isascii():
        return value
    return unicodedata.normalize("NFC", value)


def on_one_line(value: Any) -> Any:  # noqa: ANN401 - whatever was sent
    """Return a text with composed letters, and spaces for tabs and line ends."""
    if not isinstance(value, str) or value.isprintable():
        return composed(value)
    return composed(value).translate(_SPACES)


_SPACES = dict.fromkeys(map(ord, "\t\n\r\v\f\x85"), " ")

_DAY_SCHEMA: dict[str, Any] = {
    "type": "string",
    "format": "date",
    "pattern": _DAY,
    "formatMinimum": EARLIEST.isoformat(),
    "formatMaximum": LATEST.isoformat(),
}

BusinessDate = Annotated[date, AfterValidator(_within), WithJsonSchema(_DAY_SCHEMA)]
"""A day of a publisher: from 1900 on, at most ten years ahead. An open end is said without a day."""

OwnDate = Annotated[date, AfterValidator(_saturated), WithJsonSchema(_DAY_SCHEMA)]
"""A day in our own events: a row with a day out of bounds must not keep us from speaking."""

Month = Annotated[str, StringConstraints(pattern=r"^(?:19|20|21)[0-9]{2}-(?:0[1-9]|1[0-2])$")]
"""A month, YYYY-MM, from 1900 to 2199."""

LocalTime = Annotated[
    time, AfterValidator(_without_offset), WithJsonSchema({"type": "string", "pattern": _LOCAL_TIME})
]
"""A time of day where the course is held: HH:MM or HH:MM:SS, without Z and without an offset."""

Moment = Annotated[AwareDatetime, AfterValidator(_representable)]
"""A point in time with an offset, from 1900 to 2199."""

Int4 = Annotated[int, Field(ge=0, le=INT4)]
"""A count that fits an integer column."""

Int8 = Annotated[int, Field(ge=0, le=INT8)]
"""An offset that fits a bigint column."""

Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=255, pattern=rf"^[^{CONTROLS}]*$"),
    BeforeValidator(on_one_line),
]
"""A short public text, such as the title of a course."""

OwnId = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=255, pattern=rf"^[^{CONTROLS}]*$"),
    BeforeValidator(composed),
]
"""A provider's own id of a course (KURSNET allows 255 characters)."""

Parameter = Annotated[str, StringConstraints(max_length=2000)] | Annotated[int, Field(ge=-INT8, le=INT8)]
"""A value inside a text of ours."""

Params = Annotated[dict[Annotated[str, StringConstraints(max_length=64)], Parameter], Field(max_length=64)]
"""Parameters of a text of ours."""
