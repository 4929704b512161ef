"""Catalogues of courses as real programs write them: what is not certain is asked, never guessed."""

# ruff: noqa: RUF001 - letters and dashes as people and programs write them

import pytest

from schemas.codes import CourseType
from schemas.envelope import Problem
from services.gateway.files.courses.childcare import offers_childcare
from services.gateway.files.courses.drafts import CourseSettings
from services.gateway.files.courses.lesson_times import MOST_CHARACTERS, read_times
from services.gateway.files.courses.recognition import Recognised, recognise
from tests.fixtures.gateway.files import case, courses, courses_or_problem, drafted, held, service


def codes(raw: bytes) -> set[str]:
    (draft,) = drafted(courses(raw)).values()
    return {problem.code for problem in draft.warnings} - {"sections_unknown"}


def test_midnight_in_utc_is_the_next_day_in_germany() -> None:
    found = drafted(courses(case("q01")))
    section = {"number": 1, "starts_on": "2027-01-11", "ends_on": "2027-07-30"}
    assert [one.data["sections"] for one in found.values()] == [[section], [section]]
    assert found["UTC-1"].data["registration_until"] == "2027-01-06"


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2027-01-11", "2027-01-11"), ("2027-01-11+01:00", "2027-01-11"), ("11.01.2027", "2027-01-11"),
        ("2027-01-11T00:00:00.000+01:00", "2027-01-11"), ("2027-01-10T23:00:00Z", "2027-01-11"),
        ("2027-07-10T22:00:00.000Z", "2027-07-11"), ("2027-01-11T00:00:00", "2027-01-11"),
        ("2027-01-11T08:30:00+01:00", "2027-01-11"),
    ],
)  # fmt: skip
def test_days_of_courses(start: str, expected: str) -> None:
    (draft,) = drafted(courses(service(start=start))).values()
    assert draft.data["sections"][0]["starts_on"] == expected


@pytest.mark.parametrize(
    "start", ["2027-13-45", "0000-00-00", "bald", "99999-01-01", "9999-12-31", "2027-02-30"]
)
def test_days_that_are_none_are_told(start: str) -> None:
    read = courses(service(start=start, end="", duration="700 UE", times="Mo-Fr 8:30-12:30 Uhr, 25 UE/Woche"))
    assert held(read)["K-1"] & {"start_missing", "end_missing"}


def test_other_courses_of_a_school_are_not_open_to_steering() -> None:
    read = courses(case("q02"))
    assert drafted(read) == {}
    assert set().union(*held(read).values()) <= {"not_a_language_course", "course_type_unclear"}
    assert len(held(read)) == 8


OTHERS = [
    "Excel Intensivkurs", "Yoga Frauenkurs", "Elternkurs Starke Kinder", "Jugendkurs Töpfern",
    "Förderkurs Rechnen",
    "Englisch Intensivkurs B2", "Alphabetisierung für Muttersprachler", "Italienisch A1",
    "Landeskurs Feuerwehr",
    "MC Hammer Tanzkurs", "MBA Vorbereitung", "Fortbildung für Lehrkräfte in Integrationskursen",
    "Vorbereitung auf den Integrationskurs", "Gesprächskreis nach dem Integrationskurs",
    "Kein Integrationskurs",
    "Beratung zum Integrationskurs", "Zusatzqualifizierung Integrationskurs",
    "Deutsch-Test zum Integrationskurs",
]  # fmt: skip


@pytest.mark.parametrize("title", OTHERS)
@pytest.mark.parametrize("offer_type", [None, "1", "3", "4", "5"])
def test_a_title_alone_makes_no_language_course(title: str, offer_type: str | None) -> None:
    assert isinstance(recognise([], title, offer_type), Problem)


@pytest.mark.parametrize("title", OTHERS)
def test_a_person_can_still_say_what_it_is(title: str) -> None:
    settings = CourseSettings(course_types={"K-1": CourseType.GENERAL}, kreis="99001")
    assert drafted(courses(service(title=title, name="", value="", type="1"), settings))


