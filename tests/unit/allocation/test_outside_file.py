"""Files of outside counts: what is taken, and that every mistake is told with its place."""

from datetime import date

import pytest

from services.allocation.figures.outside import OutsideCount
from services.allocation.figures.outside_file import LARGEST, MOST_LINES, SHOWN, read

TODAY = date(2026, 6, 1)
TOWNS = {"99001001": "Musterstadt", "99001002": "Neudorf", "99001003": "Neudorf", "99001004": "Übungsdorf"}
HEAD = "quelle;stichtag;gruppe;anzahl\n"


def taken(text: str) -> tuple[OutsideCount, ...]:
    file = read(text.encode(), TOWNS, TODAY)
    assert file.mistakes == ()
    return file.counts


def test_towns_by_name_or_key_and_groups_are_taken() -> None:
    text = f"{HEAD}AZR;31.12.2025;Musterstadt;1.200\nAZR;2025-12-31;99001002;0\nAZR;31.12.2025;unter-27;7\n"
    day = date(2025, 12, 31)
    assert taken(text) == (
        OutsideCount("AZR", day, "town_99001001", 1200),
        OutsideCount("AZR", day, "town_99001002", 0),
        OutsideCount("AZR", day, "young", 7),
    )
    assert taken(text.replace(";", ",").replace("1.200", "1200")) == taken(text)
    assert taken("Anzahl;Gruppe;Stichtag;Quelle\n5;alle;1.1.2026;A\n")[0].population == "registered"


def test_what_german_spreadsheets_save_is_read() -> None:
    raw = f"{HEAD}Melderegister Köln;1.1.2026;Übungsdorf;3\r\n".encode("cp1252")
    assert read(raw, TOWNS, TODAY).counts[0].population == "town_99001004"
    assert read(b"\xef\xbb\xbf" + f"{HEAD}A;1.1.2026;alle;3".encode(), TOWNS, TODAY).mistakes == ()


@pytest.mark.parametrize(
    ("line", "column", "what"),
    [
        ("A;1.1.2026;Nirgends;3", 3, "neither a town"),
        ("A;1.1.2026;Neudorf;3", 3, "several towns"),
        ("A;1.1.2026;99002001;3", 3, "neither a town"),
        ("A;1.1.2026;alle;-3", 4, "no number"),
        ("A;1.1.2026;alle;3,5", 4, "no number"),
        ("A;1.1.2026;alle;1.23", 4, "no number"),
        ("A;1.1.2026;alle;٣", 4, "no number"),
        ("A;1.1.2026;alle;999999999999999999999", 4, "no number"),
        ("A;1.1.2026;alle;=1+1", 4, "no number"),
        ("A;31.02.2026;alle;3", 2, "no day"),
        ("A;01.01.9999;alle;3", 2, "no day"),
        ("A;02.06.2026;alle;3", 2, "no day"),
        ("A;0001-01-01;alle;3", 2, "no day"),
        (";1.1.2026;alle;3", 1, "the source"),
        ("A\x07;1.1.2026;alle;3", 1, "the source"),
        ("A" * 121 + ";1.1.2026;alle;3", 1, "the source"),
        ("A;1.1.2026;alle", 3, "columns, not"),
        ('A;1.1.2026;"alle;3', 1, "cannot be read"),
    ],
)
def test_a_wrong_line_is_told_with_its_place_and_nothing_is_taken(line: str, column: int, what: str) -> None:
    file = read(f"{HEAD}A;1.1.2026;obliged;1\n{line}\n".encode(), TOWNS, TODAY)
    assert file.counts == ()
    (mistake,) = file.mistakes
    assert (mistake.line, mistake.column) == (3, column)
    assert what in mistake.what


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n\n",
        HEAD.encode(),
        b"quelle;stichtag;gruppe\n",
        b"quelle;stichtag;gruppe;anzahl;anzahl\n",
        b"quelle;stichtag;gruppe;<script>\n",
        b"PK\x03\x04\x00\x00",
        b"x" * (LARGEST + 1),
        HEAD.encode() + b"A;1.1.2026;alle;3\n" * (MOST_LINES + 1),
    ],
)
def test_what_is_no_such_file_is_refused(raw: bytes) -> None:
    file = read(raw, TOWNS, TODAY)
    assert file.counts == ()
    assert len(file.mistakes) == 1


def test_the_same_twice_is_told_with_the_first_line() -> None:
    file = read(f"{HEAD}A;1.1.2026;alle;1\nA;01.01.2026;all;2\n".encode(), TOWNS, TODAY)
    assert [(one.line, one.values) for one in file.mistakes] == [(3, {"first": 2})]


def test_many_mistakes_are_counted() -> None:
    file = read((HEAD + "A;1.1.2026;x;1\n" * 50).encode(), TOWNS, TODAY)
    assert (len(file.mistakes), file.more) == (SHOWN, 50 - SHOWN)
