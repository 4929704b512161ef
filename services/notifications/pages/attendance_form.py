"""Reads the form of one course day, checks it, and keeps what was entered if something is wrong."""

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from starlette.datastructures import FormData

from schemas.codes import Mark
from schemas.support import AttendanceEntry
from services.runtime.web.languages import day_of, msgid

_ATTENDING = ("confirmed", "started")
_SUNDAY = 6
MARKS = (Mark.PRESENT, Mark.EXCUSED, Mark.UNEXCUSED)
_MOST_UNITS = 12
_FIELD = "mark-"


@dataclass(slots=True)
class DayForm:
    """A course day as entered, with its errors (field -> msgid), and what was made of it."""

    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    day: date | None = None
    units: float = 0
    entries: tuple[AttendanceEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportedDay:
    """A course day reported before: its totals, and the marks that are kept (of people with consent)."""

    day: date
    units: float
    listed: int
    missing: Mapping[Mark, int] | None
    """How many were missing, excused and not; None: so few were listed that totals would tell about one."""
    marks: Mapping[UUID, Mark]

    @property
    def present(self) -> int | None:
        """How many were there."""
        return None if self.missing is None else self.listed - sum(self.missing.values())

    @property
    def others(self) -> Mapping[Mark, int]:
        """How many of those were missing whose marks are not kept."""
        kept = Counter(self.marks.values())
        found = {mark: number - kept[mark] for mark, number in (self.missing or {}).items()}
        return {mark: number for mark, number in found.items() if number > 0}


@dataclass(frozen=True, slots=True)
class Roster:
    """A course's sections, and the people for whom a seat in it is or was held (rows of store.roster)."""

    sections: Sequence[Mapping[str, str]]
    people: Sequence[Any]
    holidays: Container[date] = ()
    before: ReportedDay | None = None
    """What was reported for the day that is entered, if anything."""

    def has_lessons(self, day: date) -> bool:
        """Return whether a day lies in a section."""
        return any(one["starts_on"] <= day.isoformat() <= one["ends_on"] for one in self.sections)

    def attending(self, day: date) -> list[UUID]:
        """Return the people who attend on a day."""
        return [one["participant_id"] for one in self.people if attends(one, day)]


def attends(one: Any, day: date) -> bool:  # noqa: ANN401 - a row of store.roster
    """Return whether somebody's place in the course covers a day, also if it has ended since."""
    if one["starts_on"] > day:
        return False
    return one["state"] in _ATTENDING or (one["ended_on"] is not None and day <= one["ended_on"])


def empty(today: date) -> DayForm:
    """Return a form as it is first shown."""
    return DayForm({"day": today.isoformat(), "units": "5"})


def reported(before: ReportedDay) -> DayForm:
    """Return the form of a day that was reported, with the marks that are kept."""
    marks = {f"{_FIELD}{person}": mark.value for person, mark in before.marks.items()}
    return DayForm({"day": before.day.isoformat(), "units": f"{before.units:g}"} | marks)


def read(form: FormData, roster: Roster, today: date) -> DayForm:
    """Read the form; without errors, the entries of everybody who attends on that day are made of it."""
    entered = DayForm({name: str(value) for name, value in form.items()})
    _read_day(entered, roster, today)
    _read_units(entered)
    marks = {
        name.removeprefix(_FIELD): mark for name, mark in entered.values.items() if name.startswith(_FIELD)
    }
    if any(mark not in MARKS for mark in marks.values()):
        entered.errors["marks"] = msgid(
            "Please choose for each person: was there, missing excused, or not excused."
        )
    if set(marks) - {str(one["participant_id"]) for one in roster.people}:
        entered.errors["marks"] = msgid(
            "This entry names somebody who is not in this course. Please open the page again and repeat it."
        )
    if entered.errors or entered.day is None:
        return entered
    attending = roster.attending(entered.day)
    missing_early = set(marks) - set(map(str, attending))
    if any(marks[person] != Mark.PRESENT for person in missing_early):
        entered.errors["marks"] = msgid(
            "Somebody is marked as missing who did not attend this course on that day."
            " Please check day and marks."
        )
    elif not attending:
        entered.errors["day"] = msgid("Nobody attended this course on that day. Please check the day.")
    elif _forgets_others(entered, roster, marks):
        entered.errors["others"] = msgid(
            "When this day was reported before, people were missing whose marks are not kept. Please mark"
            " them again, or say that none of them was missing."
        )
    else:
        entered.entries = tuple(
            _entry(person, Mark(marks.get(str(person), Mark.PRESENT)), entered.units) for person in attending
        )
    return entered


def _forgets_others(entered: DayForm, roster: Roster, marks: Mapping[str, str]) -> bool:
    """Return whether a day that is entered anew would lose people who were reported missing."""
    if roster.before is None or not roster.before.others or entered.values.get("none_missing") == "1":
        return False
    kept = set(map(str, roster.before.marks))
    return not any(mark != Mark.PRESENT for person, mark in marks.items() if person not in kept)


def _read_day(entered: DayForm, roster: Roster, today: date) -> None:
    day = day_of(entered.values.get("day", ""))
    if day is None:
        entered.errors["day"] = msgid("Please enter the day, for example 24.05.2026.")
    elif day > today:
        entered.errors["day"] = msgid("This day is still to come. Please enter it when it is over.")
    elif not roster.has_lessons(day):
        entered.errors["day"] = msgid("This course has no lessons on that day. Please check the day.")
    elif (day.weekday() == _SUNDAY or day in roster.holidays) and entered.values.get("held") != "1":
        entered.errors["held"] = msgid(
            "This day is a Sunday or a public holiday. Please check it, or confirm that there were lessons."
        )
    else:
        entered.day = day


def _read_units(entered: DayForm) -> None:
    try:
        units = float(entered.values.get("units", "").replace(",", "."))
    except ValueError:
        units = 0
    if 0 < units <= _MOST_UNITS and units % 0.25 == 0:
        entered.units = units
    else:
        entered.errors["units"] = msgid(
            "Please enter the teaching units of the day, from 0.25 to 12 in quarters, for example 5."
        )


def _entry(participant: UUID, mark: Mark, units: float) -> AttendanceEntry:
    return AttendanceEntry(participant=participant, mark=mark, ue=units if mark is Mark.PRESENT else 0)
