"""Reads a directory of towns as CSV: ags;name;postcodes;kreis;valid_from;valid_to;successor."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from services.places.domain import (
    ALWAYS,
    LAENDER,
    OPEN,
    Directory,
    Fault,
    Said,
    Town,
    is_ags,
    is_postcode,
    say,
)

COLUMNS = ("ags", "name", "postcodes", "kreis", "valid_from", "valid_to", "successor")
"""Only `ags` and `name` are needed; the others may be missing."""
INVENTED = "99"
"""Begins the keys of the demo's Kreis; no Land has it."""
_LONGEST = 200
_SEPARATORS = re.compile(r"[\s,|/]+")


def read_table(lines: Sequence[str]) -> Directory:
    """Read the rows; every wrong one is told."""
    delimiter = max(";,\t", key=lines[0].count)
    reading = csv.reader(lines, delimiter=delimiter, strict=True)
    rows = _Rows()
    try:
        header = [cell.strip().casefold() for cell in next(reading, [])]
        if (fault := _fault_of_header(header)) is not None:
            return Directory("csv", None, frozenset(), (), (fault,))
        for cells in reading:
            if any(cell.strip() for cell in cells):
                rows.take(reading.line_num, header, [cell.strip() for cell in cells])
    except csv.Error:
        what = say("from here on the file cannot be read")
        rows.faults.append(Fault(reading.line_num, 1, what, say("A quotation mark may be missing.")))
    towns = tuple(town for town, _ in rows.towns.values())
    rows.faults += _overlapping(rows.towns)
    if not towns and not rows.faults:
        rows.faults.append(Fault(1, 1, say("the file has no towns"), say("Please add a line for each town.")))
    faults = tuple(sorted(rows.faults, key=lambda one: one.line))
    return Directory("csv", None, frozenset(town.kreis for town in towns), towns, faults)


def _fault_of_header(header: Sequence[str]) -> Fault | None:
    expected = ";".join(COLUMNS)
    if not {"ags", "name"} <= set(header):
        return Fault(
            1,
            1,
            say("the first line does not name the columns"),
            say("Please begin with: %(columns)s", columns=expected),
        )
    for at, name in enumerate(header):
        if name not in COLUMNS:
            return Fault(
                1,
                at + 1,
                say("“%(name)s” is no column", name=name[:40]),
                say("The columns are: %(columns)s", columns=expected),
            )
        if name in header[:at]:
            return Fault(
                1, at + 1, say("the column %(name)s stands twice", name=name), say("Please remove one.")
            )
    return None


class _CellError(ValueError):
    """A cell cannot be used; says what is wrong and what to do."""

    def __init__(self, what: Said, todo: Said) -> None:
        super().__init__(what)
        self.what, self.todo = what, todo


