"""Files for spreadsheets: no cell is calculated, numbers stay numbers, and each text can be read back."""

import ast
import csv
import io
import math
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.runtime.base.cells import guarded, unguarded
from services.runtime.web.tables import csv_answer, guarded_copy, xlsx_answer
from tests.serving import REPOSITORY

SIGNS = (
    "=",
    "+",
    "-",
    "@",
    "\uff1d",
    "\uff0b",
    "\uff0d",
    "\uff20",
    "\ufe66",
    "\ufe62",
    "\ufe63",
    "\ufe6b",
    "\u2212",
)
BEFORE = (
    "",
    " ",
    "\u00a0",
    "\t",
    "\r",
    "\n",
    "\u3000",
    "\u200b",
    "\ufeff",
    "\u2060",
    "\u00ad",
    "\u200f",
    " \u00a0\u200b",
)
HOSTILE = [
    *(before + sign + "cmd|'/C calc'!A0" for before in BEFORE for sign in SIGNS),
    *(before + "text" for before in ("\t", "\r", "\n", "\r\n")),
    "=", "+49 171", "-1", "'=1", "''@x", "' =1", '=HYPERLINK("https://example.org")',
]  # fmt: skip
HARMLESS = [
    "",
    "Müller; Söhne",
    "O'Neil",
    "'tis",
    "a=b",
    "1-2",
    "x@example.org",
    "#REF!",
    "2026-03-02",
    "'",
    " a",
]


def signs_first(text: str) -> bool:
    """Judge a cell as a spreadsheet does, by another rule than the product's: category by category."""
    kept = [character for character in text if character.isprintable() and not character.isspace()]
    return text[:1] in {"\t", "\r", "\n"} or (bool(kept) and kept[0] in SIGNS)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_formula_is_guarded_and_read_back(text: str) -> None:
    told = guarded(text)
    assert told.startswith("'")
    assert not signs_first(told)
    assert unguarded(told) == text


@pytest.mark.parametrize("text", HARMLESS)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert guarded(text) == unguarded(text) == text


@given(
    st.text(
        st.sampled_from("'= +-@\uff1d\t\n\u00a0\ufeffa1")
        | st.characters(exclude_categories=["Cs", "Cc", "Cn"])
    )
)
def test_any_text_is_safe_and_can_be_read_back(text: str) -> None:
    told = guarded(text)
    assert not signs_first(told)
    assert unguarded(told) == text


@settings(max_examples=30)
@given(st.text())
def test_whatever_a_text_holds_files_can_be_written(text: str) -> None:
    for answer in (csv_answer("x", ["A"], [(text,)]), xlsx_answer("x", ["A"], [(text,)])):
        assert answer.body


def rows_of(kind: str, rows: list[tuple[object, ...]]) -> list[list[object]]:
    """Write rows as a file and read them back as a spreadsheet would."""
    if kind == "csv":
        text = bytes(csv_answer("x", ["=A", "B"], rows).body).decode("utf-8-sig")
        return [list(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=";")]
    book = openpyxl.load_workbook(io.BytesIO(bytes(xlsx_answer("x", ["=A", "B"], rows).body)))
    sheet = book.active
    assert sheet is not None
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n", "inlineStr"}
    return [list(row) for row in sheet.iter_rows(values_only=True)]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_files_hold_no_formula_and_each_text_as_it_was(kind: str) -> None:
    texts = [text for text in HOSTILE + HARMLESS if text]
    head, *rows = rows_of(kind, [(text, 1) for text in texts])
    assert head[0] == "'=A"
    told = [str(row[0]) for row in rows]
    assert not [text for text in told if signs_first(text)]
    # Line breaks inside a cell are one kind in XML.
    same = [text.replace("\r\n", "\n").replace("\r", "\n") if kind == "xlsx" else text for text in texts]
    assert [
        unguarded(text).replace("\r", "\n") if kind == "xlsx" else unguarded(text) for text in told
    ] == same


def test_numbers_remain_numbers_and_what_is_none_is_empty() -> None:
    values = (-3, 2.5, 0, None, math.nan, math.inf, True)
    assert rows_of("xlsx", [values])[1] == [-3, 2.5, 0, None, None, None, "True"]
    assert rows_of("csv", [values])[1] == ["-3", "2.5", "0", "", "", "", "True"]


def test_an_uploaded_file_is_given_back_as_it_was_unless_it_would_calculate() -> None:
    plain = "\ufefffrom;to;minutes\r\n01001000;01002000;15\n".encode()
    assert guarded_copy(plain) == plain
    hostile = "from;to;minutes\n=cmd|'/C calc'!A0;\uff20x;15\n".encode()
    assert guarded_copy(hostile).decode() == "from;to;minutes\r\n'=cmd|'/C calc'!A0;'\uff20x;15\r\n"


WRITERS = {
    "services/runtime/web/tables.py",
    "services/allocation/console/figures/conference_files.py",  # a workbook, each cell through `guarded`
    "services/notifications/risk/evaluate/history.py",  # a history in CSV, each text through `guarded`
    "services/allocation/commands.py",  # figures on the command line, each cell through `guarded`
    "services/gateway/files/people/rest.py",  # rows that were not taken, each cell through `defused`
    "services/gateway/files/people/sheet.py",  # these three read workbooks
    "services/gateway/files/people/tables.py",
    "services/gateway/files/people/workbook.py",
    "services/simulator/world/spreadsheet.py",  # the invented offices' own lists, hostile on purpose
}


def writes_tables(path: Path) -> bool:
    names = {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute | ast.Name)
    }
    calls = {"writerow", "writerows", "Workbook", "DictWriter", "WriteOnlyCell"}
    return bool(names & calls)


def test_nobody_else_writes_files_for_spreadsheets() -> None:
    found = {
        path.relative_to(REPOSITORY).as_posix()
        for path in (REPOSITORY / "services").rglob("*.py")
        if writes_tables(path)
    }
    assert found <= WRITERS


def test_an_uploaded_file_that_is_no_table_is_guarded_line_by_line() -> None:
    broken = b'a;b\n=1+1;"' + b"x" * 200_000
    assert b"\r\n'=1+1;" in guarded_copy(broken)
