"""Turns a row of an office's list into facts for steering and contact data for the support side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from schemas.codes import AccessRoute, AsylumPhase, CourseType, Level, Standing, TimeOfDay, Weekday
from schemas.envelope import Problem
from schemas.offices import youth_until
from services.gateway.files.people.mapping import ParticipantMapping
from services.gateway.files.people.tables import Row
from services.gateway.files.values import (
    Cell,
    NotReadable,
    find_town,
    plain,
    read_date,
    read_number,
    read_postcode,
    read_yes,
    without_none,
    word,
)

_SECTION_AFTER = {
    Level.NONE: 1,
    Level.A1: 3,
    Level.A2: 5,
    Level.B1: 6,
    Level.B2: 6,
    Level.C1: 6,
    Level.C2: 6,
}
"""Where somebody of this level enters an integration course if the list does not say (two a level)."""


@dataclass(frozen=True, slots=True)
class Person:
    """A row that can be used. `number` is the official number, dropped after its HMAC was made."""

    row: Row
    reference: str | None
    number: str | None = field(repr=False)
    facts: dict[str, Any]
    test: dict[str, Any] | None
    contact: dict[str, Any] = field(repr=False)
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be used, and why."""

    row: Row
    problems: tuple[Problem, ...]


class _Reader:
    """Reads the cells of one row and notes what is wrong with them."""

    def __init__(self, mapping: ParticipantMapping, row: Row, today: date) -> None:
        self._columns = mapping.named()
        self._mapping, self._row, self._today = mapping, row, today
        self.wrong: list[Problem] = []
        self.warnings: list[Problem] = []

    def cell(self, name: str) -> Cell:
        column = self._columns.get(name)
        return self._row.cells.get(word(column)) if column is not None else None

    def text(self, name: str) -> str | None:
        return plain(self.cell(name)) or None

    def date(self, name: str) -> str | None:
        value = read_date(self.cell(name), self._today, order=self._mapping.date_order)
        if isinstance(value, NotReadable):
            # A birth date without day belongs to nobody's steering: the row is still good.
            (self.warnings if value.code == "date_incomplete" else self.wrong).append(
                Problem(value.code, name)
            )
            return None
        return value.isoformat() if value is not None else None

    def number(self, name: str) -> int | None:
        value = read_number(self.cell(name))
        if isinstance(value, NotReadable):
            self.wrong.append(Problem(value.code, name))
            return None
        return int(value) if value is not None else None

    def yes(self, name: str) -> bool:
        value = read_yes(self.cell(name))
        if isinstance(value, NotReadable):
            self.wrong.append(Problem(value.code, name))
            return False
        return value or False

    def postcode(self) -> str | None:
        value = read_postcode(self.cell("postcode"))
        if isinstance(value, NotReadable):
            self.warnings.append(Problem(value.code, "postcode"))
            return None
        return value

    def code(
        self, name: str, codes: type[StrEnum], words: Mapping[str, StrEnum], default: str | None = None
    ) -> str | None:
        written = self.text(name)
        if written is None:
            return default
        found = _code(written, codes, words)
        if found is None:
            self.wrong.append(Problem("value_unmapped", name))
        return found or default

    def codes(self, name: str, codes: type[StrEnum], words: Mapping[str, StrEnum]) -> list[str]:
        written = self.text(name)
        if written is None:
            return []
        whole = _code(written, codes, words)
        if whole is not None:
            return [whole]
        found = [_code(part, codes, words) for part in _parts(written)]
        if None in found:
            self.wrong.append(Problem("value_unmapped", name))
        return list(dict.fromkeys(code for code in found if code is not None))

    def require(self, **values: object) -> None:
        """Note what is missing, unless something is wrong with it already."""
        wrong = {problem.field for problem in self.wrong}
        for name in (name for name, value in values.items() if not value and name not in wrong):
            named = name == "town" and self.text("town") is not None
            self.wrong.append(Problem("town_unknown" if named else "value_missing", name))


def _parts(written: str) -> list[str]:
    for sign in ("/", ";", "+"):
        written = written.replace(sign, ",")
    return [part.strip() for part in written.split(",") if part.strip()]


def _code(written: str, codes: type[StrEnum], words: Mapping[str, StrEnum]) -> str | None:
    known = {word(name): code.value for name, code in words.items()}
    known |= {word(code.value): code.value for code in codes}
    return known.get(word(written))


