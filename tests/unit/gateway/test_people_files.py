"""Reading offices' lists: encodings, dates, words; each bad row with its reason, nothing guessed."""

import io
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml
from pydantic import ValidationError

from schemas.envelope import Problem
from schemas.offices import youth_until
from services.gateway.files.cells import Cell, NotReadable
from services.gateway.files.dates import read_date
from services.gateway.files.people.delimited import decode, delimiter_of
from services.gateway.files.people.mapping import ParticipantMapping
from services.gateway.files.people.rest import write_csv
from services.gateway.files.people.rows import BadRow, Lookups, Person, read_person
from services.gateway.files.people.tables import MAX_COLUMNS, MAX_FILE, Table, read_table
from services.gateway.files.people.workbook import MAX_UNPACKED
from services.gateway.files.values import read_number, read_postcode, read_yes
from services.runtime.base.cells import defused

FIXTURES = Path(__file__).parents[2] / "fixtures" / "gateway"
LIST = (FIXTURES / "people_cp1252.csv").read_bytes()
MAPPING = ParticipantMapping.model_validate(yaml.safe_load((FIXTURES / "people_mapping.yaml").read_text()))
TODAY = date(2027, 1, 4)


def table(raw: bytes = LIST, mapping: ParticipantMapping = MAPPING) -> Table:
    found = read_table(raw, mapping.named())
    assert isinstance(found, Table), found
    return found


def people(raw: bytes = LIST, mapping: ParticipantMapping = MAPPING) -> list[Person | BadRow]:
    rows = table(raw, mapping).rows
    return [read_person(Lookups(mapping), row, kreise=("99001",), today=TODAY) for row in rows]


def good(item: Person | BadRow) -> Person:
    assert isinstance(item, Person), item
    return item


def test_a_clean_row_is_facts_and_contact_apart() -> None:
    person = good(people()[0])
    assert person.reference == "A-001"
    assert person.facts == {
        "registered_on": "2027-01-04",
        "kreis": "99001",
        "town": "99001001",
        "entitlement": {"standing": "obliged_jobcenter", "route": "aufenthg_44a", "cooperation_plan": False},
        "course_types": ["integration_general"],
        "available": [],
        "needs_childcare": False,
        "needs_women_only": False,
        "needs_barrier_free": False,
        "asylum_phase": "none",
    }
    assert person.test == {"tested_on": "2026-12-11", "level": "A1", "section": 3}
    assert person.contact == {
        "family_name": "Kanarienvogel",
        "given_name": "Tweety",
        "phone": "0170 / 123",
        "town": "Musterstadt",
        "postcode": "00100",
        "birth_date": "1991-07-03",
    }


def test_columns_nobody_named_are_never_looked_at() -> None:
    assert "Katzen" not in repr([good(people()[0]).facts, good(people()[0]).contact])


def test_names_are_not_in_what_a_bug_would_print() -> None:
    assert "Kanarienvogel" not in repr(good(people()[0]))


def test_young_people_get_a_month_not_a_birth_date() -> None:
    person = good(people()[1])
    assert person.facts["youth_until"] == "2031-12"
    assert person.facts["course_types"] == ["integration_literacy"]


@pytest.mark.parametrize(
    ("birth", "expected"),
    [
        (date(2001, 3, 15), "2028-02"),
        (date(2001, 1, 1), "2027-12"),
        (date(2000, 2, 1), "2027-01"),
        (date(2000, 1, 31), None),
        (date(1980, 1, 1), None),
        (None, None),
    ],
)
def test_the_last_month_before_the_27th_birthday(birth: date | None, expected: str | None) -> None:
    assert youth_until(birth, TODAY) == expected


def test_unknown_day_of_birth_and_lost_letters_are_told_but_do_not_refuse() -> None:
    person = good(people()[2])
    assert {problem.code for problem in person.warnings} == {"date_incomplete", "letters_lost"}
    assert "birth_date" not in person.contact


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (3, ("town_unknown", "town")),
        (4, ("value_missing", "reference")),
        (6, ("value_unmapped", "standing")),
        (7, ("value_unreadable", "birth_date")),
    ],
)
def test_each_bad_row_has_its_reason(number: int, expected: tuple[str, str]) -> None:
    row = people()[number]
    assert isinstance(row, BadRow)
    assert [(problem.code, problem.field) for problem in row.problems] == [expected]


def test_a_legend_below_the_table_is_not_read_as_a_person() -> None:
    assert len(people()) == 9


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [("utf-8", b""), ("utf-8-sig", b""), ("cp1252", b""), ("utf-16", b""), ("iso-8859-15", b"")],
)
def test_encodings(encoding: str, mark: bytes) -> None:
    text = "Aktenzeichen\tNachname\tVorname\tOrt\nA-1\tÖztürk\tAyşe\tMusterstadt\n"
    if encoding in {"cp1252", "iso-8859-15"}:
        text = text.replace("ş", "s")
    found = table(mark + text.encode(encoding))
    assert found.rows[0].cells["nachname"] == "Öztürk"


