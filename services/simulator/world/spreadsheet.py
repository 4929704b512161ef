"""Writes the spreadsheet that the course advice desk has kept so far; it is uploaded on the first day."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from schemas.codes import AccessRoute, Standing
from services.simulator.world import kreis
from services.simulator.world.people import BACKLOG_SHARE, Person
from services.simulator.world.records import Records, moment
from services.simulator.world.state import Planned

FILE_TYPE: Final = "participants-file"

_GROUNDS: Final[Mapping[Standing, str]] = {
    Standing.ENTITLED: "berechtigt",
    Standing.ADMITTED: "zugelassen",
    Standing.SELF_PAYER: "zahlt selbst",
}
_ROUTES: Final[Mapping[AccessRoute, str]] = {
    AccessRoute.CLAIM: "§ 44 Abs. 1",
    AccessRoute.ADMISSION: "§ 44 Abs. 4",
    AccessRoute.REPATRIATE: "Spätaussiedler",
    AccessRoute.OWN_COST: "Selbstzahler",
    AccessRoute.LOCAL: "Landeskurs",
}
_LANGUAGES: Final[Mapping[str, str]] = {
    "Ukrainisch": "uk",
    "Arabisch": "ar",
    "Persisch": "fa",
    "Russisch": "ru",
    "Türkisch": "tr",
    "Tigrinya": "ti",
    "Englisch": "en",
    "Rumänisch": "ro",
    "Bulgarisch": "bg",
}
COLUMNS: Final[Mapping[str, str]] = {
    "reference": "Aktenzeichen",
    "family_name": "Name",
    "given_name": "Vorname",
    "birth_date": "Geb.-Datum",
    "phone": "Telefon",
    "email": "E-Mail",
    "street": "Straße",
    "postcode": "PLZ",
    "town": "Wohnort",
    "languages": "Sprache",
    "registered_on": "erfasst am",
    "standing": "Grundlage",
    "route": "Zugang",
    "granted_on": "Bescheid vom",
    "course_types": "Kursart",
    "available": "Zeit",
    "needs_childcare": "Kinderbetreuung",
}
"""Our field -> the desk's column; its column 'Bemerkung' is read by nobody."""

SETTINGS: Final[Mapping[str, Any]] = {
    "columns": COLUMNS,
    "values": {
        "standing": {word: standing for standing, word in _GROUNDS.items()},
        "route": {word: route for route, word in _ROUTES.items()},
        "languages": _LANGUAGES,
    },
    "towns": {town.name: town.ags for town in kreis.TOWNS},
    "kreis": kreis.KREIS,
    "date_order": "day_first",
}


def people_on_list(records: Records) -> list[Person]:
    """Return the people on the desk's list: its part of the backlog that it has words for."""
    return [
        person
        for person in records.people
        if person.office == kreis.VHS_DESK
        and person.number < records.state.people * BACKLOG_SHARE
        and person.standing in _GROUNDS
        and person.route in _ROUTES
    ]


def plan_upload(records: Records, day: date) -> Planned:
    """Plan the upload of the list."""
    people = people_on_list(records)
    return Planned(
        publisher=kreis.VHS_DESK,
        id=f"liste-{day}",
        type=FILE_TYPE,
        time=moment(day),
        data={"people": [person.number for person in people]},
        door="list",
        body=as_csv(people, day),
    )


def as_csv(people: Sequence[Person], day: date) -> str:
    """Write the list as the desk's spreadsheet saves it."""
    file = io.StringIO()
    file.write("Kursberatung (erfunden);;Stand\n")
    writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
    writer.writerow([*COLUMNS.values(), "Bemerkung"])
    spoken = {code: word for word, code in _LANGUAGES.items()}
    for person in people:
        contact = person.contact
        writer.writerow(
            [
                person.reference,
                contact.family_name,
                contact.given_name,
                f"{contact.birth_date:%d.%m.%Y}",
                contact.phone or "",
                contact.email or "",
                contact.street,
                contact.postcode,
                contact.town,
                ", ".join(spoken[code] for code in contact.languages),
                f"{min(person.registered_on, day):%d.%m.%Y}",
                _GROUNDS[person.standing],
                _ROUTES[person.route],
                f"{person.granted_on:%d.%m.%Y}",
                ", ".join(person.course_types),
                ", ".join(person.available),
                "ja" if person.childcare else "nein",
                contact.remark,
            ]
        )
    return file.getvalue()
