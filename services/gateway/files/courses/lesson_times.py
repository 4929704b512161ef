"""Reads lesson times written as free text, such as 'Mo-Fr 08:30-12:30 Uhr, 25 UE/Woche'."""

import re
from dataclasses import dataclass
from datetime import time

from schemas.codes import Weekday

_DAYS = tuple(Weekday)
_WORDS = {
    "mo": 0, "montag": 0, "montags": 0,
    "di": 1, "dienstag": 1, "dienstags": 1,
    "mi": 2, "mittwoch": 2, "mittwochs": 2,
    "do": 3, "donnerstag": 3, "donnerstags": 3,
    "fr": 4, "freitag": 4, "freitags": 4,
    "sa": 5, "samstag": 5, "samstags": 5,
    "so": 6, "sonntag": 6, "sonntags": 6,
}  # fmt: skip
_DAY = (
    r"(?:montags?|dienstags?|mittwochs?|donnerstags?|freitags?|samstags?|sonntags?|mo|di|mi|do|fr|sa|so)\b\.?"
)
_JOIN = r"\s*(?:-|\u2013|bis|,|/|\+|&|und|u\.)\s*"
_CLOCK = r"(\d{1,2})(?:[:.](\d{2}))?(?:\s*uhr)?"
_SLOT = re.compile(
    rf"({_DAY}(?:{_JOIN}{_DAY})*)\s*:?,?\s*(?:jeweils\s*)?(?:von\s*)?{_CLOCK}\s*(?:-|\u2013|bis)\s*{_CLOCK}",
    re.IGNORECASE,
)
_UNIT = r"(\d{1,3}\.\d{3}|\d{1,4}(?:,\d+)?)\s*(?:UE|UStd\.?|Ustd\.?|Unterrichtseinheiten|Unterrichtsstunden)"
_WEEKLY = re.compile(rf"{_UNIT}\s*(?:/|pro|je|in der)\s*(?:Woche|Wo\b\.?)", re.IGNORECASE)
_UNITS = re.compile(_UNIT, re.IGNORECASE)
_TOKEN = re.compile(rf"{_DAY}|-|\u2013|bis|,|/|\+|&|und|u\.", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LessonTime:
    """One weekly teaching time."""

    weekday: Weekday
    starts_at: time
    ends_at: time


@dataclass(frozen=True, slots=True)
class Times:
    """What could be read of a text; not complete if times of day are left over."""

    lessons: tuple[LessonTime, ...] = ()
    ue_per_week: float | None = None
    ue_total: float | None = None
    complete: bool = True


def read_times(written: str | None) -> Times:
    """Read lesson times and hours.

    >>> len(read_times("Mo-Fr 08:30-12:30 Uhr, 25 UE/Woche").lessons)
    5
    """
    if not written:
        return Times()
    weekly = [_amount(match[1]) for match in _WEEKLY.finditer(written)]
    left = _WEEKLY.sub(" ", written)
    totals = [_amount(match[1]) for match in _UNITS.finditer(left)]
    left = _UNITS.sub(" ", left)
    lessons: dict[tuple[Weekday, time], LessonTime] = {}
    complete = True
    for match in _SLOT.finditer(left):
        starts, ends = _clock(match[2], match[3]), _clock(match[4], match[5])
        if starts is None or ends is None or ends <= starts:
            complete = False
            continue
        for day in _days(match[1]):
            lessons[day, starts] = LessonTime(day, starts, ends)
    left = _SLOT.sub(" ", left)
    if re.search(r"\d", left) or re.search(rf"\b{_DAY}\s*(?:-|\u2013|\d|:)", left, re.IGNORECASE):
        complete = False
    return Times(
        lessons=tuple(sorted(lessons.values(), key=lambda slot: (_DAYS.index(slot.weekday), slot.starts_at))),
        ue_per_week=max(weekly, default=None),
        ue_total=max(totals, default=None),
        complete=complete,
    )


def _amount(written: str) -> float:
    return float(written.replace(".", "").replace(",", "."))


def _clock(hour: str, minute: str | None) -> time | None:
    try:
        return time(int(hour), int(minute or 0))
    except ValueError:
        return None


def _days(written: str) -> list[Weekday]:
    """Read a list or range of weekdays; a range may run over the weekend."""
    found: list[int] = []
    ranged = False
    for token in _TOKEN.findall(written):
        number = _WORDS.get(token.casefold().rstrip("."))
        if number is None:
            ranged = ranged or token.casefold() in {"-", "\u2013", "bis"}
            continue
        if ranged and found:
            day = found[-1]
            while day != number:
                day = (day + 1) % 7
                found.append(day)
        else:
            found.append(number)
        ranged = False
    return [_DAYS[number] for number in dict.fromkeys(found)]
