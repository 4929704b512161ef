"""Workbooks as programs write them and people leave them: what people see is read, what is odd is told."""

import io
import zipfile

import pytest

from schemas.envelope import Problem
from services.gateway.files.people.sheet import place
from services.gateway.files.people.tables import MAX_COLUMNS, MAX_ROWS
from services.gateway.files.text import unescaped
from tests.fixtures.gateway.files import (
    CELLS,
    COLUMNS,
    case,
    csv,
    list_xml,
    mapping,
    people,
    people_or_problem,
    refused,
    row_xml,
    sheet_xml,
    told,
    workbook,
    zipped,
)

HOW = mapping("mapping-xlsx")


def read_cells(**cells: str) -> dict[int, set[tuple[str, str | None]]]:
    return told(people(workbook(list_xml(**cells)), HOW))


def contact(**cells: str) -> dict[str, object]:
    read = people(workbook(list_xml(**cells)), HOW)
    return {"reference": read.people[0].reference} | read.people[0].contact


@pytest.mark.parametrize("name", ["x01", "x08", "x16", "x21"])
def test_four_people_are_four_people(name: str) -> None:
    read = people(case(name), HOW)
    assert [person.reference for person in read.people] == [f"TN-00{n}" for n in (1, 2, 3, 4)]
    assert (told(read), read.problems) == ({}, ())


def test_a_number_without_end_costs_its_own_row_only() -> None:
    read = people(case("x12"), HOW)
    assert told(read) == {3: {("value_unreadable", "birth_date")}}
    assert len(read.people) == 1


def test_escapes_become_clean_text() -> None:
    (person,) = people(case("x18"), HOW).people
    assert (person.contact["family_name"], person.contact["given_name"]) == ("Muster frau", "Eva")
    assert unescaped("_xD83D__xDE00_") == "\U0001f600"
    assert unescaped("_xD83D_") == "\ufffd"
    for code in (*range(0x20), 0x7F):
        named = contact(B=f"Mus_x{code:04X}_ter")
        assert named["family_name"] in {"Mus ter", "Muster"}, hex(code)


@pytest.mark.parametrize(
    "size", ["", '<dimension ref="A1"/>', '<dimension ref="A1:XFD1048576"/>', '<dimension ref="?"/>']
)
def test_a_sheet_is_not_believed_about_its_size(size: str) -> None:
    assert read_cells(before=size) == {}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('<c t="e"><v>#N/A</v></c>', "cell_error"),
        ('<c t="e"><v>???</v></c>', "cell_error"),
        ('<c t="s"><v>99</v></c>', "value_unreadable"),
        ('<c t="s"><v>-1</v></c>', "value_unreadable"),
        ("<c><v>nonsense</v></c>", "value_unreadable"),
        ("<c><v>NaN</v></c>", "value_unreadable"),
        ("<c><v>-1E999</v></c>", "value_unreadable"),
        ('<c s="1"><v>99999999</v></c>', "value_unreadable"),
        ("<c><f>A1</f></c>", "formula_without_value"),
        ('<c s="1"><v>45000</v></c>', "value_became_date"),
        ("<c><v>1234567890123456789</v></c>", "number_shortened"),
        ("<c><v>1.5E+20</v></c>", "number_shortened"),
    ],
)
def test_cells_that_hold_no_usable_reference_refuse_the_row(cell: str, expected: str) -> None:
    assert read_cells(A=cell) == {2: {(expected, "reference")}}


def test_cells_of_all_kinds() -> None:
    assert contact(A='<c s="2"><v>123</v></c>')["reference"] == "00123"
    assert contact(A="<c><v>1.23457E5</v></c>")["reference"] == "123457"
    assert contact(D='<c s="1"><v>33422</v></c>')["birth_date"] == "1991-07-03"
    assert contact(D='<c t="d"><v>1991-07-03T00:00:00</v></c>')["birth_date"] == "1991-07-03"
    for utc in ('<c s="1"><v>33421.9166666667</v></c>', '<c t="d"><v>1991-07-02T22:00:00</v></c>'):
        assert read_cells(D=utc) == {2: {("value_unreadable", "birth_date")}}
    assert contact(B='<c t="str"><f>x</f><v>Rechnung</v></c>')["family_name"] == "Rechnung"
    rich = "<c t='inlineStr'><is><r><t>Mus</t></r><r><t>ter</t></r><rPh><t>x</t></rPh></is></c>"
    assert contact(B=rich)["family_name"] == "Muster"
    assert "phone" not in contact(G='<c t="str"><f>x</f><v></v></c>')


