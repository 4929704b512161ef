"""Reads directory files and checks their entries together; a fault names file, line, entry and field."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schemas.bounds import EARLIEST, latest_day
from services.notifications.offices.entries import FAULT, OfficeEntry
from services.places.lookup import NOWHERE, Places
from services.runtime.base.yaml_lines import Lined, Place, read_file

_MOST_FAULTS = 20


class DirectoryError(ValueError):
    """The directory cannot be loaded; the message lists what is wrong, where, and what to do."""

    def __init__(self, faults: Sequence[str]) -> None:
        more = len(faults) - _MOST_FAULTS
        listed = [*faults[:_MOST_FAULTS], *([f"... and {more} more"] if more > 0 else [])]
        super().__init__("\n".join(["nothing was loaded:", *(f"  {fault}" for fault in listed)]))


@dataclass(frozen=True, slots=True)
class StoredOffice:
    """What matters of an office that is stored already when a file is checked against it."""

    stand_in: str | None
    active: bool


@dataclass(frozen=True, slots=True)
class _RawEntry:
    """An entry as it stands in the file."""

    file_name: str
    file: Lined
    place: Place
    raw: Any

    @property
    def slug(self) -> str | None:
        slug = self.raw.get("slug") if isinstance(self.raw, dict) else None
        return slug if isinstance(slug, str) else None

    def line_of(self, field: Place) -> int:
        return self.file.line_of((*self.place, *field))

    def fault(self, field: Place, what: str) -> str:
        names = [part for part in field if isinstance(part, str)]
        where = f"{self.file_name}, line {self.line_of(field)}, entry {int(self.place[-1]) + 1}"
        named = f"{where} ({self.slug})" if self.slug else where
        return f"{named}, field {'.'.join(names)}: {what}" if names else f"{named}: {what}"


def read_directory(path: Path, today: date, places: Places = NOWHERE) -> list[OfficeEntry]:
    """Read a directory file (JSON or YAML: a list of offices, or an object with `offices`).

    A town or Kreis that is in no edition of `places` is a fault; one that has ended stays responsible for
    people who are registered under its key.

    Raises:
        DirectoryError: something in it is wrong; the message lists everything that was found.
        UnreadableError: it is not YAML or JSON.
    """
    entries: list[OfficeEntry] = []
    faults: list[str] = []
    listed = _listed(read_file(path), path.name)
    for raw in listed:
        try:
            entry = OfficeEntry.model_validate(raw.raw)
        except ValidationError as error:
            faults += [raw.fault(*_meant(item)) for item in error.errors(include_url=False)]
        else:
            entries.append(entry)
            faults += _days_out_of_range(raw, entry, today)
            faults += _unknown_places(raw, entry, places)
    faults += _doubles(listed)
    if faults:
        raise DirectoryError(faults)
    return entries


def _listed(file: Lined, name: str) -> list[_RawEntry]:
    content, place = file.content, Place()
    if isinstance(content, dict) and set(content) == {"offices"}:
        content, place = content["offices"], ("offices",)
    if not isinstance(content, list) or not content:
        where = f"{name}, line {file.line_of(place)}"
        raise DirectoryError([f"{where}: no list of offices. Write one entry for each, each with a hyphen."])
    return [_RawEntry(name, file, (*place, number), raw) for number, raw in enumerate(content)]


def _meant(item: ErrorDetails) -> tuple[Place, str]:
    """Return the field that an error is about, and what to do."""
    # The names of pydantic's own types stand in the place, too; fields are plain words.
    field = tuple(part for part in item["loc"] if isinstance(part, int) or part.replace("_", "").isalnum())
    match item["type"]:
        case "missing":
            return field, "is missing. Please add it."
        case "extra_forbidden":
            return field, "is no field of the directory. Please check its spelling."
        case kind if kind == FAULT:
            return field, item["msg"]
        case _:
            return field, f"{item['msg']}. Please correct it."


def _doubles(listed: Sequence[_RawEntry]) -> Iterator[str]:
    first: dict[str, _RawEntry] = {}
    for raw in listed:
        if raw.slug is None:
            continue
        other = first.setdefault(raw.slug, raw)
        if other is not raw:
            line = other.line_of(("slug",))
            yield raw.fault(("slug",), f"also in line {line}. Please keep one of the two entries.")


def _days_out_of_range(raw: _RawEntry, entry: OfficeEntry, today: date) -> Iterator[str]:
    last = latest_day(today)
    days: list[tuple[Place, date]] = [(("closed_days", at), day) for at, day in enumerate(entry.closed_days)]
    for at, one in enumerate(entry.agreements):
        days.append((("agreements", at, "valid_from"), one.valid_from))
        days += [(("agreements", at, "valid_until"), one.valid_until)] if one.valid_until else []
    for field, day in days:
        if not EARLIEST <= day <= last:
            yield raw.fault(field, f"a day before {EARLIEST} or after {last}. Please check the year.")


def _unknown_places(raw: _RawEntry, entry: OfficeEntry, places: Places) -> Iterator[str]:
    named: list[tuple[Place, str]] = [(("catchment", at), ags) for at, ags in enumerate(entry.catchment)]
    named += [(("seat",), entry.seat)] if entry.seat else []
    named += [
        (("agreements", at, "place"), one.place) for at, one in enumerate(entry.agreements) if one.place
    ]
    for field, ags in named:
        if places.unknown(ags):
            yield raw.fault(
                field, f"{ags} is no town or Kreis of the loaded directory. Please check its key."
            )


class StandInFault(StrEnum):
    """What can be wrong with who stands in for an office."""

    UNKNOWN = "stand_in_unknown"
    ALL_CLOSED = "stand_ins_all_closed"


def stand_in_fault(entry: OfficeEntry, known: Mapping[str, StoredOffice]) -> StandInFault | None:
    """Return what is wrong with an office's stand-in; `known` is the directory with the entry in it."""
    if entry.stand_in is not None and entry.stand_in not in known:
        return StandInFault.UNKNOWN
    return StandInFault.ALL_CLOSED if _closed_circle(entry.slug, known) else None


def check_stand_ins(entries: Collection[OfficeEntry], stored: Mapping[str, StoredOffice]) -> None:
    """Check that stand-ins exist, and that somebody is active wherever offices stand in for each other.

    Raises:
        DirectoryError: a stand-in is unknown, or all of a circle are closed.
    """
    known = directory_with(entries, stored)
    faults = []
    for entry in sorted(entries, key=lambda entry: entry.slug):
        where = f"entry ({entry.slug}), field stand_in"
        match stand_in_fault(entry, known):
            case StandInFault.UNKNOWN:
                what = f"{entry.stand_in} is no office of the file or of the stored directory."
                faults.append(f"{where}: {what} Please check its slug, or add that office.")
            case StandInFault.ALL_CLOSED:
                what = "the offices that stand in for each other here are all closed."
                faults.append(f"{where}: {what} Please name one that is active.")
    if faults:
        raise DirectoryError(faults)


def directory_with(
    entries: Collection[OfficeEntry], stored: Mapping[str, StoredOffice]
) -> dict[str, StoredOffice]:
    """Return the stored directory as it is once these entries are stored."""
    return {**stored, **{entry.slug: StoredOffice(entry.stand_in, entry.active) for entry in entries}}


def _closed_circle(slug: str, known: Mapping[str, StoredOffice]) -> bool:
    """Return whether following the stand-ins of a closed office leads round in a circle of closed ones."""
    seen: set[str] = set()
    at: str | None = slug
    while at is not None and at in known and not known[at].active:
        if at in seen:
            return True
        seen.add(at)
        at = known[at].stand_in
    return False
