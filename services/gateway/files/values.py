"""Reads dates, numbers, words and places as German offices and programs write them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

_ISO = re.compile(r"^(\d{4})-(\d{2})-(\d{2})")
_POINTS = re.compile(r"^(\d{1,2})\.(\d{1,2})\.(\d{4}|\d{2})$")
_SLASHES = re.compile(r"^(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})$")
_NUMBER = re.compile(r"^-?\d{1,3}(?:\.\d{3})+(?:,\d+)?$|^-?\d+(?:,\d+)?$|^-?\d+\.\d+$")
_EXCEL_ZERO = date(1899, 12, 30)
_EXCEL_DAYS = range(1, 110_000)
_YES = frozenset({"ja", "j", "x", "1", "wahr", "true", "yes", "y"})
_NO = frozenset({"nein", "n", "0", "falsch", "false", "no", "-"})
_CENTURY = 100
_MONTHS = 12

Cell = str | int | float | bool | date | datetime | None


@dataclass(frozen=True, slots=True)
class NotReadable:
    """A value that cannot be read: why, as a code of the catalogue."""

    code: str = "value_unreadable"


def plain(cell: Cell) -> str:
    """Write a cell as text, without the spaces people leave."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return " ".join(str(cell).split())


def read_date(  # noqa: PLR0911 - one return for each way to write a date
    cell: Cell, today: date, *, order: str | None = None
) -> date | NotReadable | None:
    """Read a date; `order` decides what 01/12/2027 means, and without it that is ambiguous.

    >>> read_date("1.1.85", date(2027, 1, 1))
    datetime.date(1985, 1, 1)
    """
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return _excel(cell)
    written = plain(cell)
    if not written:
        return None
    if written.isdigit() and len(written) == 5:  # noqa: PLR2004 - a date serial saved as text
        return _excel(int(written))
    if match := _ISO.match(written):
        return _date(int(match[1]), int(match[2]), int(match[3]))
    if match := _POINTS.match(written):
        return _date(_year(match[3], today), int(match[2]), int(match[1]))
    if match := _SLASHES.match(written):
        return _slashed(int(match[1]), int(match[2]), _year(match[3], today), order)
    return NotReadable()


def _slashed(first: int, second: int, year: int, order: str | None) -> date | NotReadable:
    if order == "month_first" or (order is None and second > _MONTHS):
        return _date(year, first, second)
    if order == "day_first" or first > _MONTHS or first == second:
        return _date(year, second, first)
    return NotReadable("date_ambiguous")


def _excel(serial: float) -> date | NotReadable:
    days = int(serial)
    return _EXCEL_ZERO + timedelta(days=days) if days in _EXCEL_DAYS else NotReadable()


def _year(written: str, today: date) -> int:
    year = int(written)
    if len(written) > 2:  # noqa: PLR2004 - written in full
        return year
    # Two digits: the century that does not lie more than ten years ahead.
    year += today.year - today.year % _CENTURY
    return year if year <= today.year + 10 else year - _CENTURY


def _date(year: int, month: int, day: int) -> date | NotReadable:
    if month == 0 or day == 0:
        return NotReadable("date_incomplete")
    try:
        return date(year, month, day)
    except ValueError:
        return NotReadable()


def read_number(cell: Cell) -> float | NotReadable | None:
    """Read a number with German separators.

    >>> read_number("1.145,50 €")
    1145.5
    """
    if isinstance(cell, bool | date):
        return NotReadable()
    if isinstance(cell, int | float):
        return float(cell)
    written = plain(cell).removesuffix("€").strip()
    if not written:
        return None
    if _NUMBER.match(written) is None:
        return NotReadable()
    if "," in written or re.match(r"^-?\d{1,3}(?:\.\d{3})+$", written):
        written = written.replace(".", "").replace(",", ".")
    return float(written)


def read_yes(cell: Cell) -> bool | NotReadable | None:
    """Read yes or no."""
    if isinstance(cell, bool):
        return cell
    written = plain(cell).casefold()
    if not written:
        return None
    if written in _YES:
        return True
    return False if written in _NO else NotReadable()


def read_postcode(cell: Cell) -> str | NotReadable | None:
    """Read a postcode; one that was saved as a number has lost its leading zeros.

    >>> read_postcode(9999)
    '09999'
    """
    written = plain(cell).removeprefix("D-")
    if not written:
        return None
    if not (written.isascii() and written.isdigit()) or len(written) not in {3, 4, 5}:
        return NotReadable()
    return written.zfill(5)


def word(text: str) -> str:
    """Reduce a column name or a word to what people mean by it.

    >>> word(" BAMF-Kennziffer: ")
    'bamf kennziffer'
    """
    return " ".join(re.sub(r"[^\w]+", " ", text.casefold()).replace("_", " ").split())


def find_town(towns: Mapping[str, str], postcode: str | None, town: str | None) -> str | None:
    """Look up the AGS by postcode and town, by postcode, then by town; None if none of them is listed.

    >>> find_town({"99999 Musterstadt": "99001001"}, "99999", "MUSTERSTADT")
    '99001001'
    """
    known = {word(name): ags for name, ags in towns.items()}
    for wanted in (f"{postcode or ''} {town or ''}", postcode or "", town or ""):
        if wanted.strip() and word(wanted) in known:
            return known[word(wanted)]
    return None


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that are known."""
    return {name: value for name, value in values.items() if value is not None}
