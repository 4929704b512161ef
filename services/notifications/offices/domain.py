"""Ranks the counselling offices responsible for a person, and counts in an office's working hours."""

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar

from schemas.days import LOCAL, local_day

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONGEST = 366  # days without any hours after which an office is taken as always open


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


def age_in(facts: PersonFacts, today: date) -> int | None:
    """Return the age, or None if nothing is known.

    Without a birth date, the registering office's `youth_until` (the last month before the 27th
    birthday) decides: 26 stands for younger than 27, and 27 for everybody else.

    >>> age_in(PersonFacts(birth_date=date(1999, 5, 2)), date(2026, 5, 1))
    26
    >>> age_in(PersonFacts(birth_date=date(1999, 5, 2)), date(2026, 5, 2))
    27
    >>> age_in(PersonFacts(youth_until="2026-05"), date(2026, 5, 31))
    26
    >>> age_in(PersonFacts(town="99001001"), date(2026, 5, 31)) is None
    True
    """
    if facts.birth_date is not None:
        born = facts.birth_date
        return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    if facts.youth_until is not None:
        return 26 if f"{today:%Y-%m}" <= facts.youth_until else 27
    return None


def _age(office: CounsellingOffice, facts: PersonFacts, today: date) -> str:
    if office.age_from is None and office.age_below is None:
        return "any"
    age = age_in(facts, today)
    if age is None:
        # Registered without `youth_until`, which means 27 or older (schemas/offices.py).
        age = 27
    above = office.age_from is None or age >= office.age_from
    below = office.age_below is None or age < office.age_below
    return "fits" if above and below else "other"


def _asylum(office: CounsellingOffice, facts: PersonFacts) -> str:
    if not office.asylum_phases:
        return "any"
    if facts.asylum_phase is None:
        return "unknown"
    return "fits" if facts.asylum_phase in office.asylum_phases else "other"


def _catchment(office: CounsellingOffice, facts: PersonFacts) -> str:
    if facts.town is None:
        return "unknown"
    towns = {facts.town, *facts.town_since}
    if towns & office.catchment:
        return "town"
    return "kreis" if {town[:5] for town in towns} & office.catchment else "other"


def _language(office: CounsellingOffice, facts: PersonFacts) -> str:
    if not facts.languages:
        return "unknown"
    return "spoken" if facts.languages & office.languages else "other"


_ORDER: Mapping[str, Mapping[str, int]] = {
    "relation": {"known": 0, "none": 1},
    "age": {"fits": 0, "any": 0, "other": 1},
    "asylum": {"fits": 0, "any": 1, "unknown": 2, "other": 2},
    "catchment": {"town": 0, "kreis": 1, "unknown": 1, "other": 2},
    "language": {"spoken": 0, "unknown": 0, "other": 1},
    "capacity": {"free": 0, "full": 1},
}
"""The criteria, the most important first, with the rank of each value (architecture.md, 'Notifications')."""


def rank(
    facts: PersonFacts,
    offices: Sequence[CounsellingOffice],
    today: date,
    *,
    relations: Collection[str] = (),
    load: Mapping[str, int] | None = None,
) -> list[RankedOffice]:
    """Rank offices: the first is responsible, the others follow if it declines.

    `offices` are those with consent (or all, to suggest one for the consent form), `relations` the slugs
    of offices that already work with the person, `load` the open alerts of each office. An inactive
    office is left out; its stand-in, or that one's if it is inactive too, goes before others of the same
    rank.
    """
    away = _standing_in(offices)
    ranked = {}
    for office in offices:
        if not office.active:
            continue
        criteria = {
            "relation": "known" if office.slug in relations else "none",
            "age": _age(office, facts, today),
            "asylum": _asylum(office, facts),
            "catchment": _catchment(office, facts),
            "language": _language(office, facts),
            "capacity": "full" if (load or {}).get(office.slug, 0) >= office.capacity else "free",
        }
        score = tuple(_ORDER[name][value] for name, value in criteria.items())
        criteria["stand_in"] = "for_closed" if office.slug in away else "no"
        key = (score, office.slug not in away, office.slug)
        ranked[key] = RankedOffice(office.slug, office.organisation, criteria)
    return [ranked[key] for key in sorted(ranked)]


def _standing_in(offices: Sequence[CounsellingOffice]) -> frozenset[str]:
    """Return the active offices that stand in for inactive ones; offices may stand in for each other."""
    known = {office.slug: office for office in offices}
    found = set()
    for office in offices:
        seen: set[str] = set()
        at: CounsellingOffice | None = office
        while at is not None and not at.active and at.slug not in seen:
            seen.add(at.slug)
            at = known.get(at.stand_in or "")
        if at is not None and at.active and at is not office:
            found.add(at.slug)
    return frozenset(found)


def deciding(ranked: Sequence[RankedOffice]) -> str:
    """Return the criterion that put the first before the second; 'only_one' if there is no second."""
    if len(ranked) <= 1:
        return "only_one"
    first, second = ranked[0], ranked[1]
    for name, order in _ORDER.items():
        if order[first.criteria[name]] != order[second.criteria[name]]:
            return name
    return "stand_in" if first.criteria["stand_in"] != second.criteria["stand_in"] else "order_of_slugs"


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

    def of(self, day: date) -> tuple[tuple[time, time], ...]:
        """Return the spans of a day."""
        if day in self.closed_days or day in self.holidays:
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
