"""Reads the municipality's table of travel times: a CSV of minutes from town to town."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from services.runtime.web.languages import Texts, msgid

HEADER = ("from_town", "to_town", "minutes")
LONGEST_WAY = 600
LARGEST_FILE = 20_000_000
"""Bytes; a Kreis with 100 towns has 10,000 ways of about 25 bytes."""
_TOWN = re.compile(r"[0-9]{8}")

Way = tuple[str, str]


@dataclass(frozen=True, slots=True)
class WrongLine:
    """A line that is not loaded, and why; the header is line 1."""

    line: int
    code: str
    """A key of TEXTS."""
    params: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """A table as read: minutes by way, and the lines that say nothing."""

    minutes: Mapping[Way, int]
    wrong: Sequence[WrongLine] = ()

    def filled(self) -> Mapping[Way, int]:
        """Return the ways about which the file says nothing, as long as the way back."""
        return {
            (there, home): minutes
            for (home, there), minutes in self.minutes.items()
            if (there, home) not in self.minutes
        }


TEXTS: Mapping[str, str] = {
    "not_utf8": msgid("The file is not written in UTF-8. Please save it again as “CSV UTF-8”."),
    "too_large": msgid("The file is too large. At most 20 MB are possible."),
    "header": msgid("The first line has to be: from_town,to_town,minutes (or with semicolons)."),
    "columns": msgid("This line has %(found)s columns, not three."),
    "town": msgid("“%(value)s” is not a key of a town: eight digits, with the leading zero."),
    "town_unknown": msgid("The town %(value)s is not known here."),
    "minutes": msgid("“%(value)s” is not a number of minutes from 0 to 600."),
    "twice": msgid("This way stands in line %(first)s already."),
    "nothing": msgid("The file has no ways."),
    "unreadable": msgid("From here on the file cannot be read: a quotation mark may be missing."),
}


def said(texts: Texts, wrong: WrongLine) -> str:
    """Return what is wrong with a line."""
    return texts.gettext(TEXTS[wrong.code]) % wrong.params


def read_travel(raw: bytes, known: Collection[str] = ()) -> Table:
    """Read a file; `known` are the towns it may name, all if empty.

    Commas or semicolons, with or without byte order mark; every wrong line is told.
    """
    if len(raw) > LARGEST_FILE:
        return Table({}, [WrongLine(1, "too_large")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Table({}, [WrongLine(raw[: error.start].count(b"\n") + 1, "not_utf8")])
    first = text.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    return _read(text, delimiter, frozenset(known))


def _read(text: str, delimiter: str, known: frozenset[str]) -> Table:
    reading = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    minutes: dict[Way, int] = {}
    lines: dict[Way, int] = {}
    wrong: list[WrongLine] = []
    try:
        header: list[str] = next(reading, [])
        if tuple(cell.strip().lower() for cell in header) != HEADER:
            return Table({}, [WrongLine(1, "header")])
        for row in reading:
            line = reading.line_num
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            fault = _fault(cells, known, lines)
            if fault is not None:
                wrong.append(WrongLine(line, *fault))
                continue
            way = (cells[0], cells[1])
            lines[way], minutes[way] = line, int(cells[2])
    except csv.Error:
        wrong.append(WrongLine(reading.line_num, "unreadable"))
    if not minutes and not wrong:
        wrong.append(WrongLine(1, "nothing"))
    return Table(minutes, wrong)


def _fault(
    cells: Sequence[str], known: frozenset[str], lines: Mapping[Way, int]
) -> tuple[str, dict[str, str | int]] | None:
    if len(cells) != len(HEADER):
        return "columns", {"found": len(cells)}
    home, there, number = cells
    for town in (home, there):
        if not _TOWN.fullmatch(town):
            return "town", {"value": town[:40]}
        if known and town not in known:
            return "town_unknown", {"value": town}
    if not (number.isascii() and number.isdigit() and len(number) < 4 and int(number) <= LONGEST_WAY):  # noqa: PLR2004
        return "minutes", {"value": number[:40]}
    if (home, there) in lines:
        return "twice", {"first": lines[home, there]}
    return None
