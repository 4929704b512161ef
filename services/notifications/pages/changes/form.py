"""Reads the form by which the desk changes what is known of a person; what is left empty stays as it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from starlette.datastructures import FormData

from schemas.codes import Level, TimeOfDay
from schemas.offices import ParticipantChanged, PlacementTested, youth_until
from services.notifications.pages.registration_form import (
    LANGUAGES,
    RIGHTS,
    UNCLEAR,
    check_birth,
    check_lengths,
    day,
    is_mail,
)
from services.notifications.people.domain import Contact
from services.places.lookup import Places
from services.runtime.web.languages import Texts, msgid
from services.texts.registrable import limits_on
from services.texts.town_field import TownField, read_town

NEEDS = ("needs_childcare", "needs_women_only", "needs_barrier_free")
NOTHING = msgid("Nothing was changed: every entry is as it was.")
RIGHT_OF_DAYS = msgid("Please choose the right to which these days belong.")
BOTH = msgid("Please enter both: the level, and the section to enter.")


@dataclass(slots=True)
class ChangeEntry:
    """The form as entered, with its errors (field -> msgid), and what was made of it."""

    values: dict[str, Any]
    errors: dict[str, str] = field(default_factory=dict)
    town: TownField = field(default_factory=TownField)
    contact: Contact | None = None
    """What is new of the contact data; None: nothing."""
    changed: ParticipantChanged | None = None
    tested: PlacementTested | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing changes."""
        return self.contact is None and self.changed is None and self.tested is None


def known(contact: Contact | None, town: str, places: Places, texts: Texts) -> ChangeEntry:
    """Return the form with what this side knows of a person; all else stays unless somebody enters it."""
    name = places.name(town) or town
    values: dict[str, Any] = {"town": name, "town_asked": name, "town_choice": town}
    if contact is not None:
        values |= {one: getattr(contact, one) or "" for one in _CONTACT}
        values["birth_date"] = texts.date(contact.birth_date) if contact.birth_date else ""
        values["language"] = contact.languages[0] if contact.languages else ""
    return ChangeEntry(values, town=TownField(town))


_CONTACT = ("family_name", "given_name", "phone", "email")


@dataclass(frozen=True, slots=True)
class Person:
    """What this side knows of the person who is changed."""

    participant: UUID
    reference: str
    town: str
    contact: Contact | None


def read(form: FormData, person: Person, kreise: tuple[str, ...], today: date, places: Places) -> ChangeEntry:
    """Read the form; without errors, contact data and events are made of what is new."""
    values: dict[str, Any] = {name: str(form.get(name) or "").strip() for name in form}
    values["available"] = [str(value) for value in form.getlist("available")]
    entry = ChangeEntry(values, town=read_town(values, kreise, today, places))
    if values.get("town") and entry.town.error and entry.town.ags != person.town:
        entry.errors["town"] = entry.town.error
    birth = day(entry, "birth_date")
    check_birth(entry, birth, today, limits_on(today))
    if values.get("email") and not is_mail(values["email"]):
        entry.errors["email"] = msgid("Please check the e-mail address, for example name@example.org.")
    check_lengths(entry)
    entry.contact = None if entry.errors else _contact(values, birth, person.contact)
    facts = dict(_facts(entry, person, birth, today)) | dict(_wishes(entry.values, today))
    entry.tested = _tested(entry, person.reference, today)
    if entry.errors or not facts:
        return entry
    try:
        entry.changed = ParticipantChanged(reference=person.reference, **facts)
    except ValidationError as error:
        for item in error.errors(include_url=False, include_input=False):
            entry.errors[str(item["loc"][0])] = UNCLEAR
    return entry


def _contact(values: Mapping[str, Any], birth: date | None, before: Contact | None) -> Contact | None:
    language = values.get("language", "")
    said = Contact(
        **{name: values.get(name) or None for name in _CONTACT},
        birth_date=birth,
        languages=(language,) if language in LANGUAGES else (),
    )
    fresh = {
        name: value
        for name in (*_CONTACT, "birth_date", "languages")
        if (value := getattr(said, name)) and (before is None or value != getattr(before, name))
    }
    return Contact(**fresh) if fresh else None


def _facts(entry: ChangeEntry, person: Person, birth: date | None, today: date) -> Iterator[tuple[str, Any]]:
    """Yield what is new of the person: town, age, right."""
    values = entry.values
    if entry.town.ags and entry.town.ags != person.town:
        yield "kreis", entry.town.ags[:5]
        yield "town", entry.town.ags
    if birth is not None and (person.contact is None or birth != person.contact.birth_date):
        until = youth_until(birth, today)
        if until is not None:
            yield "youth_until", until
    granted, valid = day(entry, "granted_on"), day(entry, "valid_until")
    right = RIGHTS.get(values.get("right", ""))
    if right is not None:
        yield (
            "entitlement",
            {
                "standing": right[1],
                "route": right[2],
                "granted_on": granted,
                "valid_until": valid,
                "cooperation_plan": values.get("cooperation_plan") == "1",
            },
        )
    elif granted or valid or values.get("cooperation_plan") == "1":
        entry.errors["right"] = RIGHT_OF_DAYS


def _wishes(values: Mapping[str, Any], today: date) -> Iterator[tuple[str, Any]]:
    """Yield what is new of what the person needs of a course."""
    if values.get("course_type") in limits_on(today).course_types:
        yield "course_types", (values["course_type"],)
    if values.get("change_available") == "1":
        yield "available", tuple(one for one in values["available"] if one in set(TimeOfDay))
    for need in NEEDS:
        if values.get(need) in {"yes", "no"}:
            yield need, values[need] == "yes"
    if values.get("family"):
        yield "family", values["family"]


def _tested(entry: ChangeEntry, reference: str, today: date) -> PlacementTested | None:
    section, level = entry.values.get("section", ""), entry.values.get("level", "")
    if not section and not level:
        return None
    if not (section.isdecimal() and level in set(Level)):
        entry.errors["level"] = BOTH
        return None
    tested_on = day(entry, "tested_on") or today
    return PlacementTested(reference=reference, tested_on=tested_on, level=level, section=int(section))
