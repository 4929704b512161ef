"""Gathers what the sheet of an offer says, from rows as the support side has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import asyncpg

from schemas.days import local_day
from services.notifications.people.domain import Contact
from services.notifications.sheets.offer import WHY, Alternative, HelpOffice, Lesson, OfferFacts
from services.places.lookup import Places
from services.runtime.web.languages import Texts
from services.texts.reasons import load, sentence


@dataclass(frozen=True, slots=True)
class OfferRows:
    """What was read of one offer; `others` are the courses of its alternatives by id."""

    offer: asyncpg.Record
    contact: Contact | None
    office_name: str
    letterhead: asyncpg.Record | None
    helper: asyncpg.Record | None
    others: Mapping[str, asyncpg.Record]


def facts_of(rows: OfferRows, *, today: date, places: Places, german: Texts, public_url: str) -> OfferFacts:
    """Return the facts of a sheet; what nobody has said is left empty."""
    row, contact, helper = rows.offer, rows.contact, rows.helper
    reasons = load(row["reasons"]) or []
    town = (places.name(row["town"]) or "") if row["town"] else ""
    return OfferFacts(
        name=" ".join(filter(None, (contact.given_name, contact.family_name))) if contact else "",
        office=rows.office_name,
        office_address=rows.letterhead["address"] if rows.letterhead else "",
        office_phone=rows.letterhead["phone"] if rows.letterhead else "",
        reference=row["reference"] or str(row["participant_id"])[:8],
        today=today,
        course=row["title"] or "",
        number=row["own_id"] or "",
        school=row["provider_name"] or row["provider"],
        venue=venue_line(load(row["venue"]) or {}, town),
        online=bool(row["online"]),
        starts_on=row["starts_on"],
        ends_on=row["ends_on"],
        units=units_of(load(row["sections"]) or [], row["entry_section"]),
        lessons=tuple(Lesson(**one) for one in load(row["lessons"]) or []),
        childcare=row["childcare"],
        answer_until=local_day(row["expires_at"] - timedelta(seconds=1)) if row["expires_at"] else None,
        why=next((one["code"] for one in reasons if one["code"] in WHY), ""),
        alternatives=tuple(_alternatives(rows, places, german)),
        helper=HelpOffice(
            helper["name"], helper["phone"] or "", f"{public_url}/help/{helper['slug']}" if public_url else ""
        )
        if helper
        else None,
    )


def venue_line(venue: Mapping[str, Any], town: str) -> str:
    """Write an address in one line; the town of the course where the venue names none.

    >>> venue_line({"name": "Haus der Bildung", "street": "Ländgasse 41", "postcode": "84028"}, "Landshut")
    'Haus der Bildung, Ländgasse 41, 84028 Landshut'
    >>> venue_line({}, "Landshut")
    'Landshut'
    """
    place = " ".join(filter(None, (venue.get("postcode"), venue.get("town") or town)))
    return ", ".join(filter(None, (venue.get("name"), venue.get("street"), place)))


def units_of(sections: Sequence[Mapping[str, Any]], entry: int) -> int | None:
    """Return how many teaching units somebody has who enters at a section; None: the school has not said it.

    >>> units_of([{"number": 1, "ue": 100}, {"number": 2, "ue": 100}, {"number": 3, "ue": 60}], 2)
    160
    >>> units_of([{"number": 1, "ue": None}], 1)
    """
    units = [one.get("ue") for one in sections if one["number"] >= entry]
    return sum(filter(None, units)) if units and all(units) else None


def _alternatives(rows: OfferRows, places: Places, german: Texts) -> Sequence[Alternative]:
    found = []
    for one in load(rows.offer["alternatives"]) or []:
        course = rows.others.get(str(one["course"]))
        if course is None:
            continue
        town = (places.name(course["town"]) or "") if course["town"] else ""
        named = ", ".join(filter(None, (course["title"], course["provider_name"], town)))
        number = f" ({course['own_id']})" if course["own_id"] else ""
        starts = date.fromisoformat(one["starts_on"]) if one.get("starts_on") else None
        found.append(Alternative(named + number, starts, sentence(german, one["reason"])))
    return found