def read_person(
    mapping: ParticipantMapping, row: Row, *, kreise: Sequence[str], today: date
) -> Person | BadRow:
    """Read one row; columns that the mapping does not name are never looked at."""
    reader = _Reader(mapping, row, today)
    reference, number = reader.text("reference"), reader.text("official_number")
    if reference is None and number is None:
        reader.wrong.append(
            Problem("value_missing", "reference" if mapping.columns.reference else "official_number")
        )
    facts = _facts(reader, mapping, kreise, today)
    test = _test(reader, mapping, today)
    contact = _contact(reader, mapping)
    if reader.wrong:
        return BadRow(row, tuple(reader.wrong))
    return Person(
        row=row,
        reference=reference,
        number=number,
        facts=facts,
        test=test,
        contact=contact,
        warnings=tuple(reader.warnings),
    )


def _facts(
    reader: _Reader, mapping: ParticipantMapping, kreise: Sequence[str], today: date
) -> dict[str, Any]:
    words, defaults = mapping.values, mapping.defaults
    standing = reader.code("standing", Standing, words.standing, defaults.standing)
    route = reader.code("route", AccessRoute, words.route, defaults.route)
    types = reader.codes("course_types", CourseType, words.course_types) or list(defaults.course_types)
    town = find_town(mapping.towns, reader.postcode(), reader.text("town")) or defaults.town
    reader.require(standing=standing, route=route, course_types=types, town=town)
    kreis = (town or "")[:5]
    phase = defaults.asylum_phase or AsylumPhase.NONE
    birth = read_date(reader.cell("birth_date"), today, order=mapping.date_order)
    facts: dict[str, Any] = {
        "registered_on": reader.date("registered_on") or today.isoformat(),
        "kreis": kreis if kreis in kreise else mapping.kreis or kreis,
        "town": town,
        "entitlement": without_none(
            {
                "standing": standing,
                "route": route,
                "granted_on": reader.date("granted_on"),
                "valid_until": reader.date("valid_until"),
                "cooperation_plan": reader.yes("cooperation_plan"),
                "hours_left": reader.number("hours_left"),
            }
        ),
        "course_types": types,
        "available": reader.codes("available", TimeOfDay, words.available),
        "earliest_start": reader.date("earliest_start"),
        "needs_childcare": reader.yes("needs_childcare"),
        "needs_women_only": reader.yes("needs_women_only"),
        "needs_barrier_free": reader.yes("needs_barrier_free"),
        "youth_until": youth_until(birth if isinstance(birth, date) else None, today),
        "asylum_phase": reader.code("asylum_phase", AsylumPhase, words.asylum_phase, phase),
        "max_travel_minutes": reader.number("max_travel_minutes"),
        "family": reader.text("family"),
        "available_days": reader.codes("available_days", Weekday, words.available_days) or None,
    }
    return without_none(facts)


def _test(reader: _Reader, mapping: ParticipantMapping, today: date) -> dict[str, Any] | None:
    """Read the placement test; a level without section enters at the section after it."""
    level = reader.code("level", Level, mapping.values.level)
    if level is None:
        return None
    section = reader.number("section") or _SECTION_AFTER[Level(level)]
    return {"tested_on": reader.date("tested_on") or today.isoformat(), "level": level, "section": section}


def _contact(reader: _Reader, mapping: ParticipantMapping) -> dict[str, Any]:
    contact = {
        name: reader.text(name) for name in ("family_name", "given_name", "phone", "email", "street", "town")
    }
    if any("?" in (contact[name] or "") for name in ("family_name", "given_name")):
        reader.warnings.append(Problem("letters_lost", "family_name"))
    spoken = _languages(reader, mapping) or None
    rest = {"postcode": reader.postcode(), "birth_date": reader.date("birth_date"), "languages": spoken}
    return without_none(contact | rest)


def _languages(reader: _Reader, mapping: ParticipantMapping) -> list[str]:
    known = {word(name): code for name, code in mapping.values.languages.items()}
    found = [known.get(word(part)) for part in _parts(reader.text("languages") or "")]
    if None in found:
        reader.warnings.append(Problem("value_unmapped", "languages"))
    return [code for code in found if code is not None]