def test_dates_may_count_from_1904() -> None:
    for properties, day in (('<workbookPr date1904="1"/>', "1991-07-03"), ("<workbookPr/>", "1987-07-02")):
        for cell in ('<c s="1"><v>31960</v></c>', "<c><v>31960</v></c>"):
            read = people(workbook(list_xml(D=cell), properties=properties), HOW)
            assert read.people[0].contact["birth_date"] == day


def test_merged_cells_leave_no_row_with_a_value_it_does_not_have() -> None:
    rows = [
        row_xml(COLUMNS),
        row_xml(CELLS),
        row_xml([*CELLS[:5], "", *CELLS[6:]]).replace("TN-001", "TN-002"),
    ]
    merged = '<mergeCells><mergeCell ref="F2:F3"/></mergeCells>'
    read = people(workbook(sheet_xml(*rows, after=merged)), HOW)
    assert refused(read) == {3}
    assert ("cell_merged", "town") in told(read)[3]


@pytest.mark.parametrize("ref", ["A1:XFD1048576", "?", "A0:B0", "C3:A1", "A1"])
def test_merges_of_any_size_stop_nothing(ref: str) -> None:
    after = f"<mergeCells>{f'<mergeCell ref={ref!r}/>' * 50}</mergeCells>"
    people_or_problem(workbook(list_xml(after=after)), HOW)


def test_hidden_rows_columns_and_sheets_are_told() -> None:
    rows = [row_xml(COLUMNS), row_xml(CELLS, 'hidden="1"'), row_xml(CELLS).replace("TN-001", "TN-002")]
    read = people(workbook(sheet_xml(*rows)), HOW)
    assert told(read) == {2: {("row_hidden", None)}}
    read = people(workbook(list_xml(before='<cols><col min="2" max="2" hidden="1"/></cols>')), HOW)
    assert Problem("column_hidden", "family_name") in read.problems
    assert people_or_problem(workbook(list_xml(), hidden=["Liste"]), HOW) == Problem("sheet_hidden")


def test_of_several_lists_one_is_asked_for() -> None:
    raw = workbook({"Januar": list_xml(A="TN-1"), "Deckblatt": sheet_xml(), "Februar": list_xml(A="TN-2")})
    assert people_or_problem(raw, HOW) == Problem("sheets_several", params={"number": 2})
    chosen = people(raw, mapping("mapping-xlsx", sheet="FEBRUAR "))
    assert [person.reference for person in chosen.people] == ["TN-2"]
    assert people_or_problem(raw, mapping("mapping-xlsx", sheet="März")) == Problem("sheet_not_found")


def test_rows_keep_the_numbers_that_people_see() -> None:
    rows = [
        row_xml(COLUMNS, 'r="7"'),
        row_xml(CELLS, 'r="9"'),
        row_xml(["Summe"], 'r="12"'),
        row_xml(["", "", "x", "y"]),
    ]
    read = people(workbook(sheet_xml(*rows)), HOW)
    assert ([person.row.number for person in read.people], read.skipped, refused(read)) == ([9], (12,), {13})


@pytest.mark.parametrize("number", ["0", "-1", "x", "99999999999", "1"])
def test_numbers_of_rows_may_be_nonsense(number: str) -> None:
    read = people(workbook(sheet_xml(row_xml(COLUMNS), row_xml(CELLS, f'r="{number}"'))), HOW)
    assert [person.row.number for person in read.people] == [2]


def test_shared_texts_strict_names_and_other_ways_to_pack() -> None:
    cells = [f'<c t="s"><v>{at}</v></c>' for at in range(16)]
    xml = sheet_xml(row_xml(cells[:8]), row_xml(cells[8:]))
    raw = workbook(xml, strings=[*COLUMNS, *CELLS])
    assert len(people(raw, HOW).people) == 1
    strict = workbook(
        xml.replace(
            "schemas.openxmlformats.org/spreadsheetml/2006/main", "purl.oclc.org/ooxml/spreadsheetml/main"
        ),
        strings=[*COLUMNS, *CELLS],
    )
    assert len(people(strict, HOW).people) == 1
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    windows = zipped({name.replace("/", "\\").upper(): content for name, content in parts.items()})
    assert len(people(windows, HOW).people) == 1
    assert people_or_problem(workbook(xml), HOW) == Problem("header_not_found")


