"""Reads dates as people, spreadsheets and programs write them."""

import re
from datetime import UTC, date, datetime, time, timedelta

from schemas.days import LOCAL, is_birth
from services.gateway.files.cells import Cell, Mark, NotReadable, plain

_ISO = re.compile(r"^([0-9]{4})[-./]([0-9]{1,2})[-./]([0-9]{1,2})$")
_PACKED = re.compile(r"^((?:19|20)[0-9]{2})([0-9]{2})([0-9]{2})$")
_MOMENT = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}")
_POINTS = re.compile(r"^([0-9]{1,2})\. ?([0-9]{1,2})\. ?([0-9]{4}|[0-9]{2})$")
_SLASHES = re.compile(r"^([0-9]{1,2})[/-]([0-9]{1,2})[/-]([0-9]{4}|[0-9]{2})$")
_NAMED = re.compile(r"^([0-9]{1,2})[. -]{0,2}([a-zäé]{3,9})[. -]{0,2}([0-9]{4}|[0-9]{2})$")
_OFFSET = re.compile(r"[+-][0-9]{2}:?[0-9]{2}$|Z$", re.IGNORECASE)
_WEEKDAY = re.compile(r"^(?:mo|di|mi|do|fr|sa|so)[a-z]{0,8}[.,]{1,2} ?", re.IGNORECASE)
_NIGHT = re.compile(r"[, ]{1,2}0{1,2}:00(?::00(?:[.,]0{1,6})?)?(?: uhr)?$", re.IGNORECASE)
_YEAR = re.compile(r"^(?:[0-9]{1,2}[./])?[0-9]{4}$|^(?:[a-zäé]{3,9}\.? )[0-9]{4}$")
_SERIAL = re.compile(r"^[0-9]{5}(?:[.,]0+)?$")
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan januar january jän jänner", "feb februar february feber", "mär märz mrz mar march maerz",
            "apr april", "mai may", "jun juni june juno", "jul juli july julei", "aug august",
            "sep sept september", "okt oktober oct october", "nov november", "dez dezember dec december",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_EXCEL_ZERO = date(1899, 12, 30)
_MAC_ZERO = date(1904, 1, 1)
_EXCEL_DAYS = range(1, 110_000)
_PACKED_DAYS = range(19_000_101, 21_001_232)
"""Numbers such as 19850203."""
_LONGEST = 60
_CENTURY = 100
_MONTHS_A_YEAR = 12
_EARLIEST = 1900
_AHEAD = 10
"""Years that a date other than a birth may lie ahead."""


def read_date(
    cell: Cell, today: date, *, order: str | None = None, birth: bool = False, from_1904: bool = False
) -> date | NotReadable | None:
    """Read a date; `order` decides what 01/12/2027 means, and without it that is ambiguous.

    A year of two digits is the one that lies at most ten years ahead; of a birth, the one not in the future.

    >>> read_date("1.1.85", date(2027, 1, 1)), read_date("1.1.36", date(2027, 1, 1), birth=True)
    (datetime.date(1985, 1, 1), datetime.date(1936, 1, 1))
    """
    if cell is None or isinstance(cell, bool | Mark):
        return None if cell is None else NotReadable()
    if isinstance(cell, datetime):
        found: date | NotReadable | None = local_date(cell) or NotReadable()
    elif isinstance(cell, date):
        found = cell
    elif isinstance(cell, time):
        return NotReadable()
    elif isinstance(cell, int | float) and cell not in _PACKED_DAYS:
        found = _excel(cell, from_1904=from_1904)
    else:
        found = _written(plain(cell), today, order, ahead=0 if birth else _AHEAD, from_1904=from_1904)
    if not isinstance(found, date):
        return found
    possible = is_birth(found, today) if birth else _EARLIEST <= found.year <= today.year + _AHEAD
    return found if possible else NotReadable("date_impossible")


def local_date(moment: datetime) -> date | None:
    """Return the day in Germany; midnight with an offset is the day that somebody wrote.

    None: without an offset, 23:00 may be a day that a program wrote in UTC, and nobody can tell.

    >>> local_date(datetime.fromisoformat("2027-01-10T23:00:00+00:00"))
    datetime.date(2027, 1, 11)
    >>> local_date(datetime.fromisoformat("2027-01-11T00:00:00+02:00"))
    datetime.date(2027, 1, 11)
    """
    offset = moment.utcoffset()
    try:
        if offset is None:
            local = moment.replace(tzinfo=UTC).astimezone(LOCAL)
            return None if local.time() == time() and local.utcoffset() else moment.date()
        return moment.date() if offset and moment.time() == time() else moment.astimezone(LOCAL).date()
    except OverflowError:
        return moment.date()


def read_moment(written: str) -> date | None:
    """Read a date with a time of day, such as 2027-01-10T23:00:00.000Z; None if it is none."""
    if _MOMENT.match(written) is None:
        return None
    try:
        return local_date(datetime.fromisoformat(written.replace(",", ".")))
    except ValueError:
        return None


def _written(  # noqa: PLR0911 - one return for each way to write a date
    written: str, today: date, order: str | None, *, ahead: int, from_1904: bool
) -> date | NotReadable | None:
    if not written:
        return None
    if len(written) > _LONGEST:
        return NotReadable()
    if (moment := read_moment(written)) is not None:
        return moment
    written = _NIGHT.sub("", _WEEKDAY.sub("", written.lower()))
    if _SERIAL.match(written):  # a date serial saved as text
        return _excel(int(written[:5]), from_1904=from_1904)
    if match := _PACKED.match(written) or _ISO.match(_without_offset(written)):
        return _date(int(match[1]), int(match[2]), int(match[3]))
    if match := _POINTS.match(written):
        return _date(_year(match[3], today, ahead), int(match[2]), int(match[1]))
    if match := _SLASHES.match(written):
        return _slashed(int(match[1]), int(match[2]), _year(match[3], today, ahead), order)
    if (match := _NAMED.match(written)) and match[2] in _MONTHS:
        return _date(_year(match[3], today, ahead), _MONTHS[match[2]], int(match[1]))
    return NotReadable("date_incomplete") if _YEAR.match(written) else NotReadable()


def _without_offset(written: str) -> str:
    """Leave out the offset of a day, as in 2026-02-18+01:00."""
    return _OFFSET.sub("", written) if len(written) > len("2026-02-18") else written


def _slashed(first: int, second: int, year: int, order: str | None) -> date | NotReadable:
    if order == "month_first" or (order is None and second > _MONTHS_A_YEAR):
        return _date(year, first, second)
    if order == "day_first" or first > _MONTHS_A_YEAR or first == second:
        return _date(year, second, first)
    return NotReadable("date_ambiguous")


def _excel(serial: float, *, from_1904: bool = False) -> date | NotReadable:
    if not _EXCEL_DAYS.start <= serial < _EXCEL_DAYS.stop:  # also infinite, or no number
        return NotReadable()
    return (_MAC_ZERO if from_1904 else _EXCEL_ZERO) + timedelta(days=int(serial))


def _year(written: str, today: date, ahead: int) -> int:
    year = int(written)
    if len(written) > 2:  # noqa: PLR2004 - written in full
        return year
    year += today.year - today.year % _CENTURY
    return year if year <= today.year + ahead else year - _CENTURY


def _date(year: int, month: int, day: int) -> date | NotReadable:
    if month == 0 or day == 0:
        return NotReadable("date_incomplete")
    try:
        return date(year, month, day)
    except ValueError:
        return NotReadable()
