"""Tests the registering office's form."""

from datetime import date

import pytest
from starlette.datastructures import FormData, UploadFile

from schemas.offices import youth_until
from services.notifications.pages.registration_form import FormEntry, read
from services.places.domain import Edition, Town
from services.places.lookup import NOWHERE, Places
from services.texts.town_field import ENDED, NO_KEY, NO_TOWN, OTHER_KREIS, WHICH

TODAY = date(2025, 11, 17)
PLACES = Places(
    [
        Town("99001001", "Musterstadt, Stadt", "Kreis Musterland", ("00100",)),
        Town("99001002", "Beispielhausen", "Kreis Musterland", ("00110",)),
        Town("99001003", "Musterstadt am See", "Kreis Musterland", ("00115",)),
        Town("99001004", "Altdorf", valid_to=date(2025, 7, 1), successors=("99001002",)),
        Town("99002001", "Anderswo", "Nachbarland", ("00200",)),
    ],
    Edition(date(2025, 7, 1), "csv", "towns.csv", b"", frozenset({"99001", "99002"}), 5),
)
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


def _read(places: Places, *changes: tuple[str, str]) -> FormEntry:
    return read(_form(*changes), ("99001",), TODAY, places)


@pytest.mark.parametrize("typed", ["Beispielhausen", "beispielhausen, 00110", "00110", "99001002"])
def test_a_town_is_typed_by_name_postcode_or_key(typed: str) -> None:
    entry = _read(PLACES, ("town", typed))
    assert entry.errors == {}
    assert entry.registered is not None
    assert (entry.registered.town, entry.registered.kreis) == ("99001002", "99001")
    assert entry.values["town"] == typed


def test_a_beginning_offers_choices_and_the_chosen_one_is_taken() -> None:
    entry = _read(PLACES, ("town", "Muster"))
    assert entry.errors == {"town": WHICH}
    assert [town.ags for town in entry.town.choices] == ["99001001", "99001003"]
    chosen = (("town", "Muster"), ("town_asked", "Muster"), ("town_choice", "99001003"))
    entry = _read(PLACES, *chosen)
    assert entry.registered is not None
    assert entry.registered.town == "99001003"
    assert [town.ags for town in entry.town.choices] == [
        "99001003"
    ]  # stays chosen if something else is wrong
    other = _read(PLACES, *chosen[1:], ("town", "Beispielhausen"))
    assert other.registered is not None
    assert other.registered.town == "99001002"  # what was typed since then counts


@pytest.mark.parametrize(
    ("typed", "said", "offered"),
    [
        ("Anderswo", OTHER_KREIS, []),
        ("99002001", OTHER_KREIS, []),
        ("Xanadu", NO_TOWN, []),
        ("99001777", NO_TOWN, []),
        ("Altdorf", NO_TOWN, []),
        ("99001004", ENDED, ["99001002"]),
        ("99001004' OR 1=1", NO_TOWN, []),
        ("Beispielhusen", WHICH, ["99001002"]),
    ],
)
def test_towns_that_cannot_be_taken_are_told_and_what_may_be_meant_is_offered(
    typed: str, said: str, offered: list[str]
) -> None:
    entry = _read(PLACES, ("town", typed))
    assert entry.errors == {"town": said}
    assert [town.ags for town in entry.town.choices] == offered
    assert entry.registered is None


def test_a_choice_of_another_kreis_is_not_taken() -> None:
    forged = (("town", "Muster"), ("town_asked", "Muster"), ("town_choice", "99002001"))
    assert _read(PLACES, *forged).errors == {"town": WHICH}


def test_without_a_directory_a_key_of_the_own_kreis_is_asked_for() -> None:
    assert _read(NOWHERE, ("town", "Musterstadt")).errors == {"town": NO_KEY}
    assert _read(NOWHERE, ("town", "99002001")).errors == {"town": OTHER_KREIS}
    assert _read(NOWHERE, ("town", "99001777")).registered is not None
