"""Reads the rows of one sheet of a workbook, as people see them."""

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from xml.etree.ElementTree import Element

from schemas.envelope import Problem
from services.gateway.files.cells import Cell, Mark
from services.gateway.files.formats import UnreadableFileError
from services.gateway.files.people.workbook import Format, SheetPart, Workbook, name_of, rich_text
from services.gateway.files.text import unescaped

_LAST_ROW = 1_048_576
_MOST_COLUMNS = 16_384
_REFERENCE = re.compile(r"^\$?([A-Z]{1,3})\$?([0-9]{1,7})$", re.IGNORECASE)
_DIGITS = re.compile(r"^[0-9]{1,7}$")
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - a workbook knows no zones
_EPOCH_1904 = datetime(1904, 1, 1)  # noqa: DTZ001
_DAYS = 2_958_466
_MOST_MERGES = 200_000
_NO_FORMAT = Format()


@dataclass(slots=True)
class GridRow:
    """One row: its number as people see it, and its cells from the first column on."""

    number: int
    cells: list[Cell]
    hidden: bool = False


@dataclass(slots=True)
class Looks:
    """What a sheet says about itself beside its cells; merges are known after its rows were read."""

    hidden_columns: set[int] = field(default_factory=set)
    merges: list[tuple[int, int, int, int]] = field(default_factory=list)
    """First row, first column, last row, last column; columns count from 0."""


def sheet_rows(book: Workbook, sheet: SheetPart, looks: Looks) -> Iterator[GridRow]:
    """Read the rows that hold anything.

    Raises:
        UnreadableFileError: the sheet is damaged or too large.
    """
    last = 0
    for element in book.elements(sheet.path, "row", "col", "mergeCell"):
        match name_of(element):
            case "row":
                number = _whole(element.get("r"))
                last = number if number is not None and last < number <= _LAST_ROW else last + 1
                cells = _cells(book, element)
                if any(cell is not None and cell != "" for cell in cells):
                    yield GridRow(last, cells, hidden=_is_true(element.get("hidden")))
            case "col":
                if _is_true(element.get("hidden")):
                    first, stop = _whole(element.get("min")) or 1, _whole(element.get("max")) or 0
                    looks.hidden_columns.update(range(first - 1, min(stop, _MOST_COLUMNS)))
            case _:
                _merge(looks, element.get("ref") or "")


def _merge(looks: Looks, ref: str) -> None:
    first, _, second = ref.partition(":")
    start, end = place(first), place(second or first)
    if start is not None and end is not None:
        looks.merges.append((start[0], start[1], end[0], end[1]))
    if len(looks.merges) > _MOST_MERGES:
        raise UnreadableFileError(Problem("zip_bomb"))


def mark_merged(rows: list[GridRow], looks: Looks) -> None:
    """Mark the cells that lie under a merged one: people see its value there, the file holds none.

    Raises:
        UnreadableFileError: more cells are merged than a list of people has.
    """
    numbers = [row.number for row in rows]
    left = _MOST_MERGES
    for top, first, bottom, last in looks.merges:
        for row in rows[bisect_left(numbers, top) : bisect_right(numbers, bottom)]:
            for column in range(first, min(last + 1, len(row.cells))):
                left -= 1
                if (row.number, column) != (top, first):
                    row.cells[column] = Mark.MERGED
        if left < 0:
            raise UnreadableFileError(Problem("zip_bomb"))


def place(reference: str) -> tuple[int, int] | None:
    """Return row and column (from 0) of a cell's reference; None if it is none.

    >>> place("AA10")
    (10, 26)
    """
    match = _REFERENCE.match(reference)
    if match is None:
        return None
    column = 0
    for letter in match[1].upper():
        column = column * 26 + ord(letter) - 64
    return int(match[2]), column - 1


def _cells(book: Workbook, row: Element) -> list[Cell]:
    cells: list[Cell] = []
    at = -1
    for element in row:
        if name_of(element) != "c":
            continue
        found = place(element.get("r") or "")
        at = found[1] if found is not None and found[1] < _MOST_COLUMNS else at + 1
        value = _value(book, element)
        if value is None or at >= _MOST_COLUMNS:
            continue
        cells.extend([None] * (at + 1 - len(cells)))
        cells[at] = value
    return cells


def _value(book: Workbook, cell: Element) -> Cell:  # noqa: PLR0911 - one return for each kind of cell
    written: str | None = None
    formula = False
    for child in cell:
        match name_of(child):
            case "v":
                written = child.text or ""
            case "f":
                formula = True
            case "is":
                return rich_text(child)
            case _:
                pass
    if written is None:
        return Mark.NOT_CALCULATED if formula else None
    match cell.get("t") or "n":
        case "s":
            number = _whole(written)
            known = number is not None and number < len(book.strings)
            return book.strings[number] if known and number is not None else Mark.UNREADABLE
        case "e":
            return written.strip() if written.strip().startswith("#") else "#ERROR!"
        case "b":
            return written.strip().lower() in {"1", "true"}
        case "n":
            return _number(book, written.strip(), cell.get("s"))
        case _:  # str, inlineStr, d: a date as ISO 8601 is read like any other text
            return unescaped(written)


def _number(book: Workbook, written: str, style: str | None) -> Cell:
    if not written:
        return None
    try:
        number = float(written)
    except ValueError:
        return Mark.UNREADABLE
    if not math.isfinite(number):
        return Mark.UNREADABLE
    index = _whole(style)
    shown = book.formats[index] if index is not None and index < len(book.formats) else _NO_FORMAT
    if shown.date:
        return _moment(number, from_1904=book.from_1904)
    if number.is_integer():
        return f"{int(number):0{shown.width}d}" if shown.width and number >= 0 else int(number)
    return number


def _moment(serial: float, *, from_1904: bool) -> date | datetime | time | Mark:
    if not 0 <= serial < _DAYS:
        return Mark.UNREADABLE
    try:
        moment = (_EPOCH_1904 if from_1904 else _EPOCH) + timedelta(seconds=round(serial * 86_400))
    except OverflowError:
        return Mark.UNREADABLE
    if serial < 1:
        return moment.time()
    return moment if moment.time() != time() else moment.date()


def _whole(written: str | None) -> int | None:
    written = (written or "").strip()
    return int(written) if _DIGITS.match(written) else None


def _is_true(written: str | None) -> bool:
    return (written or "").strip().lower() in {"1", "true", "on"}
