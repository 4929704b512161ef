"""Reads rows from text with delimiters, whatever its encoding and delimiter, and tells broken lines."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from schemas.envelope import Problem
from services.gateway.files.cells import Cell
from services.gateway.files.text import word
from services.runtime.base.cells import unguarded

DELIMITERS = ";\t,|"
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_LINE = re.compile(rb"\r\n|\r|\n")
_LONGEST_VALUE = 50
"""Lines that a value in quotes may run over; an address has five."""
_HEADER_WITHIN = 60
_MOST_PARTS = 4
_SAMPLE = 4096
_SHORTEST = 16
"""Bytes in which zeros can be told from those of UTF-16."""


@dataclass(frozen=True, slots=True)
class TextRow:
    """One row: the number of its first line, its cells, and what is wrong with the line itself."""

    number: int
    cells: tuple[Cell, ...]
    """Up to the last one that is filled."""
    width: int
    """Number of cells, also of those left empty at the end."""
    problems: tuple[Problem, ...] = field(default=())


def decode(raw: bytes) -> str | None:
    """Decode by BOM, UTF-8, Windows-1252, in this order; guessers guess wrongly. None: it is no text.

    What cannot be decoded becomes U+FFFD, which is never stored: the row is told.
    """
    for mark, encoding in _BOMS:
        if raw.startswith(mark):
            body = raw[len(mark) :]
            return _utf8_or(body) if encoding == "utf-8" else body.decode(encoding, "replace")
    if b"\x00" in raw:
        return _utf16_without_mark(raw)
    return _utf8_or(raw)


def _utf16_without_mark(raw: bytes) -> str | None:
    sample = raw[:_SAMPLE] if len(raw) > _SHORTEST else b""
    odd, even = sample[1::2].count(0), sample[::2].count(0)
    most = len(sample) // 2
    if odd > most * 0.6 > even:
        return raw.decode("utf-16-le", "replace")
    if even > most * 0.6 > odd:
        return raw.decode("utf-16-be", "replace")
    return None


def _utf8_or(raw: bytes) -> str:
    """Decode UTF-8; in a file of two encodings, the lines of the rarer one are told instead of guessed."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    good = bad = 0
    for line in _LINE.split(raw):
        if not line.isascii():
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                bad += 1
            else:
                good += 1
    return raw.decode("utf-8" if good >= bad else "cp1252", "replace")


def text_rows(text: str, words: frozenset[str]) -> Iterator[TextRow]:
    """Read the rows of a text, numbered by their first line."""
    lines = list(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    start = 0
    delimiter = None
    if lines and (match := re.match(r"^\"?sep=(.)\"?\s*$", lines[0], re.IGNORECASE | re.DOTALL)):
        delimiter, start = match[1], 1
    yield from _records(lines, start, delimiter or delimiter_of(lines, words))


def delimiter_of(lines: Sequence[str], words: frozenset[str]) -> str:
    r"""Return the delimiter by which one of the first lines becomes a header; else the most frequent one.

    >>> delimiter_of(["a;b,c", "1;x, y, z"], frozenset({"a"})), delimiter_of(["a\tb"], frozenset())
    (';', '\t')
    """
    head = [line[:_SAMPLE] for line in lines[:_HEADER_WITHIN]]

    def known(line: str, delimiter: str) -> int:
        return sum(word(cell) in words for cell in line.split(delimiter))

    def fitness(delimiter: str) -> tuple[int, int]:
        return max((known(line, delimiter) for line in head), default=0), sum(
            line.count(delimiter) for line in head[:30]
        )

    return max(DELIMITERS, key=fitness)


def _records(lines: Sequence[str], start: int, delimiter: str) -> Iterator[TextRow]:
    at = start
    while at < len(lines):
        line = lines[at]
        if '"' not in line:
            yield _row(at, line.rstrip("\r\n").split(delimiter))
            at += 1
            continue
        reader = csv.reader(lines[at : at + _LONGEST_VALUE], delimiter=delimiter, strict=True)
        try:
            found = next(reader)
            used = reader.line_num
        except (csv.Error, StopIteration):
            found, used = None, 1
        if found is None or (used > 1 and _swallows(found, delimiter)):
            yield _row(at, line.rstrip("\r\n").split(delimiter), Problem("quote_stray"))
            at += 1
        else:
            yield _row(at, found)
            at += used


def _swallows(cells: Sequence[str], delimiter: str) -> bool:
    """Return whether a value in quotes holds parts of rows: then its first quotation mark was a stray one."""
    return any(
        line.count(delimiter) >= max(2, len(cells) // 2)
        for cell in cells
        if "\n" in cell or "\r" in cell
        for line in cell.splitlines()
    )


def _row(at: int, written: Sequence[str], *problems: Problem) -> TextRow:
    """Take away the apostrophes by which our own lists of refused rows keep spreadsheets from calculating."""
    cells = [unguarded(cell) for cell in written]
    while cells and not cells[-1].strip():
        cells.pop()
    return TextRow(at + 1, tuple(cells), len(written), problems)


def checked_width(rows: Sequence[TextRow], width: int) -> list[TextRow]:
    """Tell rows with more cells than the header, and rows that were broken in two by a line break.

    `rows` follow the header; cells after the last filled one do not count.
    """
    checked: list[TextRow] = []
    at = 0
    while at < len(rows):
        row = rows[at]
        if len(row.cells) > width:
            checked.append(replace(row, problems=(*row.problems, Problem("cells_too_many"))))
            at += 1
            continue
        parts = _parts_of_one(rows, at, width)
        problems = (Problem("line_broken"),) if parts > 1 else ()
        checked += [replace(part, problems=(*part.problems, *problems)) for part in rows[at : at + parts]]
        at += parts
    return checked


def _parts_of_one(rows: Sequence[TextRow], at: int, width: int) -> int:
    """Return how many rows from here on are the pieces of one row of full width."""
    total = 0
    for parts in range(1, _MOST_PARTS + 1):
        if at + parts > len(rows):
            break
        row = rows[at + parts - 1]
        if row.problems or not 0 < len(row.cells) < width or row.number != rows[at].number + parts - 1:
            break
        total += len(row.cells)
        if parts > 1 and total - (parts - 1) == width:
            return parts
    return 1
