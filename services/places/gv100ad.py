"""Reads the official directory of the Statistisches Bundesamt, GV100AD: records of fixed width.

The records come from `gv100ad-py`, which says neither where a mistake is nor that a line is cut off, and
takes a file that ends too early for whole: that is checked here (docs/decisions/0029-places.md).
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from gv100ad import District, FederalState, GV100ADReader, Municipality, MunicipalityType
from gv100ad.entities.base_record import BaseRecord

from services.places.domain import Directory, Fault, Town, is_postcode, say

_RECORD = {"10", "20", "30", "40", "50", "60"}
_KEY = {"10": 2, "40": 5, "60": 8}
"""Digits of the key, from column 11 on, by record type."""
_SHORTEST = {"60": 175}
"""Columns up to which a record is needed: of a town, to the mark behind the postcode."""
_NAME_FROM, _NAME_TO = 22, 72
_TOO_SHORT = say("Please load the file as it was published; it may be cut off.")
_AS_PUBLISHED = say("Please load the file as it was published.")


def is_gv100ad(lines: Sequence[str]) -> bool:
    """Return whether the first line that says something looks like a record."""
    first = next((line for line in lines if line.strip()), "")
    return first[:2] in _RECORD and first[2:10].isascii() and first[2:10].isdigit()


@dataclass(slots=True)
class _Reading:
    """What was read so far."""

    day: date | None = None
    laender: dict[str, int] = field(default_factory=dict)
    kreise: dict[str, tuple[str, int]] = field(default_factory=dict)
    towns: dict[str, tuple[Town, int]] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    """Länder and Kreise of which a town was told, also an uninhabited one."""
    faults: list[Fault] = field(default_factory=list)


def read_gv100ad(lines: Sequence[str]) -> Directory:
    """Read Länder, Kreise and towns; uninhabited areas that belong to no town are left out."""
    reading = _Reading()
    for number, line in enumerate(lines, 1):
        if line.strip():
            fault = _take(reading, number, line)
            if fault is not None:
                reading.faults.append(fault)
    reading.faults += _told_of_nobody(reading)
    towns = tuple(town for town, _ in reading.towns.values())
    if not towns and not reading.faults:
        reading.faults.append(Fault(1, 1, say("the file has no towns"), _AS_PUBLISHED))
    faults = tuple(sorted(reading.faults, key=lambda one: one.line))
    return Directory("gv100ad", reading.day, frozenset(reading.laender), towns, faults)


def _take(reading: _Reading, number: int, line: str) -> Fault | None:
    kind = line[:2]
    if kind not in _RECORD:
        what = say("“%(kind)s” is no type of record (10, 20, 30, 40, 50, 60)", kind=kind)
        return Fault(number, 1, what, _AS_PUBLISHED, "Satzart")
    if (fault := _fault_of_form(reading, number, line)) is not None:
        return fault
    if kind not in _KEY:
        return None
    try:
        record = next(iter(GV100ADReader(io.StringIO(line)).read()))
    except (ValueError, StopIteration):
        what = say("a number or a mark of the record cannot be read")
        return Fault(number, 123, what, _AS_PUBLISHED, "EF7 to EF12")
    return _add(reading, number, record)


def _fault_of_form(reading: _Reading, number: int, line: str) -> Fault | None:
    """Check what the library takes as it comes: length, day, key, name."""
    kind, key = line[:2], line[10 : 10 + _KEY.get(line[:2], 2)]
    least = _SHORTEST.get(kind, _NAME_FROM + 1)
    if len(line) < least:
        return Fault(
            number,
            len(line) + 1,
            say("the record ends here, before column %(least)s", least=least),
            _TOO_SHORT,
        )
    day = _day(line[2:10])
    if day is None:
        what = say("“%(text)s” is no day (year, month, day)", text=line[2:10])
        return Fault(number, 3, what, _AS_PUBLISHED, "EF2 Gebietsstand")
    reading.day = reading.day or day
    if day != reading.day:
        what = say(
            "the day %(day)s is another than %(before)s in the lines before",
            day=str(day),
            before=str(reading.day),
        )
        return Fault(
            number, 3, what, say("Please load one edition, not several in one file."), "EF2 Gebietsstand"
        )
    if not (key.isascii() and key.isdigit()):
        what = say("“%(key)s” is no key of %(digits)s digits", key=key, digits=len(key))
        return Fault(number, 11, what, _AS_PUBLISHED, "EF3 Regionalschlüssel")
    if not line[_NAME_FROM:_NAME_TO].strip():
        return Fault(number, _NAME_FROM + 1, say("the name is missing"), _AS_PUBLISHED, "EF5 Bezeichnung")
    return None


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 -- a day, no time
    except ValueError:
        return None


def _add(reading: _Reading, number: int, record: BaseRecord) -> Fault | None:
    match record:
        case FederalState():
            first = reading.laender.setdefault(record.regional_code, number)
            return _twice(number, record.regional_code, first)
        case District():
            _, first = reading.kreise.setdefault(record.regional_code, (record.name, number))
            return _twice(number, record.regional_code, first)
        case Municipality():
            return _add_town(reading, number, record)
        case _:
            return None


def _twice(number: int, key: str, first: int) -> Fault | None:
    what = say("the key %(key)s stands in line %(first)s already", key=key, first=first)
    return None if first == number else Fault(number, 11, what, _AS_PUBLISHED, "EF3 Regionalschlüssel")


def _add_town(reading: _Reading, number: int, record: Municipality) -> Fault | None:
    ags, postcode = record.regional_code, record.postal_code
    if ags[:2] not in reading.laender or ags[:5] not in reading.kreise:
        what = say(
            "no record of its Land or Kreis (%(kreis)s) stands before the town %(town)s",
            kreis=ags[:5],
            town=ags,
        )
        return Fault(number, 11, what, _TOO_SHORT, "EF3 Regionalschlüssel")
    reading.told |= {ags[:2], ags[:5]}
    if record.type is MunicipalityType.GEMEINDEFREIES_GEBIET_UNBEWOHNT:
        return None
    if postcode and not is_postcode(postcode):
        return Fault(
            number,
            166,
            say("“%(text)s” is no postcode of five digits", text=postcode),
            _AS_PUBLISHED,
            "EF12 PLZ",
        )
    town = Town(
        ags=ags,
        name=record.name,
        kreis_name=reading.kreise[ags[:5]][0],
        postcodes=(postcode,) if postcode else (),
        more_postcodes=record.multiple_postal_codes,
    )
    _, first = reading.towns.setdefault(ags, (town, number))
    return _twice(number, ags, first)


def _told_of_nobody(reading: _Reading) -> Iterable[Fault]:
    """Tell the Länder and Kreise without any town: the file ends too early or has lost lines."""
    if reading.faults:
        return
    lines = reading.laender | {key: line for key, (_, line) in reading.kreise.items()}
    for key, line in lines.items():
        if key not in reading.told:
            what = say("no town of %(key)s follows", key=key)
            yield Fault(line, 11, what, _TOO_SHORT, "EF3 Regionalschlüssel")
