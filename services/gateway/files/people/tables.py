"""Finds the table in a CSV or XLSX file: its header, whatever stands above it, and the rows below."""

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from schemas.envelope import Problem
from services.gateway.files.cells import Cell, Mark, plain
from services.gateway.files.formats import ZIP, UnreadableFileError, other_format
from services.gateway.files.people.delimited import checked_width, decode, text_rows
from services.gateway.files.people.sheet import GridRow, Looks, mark_merged, sheet_rows
from services.gateway.files.people.workbook import SheetPart, Workbook, open_workbook
from services.gateway.files.text import word

MAX_FILE = 16 * 1024 * 1024
MAX_ROWS = 20_000
MAX_COLUMNS = 200
_MAX_LINES = 200_000
_MAX_CELL = 32_000
_HEADER_WITHIN = 60
_KNOWN_WORDS = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number in the file, all its cells as text, and its cells by column name."""

    number: int
    written: tuple[str, ...] = field(repr=False)
    cells: Mapping[str, Cell] = field(default_factory=dict, repr=False)
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """The header as written, the rows below it, and what is odd about the file."""

    header: tuple[str, ...]
    rows: tuple[Row, ...]
    problems: tuple[Problem, ...] = ()
    skipped: tuple[int, ...] = ()
    """Numbers of rows that are no people: one filled cell, or the header again."""
    from_1904: bool = False
    """Numbers that are dates count from 1904."""

    @property
    def columns(self) -> frozenset[str]:
        """Return the names of the columns, reduced as by `word`."""
        return frozenset(filter(None, map(word, self.header)))


def read_table(raw: bytes, columns: Mapping[str, str], sheet: str | None = None) -> Table | Problem:
    """Find the header (the first row with three known column names) and the rows below it.

    `columns` names the column of each field; `sheet` a sheet, if a workbook has several lists.
    """
    if not raw.strip():
        return Problem("file_empty")
    if len(raw) > MAX_FILE:
        return Problem("file_too_large", params={"max_bytes": MAX_FILE})
    try:
        if raw.startswith(ZIP):
            return _from_xlsx(raw, columns, sheet)
        if (other := other_format(raw)) is not None:
            return other
        return _from_text(raw, columns)
    except UnreadableFileError as error:
        return error.problem


def _from_text(raw: bytes, columns: Mapping[str, str]) -> Table | Problem:
    text = decode(raw)
    if text is None:
        return Problem("not_a_table")
    words = _words(columns)
    rows = list(islice((row for row in text_rows(text, words) if row.cells or row.problems), _MAX_LINES + 1))
    at = _header_at((row.cells for row in rows), words)
    if at is None:
        return Problem("header_not_found")
    header = rows[at].cells
    below = [GridRow(row.number, list(row.cells)) for row in rows[at + 1 :]]
    checked = checked_width(rows[at + 1 :], rows[at].width)
    problems = {row.number: row.problems for row in checked if row.problems}
    return _table(header, below, columns, problems)


def _from_xlsx(raw: bytes, columns: Mapping[str, str], wanted: str | None) -> Table | Problem:
    try:
        book = open_workbook(raw)
        chosen = _sheet(book, _words(columns), wanted)
        return chosen if isinstance(chosen, Problem) else _from_sheet(book, chosen, columns)
    except zipfile.BadZipFile:
        return Problem("file_damaged")


def _sheet(book: Workbook, words: frozenset[str], wanted: str | None) -> SheetPart | Problem:
    """Choose the one sheet that people see and that has the header; ask if there are several."""
    if wanted is not None:
        named = [sheet for sheet in book.sheets if word(sheet.name) == word(wanted)]
        return named[0] if len(named) == 1 else Problem("sheet_not_found")
    lists = [sheet for sheet in book.sheets if _has_header(book, sheet, words)]
    seen = [sheet for sheet in lists if sheet.visible]
    if len(seen) == 1:
        return seen[0]
    if seen:
        return Problem("sheets_several", params={"number": len(seen)})
    return Problem("sheet_hidden" if lists else "header_not_found")


def _has_header(book: Workbook, sheet: SheetPart, words: frozenset[str]) -> bool:
    head = islice(sheet_rows(book, sheet, Looks()), _HEADER_WITHIN + 1)
    return _header_at((row.cells for row in head), words) is not None


def _from_sheet(book: Workbook, sheet: SheetPart, columns: Mapping[str, str]) -> Table | Problem:
    looks = Looks()
    rows = list(islice(sheet_rows(book, sheet, looks), MAX_ROWS + _HEADER_WITHIN + 1))
    if len(rows) > MAX_ROWS + _HEADER_WITHIN:
        return _too_large()
    at = _header_at((row.cells for row in rows), _words(columns))
    if at is None:
        return Problem("header_not_found")
    below = rows[at + 1 :]
    mark_merged(below, looks)
    hidden = {row.number: (Problem("row_hidden"),) for row in below if row.hidden}
    table = _table(rows[at].cells, below, columns, hidden, from_1904=book.from_1904)
    if isinstance(table, Problem) or not looks.hidden_columns:
        return table
    unseen = {word(table.header[column]) for column in looks.hidden_columns if column < len(table.header)}
    told = [Problem("column_hidden", name) for name, column in columns.items() if word(column) in unseen]
    return Table(table.header, table.rows, (*table.problems, *told), table.skipped, from_1904=table.from_1904)


def _words(columns: Mapping[str, str]) -> frozenset[str]:
    return frozenset(map(word, columns.values())) - {""}


def _header_at(rows: Iterable[Sequence[Cell]], words: frozenset[str]) -> int | None:
    """Return the place of the first row that names three of the columns, or all if there are fewer."""
    needed = min(_KNOWN_WORDS, len(words))
    for at, cells in enumerate(rows):
        if at > _HEADER_WITHIN:
            return None
        named = {word(plain(cell)[:_MAX_CELL]) for cell in cells[: MAX_COLUMNS + 1]}
        if len(named & words) >= needed > 0:
            return at
    return None


def _too_large() -> Problem:
    return Problem("sheet_too_large", params={"max_rows": MAX_ROWS, "max_columns": MAX_COLUMNS})


def _table(
    header: Sequence[Cell],
    below: Sequence[GridRow],
    columns: Mapping[str, str],
    problems: Mapping[int, tuple[Problem, ...]],
    *,
    from_1904: bool = False,
) -> Table | Problem:
    if len(below) > MAX_ROWS or len(header) > MAX_COLUMNS:
        return _too_large()
    names = [word(plain(cell)) for cell in header]
    known = _words(columns) & set(names)
    telling = next(at for at, name in enumerate(names) if name in known)
    rows: list[Row] = []
    skipped: list[int] = []
    for row in below:
        if any(cell not in (None, "") for cell in row.cells[MAX_COLUMNS:]):
            return _too_large()
        written = tuple(plain(cell)[:_MAX_CELL] for cell in row.cells[:MAX_COLUMNS])
        filled = sum(1 for cell in written if cell)
        again = word("".join(written[telling : telling + 1])) in known and known <= set(map(word, written))
        told = problems.get(row.number, ())
        if (filled < min(2, len(known)) and not told) or again:
            skipped += [row.number] if filled else []
            continue
        rows.append(Row(row.number, written, _by_name(names, row.cells), told))
    if not rows:
        return Problem("file_empty")
    twice = [
        Problem("column_twice", name) for name, column in columns.items() if names.count(word(column)) > 1
    ]
    return Table(tuple(plain(cell) for cell in header), tuple(rows), tuple(twice), tuple(skipped), from_1904)


def _by_name(names: Sequence[str], cells: Sequence[Cell]) -> dict[str, Cell]:
    """Return the cells by column; where two columns have one name, the value that both of them allow."""
    named: dict[str, Cell] = {}
    for name, cell in zip(names, cells, strict=False):
        if not name or (name in named and not plain(cell)):
            continue
        before = named.get(name)
        same = name not in named or not plain(before) or plain(before) == plain(cell)
        named[name] = cell if same else Mark.CONFLICT
    return named
