"""Reads the form by which a provider announces or changes a course."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import asyncpg
from pydantic import ValidationError
from starlette.datastructures import FormData

from schemas.bounds import EARLIEST, latest_day
from schemas.codes import Level, Weekday
from schemas.providers import CourseAnnounced, Lesson, Section, Venue
from services.allocation.console.courses.section_dates import MOST_SECTIONS, suggest
from services.allocation.law.entries import CourseTypeRule
from services.places.lookup import Places
from services.places.public_holidays import holidays_of
from services.runtime.web.languages import Texts, day_of, msgid
from services.texts.town_field import TownField, read_town

WEEKDAYS = tuple(day.value for day in Weekday)
ROWS = range(1, MOST_SECTIONS + 1)
_CLOCK = re.compile(r"^([01]?\d|2[0-3])[:.]([0-5]\d)\Z")
_PARTS = ("from", "to", "ue")
_YES = ("online", "childcare", "women_only", "barrier_free")

DAY = msgid("Please enter the day, for example 24.05.2026.")
NUMBER = msgid("Please enter a whole number, or leave the field empty.")
UNCLEAR = msgid("Please check this entry.")
_MISSING = {
    "number": msgid("Please enter your own number of the course."),
    "title": msgid("Please enter what the course is called."),
    "course_type": msgid("Please choose what kind of course it is."),
    "town": msgid("Please enter the town where the course is held."),
    "capacity": msgid("Please enter how many people can take part, 1 to 100."),
}
LESSON = msgid("Please enter from when to when, for example 08:30 to 12:45, or leave both fields empty.")
SECTION = msgid("Please enter first and last day of the section, or leave the whole row empty.")
ORDER = msgid("A later section must not start before an earlier one.")
NO_SECTION = msgid("Please enter at least one section, or have the dates suggested.")
NO_SUGGESTION = msgid(
    "For a suggestion, Kurslotse needs the kind of course, the first day and the weekly teaching times."
    " For some kinds the law names no number of teaching units; please enter these sections yourself."
)
POSTCODE = msgid("Please enter a postcode of five digits, or leave the field empty.")


@dataclass(slots=True)
class CourseEntry:
    """The form as it was entered, with its errors (field -> msgid) and what was made of it."""

    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)
    town: TownField = field(default_factory=TownField)
    facts: dict[str, Any] = field(default_factory=dict)
    """Data of CourseAnnounced without course and kreis."""


def read(
    form: FormData,
    kreise: tuple[str, ...],
    today: date,
    places: Places,
    types: Mapping[str, CourseTypeRule],
) -> CourseEntry:
    """Read the form; without errors, `facts` holds the whole course. `types`: those that can be chosen."""
    values = {name: str(value).strip() for name, value in form.items() if isinstance(value, str)}
    entry = CourseEntry(values, town=read_town(values, kreise, today, places))
    for name, missing in _MISSING.items():
        if not values.get(name):
            entry.errors[name] = missing
    if entry.town.error:
        entry.errors["town"] = entry.town.error
    if values.get("course_type") not in types:
        entry.errors["course_type"] = _MISSING["course_type"]
    lessons = list(_lessons(entry))
    if values.get("act") == "suggest":
        _suggest(entry, types, lessons, today)
        return entry
    sections = list(_sections(entry, today))
    if not sections and not any(name.startswith("section") for name in entry.errors):
        entry.errors["section1"] = NO_SECTION
    capacity = number(entry, "capacity", 1, 100)
    entry.facts = {
        "title": values.get("title", ""),
        "course_type": values.get("course_type", ""),
        "town": entry.town.ags or None,
        "sections": sections,
        "capacity": capacity,
        "minimum": number(entry, "minimum", 0, 100),
        "taken_elsewhere": number(entry, "taken_elsewhere", 0, 100) or 0,
        "target_level": values["target_level"] if values.get("target_level") in set(Level) else None,
        "lessons": lessons,
        "venue": _venue(entry, places),
        "online": values.get("online") == "1",
        "childcare": values.get("childcare") == "1",
        "women_only": values.get("women_only") == "1",
        "registration_until": day(entry, "registration_until", today),
        "own_number": values.get("number") or None,
    }
    return entry


def rows_shown(entry: CourseEntry) -> int:
    """Return how many rows of sections are open: all that are filled in and one more, three at least."""
    filled = [row for row in ROWS if any(entry.values.get(f"section{row}_{part}") for part in _PARTS)]
    return min(max(ROWS), max(2, *filled) + 1) if filled else 3


def announcement(entry: CourseEntry, own_course: str, known: Venue | None = None) -> CourseAnnounced | None:
    """Return the event that announces the course or replaces what was announced; None: it has errors.

    Where a venue lies stays as its provider's own system told, as long as the address is the same.
    """
    if entry.errors:
        return None
    venue: Venue | None = entry.facts["venue"]
    if venue is not None and known is not None and _address(venue) == _address(known):
        told = {"latitude": known.latitude, "longitude": known.longitude}
        entry.facts["venue"] = venue.model_copy(update=told)
    try:
        return CourseAnnounced(course=own_course, kreis=entry.town.ags[:5], **entry.facts)
    except ValidationError as error:
        _blame(entry, error)
    return None


def _address(venue: Venue) -> tuple[str | None, ...]:
    return venue.name, venue.street, venue.postcode


def _blame(entry: CourseEntry, error: ValidationError) -> None:
    """Name the fields that the event's own rules refuse."""
    for item in error.errors(include_url=False, include_input=False):
        where = str(item["loc"][0]) if item["loc"] else "section1"
        match where:
            case "course" | "own_number":
                entry.errors["number"] = UNCLEAR
            case "sections":
                entry.errors["section1"] = ORDER
            case "venue":
                entry.errors[f"venue_{item['loc'][1]}" if len(item["loc"]) > 1 else "venue_name"] = UNCLEAR
            case name:
                entry.errors[name] = UNCLEAR


