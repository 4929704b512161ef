"""Reads the registration form, checks it, and turns it into contact data and events."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from pydantic import ValidationError
from starlette.datastructures import FormData

from schemas.codes import CourseType, Level, TimeOfDay
from schemas.days import is_birth
from schemas.offices import ParticipantRegistered, PlacementTested, youth_until
from services.notifications.people.domain import Contact
from services.notifications.people.spellings import MOST_LETTERS
from services.places.lookup import NOWHERE, Places
from services.runtime.web.languages import Texts, day_of, msgid
from services.texts.registrable import Limits, limits_on
from services.texts.town_field import TownField, read_town

RIGHTS: Mapping[str, tuple[str, str, str]] = {
    "jobcenter": (msgid("Obliged by the Jobcenter"), "obliged_jobcenter", "aufenthg_44a"),
    "foreigners": (
        msgid("Obliged by the foreigners authority"),
        "obliged_foreigners_authority",
        "aufenthg_44a",
    ),
    "asylum": (
        msgid("Obliged under the asylum seekers benefits act"),
        "obliged_asylum_benefits",
        "aufenthg_44a",
    ),
    "claim": (msgid("Entitled by residence title"), "entitled", "aufenthg_44_1"),
    "admission": (msgid("Admitted by the BAMF"), "admitted", "aufenthg_44_4"),
    "repatriate": (msgid("Repatriate"), "entitled", "bvfg_9"),
    "vocational": (msgid("Entitled to a vocational language course"), "entitled", "deufoev_4"),
    "vocational_jobcenter": (
        msgid("Obliged by the Jobcenter to a vocational language course"),
        "obliged_jobcenter",
        "deufoev_4",
    ),
    "own_cost": (msgid("Pays for the course"), "self_payer", "own_cost"),
    "local": (msgid("Course of Land or municipality"), "entitled", "local"),
}
"""Choices of the form, each with text, standing and access route."""

LANGUAGES: Mapping[str, str] = {
    "ar": msgid("Arabic"),
    "uk": msgid("Ukrainian"),
    "fa": msgid("Persian, Dari"),
    "tr": msgid("Turkish"),
    "ru": msgid("Russian"),
    "ti": msgid("Tigrinya"),
    "ku": msgid("Kurdish"),
    "ro": msgid("Romanian"),
    "en": msgid("English"),
    "fr": msgid("French"),
    "de": msgid("German"),
}
_NEEDS = ("needs_childcare", "needs_women_only", "needs_barrier_free")
_ASYLUM = ("none", "procedure", "recognised", "tolerated")


@dataclass(slots=True)
class FormEntry:
    """A form as entered, with its errors (field -> msgid) and what was made of it."""

    values: dict[str, Any]
    errors: dict[str, str] = field(default_factory=dict)
    town: TownField = field(default_factory=TownField)
    contact: Contact | None = None
    registered: ParticipantRegistered | None = None
    tested: PlacementTested | None = None


def empty() -> FormEntry:
    """Return an empty form."""
    return FormEntry({"asylum_phase": "none", "course_type": "integration_general"})


def minted(today: date) -> str:
    """Return a random opaque reference for a person whose office has none."""
    return f"R{today:%y%m%d}-{secrets.token_hex(3).upper()}"


def read(form: FormData, kreise: tuple[str, ...], today: date, places: Places = NOWHERE) -> FormEntry:
    """Read the form; without errors, contact data and events are made of it."""
    values: dict[str, Any] = {name: str(form.get(name) or "").strip() for name in form}
    values["available"] = [str(value) for value in form.getlist("available")]
    entry = FormEntry(values, town=read_town(values, kreise, today, places))
    _required(entry)
    birth = day(entry, "birth_date")
    limits = limits_on(today)
    check_birth(entry, birth, today, limits)
    if values.get("course_type", CourseType.GENERAL.value) not in limits.course_types:
        entry.errors["course_type"] = ENDED_TYPE
    granted, valid = day(entry, "granted_on"), day(entry, "valid_until")
    _check_town_and_email(entry)
    check_lengths(entry)
    right = RIGHTS.get(values.get("right", ""))
    if entry.errors or right is None:
        return entry
    values["reference"] = values.get("reference") or minted(today)
    entry.contact = _contact(values, birth)
    _events(entry, right, (granted, valid), birth, today)
    return entry


class Entered(Protocol):
    """A form as entered."""

    values: dict[str, Any]
    errors: dict[str, str]


def is_mail(text: str) -> bool:
    """Return whether a text may be an e-mail address."""
    return re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text) is not None


def check_birth(entry: Entered, birth: date | None, today: date, limits: Limits) -> None:
    """Refuse a birth date that cannot be, or of somebody who still has to go to school."""
    if birth is not None and not is_birth(birth, today):
        entry.errors["birth_date"] = BIRTH
    elif birth is not None and limits.too_young(birth, today):
        entry.errors["birth_date"] = TOO_YOUNG


def check_lengths(entry: Entered) -> None:
    """Refuse names and contact data that are longer than what is kept of them: nothing is cut off unseen."""
    for name in ("family_name", "given_name", "phone", "email"):
        if len(entry.values.get(name) or "") > MOST_LETTERS:
            entry.errors.setdefault(name, TOO_LONG)


TOO_LONG = msgid("Please enter at most 120 characters.")
BIRTH = msgid("Please enter the birth date, for example 24.05.1998.")
TOO_YOUNG = msgid("Whoever still has to go to school has no claim to a course. Please check the birth date.")
ENDED_TYPE = msgid("The law does not know this kind of course any more. Please choose another one.")


def _required(entry: FormEntry) -> None:
    for name, message in (
        ("family_name", msgid("Please enter the family name.")),
        ("given_name", msgid("Please enter the given name.")),
        ("birth_date", BIRTH),
        ("town", msgid("Please enter the town where the person lives.")),
        ("right", msgid("Please choose by what right the person takes part.")),
    ):
        if not entry.values.get(name):
            entry.errors[name] = message


def _check_town_and_email(entry: FormEntry) -> None:
    email = entry.values.get("email", "")
    if entry.town.error:
        entry.errors["town"] = entry.town.error
    if email and not is_mail(email):
        entry.errors["email"] = msgid("Please check the e-mail address, for example name@example.org.")


def _contact(values: Mapping[str, Any], birth: date | None) -> Contact:
    language = values.get("language", "")
    return Contact(
        family_name=values["family_name"],
        given_name=values["given_name"],
        birth_date=birth,
        phone=values.get("phone") or None,
        email=values.get("email") or None,
        languages=(language,) if language in LANGUAGES else (),
    )


def day(entry: Entered, name: str) -> date | None:
    """Read a day; one that is none becomes an error of its field."""
    text = entry.values.get(name, "")
    if not text:
        return None
    found = day_of(text)
    if found is None:
        entry.errors.setdefault(name, msgid("Please enter the day, for example 24.05.2026."))
    return found


def _events(
    entry: FormEntry,
    right: tuple[str, str, str],
    days: tuple[date | None, date | None],
    birth: date | None,
    today: date,
) -> None:
    values = entry.values
    data = {
        "reference": values["reference"],
        "registered_on": today,
        "kreis": entry.town.ags[:5],
        "town": entry.town.ags,
        "entitlement": {
            "standing": right[1],
            "route": right[2],
            "granted_on": days[0],
            "valid_until": days[1],
            "cooperation_plan": values.get("cooperation_plan") == "1",
        },
        "course_types": [values.get("course_type") or CourseType.GENERAL.value],
        "available": [time for time in values["available"] if time in set(TimeOfDay)],
        "youth_until": youth_until(birth, today),
        "family": values.get("family") or None,
        "asylum_phase": values.get("asylum_phase") if values.get("asylum_phase") in _ASYLUM else "none",
        **{need: values.get(need) == "1" for need in _NEEDS},
    }
    try:
        entry.registered = ParticipantRegistered.model_validate(data)
    except ValidationError as error:
        for item in error.errors(include_url=False, include_input=False):
            entry.errors[str(item["loc"][0])] = _MEANT.get(str(item["loc"][0]), UNCLEAR)
        return
    section, level = values.get("section", ""), values.get("level", "")
    if section.isdecimal() and level in set(Level):
        entry.tested = PlacementTested(
            reference=values["reference"], tested_on=today, level=level, section=int(section)
        )


UNCLEAR = msgid("Please check this entry.")
_MEANT = {
    "reference": msgid(
        "Please enter your own reference without a name: letters and digits without spaces, "
        "for example J-2026-0417."
    ),
    "family": msgid(
        "Please enter a mark without a name: letters and digits without spaces, for example F-17."
    ),
}


def choices(texts: Texts, listed: Mapping[str, str]) -> list[tuple[str, str]]:
    """List the choices of a form with their words."""
    return [(key, texts.plain(text)) for key, text in listed.items()]
