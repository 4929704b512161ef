"""Reads the form of one office by the rules of the directory's entries; errors are said at their fields."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from starlette.datastructures import FormData

from schemas.bounds import EARLIEST, latest_day
from schemas.codes import AsylumPhase
from services.notifications.offices.domain import WEEKDAYS, Agreed, CoursePhase
from services.notifications.offices.entries import OfficeEntry
from services.notifications.pages.offices import words
from services.notifications.pages.offices.place_field import PlaceField, is_kreis, read_place
from services.places.domain import is_ags
from services.places.lookup import Places
from services.places.public_holidays import land_of
from services.runtime.web.languages import Texts, day_of

_SPAN = re.compile(r"\s*([0-9]{1,2}(?::[0-9]{2})?)\s*(?:-|\u2013|bis|to)\s*([0-9]{1,2}(?::[0-9]{2})?)\s*")
_MOST_DIGITS = 6
_LONGEST = 20_000
_LONGEST_SOURCE = 200
_OF_NEIGHBOUR = {"place": "neighbour", "source": "neighbour_source"}
"""Field of an agreement -> the field of the form; the agreements that are stored already are right."""


@dataclass(slots=True)
class OfficeForm:
    """A form as entered, with its errors (field -> msgid and what it fills in)."""

    values: dict[str, Any]
    errors: dict[str, tuple[str, Mapping[str, str]]] = field(default_factory=dict)
    place: PlaceField = field(default_factory=PlaceField)
    seat: PlaceField = field(default_factory=PlaceField)
    neighbour: PlaceField = field(default_factory=PlaceField)
    entry: OfficeEntry | None = None

    def wrong(self, name: str, message: str, **params: str) -> None:
        """Note an error; the first one of a field is shown."""
        self.errors.setdefault(name, (message, params))

    def told(self, texts: Texts) -> dict[str, str]:
        """Return the errors in the visitor's language."""
        return {name: texts.gettext(message, **params) for name, (message, params) in self.errors.items()}


def empty() -> dict[str, Any]:
    """Return the values of a new office."""
    return {
        "catchment": [],
        "languages": [],
        "asylum_phases": [],
        "phases": [],
        "target_groups": [],
        "capacity": "60",
        "active": True,
    }


def values_of(row: Mapping[str, Any], texts: Texts) -> dict[str, Any]:
    """Return the values of a stored office, as somebody would enter them."""
    hours = {
        f"hours-{day}": ", ".join(f"{opens}-{closes}" for opens, closes in row["hours"].get(day) or ())
        for day in WEEKDAYS
    }
    texted = {
        name: "" if row[name] is None else str(row[name])
        for name in (
            "name", "kind", "seat", "age_from", "age_below", "stand_in", "capacity", "mail", "lead_mail",
            "version", "phone",
        )
    }  # fmt: skip
    return {
        **texted,
        **hours,
        **{
            name: list(row[name])
            for name in ("catchment", "languages", "asylum_phases", "phases", "target_groups")
        },
        "closed_days": "\n".join(texts.date(day) for day in sorted(row["closed_days"])),
        "active": row["active"],
    }


def read(
    form: FormData,
    slug: str,
    organisation: str,
    today: date,
    places: Places,
    *,
    agreements: Sequence[Mapping[str, Any]] = (),
) -> OfficeForm:
    """Read the form; without errors, an entry of the directory is made of it.

    `agreements` are those of the stored office: the form removes some and adds one with a neighbour. That an
    office stands beside or before others comes from the directory file alone: no office says so itself.
    """
    values: dict[str, Any] = {name: str(form.get(name) or "").strip()[:_LONGEST] for name in form}
    removed = {str(value) for value in form.getlist("remove")}
    listed = str(form.get("catchment") or "")[:_LONGEST].split()
    values["catchment"] = list(dict.fromkeys(ags for ags in listed if ags not in removed))
    values["languages"] = [str(value) for value in form.getlist("languages")]
    values["asylum_phases"] = [str(value) for value in form.getlist("asylum_phases")]
    values["phases"] = [str(value) for value in form.getlist("phases")]
    values["target_groups"] = [str(value) for value in form.getlist("target_groups")]
    gone = {str(value) for value in form.getlist("remove_agreement")}
    kept = [dict(one) for at, one in enumerate(agreements) if str(at) not in gone]
    values["active"] = form.get("active") == "1"
    entry = OfficeForm(values)
    _read_places(entry, today, places)
    if values.get("language"):
        values["languages"] = list(dict.fromkeys([*values["languages"], values["language"]]))
    data = {
        "slug": slug,
        "organisation": organisation,
        "hours": dict(_hours(entry)),
        "closed_days": list(_closed_days(entry, today)),
        "seat": entry.seat.ags or None,
        "stand_in": values.get("stand_in") or None,
        "phone": values.get("phone") or None,
        **{name: values.get(name, "") for name in ("name", "kind", "mail", "lead_mail")},
        **{name: _whole(values.get(name, "")) for name in ("age_from", "age_below")},
        "capacity": _whole(values.get("capacity", "") or "-1"),
        **{name: values[name] for name in ("catchment", "languages", "asylum_phases", "phases")},
        **{name: values[name] for name in ("target_groups", "active")},
        "agreements": [*kept, *_neighbour(entry, today, places)],
    }
    _validate(entry, data)
    return entry