def test_formats_alone_are_no_rows_and_a_sheet_has_a_last_one() -> None:
    blank = "".join(f'<row r="{n}"><c s="1"/></row>' for n in range(3, 40_000))
    assert len(people(workbook(sheet_xml(row_xml(COLUMNS), row_xml(CELLS), blank)), HOW).people) == 1
    wide = '<row r="2">' + "".join('<c s="1"/>' for _ in range(16_384)) + "</row>"
    assert people_or_problem(workbook(sheet_xml(row_xml(COLUMNS), wide)), HOW) == Problem("file_empty")
    far = row_xml([*CELLS, '<c r="GZ3"><v>1</v></c>'])
    limits = {"max_rows": MAX_ROWS, "max_columns": MAX_COLUMNS}
    assert people_or_problem(workbook(sheet_xml(row_xml(COLUMNS), far)), HOW) == Problem(
        "sheet_too_large", params=limits
    )


def test_rows_of_too_many_cells_and_elements_of_any_depth_are_refused() -> None:
    wide = list_xml().replace("</row>", "<c/>" * 80_000 + "</row>")
    deep = list_xml().replace("</row>", "<c>" * 200 + "</c>" * 200 + "</row>")
    assert [people_or_problem(workbook(xml), HOW) for xml in (wide, deep)] == [Problem("zip_bomb")] * 2


def truncated() -> list[bytes]:
    raw = workbook(list_xml())
    return [raw[: len(raw) * part // 10] for part in range(1, 10)]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (zipped({"mimetype": "x", "content.xml": "<a/>"}), "file_of_other_kind"),
        (zipped({"liste.xlsx": workbook(list_xml())}), "file_of_other_kind"),
        (zipped({"xl/workbook.bin": "x"}), "file_of_other_kind"),
        (zipped({"word/document.xml": "x"}), "file_of_other_kind"),
        (b"%PDF-1.7 x", "file_of_other_kind"),
        (b"<html><table><tr><td>Aktenzeichen", "file_of_other_kind"),
        (b"\xef\xbb\xbf <!DOCTYPE html>", "file_of_other_kind"),
        (b"\x1f\x8b\x08xxxx", "file_of_other_kind"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "file_encrypted"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook".encode("utf-16-le"), "file_old_excel"),
        (workbook(list_xml()).replace(b"PK\x05\x06", b"PK\x05\x07"), "file_damaged"),
        (workbook(list_xml()[:-9]), "file_damaged"),
        (workbook('<!DOCTYPE a [<!ENTITY b "c">]>' + list_xml()), "xml_doctype"),
        (workbook(list_xml(), parts={"xl/workbook.xml": "<workbook/>"}), "header_not_found"),
        (workbook(list_xml(), parts={"xl/styles.xml": "<styleSheet"}), "file_damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "raw",
)
def test_files_that_are_no_workbook_get_a_clear_answer(raw: bytes, code: str) -> None:
    found = people_or_problem(raw, HOW)
    assert isinstance(found, Problem)
    assert found.code == code


def test_truncated_files_are_damaged() -> None:
    assert {
        found.code for raw in truncated() if isinstance(found := people_or_problem(raw, HOW), Problem)
    } == {"file_damaged"}


def test_an_encrypted_part_is_told() -> None:
    raw = bytearray(workbook(list_xml()))
    at = raw.index(b"PK\x01\x02")
    raw[at + 8] |= 1
    assert people_or_problem(bytes(raw), HOW) == Problem("file_encrypted")


def test_references_of_cells() -> None:
    assert [place(one) for one in ("A1", "$B$2", "XFD1048576", "1A", "", "AAAA1")] == [
        (1, 0), (2, 1), (1_048_576, 16_383), None, None, None,
    ]  # fmt: skip


def test_a_text_file_may_call_itself_as_it_likes() -> None:
    assert len(people(csv("TN-001;M;E;;99001;Musterstadt;;Jobcenter;;nein")).people) == 1
