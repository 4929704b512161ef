"""Tests the registering office's form."""

from datetime import date

import pytest
from starlette.datastructures import FormData, UploadFile

from schemas.offices import youth_until
from services.notifications.pages.registration_form import read
from services.texts.places import load_places, towns_of

TODAY = date(2025, 11, 17)
GOOD: list[tuple[str, str | UploadFile]] = [
    ("family_name", "Muster"),
    ("given_name", "Mia"),
    ("birth_date", "2003-01-15"),
    ("town", "99001002"),
    ("right", "jobcenter"),
    ("course_type", "integration_general"),
    ("reference", "J-2025-17"),
]


def _form(*changes: tuple[str, str], without: str = "") -> FormData:
    changed = {name for name, _ in changes}
    return FormData([item for item in GOOD if item[0] not in changed | {without}] + [*changes])


def test_a_complete_form_becomes_facts_without_a_name_and_a_contact_with_one() -> None:
    entry = read(
        _form(
            ("available", "morning"), ("available", "evening"), ("needs_childcare", "1"), ("language", "uk")
        ),
        ("99001",),
        TODAY,
    )
    assert entry.errors == {}
    assert entry.registered is not None
    said = entry.registered.model_dump_json()
    assert "Muster" not in said
    assert "2003-01" not in said
    assert entry.registered.entitlement.standing == "obliged_jobcenter"
    assert entry.registered.entitlement.route == "aufenthg_44a"
    assert entry.registered.available == ("morning", "evening")
    assert entry.registered.needs_childcare
    assert entry.registered.youth_until == "2029-12"
    assert entry.contact is not None
    assert (entry.contact.family_name, entry.contact.languages) == ("Muster", ("uk",))
    assert entry.tested is None


def test_days_are_taken_as_people_write_them() -> None:
    entry = read(_form(("birth_date", "5. 1.2003"), ("valid_until", "31.12.2026")), ("99001",), TODAY)
    assert entry.errors == {}
    assert entry.contact is not None
    assert entry.contact.birth_date == date(2003, 1, 5)
    assert entry.registered is not None
    assert entry.registered.entitlement.valid_until == date(2026, 12, 31)


def test_a_test_entered_at_once_is_an_event_of_its_own() -> None:
    entry = read(_form(("level", "A1"), ("section", "3")), ("99001",), TODAY)
    assert entry.tested is not None
    assert (entry.tested.level, entry.tested.section, entry.tested.reference) == ("A1", 3, "J-2025-17")


def test_a_reference_is_made_up_if_the_office_has_none() -> None:
    entry = read(_form(("reference", "")), ("99001",), TODAY)
    assert entry.registered is not None
    assert entry.registered.reference.startswith("R251117-")


@pytest.mark.parametrize("missing", ["family_name", "given_name", "birth_date", "town", "right"])
def test_what_is_needed_is_asked_for(missing: str) -> None:
    entry = read(_form(without=missing), ("99001",), TODAY)
    assert list(entry.errors) == [missing]
    assert entry.registered is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("birth_date", "31.02.2003"),
        ("birth_date", "11/17/2003"),
        ("birth_date", "2025-11-18"),
        ("birth_date", "1899-01-01"),
        ("valid_until", "soon"),
        ("town", "98001002"),
        ("email", "nobody"),
        ("reference", "Mia Muster"),
        ("reference", "muster"),
        ("course_type", "not a code"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(field: str, value: str) -> None:
    entry = read(_form((field, value)), ("99001",), TODAY)
    assert field in entry.errors or "course_types" in entry.errors


def test_youth_ends_before_the_month_of_the_27th_birthday() -> None:
    assert youth_until(date(1999, 1, 31), date(2025, 12, 31)) == "2025-12"
    assert youth_until(date(1999, 1, 31), date(2026, 1, 1)) is None


def test_towns_have_names() -> None:
    places = load_places()
    towns = towns_of(places, ("99001",))
    assert len(towns) == 15
    assert ("99001001", "Musterstadt") in towns