def _read_places(entry: OfficeForm, today: date, places: Places) -> None:
    values = entry.values
    for ags in values["catchment"]:
        if not (is_ags(ags) or is_kreis(ags)) or places.unknown(ags):
            entry.wrong("catchment", words.PLACE_UNKNOWN, ags=ags[:20])
    entry.place, entry.seat = (read_place(values, name, today, places) for name in ("place", "seat"))
    for name, found in (("place", entry.place), ("seat", entry.seat)):
        if found.error:
            entry.wrong(name, found.error, **found.params)
    if entry.place.ags:
        values["catchment"] = list(dict.fromkeys([*values["catchment"], entry.place.ags]))
        values["place"] = ""
        entry.place = PlaceField()


def _neighbour(entry: OfficeForm, today: date, places: Places) -> Iterator[dict[str, Any]]:
    """Read the agreement that the form adds, if any of its fields is filled in."""
    names = ("neighbour", "neighbour_from", "neighbour_until", "neighbour_source")
    if not any(entry.values.get(name) for name in names):
        return
    entry.neighbour = read_place(entry.values, "neighbour", today, places)
    if entry.neighbour.error:
        entry.wrong("neighbour", entry.neighbour.error, **entry.neighbour.params)
    elif not entry.neighbour.ags:
        entry.wrong("neighbour", words.NEIGHBOUR_PLACE)
    begins, ends = (_one_day(entry, name, today) for name in names[1:3])
    if begins is None:
        entry.wrong("neighbour_from", words.NEIGHBOUR_FROM)
    elif ends is not None and ends < begins:
        entry.wrong("neighbour_until", words.NEIGHBOUR_BACKWARDS)
    source = entry.values.get("neighbour_source", "")
    if not source or len(source) > _LONGEST_SOURCE:
        entry.wrong("neighbour_source", words.NEIGHBOUR_SOURCE)
    if not any(name in entry.errors for name in names):
        yield {
            "what": Agreed.NEIGHBOUR,
            "place": entry.neighbour.ags,
            "valid_from": begins,
            "valid_until": ends,
            "source": source,
        }


def _one_day(entry: OfficeForm, name: str, today: date) -> date | None:
    text = entry.values.get(name, "")
    day = day_of(text) if text else None
    if text and day is None:
        entry.wrong(name, words.ONE_DAY_UNREADABLE, text=text[:20])
    elif day is not None and not EARLIEST <= day <= latest_day(today):
        entry.wrong(name, words.DAY_OUT_OF_RANGE, text=text[:20])
    return day


def _whole(text: str) -> int | str | None:
    """Return a whole number; another text as it is, for the entry to refuse; None for nothing."""
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else "?"


def _hours(entry: OfficeForm) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Read the hours of each weekday that has any; what cannot be read is an error at its day."""
    for day in WEEKDAYS:
        text = entry.values.get(f"hours-{day}", "")
        spans = []
        for part in filter(str.strip, re.split(r"[,;]", text)):
            found = _SPAN.fullmatch(part)
            if found is None:
                entry.wrong(f"hours-{day}", words.HOURS_UNREADABLE)
                continue
            opens, closes = (one if ":" in one else f"{one}:00" for one in found.groups())
            if not (_is_clock(opens) and _is_clock(closes)):
                entry.wrong(f"hours-{day}", words.HOURS_OF_NO_DAY)
            elif opens.zfill(5) >= closes.zfill(5):
                entry.wrong(f"hours-{day}", words.HOURS_BACKWARDS)
            else:
                spans.append((opens, closes))
        if spans:
            yield day, spans


def _is_clock(text: str) -> bool:
    try:
        time.fromisoformat(text.zfill(5))
    except ValueError:
        return False
    return True


def _closed_days(entry: OfficeForm, today: date) -> Iterator[date]:
    last = latest_day(today)
    for part in filter(str.strip, re.split(r"[\n,;]", entry.values.get("closed_days", ""))):
        text = part.strip()
        day = day_of(text)
        if day is None:
            entry.wrong("closed_days", words.DAY_UNREADABLE, text=text[:20])
        elif not EARLIEST <= day <= last:
            entry.wrong("closed_days", words.DAY_OUT_OF_RANGE, text=text[:20])
        else:
            yield day


def _validate(entry: OfficeForm, data: Mapping[str, Any]) -> None:
    try:
        made = OfficeEntry.model_validate(data)
    except ValidationError as error:
        for item in error.errors(include_url=False, include_input=False):
            name = _field_of(item, data)
            if name == "catchment" and entry.place.error:
                continue  # the first place is being chosen
            entry.wrong(name, words.FIELDS.get(name.partition("-")[0], words.FIELDS["name"]))
        return
    if not entry.errors:
        entry.entry = made


def _field_of(item: ErrorDetails, data: Mapping[str, Any]) -> str:
    """Return the field of the form at which an error of the entry is shown."""
    loc = [str(part) for part in item["loc"]]
    if loc[:1] == ["hours"] and len(loc) > 1:
        return f"hours-{loc[1]}"
    if loc[:1] == ["agreements"] and loc[-1] in _OF_NEIGHBOUR:
        return _OF_NEIGHBOUR[loc[-1]]
    if loc:
        return loc[0]
    # About the entry as a whole: its message begins with the field.
    named = item["msg"].partition(" ")[0]
    several = named == "catchment" and not land_of(data["seat"], data["catchment"])
    return "seat" if several else named


PHASES = tuple(AsylumPhase)
COURSE_PHASES = tuple(CoursePhase)
