"""Says what an office of the directory and a person are to each other, and counts in working hours."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TypeVar

from schemas.days import LOCAL, local_day

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONGEST = 366  # days without any hours after which an office is taken as always open


class CoursePhase(StrEnum):
    """Where a person stands with the course that an alert is about."""

    BEFORE = "before"
    DURING = "during"
    AFTER = "after"


def phase_of(starts_on: date | None, ends_on: date | None, today: date) -> CoursePhase:
    """Return where somebody stands with a course; without one, before it.

    >>> phase_of(date(2026, 3, 2), date(2026, 9, 1), date(2026, 3, 2)).value
    'during'
    """
    if starts_on is None or starts_on > today:
        return CoursePhase.BEFORE
    return CoursePhase.AFTER if ends_on is not None and ends_on < today else CoursePhase.DURING


class TargetGroup(StrEnum):
    """Whom an office is there for in particular, by the type of their course."""

    YOUTH = "youth"
    PARENTS = "parents"
    WOMEN = "women"
    LITERACY = "literacy"


class Agreed(StrEnum):
    """What offices can agree with others, from one day to another."""

    NEIGHBOUR = "neighbour"
    """It is there for a place outside of its catchment as well, after the offices of that place."""
    LIKE_FREE = "like_free"
    """A municipal office stands beside the free organisations."""
    BEFORE_FREE = "before_free"
    """A municipal office comes before them."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What an office has agreed with others, and when it holds; `place`: of a neighbour."""

    what: Agreed
    valid_from: date
    valid_until: date | None = None
    place: str = ""

    def holds(self, day: date) -> bool:
        """Return whether it holds on a day."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


@dataclass(frozen=True, slots=True)
class CounsellingOffice:
    """A counselling office of the directory."""

    slug: str
    organisation: str
    kind: str
    age_from: int | None = None
    age_below: int | None = None
    asylum_phases: frozenset[str] = frozenset()
    catchment: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    capacity: int = 0
    stand_in: str | None = None
    active: bool = True
    phases: frozenset[str] = frozenset()
    agreements: tuple[Agreement, ...] = ()
    target_groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What decides which office is responsible for a person; each may be unknown."""

    town: str | None = None
    birth_date: date | None = None
    youth_until: str | None = None
    asylum_phase: str | None = None
    languages: frozenset[str] = frozenset()
    town_since: frozenset[str] = frozenset()
    """Towns to which `town` belongs since a merger; catchments may name the old key or the new one."""


@dataclass(frozen=True, slots=True)
class RankedOffice:
    """An office of a ranking, with what each criterion says of it, the most important first."""

    office: str
    organisation: str
    criteria: Mapping[str, str] = field(default_factory=dict)
    stands_in_for: "RankedOffice | None" = None
    """The closed office whose turn it was; its people go to this one."""


_Clock = TypeVar("_Clock", str, time)


def merged(spans: Sequence[tuple[_Clock, _Clock]]) -> list[tuple[_Clock, _Clock]]:
    """Sort spans and join those that overlap or touch, so that no hour counts twice.

    Times are `time` values or texts HH:MM. A span that ends before it begins is left out.

    >>> merged([("14:00", "18:00"), ("09:00", "13:00"), ("12:00", "14:00"), ("16:00", "09:00")])
    [('09:00', '18:00')]
    """
    joined: list[tuple[_Clock, _Clock]] = []
    for opens, closes in sorted(span for span in spans if span[0] < span[1]):
        if joined and opens <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], closes))
        else:
            joined.append((opens, closes))
    return joined


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """When an office works: merged spans for each weekday, its closed days and the public holidays."""

    week: Mapping[str, tuple[tuple[time, time], ...]]
    closed_days: frozenset[date] = frozenset()
    holidays: Container[date] = frozenset()

    def closed_for(self, day: date) -> str:
        """Return why the office is closed on a day on which it might work; empty: it is not."""
        if day in self.closed_days:
            return "closed_day"
        return "holiday" if day in self.holidays else ""

    def of(self, day: date) -> tuple[tuple[time, time], ...]:
        """Return the spans of a day."""
        if self.closed_for(day):
            return ()
        return self.week.get(WEEKDAYS[day.weekday()], ())


USUAL: Mapping[str, tuple[tuple[time, time], ...]] = dict.fromkeys(WEEKDAYS[:5], ((time(9), time(16)),))
"""OfficeHours of an office that gave none."""


def after_office_hours(start: datetime, hours: float, office: OfficeHours) -> datetime:
    """Return when so many of the office's working hours have passed since `start`, in UTC.

    An office without any hours in a year is taken as always open, so that no alert waits for ever.

    >>> monday = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)  # 15:00 in Germany
    >>> after_office_hours(monday, 2, OfficeHours(USUAL)).isoformat()
    '2026-03-03T09:00:00+00:00'
    """
    left = timedelta(hours=hours)
    day = local_day(start)
    for _ in range(_LONGEST):
        for opens, closes in office.of(day):
            begins = max(datetime.combine(day, opens, LOCAL).astimezone(UTC), start)
            ends = datetime.combine(day, closes, LOCAL).astimezone(UTC)
            if ends <= begins:
                continue
            if ends - begins >= left:
                return begins + left
            left -= ends - begins
        day += timedelta(days=1)
    return start + timedelta(hours=hours)


def hours_between(start: datetime, end: datetime, office: OfficeHours) -> float:
    """Return how many of the office's working hours lie between two moments, at most those of a year.

    >>> friday, monday = datetime(2026, 3, 6, 14, tzinfo=UTC), datetime(2026, 3, 9, 9, tzinfo=UTC)
    >>> hours_between(friday, monday, OfficeHours(USUAL))
    2.0
    """
    worked = timedelta()
    day = local_day(start)
    for _ in range(_LONGEST):
        if day > local_day(end):
            break
        for opens, closes in office.of(day):
            begins = max(datetime.combine(day, opens, LOCAL).astimezone(UTC), start)
            ends = min(datetime.combine(day, closes, LOCAL).astimezone(UTC), end)
            worked += max(ends - begins, timedelta())
        day += timedelta(days=1)
    return worked.total_seconds() / 3600