@pytest.mark.parametrize(
    ("features", "title", "expected"),
    [
        ([("Kurssystematik", "MB 01")], "Deutsch am Vormittag", CourseType.GENERAL),
        ([("Kurssystematik", "C 8968-g32"), ("Kurssystematik", "MB 05")], "Deutsch", CourseType.LITERACY),
        ([("", "MB-04 Frauenintegrationskurs")], "Deutsch", CourseType.WOMEN),
        ([("mb_07", "")], "Deutsch", CourseType.INTENSIVE),
        ([("MC 01 3 Berufssprachkurs", "")], "B2", CourseType.VOCATIONAL),
        ([], "Integrationskurs für Frauen und Männer", CourseType.GENERAL),
        ([], "Integrationskurs mit Alphabetisierung", CourseType.LITERACY),
        ([("MB 01", "MB 05")], "Deutsch", None),
        ([("MB 99", "")], "Deutsch", None),
    ],
)
def test_codes_are_read_wherever_generators_write_them(
    features: list[tuple[str, str]], title: str, expected: CourseType | None
) -> None:
    found = recognise(features, title, "4")
    assert (found.course_type if isinstance(found, Recognised) else None) == expected


def test_code_as_value_and_lost_zero() -> None:
    found = drafted(courses(case("q19")))
    assert [one.data["course_type"] for one in found.values()] == ["integration_general"] * 2
    (draft,) = drafted(courses(case("q20"))).values()
    assert (draft.data["town"], draft.data["venue"]["postcode"]) == ("14612000", "01067")
    (abroad,) = drafted(courses(service(zip="1010", country="AT"))).values()
    assert "postcode" not in abroad.data["venue"]


def test_denied_childcare_is_no_childcare() -> None:
    found = drafted(courses(case("q03")))
    assert [one.data.get("childcare") for one in found.values()] == [False] * 5 + [True, None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ohne Kinderbetreuung", False), ("KEINE KINDERBETREUUNG!", False),
        ("Kinderbetreuung entfällt", False),
        ("Kinderbetreuung: nicht möglich", False), ("Kinderbetreuung ist derzeit nicht möglich", False),
        ("Es gibt leider keine Kinderbetreuung.", False),
        ("Kinder-Betreuung kann nicht angeboten werden", False),
        ("<ul><li>Kinderbetreuung:</li></ul>&lt;b&gt;nein&lt;/b&gt;", None),
        ("Die Kinderbetreuung ist selbst zu organisieren", False),
        ("Kinderbetreuung vorhanden", True), ("Kinderbetreuung: ja", True),
        ("Wir bieten Kinderbetreuung an.", True),
        ("Kinderbetreuung möglich. Keine Vorkenntnisse nötig.", True),
        ("Mit kostenloser Kinderbetreuung", True),
        ("Kinderbetreuung auf Anfrage", None), ("Kinderbetreuung geplant", None), ("Kinderbetreuung?", None),
        ("Keine Kosten für die Kinderbetreuung", None), ("Kinderbetreuungskosten werden erstattet", None),
        ("Kurs im Kindergarten Regenbogen", None), ("Ausbildung in der Kinderbetreuung möglich", None),
        ("Kinderbetreuung möglich. Im Sommer keine Kinderbetreuung.", None), ("Wickelraum vorhanden", None),
        ("", None),
    ],
)  # fmt: skip
def test_childcare(text: str, expected: bool | None) -> None:
    assert offers_childcare(text) is expected


def test_what_is_said_unclearly_about_childcare_is_told() -> None:
    assert codes(service(text="Kinderbetreuung auf Anfrage")) == {"childcare_unclear"}
    assert codes(service(text="Kinderbetreuung vorhanden")) == set()


def test_schedules_with_exceptions_are_asked() -> None:
    read = courses(case("q05"))
    found = drafted(read)
    assert [len(found[key].data["lessons"]) for key in ("Z-1", "Z-2", "Z-4")] == [0, 4, 0]
    assert [{w.code for w in found[key].warnings} >= {"times_unclear"} for key in ("Z-1", "Z-2", "Z-4")] == [
        True, False, True,
    ]  # fmt: skip
    assert held(read) == {"Z-3": {"end_missing"}}


