"""Reading open-Qcat catalogues: dirt is told per course, dates stay where they are, words become types."""

# ruff: noqa: ANN401 - tests hand on any JSON value

from datetime import date, time
from pathlib import Path
from typing import Any

import pytest

from schemas.codes import CourseType, Level
from schemas.envelope import Problem
from services.gateway.files.courses.domain import Deleted, RowEvent, event_for
from services.gateway.files.courses.drafts import CourseSettings, Draft, Held, drafts
from services.gateway.files.courses.lesson_times import read_times
from services.gateway.files.courses.open_qcat import Catalogue, read_catalogue
from services.gateway.files.courses.recognition import (
    Recognised,
    first_section,
    recognise,
    target_level,
)
from services.gateway.files.courses.safe_xml import parse
from services.gateway.files.domain import Imported, content_hash, event_id

FIXTURES = Path(__file__).parents[2] / "fixtures" / "gateway"
FULL = (FIXTURES / "catalogue_full.xml").read_bytes()
TOWNS = {"00100 Musterstadt": "99001001"}


def read(raw: bytes = FULL) -> Catalogue:
    found = read_catalogue(raw)
    assert isinstance(found, Catalogue)
    return found


def all_drafts(settings: CourseSettings | None = None, **known: Any) -> dict[str | None, Draft | Held]:
    found = drafts(
        read().services,
        settings or CourseSettings(towns=TOWNS),
        kreise=("99001",),
        supplier_ids=("990011",),
        known=known,
    )
    return {item.key: item for item in reversed(found)}


def draft(key: str, settings: CourseSettings | None = None) -> Draft:
    found = all_drafts(settings)[key]
    assert isinstance(found, Draft), found
    return found


def codes(item: Draft | Held) -> set[str]:
    return {problem.code for problem in (item.warnings if isinstance(item, Draft) else item.problems)}


def test_a_clean_course_is_read_completely() -> None:
    found = draft("IK-01", CourseSettings(towns=TOWNS, min_means="booked"))
    assert found.data["title"] == "Allgemeiner Integrationskurs"
    assert found.data["course_type"] == "integration_general"
    assert found.data["sections"] == [{"number": 1, "starts_on": "2027-01-11", "ends_on": "2027-11-26"}]
    assert (found.data["capacity"], found.data["taken_elsewhere"]) == (20, 4)
    assert (found.data["town"], found.data["kreis"]) == ("99001001", "99001")
    assert found.data["venue"]["street"] == "Übungsweg 7"
    assert found.data["childcare"] is True
    assert found.data["registration_until"] == "2027-01-04"
    assert found.data["own_number"] == "27-4A101"
    assert len(found.data["lessons"]) == 5
    assert codes(found) == {"sections_unknown"}


def test_a_further_date_inherits_from_its_offer() -> None:
    found = draft("IK-02")
    assert (found.data["title"], found.data["course_type"]) == (
        "Allgemeiner Integrationskurs",
        "integration_general",
    )
    assert found.data["sections"][0]["starts_on"] == "2027-02-01"
    assert found.offer == "IK-01"


def test_a_date_whose_offer_was_imported_before_inherits_from_it() -> None:
    known = {"title": "Von früher", "course_type": "integration_women"}
    found = all_drafts(None, **{"GIBT-ES-NICHT": known})["X-waise"]
    assert "offer_missing" not in codes(found)
    assert "start_missing" in codes(found)


def test_hours_tell_the_end_and_titles_the_section() -> None:
    found = draft("IK-03")
    # 1,000 UE at 16 a week: 63 weeks.
    assert found.data["sections"] == [{"number": 3, "starts_on": "2027-01-18", "ends_on": "2028-04-02"}]
    assert {"end_estimated", "town_unknown"} <= codes(found)
    assert found.data["kreis"] == "99001"
    assert found.data["target_level"] == "A2"


def test_a_vocational_course_without_place_is_online() -> None:
    found = draft("BSK-01")
    assert (found.data["course_type"], found.data["target_level"], found.data["online"]) == (
        "vocational",
        "B2",
        True,
    )
    assert "venue" not in found.data
    assert codes(found) == {"times_unclear"}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("X-ohne-Datum", {"start_missing", "end_missing", "capacity_missing"}),
        ("X-fremd", {"supplier_foreign"}),
        (None, {"product_id_missing"}),
        ("X-unklar", {"course_type_unclear"}),
        ("X-koch", {"not_a_language_course"}),
        ("X-waise", {"offer_missing"}),
    ],
)
def test_what_is_wrong_is_told_for_each_course(key: str | None, expected: set[str]) -> None:
    found = all_drafts()[key]
    assert isinstance(found, Held)
    assert codes(found) == expected


