"""Reads a table from a CSV or XLSX file, whatever its encoding, delimiter and title lines; writes CSV."""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import ParseError

import openpyxl
from defusedxml import DefusedXmlException
from openpyxl.utils.exceptions import InvalidFileException

from schemas.envelope import Problem
from services.gateway.files.values import Cell, plain, word

MAX_FILE = 16 * 1024 * 1024
MAX_UNPACKED = 128 * 1024 * 1024
MAX_ROWS = 20_000
MAX_COLUMNS = 200
_MAX_PARTS = 2_000
_MAX_CELL = 32_000
_HEADER_WITHIN = 60
_KNOWN_WORDS = 3
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0"
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_DELIMITERS = ";\t,|"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number in the file, its cells by column name, and all its cells as text."""

    number: int
    cells: dict[str, Cell] = field(repr=False)
    written: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Table:
    """The header as written and the rows below it."""

    header: tuple[str, ...]
    rows: tuple[Row, ...]


def read_table(raw: bytes, known: Iterable[str]) -> Table | Problem:
    """Find the header (the first row with three known column names) and the rows below it."""
    if not raw.strip():
        return Problem("file_empty")
    if len(raw) > MAX_FILE:
        return Problem("file_too_large", params={"max_bytes": MAX_FILE})
    words = {word(name) for name in known}
    if raw.startswith(_ZIP):
        return _from_xlsx(raw, words)
    if raw.startswith(_OLE):
        return Problem("not_a_table")
    text = decode(raw)
    if text is None:
        return Problem("not_a_table")
    return _from_csv(text, words)


def decode(raw: bytes) -> str | None:
    """Decode by BOM, strict UTF-8, Windows-1252, ISO-8859-15, in this order; guessers guess wrongly."""
    for mark, encoding in _BOMS:
        if raw.startswith(mark):
            try:
                return raw.decode(encoding)
            except UnicodeDecodeError:
                return None
    if b"\x00" in raw:
        return None
    for encoding in ("utf-8", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("iso-8859-15")


def delimiter_of(text: str) -> str:
    """Return the most frequent of ; TAB , | in the first lines.

    >>> delimiter_of("a;b;c,d")
    ';'
    """
    head = "\n".join(text.splitlines()[:30])
    return max(_DELIMITERS, key=head.count)


def _from_csv(text: str, words: set[str]) -> Table | Problem:
    try:
        return _table(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text)), words)
    except csv.Error:
        return Problem("not_a_table")


def _from_xlsx(raw: bytes, words: set[str]) -> Table | Problem:
    """Read the first sheet that has a header; what it would unpack to is capped before it is unpacked."""
    try:
        if (wrong := _unpacking_problem(raw)) is not None:
            return wrong
        book = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True, keep_links=False)
    except DefusedXmlException:
        return Problem("xml_doctype")
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError, ParseError, EOFError):
        return Problem("not_a_table")
    found: Table | Problem = Problem("header_not_found")
    try:
        for sheet in book.worksheets:
            found = _table(sheet.iter_rows(values_only=True), words)
            if isinstance(found, Table) or found.code != "header_not_found":
                return found
    except (DefusedXmlException, ParseError, ValueError, KeyError, TypeError):
        return Problem("not_a_table")
    finally:
        book.close()
    return found


def _unpacking_problem(raw: bytes) -> Problem | None:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        parts = archive.infolist()
        if len(parts) > _MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
            return Problem("zip_bomb")
        if any(part.flag_bits & 1 for part in parts):
            return Problem("not_a_table")
        return Problem("zip_bomb") if _lies(archive, parts) else None


def _lies(archive: zipfile.ZipFile, parts: Sequence[zipfile.ZipInfo]) -> bool:
    """Unpack piece by piece and count: a size in the directory can be a lie."""
    left = MAX_UNPACKED
    for part in parts:
        with archive.open(part) as packed:
            while chunk := packed.read(1 << 20):
                left -= len(chunk)
                if left < 0:
                    return True
    return False


def _table(rows: Iterable[Sequence[Any]], words: set[str]) -> Table | Problem:
    header: tuple[str, ...] | None = None
    found: list[Row] = []
    limits = {"max_rows": MAX_ROWS, "max_columns": MAX_COLUMNS}
    for number, cells in enumerate(rows, start=1):
        if number > MAX_ROWS or len(cells) > MAX_COLUMNS:
            return Problem("sheet_too_large", params=limits)
        written = tuple(plain(cell)[:_MAX_CELL] for cell in cells)
        if header is not None:
            if any(written):
                found.append(Row(number, _by_name(header, cells), written))
        elif sum(word(name) in words for name in filter(None, written)) >= _KNOWN_WORDS:
            header = written
        elif number > _HEADER_WITHIN:
            break
    if header is None:
        return Problem("header_not_found")
    return Table(header, tuple(_without_legend(found))) if found else Problem("file_empty")


def _by_name(header: Sequence[str], cells: Sequence[Cell]) -> dict[str, Cell]:
    named: dict[str, Cell] = {}
    for name, cell in zip(header, cells, strict=False):
        if name:
            named.setdefault(word(name), cell)
    return named


def _without_legend(rows: Sequence[Row]) -> Iterator[Row]:
    """Leave out rows of one cell: titles between, legends and sums below."""
    for row in rows:
        if sum(1 for cell in row.written if cell) > 1:
            yield row


def guarded(cell: str) -> str:
    """Write a cell so that no spreadsheet takes it for a formula.

    >>> guarded("=1+1")
    "'=1+1"
    """
    dangerous = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
    return f"'{cell}" if cell.startswith(dangerous) else cell


def write_csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table that a German spreadsheet opens: semicolons, CRLF, formulas defused."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow([guarded(cell) for cell in header])
    for row in rows:
        writer.writerow([guarded(cell) for cell in row])
    return out.getvalue()
