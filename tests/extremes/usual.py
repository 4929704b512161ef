"""Usual events: courses that begin soon, people who are tested and consent; extreme ones change these."""

import random
from datetime import date, timedelta
from typing import Any

from schemas.base import Payload
from schemas.offices import ParticipantRegistered, PlacementTested
from schemas.providers import CourseAnnounced
from schemas.support import ConsentGranted
from tests.extremes.pool import KREISE, OWN_COURSES, REFERENCES, TOWNS, of_kind

Usual = tuple[str, type[Payload], dict[str, Any]]


def usual(chance: random.Random, today: date) -> list[Usual]:
    """Return who says what: publisher, event type, and the fields that make it usual."""
    found: list[Usual] = []
    for provider in of_kind("provider"):
        found += [(provider, CourseAnnounced, _course(chance, own, today)) for own in OWN_COURSES]
    for office in of_kind("office"):
        for reference in REFERENCES:
            found += [(office, kind, fields) for kind, fields in _person(chance, reference, today)]
    return found


def _course(chance: random.Random, own: str, today: date) -> dict[str, Any]:
    first = today + timedelta(days=chance.randrange(-5, 50))
    sections = [
        {
            "number": number + 1,
            "starts_on": (first + timedelta(days=30 * number)).isoformat(),
            "ends_on": (first + timedelta(days=30 * number + 27)).isoformat(),
        }
        for number in range(chance.choice((1, 2, 6)))
    ]
    return {
        "course": own,
        "course_type": chance.choice(("integration_general", "integration_general", "vocational")),
        "kreis": KREISE[0],
        "town": TOWNS[0],
        "sections": sections,
        "capacity": chance.choice((1, 2, 4)),
        "taken_elsewhere": 0,
        "registration_until": None,
        "lessons": [],
    }


def _person(chance: random.Random, reference: str, today: date) -> list[tuple[type[Payload], dict[str, Any]]]:
    registered = {
        "reference": reference,
        "registered_on": today.isoformat(),
        "kreis": KREISE[0],
        "town": TOWNS[0],
        "entitlement": {"standing": "entitled", "route": "aufenthg_44_1"},
        "course_types": ["integration_general"],
        "earliest_start": None,
    }
    tested = {"reference": reference, "tested_on": today.isoformat(), "level": "none", "section": 1}
    granted = {
        "reference": reference,
        "office": chance.choice(of_kind("counselling")),
        "purposes": ["enrolment_notice", "dropout_support"],
        "given_on": today.isoformat(),
        "valid_until": None,
    }
    found: list[tuple[type[Payload], dict[str, Any]]] = [(ParticipantRegistered, registered)]
    if chance.random() < 0.9:
        found.append((PlacementTested, tested | {"course_type": "integration_general"}))
    if chance.random() < 0.7:
        found.append((ConsentGranted, granted))
    return found