@pytest.mark.parametrize(
    "written",
    [
        "Mo-Fr 8-12 Uhr, außer Mi", "Mo-Fr 8-12 Uhr (nicht am Mittwoch)", "Mo-Fr 8-12 Uhr ohne Mi",
        "Mo-Fr 8-12 Uhr, Mi frei",
        "Mo-Fr 8-12 Uhr, Mi entfällt", "Mo-Fr 8-12 Uhr mit Ausnahme von Mi", "Mo-Fr 8-12 Uhr bis auf Mi",
        "14-tägig Sa 9-12 Uhr", "jeden zweiten Sa 9-12 Uhr", "Sa 9-12 Uhr, alle zwei Wochen",
        "Sa 9-12 Uhr (ungerade KW)",
        "Mo-Fr 8-12 Uhr oder 13-17 Uhr", "Mo-Fr 8-12 Uhr, freitags nur bis 11",
        "Mo-Fr 8-12 Uhr, Mi Exkursion",
        "Mo-Fr 8-12 Uhr, Fr unterrichtsfrei", "wechselnd Mo-Fr 8-12 Uhr",
        "Mo-Fr 8-12 Uhr, erster Fr im Monat kein Unterricht",
        "Mo-Fr 8-12 Uhr ausgenommen Fr", "Mo-Fr 8-12 Uhr, 2x im Monat", "1. und 3. Sa 9-12 Uhr",
        "Mo-Fr 8-12 Uhr abgesehen von Mi",
    ],
)  # fmt: skip
def test_a_schedule_with_an_exception_says_nothing(written: str) -> None:
    found = read_times(written)
    assert (found.lessons, found.complete) == ((), False)


@pytest.mark.parametrize(
    ("written", "days"),
    [
        ("Mo—Fr 8.30—12.45 Uhr", 5), ("Mo ‐ Do, 08:30 ‑ 12:30", 4), ("Mo.–Fr.: 8:30–12:30 Uhr", 5),
        ("Mo-Fr 8-12 Uhr, außer in den Schulferien", 5), ("mo-fr 8-12 uhr", 5),
        ("Dienstags jeweils von 9 bis 12 Uhr", 1),
        ("Mo\xa0-\xa0Fr 08:30\u200b-12:30", 5), ("Sonnabend 9-12 Uhr", 1),
    ],
)  # fmt: skip
def test_other_ways_to_write_the_same(written: str, days: int) -> None:
    found = read_times(written)
    assert (len(found.lessons), found.complete) == (days, True)


@pytest.mark.parametrize(
    ("written", "weekly", "total"),
    [
        ("5 UE pro Tag, 25 UE/Woche", 25, None), ("täglich 5 UE", None, None), ("je 4 UE", None, None),
        ("wöchentlich 20 UE", 20, None), ("20 UE in der Woche", 20, None),
        ("20 UE wöchentlich, 600 UE", 20, 600),
        ("100 UE/Modul", None, None), ("4 UE am Tag", None, None), ("700 Unterrichtsstunden", None, 700),
        ("5 UE je Termin", None, None), ("20 U-Std pro Woche", 20, None),
    ],
)  # fmt: skip
def test_hours_a_day_are_not_hours_altogether(
    written: str, weekly: float | None, total: float | None
) -> None:
    found = read_times(written)
    assert (found.ue_per_week, found.ue_total) == (weekly, total)


def test_weeks_without_end_cost_their_own_course_only() -> None:
    read = courses(case("q06"))
    assert (set(drafted(read)), held(read)) == ({"GUT-1", "GUT-2"}, {"W-1": {"end_missing"}})
    for duration, times in (
        ("9999999 UE", "Mo 9-10 Uhr, 1 UE/Woche"),
        ("0 UE", "1 UE/Woche"),
        ("700 UE", "0,0001 UE/Woche"),
    ):
        assert held(courses(service(end="", duration=duration, times=times))) == {"K-1": {"end_missing"}}


def test_two_places_in_one_offer_are_told() -> None:
    (draft,) = drafted(courses(case("q22"))).values()
    assert Problem("places_several", "MODULE_COURSE", {"number": 2}) in draft.warnings