def day(entry: CourseEntry, name: str, today: date, error: str = "") -> date | None:
    """Read a day; one that is none becomes an error of its field, or of `error`."""
    text = entry.values.get(name, "")
    found = day_of(text) if text else None
    if text and (found is None or not EARLIEST <= found <= latest_day(today)):
        entry.errors.setdefault(error or name, DAY)
        return None
    return found


def number(entry: CourseEntry, name: str, least: int, most: int) -> int | None:
    """Read a whole number within bounds; one that is none becomes an error of its field."""
    text = entry.values.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and least <= int(text) <= most):  # noqa: PLR2004
        entry.errors[name] = _MISSING.get(name, NUMBER)
        return None
    return int(text)


def _clock(text: str) -> str | None:
    found = _CLOCK.match(text)
    return f"{int(found[1]):02}:{found[2]}" if found else None


def _lessons(entry: CourseEntry) -> Iterator[Lesson]:
    for day in WEEKDAYS:
        starts, ends = entry.values.get(f"{day}_from", ""), entry.values.get(f"{day}_to", "")
        if not starts and not ends:
            continue
        first, last = _clock(starts), _clock(ends)
        if first is None or last is None or first >= last:
            entry.errors[f"{day}_from"] = LESSON
            continue
        yield Lesson.model_validate({"weekday": day, "starts_at": first, "ends_at": last})


def _sections(entry: CourseEntry, today: date) -> Iterator[Section]:
    before: Section | None = None
    for row in ROWS:
        named = [f"section{row}_{part}" for part in _PARTS]
        if not any(entry.values.get(name) for name in named):
            continue
        starts = day(entry, named[0], today, f"section{row}")
        ends = day(entry, named[1], today, f"section{row}")
        units = number(entry, named[2], 1, 1200)
        if named[2] in entry.errors:
            entry.errors[f"section{row}"] = entry.errors.pop(named[2])
        if starts is None or ends is None or ends < starts:
            entry.errors.setdefault(f"section{row}", SECTION)
            continue
        if before is not None and starts < before.starts_on:
            entry.errors[f"section{row}"] = ORDER
        before = Section(number=row, starts_on=starts, ends_on=ends, ue=units)
        yield before


def _venue(entry: CourseEntry, places: Places) -> Venue | None:
    values = entry.values
    told = {name: values.get(f"venue_{name}") or None for name in ("name", "street", "postcode")}
    if told["postcode"] and not re.fullmatch(r"[0-9]{5}", told["postcode"]):
        entry.errors["venue_postcode"] = POSTCODE
        told["postcode"] = None
    barrier_free = True if values.get("barrier_free") == "1" else None
    if not any(told.values()) and barrier_free is None:
        return None
    try:
        return Venue(**told, town=places.name(entry.town.ags), barrier_free=barrier_free)
    except ValidationError as error:
        for item in error.errors(include_url=False, include_input=False):
            entry.errors[f"venue_{item['loc'][0]}"] = UNCLEAR
    return None


def _suggest(
    entry: CourseEntry, types: Mapping[str, CourseTypeRule], lessons: list[Lesson], today: date
) -> None:
    """Fill the rows of the sections; whatever else is missing is not asked for yet."""
    kept = {name: text for name, text in entry.errors.items() if name.endswith("_from")}
    rule = types.get(entry.values.get("course_type", ""))
    first = day(entry, "first_day", today)
    found = suggest(rule, first, lessons, holidays_of(entry.town.ags[:2])) if rule and first else []
    entry.errors = kept | ({} if found else {"first_day": NO_SUGGESTION})
    if not found:
        return
    for number in ROWS:
        for part in _PARTS:
            entry.values.pop(f"section{number}_{part}", None)
    for section in found:
        entry.values |= {
            f"section{section.number}_from": f"{section.starts_on:%d.%m.%Y}",
            f"section{section.number}_to": f"{section.ends_on:%d.%m.%Y}",
            f"section{section.number}_ue": str(section.ue),
        }


def stored(
    row: asyncpg.Record, sections: Sequence[asyncpg.Record], texts: Texts, places: Places
) -> CourseEntry:
    """Return a course as the form shows it."""
    venue: Mapping[str, Any] = row["venue"] or {}
    town = places.name(row["town"]) or row["town"] or ""
    plain = ("title", "course_type", "capacity", "minimum", "taken_elsewhere", "target_level")
    values = {name: "" if row[name] is None else str(row[name]) for name in plain}
    values |= {
        "number": row["own_course"],
        "town": town,
        "town_asked": town,
        "town_choice": row["town"] or "",
        "registration_until": texts.date(row["registration_until"]) if row["registration_until"] else "",
    }
    values |= {f"venue_{name}": venue.get(name) or "" for name in ("name", "street", "postcode")}
    values |= {name: "1" if row[name] else "" for name in _YES}
    for lesson in row["lessons"]:
        values[f"{lesson['weekday']}_from"] = lesson["starts_at"][:5]
        values[f"{lesson['weekday']}_to"] = lesson["ends_at"][:5]
    for section in sections:
        values[f"section{section['number']}_from"] = f"{section['starts_on']:%d.%m.%Y}"
        values[f"section{section['number']}_to"] = f"{section['ends_on']:%d.%m.%Y}"
        values[f"section{section['number']}_ue"] = "" if section["ue"] is None else str(section["ue"])
    known = places.name(row["town"]) is not None
    return CourseEntry(values, town=TownField(row["town"] or "", choices=()) if known else TownField())