@dataclass(slots=True)
class _Rows:
    """Rows read so far, by key and first day, each with its line."""

    towns: dict[tuple[str, date], tuple[Town, int]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def take(self, line: int, header: Sequence[str], cells: Sequence[str]) -> None:
        """Read a row, or note what is wrong with it."""
        if len(cells) != len(header):
            what = say("the line has %(found)s columns, not %(wanted)s", found=len(cells), wanted=len(header))
            self.faults.append(
                Fault(line, len(cells), what, say("Please check separators and quotation marks."))
            )
            return
        values, good = dict(zip(header, cells, strict=True)), True
        read: dict[str, Any] = {}
        for name, reader in _READ.items():
            try:
                read[_FIELDS.get(name, name)] = reader(values.get(name, ""))
            except _CellError as error:
                good = False
                self.faults.append(Fault(line, header.index(name) + 1, error.what, error.todo, name))
        if good:
            self._add(line, header, read)

    def _add(self, line: int, header: Sequence[str], read: Mapping[str, Any]) -> None:
        key, name = read["kreis_name"]
        town = Town(**{**read, "kreis_name": name})
        for column, what, todo in _contradictions(town, key):
            self.faults.append(Fault(line, header.index(column) + 1, what, todo, column))
            return
        _, first = self.towns.setdefault((town.ags, town.valid_from), (town, line))
        if first != line:
            what = say("the key %(key)s stands in line %(first)s already", key=town.ags, first=first)
            self.faults.append(Fault(line, 1, what, say("Please keep one of the two lines."), "ags"))


def _ags(text: str) -> str:
    if not is_ags(text):
        raise _CellError(
            say("“%(text)s” is no key of a town", text=text[:40]),
            say("Write eight digits, with the leading zero."),
        )
    if text[:2] not in LAENDER and text[:2] != INVENTED:
        raise _CellError(
            say("%(text)s begins with no Land (01 to 16)", text=text),
            say("Write the key with its leading zero."),
        )
    return text


def _name(text: str) -> str:
    if not text:
        raise _CellError(say("the name is missing"), say("Please add it."))
    if len(text) > _LONGEST:
        raise _CellError(
            say("the name is too long"), say("At most %(most)s letters are possible.", most=_LONGEST)
        )
    return text


def _kreis(text: str) -> tuple[str, str]:
    """Read key and name of the Kreis, or one of them."""
    if len(text) > _LONGEST:
        raise _CellError(
            say("the name of the Kreis is too long"),
            say("At most %(most)s letters are possible.", most=_LONGEST),
        )
    key = text[:5] if is_postcode(text[:5]) else ""  # five digits, as a postcode
    return key, text.removeprefix(key).strip()


def _postcodes(text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(part for part in _SEPARATORS.split(text) if part))
    for part in found:
        if not is_postcode(part):
            todo = say(
                "Write five digits, several apart by spaces; a spreadsheet may have dropped the first zero."
            )
            raise _CellError(say("“%(text)s” is no postcode", text=part[:40]), todo)
    return found


def _day(text: str) -> date:
    for form in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 -- a day, no time
        except ValueError:
            continue
    raise _CellError(
        say("“%(text)s” is no day", text=text[:40]), say("Write it like 2026-01-01 or 01.01.2026.")
    )


def _valid_from(text: str) -> date:
    return _day(text) if text else ALWAYS


def _valid_to(text: str) -> date:
    return _day(text) if text else OPEN


def _successors(text: str) -> tuple[str, ...]:
    return tuple(_ags(part) for part in dict.fromkeys(_SEPARATORS.split(text)) if part)


_READ: Mapping[str, Callable[[str], object]] = {
    "ags": _ags,
    "name": _name,
    "postcodes": _postcodes,
    "kreis": _kreis,
    "valid_from": _valid_from,
    "valid_to": _valid_to,
    "successor": _successors,
}


_FIELDS = {"kreis": "kreis_name", "successor": "successors"}
"""Fields of a town that are called otherwise than their columns."""


def _contradictions(town: Town, kreis: str) -> Iterator[tuple[str, Said, Said]]:
    if kreis and kreis != town.kreis:
        what = say("%(kreis)s is not the Kreis of %(town)s", kreis=kreis, town=town.ags)
        yield "kreis", what, say("Please correct one of the two keys.")
    if town.valid_to <= town.valid_from:
        todo = say("`valid_to` is the first day on which the town holds no longer. Please check both days.")
        yield "valid_to", say("the town ends before it begins"), todo
    if town.successors and town.valid_to == OPEN:
        todo = say("Please add `valid_to`, or remove it.")
        yield "successor", say("a town that goes on has no successor"), todo
    if town.ags in town.successors:
        todo = say("Please name the town it belongs to since.")
        yield "successor", say("the town is its own successor"), todo


def _overlapping(towns: Mapping[tuple[str, date], tuple[Town, int]]) -> Iterator[Fault]:
    before: Town | None = None
    for _, (town, line) in sorted(towns.items()):
        if before is not None and before.ags == town.ags and town.valid_from < before.valid_to:
            what = say("two lines of %(town)s hold on the same days", town=town.ags)
            yield Fault(line, 1, what, say("Please give the earlier one a `valid_to`."), "ags")
        before = town