def test_one_bad_course_never_refuses_the_file() -> None:
    found = drafts(read().services, CourseSettings(), kreise=("99001",), supplier_ids=(), known={})
    assert sum(isinstance(item, Draft) for item in found) == 4
    assert sum(isinstance(item, Held) and codes(item) == {"product_id_twice"} for item in found) == 1


def test_a_person_can_say_what_a_course_is() -> None:
    found = draft("X-unklar", CourseSettings(course_types={"X-unklar": CourseType.MUNICIPAL}))
    assert found.data["course_type"] == "municipal"


@pytest.mark.parametrize(
    ("meaning", "minimum", "taken", "told"),
    [("minimum", 4, 0, False), ("booked", None, 4, False), ("unknown", None, 20, True)],
)
def test_no_free_places_are_shown_while_the_minimum_is_unclear(
    meaning: Any, minimum: int | None, taken: int, told: bool
) -> None:
    found = draft("IK-01", CourseSettings(min_means=meaning))
    assert (found.data.get("minimum"), found.data["taken_elsewhere"]) == (minimum, taken)
    assert ("minimum_unclear" in codes(found)) is told


def test_a_provider_of_two_kreise_has_to_say_where() -> None:
    found = drafts(read().services, CourseSettings(), kreise=("99001", "99002"), supplier_ids=(), known={})
    assert codes(found[0]) == {"kreis_unclear"}
    settings = CourseSettings(kreis="99002")
    found = drafts(read().services, settings, kreise=("99001", "99002"), supplier_ids=(), known={})
    assert isinstance(found[0], Draft)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "file_empty"),
        (b"<OPENQCAT>", "xml_malformed"),
        (b"Kursnr;Titel\n1;2", "xml_malformed"),
        (b'<?xml version="1.0" encoding="klingon"?><OPENQCAT/>', "xml_malformed"),
        (b"<kurse><kurs/></kurse>", "not_open_qcat"),
        (b'<!DOCTYPE OPENQCAT SYSTEM "x.dtd"><OPENQCAT/>', "xml_doctype"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><OPENQCAT>&b;</OPENQCAT>', "xml_doctype"),
    ],
)
def test_files_that_are_no_catalogue_are_reported(raw: bytes, code: str) -> None:
    found = read_catalogue(raw)
    assert isinstance(found, Problem)
    assert found.code == code


def test_size_is_capped() -> None:
    found = parse(b"<a>" + b"x" * 100 + b"</a>", limit=50)
    assert isinstance(found, Problem)
    assert found.code == "file_too_large"


def test_converters_that_leave_out_the_update_element_are_understood() -> None:
    raw = (
        b"<OPENQCAT><NEW><SERVICE><PRODUCT_ID>A</PRODUCT_ID></SERVICE></NEW>"
        b"<DELETE><SERVICE><PRODUCT_ID>B</PRODUCT_ID></SERVICE></DELETE></OPENQCAT>"
    )
    found = read(raw)
    assert [service.product_id for service in found.services] == ["A"]
    assert found.deleted == ((1, "B"),)
    assert (found.full, found.sequence) == (False, None)


def test_namespaces_and_a_second_encoding_do_not_matter() -> None:
    raw = (
        '<?xml version="1.0" encoding="windows-1252"?><OPENQCAT xmlns="urn:x"><NEW_CATALOG FULLCATALOG="1">'
        "<SERVICE><PRODUCT_ID>Ü\u20131</PRODUCT_ID></SERVICE></NEW_CATALOG></OPENQCAT>"
    )
    found = read(raw.encode("cp1252"))
    assert (found.services[0].product_id, found.full) == ("Ü\u20131", True)


@pytest.mark.parametrize(
    ("written", "days", "first", "weekly", "total", "complete"),
    [
        ("Mo-Fr 08:30-12:30 Uhr, 25 UE/Woche", "mon tue wed thu fri", (8, 30), 25, None, True),
        ("Mo, Mi, Do 17:30-20:45 Uhr", "mon wed thu", (17, 30), None, None, True),
        ("montags und mittwochs von 9 bis 12 Uhr", "mon wed", (9, 0), None, None, True),
        (
            "Mo-Mi 8.30-11.45 Uhr; Fr 13:00-16:15 Uhr (16 UE pro Woche)",
            "mon tue wed fri",
            (8, 30),
            16,
            None,
            True,
        ),
        ("Sa-Mo 10:00-12:00", "mon sat sun", (10, 0), None, None, True),
        ("Mo 08:30-12:30 Uhr, 1.000 UE", "mon", (8, 30), None, 1000, True),
        ("Mo-Fr 08:30-12:30 Uhr, dienstags auch ab 14", "", None, None, None, False),
        ("Mo 12:30-08:30", "", None, None, None, False),
        ("Mo 25:00-26:00", "", None, None, None, False),
        ("nach Absprache", "", None, None, None, True),
        ("Dorfstraße, Modus Sommer", "", None, None, None, True),
        ("", "", None, None, None, True),
    ],
)
def test_lesson_times(  # noqa: PLR0917 - a table
    written: str,
    days: str,
    first: tuple[int, int] | None,
    weekly: float | None,
    total: float | None,
    complete: bool,
) -> None:
    found = read_times(written)
    assert " ".join(lesson.weekday for lesson in found.lessons) == days
    assert first is None or found.lessons[0].starts_at == time(*first)
    assert (found.ue_per_week, found.ue_total, found.complete) == (weekly, total, complete)