def test_what_cannot_be_text_is_no_table() -> None:
    assert decode(b"a\x00b") is None
    assert decode(b"\xff\xfea") == "\ufffd"
    assert decode(bytes(range(128, 256))) is not None


@pytest.mark.parametrize("sign", [";", "\t", ",", "|"])
def test_delimiters(sign: str) -> None:
    assert delimiter_of([sign.join("abcd")], frozenset()) == sign


def xlsx(rows: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    book.create_sheet("Deckblatt", 0).append(["Deckblatt"])
    sheet = book.create_sheet("Liste")
    for row in rows:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_xlsx_cells_keep_their_types() -> None:
    raw = xlsx(
        [
            ["Liste", None],
            ["Aktenzeichen", "Nachname", "PLZ", "Ort", "Geb.-Datum", "Status", "Kursart"],
            ["A-1", "Öztürk", 100, "Musterstadt", datetime(1991, 7, 3), "Jobcenter", "Integrationskurs"],  # noqa: DTZ001 - Excel knows no zones
            ["A-2", "X", 100, "Musterstadt", 33422, "Jobcenter", "Integrationskurs"],
        ]
    )
    first, second = (good(item) for item in people(raw))
    assert (first.contact["birth_date"], first.contact["postcode"]) == ("1991-07-03", "00100")
    assert second.contact["birth_date"] == "1991-07-03"


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


BOMB = zipped(**{f"xl{n}.xml": b"0" * (MAX_UNPACKED // 4 + 1) for n in range(4)})


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"  \n", "file_empty"),
        (b"x" * (MAX_FILE + 1), "file_too_large"),
        (b"PK\x03\x04nonsense", "file_damaged"),
        (zipped(a=b"b"), "file_of_other_kind"),
        (BOMB, "zip_bomb"),
        (b"\xd0\xcf\x11\xe0 old excel", "file_old_excel"),
        (b"a;b;c\n1;2;3\n", "header_not_found"),
        (b"Aktenzeichen;Nachname;Vorname\n", "file_empty"),
        (b"Aktenzeichen;Nachname;Vorname" + b";x" * MAX_COLUMNS + b"\n", "sheet_too_large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "raw",
)
def test_files_that_are_no_list_are_reported(raw: bytes, code: str) -> None:
    found = read_table(raw, MAPPING.named())
    assert isinstance(found, Problem)
    assert found.code == code


@pytest.mark.parametrize(
    ("cell", "order", "expected"),
    [
        ("31.12.1999", None, date(1999, 12, 31)),
        ("1.1.85", None, date(1985, 1, 1)),
        ("1.1.05", None, date(2005, 1, 1)),
        ("1.1.37", None, date(2037, 1, 1)),
        ("1.1.38", None, date(1938, 1, 1)),
        ("2027-01-11T00:00:00+01:00", None, date(2027, 1, 11)),
        (36525, None, date(1999, 12, 31)),
        ("36525", None, date(1999, 12, 31)),
        (36525.0, None, date(1999, 12, 31)),
        (date(2027, 1, 1), None, date(2027, 1, 1)),
        ("01/12/2027", "day_first", date(2027, 12, 1)),
        ("01/12/2027", "month_first", date(2027, 1, 12)),
        ("01/12/2027", None, NotReadable("date_ambiguous")),
        ("13/12/2027", None, date(2027, 12, 13)),
        ("12/13/2027", None, date(2027, 12, 13)),
        ("05/05/2027", None, date(2027, 5, 5)),
        ("00.00.1979", None, NotReadable("date_incomplete")),
        ("31.02.1999", None, NotReadable()),
        ("neulich", None, NotReadable()),
        (-5, None, NotReadable()),
        ("", None, None),
        (None, None, None),
    ],
)
def test_dates(cell: Cell, order: str | None, expected: object) -> None:
    assert read_date(cell, TODAY, order=order) == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("1.145,50 €", 1145.5),
        ("87,5", 87.5),
        ("1.000", 1000.0),
        ("12.5", 12.5),
        (3, 3.0),
        ("", None),
        ("viel", NotReadable()),
    ],
)
def test_numbers(cell: Cell, expected: object) -> None:
    assert read_number(cell) == expected


def test_yes_and_postcodes() -> None:
    assert [read_yes(cell) for cell in ("ja", "X", True, "nein", 0, "", "vielleicht")] == [
        True, True, True, False, False, None, NotReadable(),
    ]  # fmt: skip
    assert [read_postcode(cell) for cell in (9999, "09999", "D-12345", "", "12")] == [
        "09999", "09999", "12345", None, NotReadable(),
    ]  # fmt: skip


def test_nothing_we_write_is_a_formula() -> None:
    assert [defused(cell)[0] for cell in ("=1", "+1", "-1", "@a", "\ta", "\uff1d1")] == ["'"] * 6
    assert write_csv(["a"], [["=1"], ["b;c"]]) == 'a\r\n\'=1\r\n"b;c"\r\n'


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"reference": "a", "official_number": "b"},
        {"official_number": "b"},
        {"reference": "a", "teacher": "b"},
    ],
)
def test_a_mapping_has_to_name_people_and_nothing_we_do_not_know(columns: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        ParticipantMapping.model_validate({"columns": columns})
