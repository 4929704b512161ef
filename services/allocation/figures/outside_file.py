"""Reads a file of outside counts: source;day;group;count, a line for each town or group."""

import csv
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from services.allocation.figures.outside import GROUPS, MOST, OutsideCount
from services.runtime.web.languages import day_of, msgid
from services.texts.figures import TOWN

COLUMNS = ("source", "day", "group", "count")
LARGEST = 512 * 1024
"""Bytes of a file; a Kreis has at most some hundred towns."""
MOST_LINES = 5_000
SHOWN = 20
"""So many mistakes are told."""
_HEADS: Mapping[str, str] = {
    "quelle": "source",
    "stichtag": "day",
    "tag": "day",
    "gruppe": "group",
    "ort": "group",
    "gemeinde": "group",
    "anzahl": "count",
    **{name: name for name in COLUMNS},
}
_GROUPS: Mapping[str, str] = {
    "alle": "registered",
    "all": "registered",
    "verpflichtet": "obliged",
    "unter 27": "young",
    "unter-27": "young",
    "alphabetisierung": "literacy",
    "kinderbetreuung": "childcare_needed",
    **{name: name for name in GROUPS},
}
_COUNT = re.compile(r"\d{1,3}(?:[. ]\d{3})+|\d+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong in a line (and column), and what to do; msgids with their values."""

    line: int
    column: int
    what: str
    todo: str
    values: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OutsideFile:
    """What a file says; with mistakes nothing of it is taken."""

    counts: tuple[OutsideCount, ...]
    mistakes: tuple[Mistake, ...]
    more: int = 0
    """Mistakes beyond those listed."""


class _CellError(ValueError):
    def __init__(self, what: str, todo: str, **values: str | int) -> None:
        super().__init__(what)
        self.what, self.todo, self.values = what, todo, values


def read(raw: bytes, towns: Mapping[str, str], today: date) -> OutsideFile:
    """Read a file; `towns`: the names of the Kreis's towns by key."""
    text = _text(raw)
    if isinstance(text, Mistake):
        return OutsideFile((), (text,))
    lines = text.splitlines()
    if len(lines) > MOST_LINES + 1:
        what = msgid("the file has more than %(most)s lines")
        return OutsideFile((), (Mistake(MOST_LINES + 2, 1, what, _RIGHT_ONE, {"most": MOST_LINES}),))
    delimiter = max(";,\t", key=lines[0].count) if lines else ";"
    reading = csv.reader(lines, delimiter=delimiter, strict=True)
    rows = _Rows(_finder(towns), today)
    try:
        columns = _columns(next(reading, []))
        if isinstance(columns, Mistake):
            return OutsideFile((), (columns,))
        for cells in reading:
            if any(cell.strip() for cell in cells):
                rows.take(reading.line_num, columns, [cell.strip() for cell in cells])
    except csv.Error:
        what = msgid("from here on the file cannot be read")
        rows.mistakes.append(Mistake(reading.line_num, 1, what, msgid("A quotation mark may be missing.")))
    if not rows.found and not rows.mistakes:
        what = msgid("the file has no counts")
        rows.mistakes.append(Mistake(1, 1, what, msgid("Please add a line for each town or group.")))
    counts = () if rows.mistakes else tuple(one for one, _ in rows.found.values())
    return OutsideFile(counts, tuple(rows.mistakes[:SHOWN]), max(0, len(rows.mistakes) - SHOWN))


_RIGHT_ONE = msgid("Is it the right file?")


def _text(raw: bytes) -> str | Mistake:
    if len(raw) > LARGEST:
        return Mistake(1, 1, msgid("the file is larger than half a megabyte"), _RIGHT_ONE)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")  # what German spreadsheets save as CSV
    if "\0" in text:
        return Mistake(1, 1, msgid("the file is no table"), msgid("Please save it as CSV."))
    return unicodedata.normalize("NFC", text)


def _columns(header: Sequence[str]) -> Sequence[str] | Mistake:
    found = []
    for at, cell in enumerate(header):
        name = _HEADS.get(cell.strip().casefold())
        if name is None:
            what = msgid("“%(name)s” is no column")
            return Mistake(1, at + 1, what, _HEADER, {"name": cell.strip()[:40]})
        if name in found:
            return Mistake(1, at + 1, msgid("this column stands twice"), _HEADER)
        found.append(name)
    if set(found) != set(COLUMNS):
        return Mistake(1, 1, msgid("the first line does not name the columns"), _HEADER)
    return found


_HEADER = msgid("Please begin with: quelle;stichtag;gruppe;anzahl")


def _finder(towns: Mapping[str, str]) -> Callable[[str], str]:
    by_name: dict[str, list[str]] = {}
    for ags, name in towns.items():
        by_name.setdefault(name.casefold(), []).append(ags)

    def find(cell: str) -> str:
        if cell.casefold() in _GROUPS:
            return _GROUPS[cell.casefold()]
        keys = [cell] if cell in towns else by_name.get(cell.casefold(), [])
        if len(keys) == 1:
            return f"{TOWN}{keys[0]}"
        if keys:
            raise _CellError(
                msgid("several towns have the name “%(name)s”"),
                msgid("Please write the key of eight digits."),
                name=cell[:60],
            )
        raise _CellError(
            msgid("“%(name)s” is neither a town of the Kreis nor a group"),
            msgid(
                "Please write the name or the key of a town, or: alle, verpflichtet, unter-27,"
                " alphabetisierung, kinderbetreuung."
            ),
            name=cell[:60],
        )

    return find


@dataclass(slots=True)
class _Rows:
    """Lines read so far."""

    find: Callable[[str], str]
    today: date
    found: dict[tuple[str, date, str], tuple[OutsideCount, int]] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def take(self, line: int, columns: Sequence[str], cells: Sequence[str]) -> None:
        """Read a line, or note all that is wrong with it."""
        if len(cells) != len(columns):
            what = msgid("the line has %(found)s columns, not %(wanted)s")
            todo = msgid("Please check separators and quotation marks.")
            values = {"found": len(cells), "wanted": len(columns)}
            self.mistakes.append(Mistake(line, min(len(cells), len(columns)), what, todo, values))
            return
        read: dict[str, object] = {}
        for name, cell in zip(columns, cells, strict=True):
            try:
                read[name] = getattr(self, f"_{name}")(cell)
            except _CellError as error:
                at = columns.index(name) + 1
                self.mistakes.append(Mistake(line, at, error.what, error.todo, error.values))
        if len(read) < len(columns):
            return
        source, day, population, people = (read[name] for name in COLUMNS)
        assert isinstance(source, str)  # noqa: S101 - by the readers below
        assert isinstance(day, date)  # noqa: S101
        assert isinstance(population, str)  # noqa: S101
        assert isinstance(people, int)  # noqa: S101
        one = OutsideCount(source, day, population, people)
        _, first = self.found.setdefault((source, day, population), (one, line))
        if first != line:
            what = msgid("the same source, day and group stand in line %(first)s already")
            todo = msgid("Please remove one of the lines.")
            self.mistakes.append(Mistake(line, columns.index("group") + 1, what, todo, {"first": first}))

    def _source(self, cell: str) -> str:
        text = " ".join(cell.split())
        if not text or not text.isprintable() or len(text) > 120:  # noqa: PLR2004 - as in the database
            raise _CellError(
                msgid("the source is missing or too long"), msgid("Please name it in at most 120 characters.")
            )
        return text

    def _day(self, cell: str) -> date:
        day = day_of(cell)
        if day is None or day.year < 1990 or day > self.today:  # noqa: PLR2004 - no source is older
            raise _CellError(
                msgid("“%(day)s” is no day until today"),
                msgid("Please write the day like 31.12.2025."),
                day=cell[:40],
            )
        return day

    def _group(self, cell: str) -> str:
        return self.find(cell)

    def _count(self, cell: str) -> int:
        number = int(re.sub(r"[. ]", "", cell)) if len(cell) < 15 and _COUNT.fullmatch(cell) else -1  # noqa: PLR2004
        if not 0 <= number <= MOST:
            raise _CellError(
                msgid("“%(count)s” is no number of people"),
                msgid("Please write a whole number from 0 on, without a sign."),
                count=cell[:40],
            )
        return number