def test_nothing_of_a_file_is_left_out_silently() -> None:
    one = service().decode()
    offer = one[one.index("<SERVICE>") : one.index("</NEW_CATALOG>")]
    two = one.replace("</OPENQCAT>", f"<NEW_CATALOG>{offer.replace('K-1', 'K-2')}</NEW_CATALOG></OPENQCAT>")
    assert set(drafted(courses(two.encode()))) == {"K-1", "K-2"}
    lost = courses(one.replace("</OPENQCAT>", f"<OLD>{offer}{offer}</OLD></OPENQCAT>").encode())
    assert lost.unread == 2
    gone = courses(
        b"<OPENQCAT><DELETE><SERVICE/><SERVICE><PRODUCT_ID>A</PRODUCT_ID></SERVICE></DELETE></OPENQCAT>"
    )
    assert gone.deleted == ((1, None), (2, "A"))
    bold = one.replace("Allgemeiner Integrationskurs</TITLE>", "Allgemeiner <b>Integrations</b>kurs</TITLE>")
    (draft,) = drafted(courses(bold.encode())).values()
    assert draft.data["title"] == "Allgemeiner Integrationskurs"


@pytest.mark.parametrize("value", ["viele", "1e3", "nan", "-3", "20 Personen", "1" * 400, "2.5"])
def test_counts_that_are_none_are_told(value: str) -> None:
    assert (
        Problem("value_unreadable", "MIN_PARTICIPANTS")
        in drafted(courses(service(least=value)))["K-1"].warnings
    )
    assert held(courses(service(most=value))) == {"K-1": {"capacity_missing"}}


def test_broken_letters_of_a_course_are_never_published() -> None:
    wrong = service(title="Integrationskurs für Alle").decode().encode("utf-8").decode("cp1252")
    assert held(courses(wrong.encode())) == {"K-1": {"text_broken"}}
    declared = b'<?xml version="1.0" encoding="ISO-8859-1"?>' + service(title="Integrationskurs für Alle")
    assert held(courses(declared)) == {"K-1": {"text_broken"}}


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (service(title="für").decode().encode("cp1252"), "xml_encoding"),
        (
            b'<?xml version="1.0" encoding="utf-8"?>' + service(title="für").decode().encode("cp1252"),
            "xml_encoding",
        ),
        (b'<?xml version="1.0" encoding="UTF-16"?>' + service(), "xml_malformed"),
        (b'<?xml version="1.0" encoding="shift_jis"?>' + service(), "xml_malformed"),
        (service()[:-20], "xml_malformed"),
        (b"PK\x03\x04xxxx", "file_of_other_kind"),
        (b"%PDF-1.4", "file_of_other_kind"),
        (b"<!DOCTYPE html><html></html>", "file_of_other_kind"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><OPENQCAT>&b;</OPENQCAT>', "xml_doctype"),
        (b'<?xml version="1.0"?><!DOCTYPE OPENQCAT><OPENQCAT/>', "xml_doctype"),
    ],
)
def test_files_that_are_no_catalogue_get_a_clear_answer(raw: bytes, code: str) -> None:
    found = courses_or_problem(raw)
    assert isinstance(found, Problem)
    assert found.code == code


def test_sections_of_text_and_foreign_names_are_read() -> None:
    raw = service(title="Integrationskurs").replace(
        b"<TITLE>Integrationskurs", b"<TITLE><![CDATA[Integrations]]>kurs"
    )
    raw = raw.replace(b"<OPENQCAT>", b'<q:OPENQCAT xmlns:q="urn:a" xmlns="urn:b">').replace(
        b"</OPENQCAT", b"</q:OPENQCAT"
    )
    assert drafted(courses(raw))["K-1"].data["title"] == "Integrationskurs"


def test_a_schedule_longer_than_the_format_allows_is_not_read() -> None:
    """`"Mo,"*4000` took 19 s; the text is cut into tokens once now, and a longer one is asked."""
    assert read_times("Mo," * 4_000).complete is False
    assert len("Mo," * 4_000) > MOST_CHARACTERS
    assert codes(service(times="Mo," * 4_000)) == {"times_unclear"}
