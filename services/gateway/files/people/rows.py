"""Turns a row of an office's list into facts for steering and contact data for the support side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum
from typing import Any

from schemas.codes import AccessRoute, AsylumPhase, CourseType, Level, Standing, TimeOfDay, Weekday
from schemas.envelope import Problem
from schemas.offices import youth_until
from services.gateway.files.cells import Cell, Mark, NotReadable, plain
from services.gateway.files.dates import read_date
from services.gateway.files.people.mapping import ParticipantMapping
from services.gateway.files.people.tables import Row
from services.gateway.files.text import is_broken, is_broken_name, is_error, is_shortened, word
from services.gateway.files.values import Towns, read_postcode, read_whole, read_yes, without_none
from services.gateway.people.numbers import number_key

_NAMES = frozenset({"family_name", "given_name"})
_IDENTIFIERS = frozenset({"reference", "official_number", "family"})
_ROUNDED = 10**15
"""From here on spreadsheets have rounded a number."""
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


class Lookups:
    """What a mapping says, ready to be looked up for every row of a file."""

    def __init__(self, mapping: ParticipantMapping) -> None:
        self.mapping = mapping
        self.columns = {name: word(column) for name, column in mapping.named().items()}
        self.towns = Towns(mapping.towns)
        self.languages = {word(name): code for name, code in mapping.values.languages.items()}
        self._words: dict[str, dict[str, str]] = {}

    def code(self, name: str, written: str, codes: type[StrEnum], words: Mapping[str, StrEnum]) -> str | None:
        """Return the code of a word of the office, or a code as it is written; None if it is neither."""
        if name not in self._words:
            known = {word(said): code.value for said, code in words.items()}
            self._words[name] = known | {word(code.value): code.value for code in codes}
        return self._words[name].get(word(written))


class _Reader:
    """Reads the cells of one row and notes what is wrong with them."""

    def __init__(self, lookups: Lookups, row: Row, today: date, *, from_1904: bool) -> None:
        self.lookups, self._row, self._today, self._from_1904 = lookups, row, today, from_1904
        self._cells: dict[str, Cell] = {}
        self.wrong: list[Problem] = []
        self.warnings: list[Problem] = []

    def cell(self, name: str) -> Cell:
        """Return a cell that holds a value; an error of a spreadsheet is told once and is none."""
        if name not in self._cells:
            column = self.lookups.columns.get(name)
            self._cells[name] = self._usable(
                name, self._row.cells.get(column) if column is not None else None
            )
        return self._cells[name]

    def _usable(self, name: str, cell: Cell) -> Cell:
        if isinstance(cell, Mark):
            self.wrong.append(Problem(cell.value, name))
            return None
        if not isinstance(cell, str):
            return cell
        if is_error(plain(cell)):
            self._note(name, Mark.ERROR.value)
            return None
        if is_broken_name(cell) if name in _NAMES else is_broken(cell):
            self.wrong.append(Problem("text_broken", name))
            return None
        return cell

    def _note(self, name: str, code: str) -> None:
        """Refuse the row if the value tells who somebody is; otherwise leave the value out and say so."""
        (self.wrong if name in _IDENTIFIERS else self.warnings).append(Problem(code, name))

    def text(self, name: str) -> str | None:
        cell = self.cell(name)
        if isinstance(cell, date | time):
            self._note(name, "value_became_date")
        elif is_shortened(plain(cell)) or (isinstance(cell, int | float) and abs(cell) >= _ROUNDED):
            self._note(name, "number_shortened")
        else:
            return plain(cell) or None
        self._cells[name] = None
        return None

    def iso_day(self, name: str) -> str | None:
        value = self.day(name)
        return value.isoformat() if value is not None else None

    def day(self, name: str) -> date | None:
        birth, order = name == "birth_date", self.lookups.mapping.date_order
        value = read_date(self.cell(name), self._today, order=order, birth=birth, from_1904=self._from_1904)
        if not isinstance(value, NotReadable):
            return value
        self._cells[name] = None
        if value.code != "date_incomplete":
            self.wrong.append(Problem(value.code, name))
        elif birth:
            # A birth date without day belongs to nobody's steering: the row is still good.
            self.warnings.append(Problem(value.code, name))
        else:
            self.wrong.append(Problem("value_unreadable", name))
        return None

    def number(self, name: str) -> int | None:
        value = read_whole(self.cell(name))
        if isinstance(value, NotReadable):
            self.wrong.append(Problem(value.code, name))
            return None
        return value

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
            self._cells["postcode"] = None
            return None
        return value

    def code(
        self, name: str, codes: type[StrEnum], words: Mapping[str, StrEnum], default: str | None = None
    ) -> str | None:
        written = self.text(name)
        if written is None:
            return default
        found = self.lookups.code(name, written, codes, words)
        if found is None:
            self.wrong.append(Problem("value_unmapped", name))
        return found or default

    def codes(self, name: str, codes: type[StrEnum], words: Mapping[str, StrEnum]) -> list[str]:
        written = self.text(name)
        if written is None:
            return []
        whole = self.lookups.code(name, written, codes, words)
        if whole is not None:
            return [whole]
        found = [self.lookups.code(name, part, codes, words) for part in _parts(written)]
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


def read_person(
    lookups: Lookups, row: Row, *, kreise: Sequence[str], today: date, from_1904: bool = False
) -> Person | BadRow:
    """Read one row; columns that the mapping does not name are never looked at."""
    if row.problems:
        return BadRow(row, row.problems)
    reader = _Reader(lookups, row, today, from_1904=from_1904)
    mapping = lookups.mapping
    reference, number = reader.text("reference"), reader.text("official_number")
    if number is not None and not number_key(number):
        reader.wrong.append(Problem("value_unreadable", "official_number"))
    elif reference is None and number is None and not reader.wrong:
        reader.wrong.append(
            Problem("value_missing", "reference" if mapping.columns.reference else "official_number")
        )
    facts = _facts(reader, mapping, kreise, today)
    test = _test(reader, mapping, today)
    contact = _contact(reader)
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
    town = reader.lookups.towns.find(reader.postcode(), reader.text("town")) or defaults.town
    reader.require(standing=standing, route=route, course_types=types, town=town)
    kreis = (town or "")[:5]
    phase = defaults.asylum_phase or AsylumPhase.NONE
    facts: dict[str, Any] = {
        "registered_on": reader.iso_day("registered_on") or today.isoformat(),
        "kreis": kreis if kreis in kreise else mapping.kreis or kreis,
        "town": town,
        "entitlement": without_none(
            {
                "standing": standing,
                "route": route,
                "granted_on": reader.iso_day("granted_on"),
                "valid_until": reader.iso_day("valid_until"),
                "cooperation_plan": reader.yes("cooperation_plan"),
                "hours_left": reader.number("hours_left"),
            }
        ),
        "course_types": types,
        "available": reader.codes("available", TimeOfDay, words.available),
        "earliest_start": reader.iso_day("earliest_start"),
        "needs_childcare": reader.yes("needs_childcare"),
        "needs_women_only": reader.yes("needs_women_only"),
        "needs_barrier_free": reader.yes("needs_barrier_free"),
        "youth_until": youth_until(reader.day("birth_date"), today),
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
    return {"tested_on": reader.iso_day("tested_on") or today.isoformat(), "level": level, "section": section}


def _contact(reader: _Reader) -> dict[str, Any]:
    contact = {
        name: reader.text(name) for name in ("family_name", "given_name", "phone", "email", "street", "town")
    }
    if any("?" in (contact[name] or "") for name in ("family_name", "given_name")):
        reader.warnings.append(Problem("letters_lost", "family_name"))
    if (contact["phone"] or "")[:1] in {*"123456789"}:
        reader.warnings.append(Problem("phone_without_zero", "phone"))
    spoken = _languages(reader) or None
    rest = {"postcode": reader.postcode(), "birth_date": reader.iso_day("birth_date"), "languages": spoken}
    return without_none(contact | rest)


def _languages(reader: _Reader) -> list[str]:
    found = [reader.lookups.languages.get(word(part)) for part in _parts(reader.text("languages") or "")]
    if None in found:
        reader.warnings.append(Problem("value_unmapped", "languages"))
    return [code for code in found if code is not None]