@pytest.mark.parametrize(
    ("features", "title", "offer_type", "expected"),
    [
        ([("MB 04", "")], "", "4", Recognised(CourseType.WOMEN)),
        ([("mb05", "x")], "", None, Recognised(CourseType.LITERACY)),
        ([("MB 05", "")], "Zweitschriftlernende", None, Recognised(CourseType.SECOND_SCRIPT)),
        ([("MC 01 4", "")], "", None, Recognised(CourseType.VOCATIONAL, Level.C1)),
        ([("C 1234", "Jugendintegrationskurs")], "", None, Recognised(CourseType.YOUTH)),
        ([], "Elternintegrationskurs", None, Recognised(CourseType.PARENTS)),
        ([], "Integrationskurs für Frauen", None, Recognised(CourseType.WOMEN)),
        ([], "Intensiver Integrationskurs", None, Recognised(CourseType.INTENSIVE)),
        ([], "Förderkurs Integrationskurs", "4", Recognised(CourseType.SUPPORT)),
        ([], "Integrationskurs", "4", Recognised(CourseType.GENERAL)),
        ([], "Deutsch B1", "4", Problem("course_type_unclear", "SERVICE_CLASSIFICATION")),
        ([], "Deutsch B1", None, Problem("course_type_unclear", "SERVICE_CLASSIFICATION")),
        ([], "Töpfern", None, Problem("not_a_language_course", "COURSE_TYPE")),
        ([], "Deutsch B1", "1", Problem("not_a_language_course", "COURSE_TYPE")),
    ],
)
def test_course_types(features: Any, title: str, offer_type: str | None, expected: object) -> None:
    assert recognise(features, title, offer_type) == expected


def test_levels_and_sections_from_titles() -> None:
    assert target_level(Recognised(CourseType.VOCATIONAL), "Kurs B1 bis B2") is Level.B2
    assert target_level(Recognised(CourseType.GENERAL), "Kurs") is Level.B1
    assert target_level(Recognised(CourseType.MUNICIPAL), "Kurs") is None
    assert [first_section(t) for t in ("Modul 3", "Kursabschnitt 6", "Kurs M2", "Modul 77", "Raum 4")] == [
        3,
        6,
        2,
        1,
        1,
    ]


def before(data: dict[str, Any], id_: str = "e-1", *, gone: bool = False) -> Imported:
    return Imported(content_hash(data), id_, data, gone=gone)


TODAY = date(2027, 1, 4)


def test_new_changed_unchanged_and_gone_courses() -> None:
    data = {"course": "A", "kreis": "99001", "title": "x", "capacity": 20}
    new = event_for("schule", Draft("A", 1, data), None, TODAY)
    assert isinstance(new, RowEvent)
    assert new.type.endswith("course-announced.v1")
    assert event_for("schule", Draft("A", 1, data), before(data), TODAY) is None
    changed = event_for("schule", Draft("A", 1, data | {"capacity": 19}), before(data), TODAY)
    assert isinstance(changed, RowEvent)
    assert (changed.type, changed.data) == ("de.kurslotse.course-changed.v1", {"course": "A", "capacity": 19})
    fewer = {name: value for name, value in data.items() if name != "capacity"}
    whole = event_for("schule", Draft("A", 1, fewer), before(data), TODAY)
    assert isinstance(whole, RowEvent)
    assert whole.type.endswith("course-announced.v1")
    gone = event_for("schule", Deleted("A", 1), before(data), TODAY)
    assert isinstance(gone, RowEvent)
    assert gone.data == {"course": "A", "cancelled_on": "2027-01-04", "reason": "other"}
    assert event_for("schule", Deleted("A", 1), before(data, gone=True), TODAY) is None
    back = event_for("schule", Draft("A", 1, data), before(data, gone=True), TODAY)
    assert isinstance(back, RowEvent)
    assert back.type.endswith("course-announced.v1")


def test_a_course_moved_away_and_back_does_not_meet_its_own_old_id() -> None:
    content = content_hash({"starts": "january"})
    first = event_id("schule", "open-qcat", "A", content, None)
    moved = event_id("schule", "open-qcat", "A", content_hash({"starts": "february"}), first)
    back = event_id("schule", "open-qcat", "A", content, moved)
    assert len({first, moved, back}) == 3
    assert back == event_id("schule", "open-qcat", "A", content, moved)
