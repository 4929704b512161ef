"""The table of travel times: every wrong line is told with its number."""

from __future__ import annotations

from datetime import date

import pytest

from services.allocation.law import mistakes
from services.allocation.policy import travel
from services.allocation.policy.travel import LARGEST_FILE, read_travel
from services.places.domain import Town
from services.places.lookup import Places

A, B, C = "99001001", "99001002", "99002001"
GOOD = f"from_town,to_town,minutes\n{A},{B},20\n{B},{A},25\n{A},{C},60\n"


def lines(text: str | bytes, *known: str) -> list[tuple[int, str]]:
    raw = text.encode() if isinstance(text, str) else text
    return [(one.line, one.code) for one in read_travel(raw, known).wrong]


def test_ways_as_the_file_says_and_back_only_where_it_says_nothing() -> None:
    table = read_travel(GOOD.encode())
    assert table.minutes == {(A, B): 20, (B, A): 25, (A, C): 60}
    assert table.filled() == {(C, A): 60}
    assert not table.wrong


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace(",", ";"),
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("from_town,to_town", " From_Town , TO_TOWN "),
        GOOD.replace(A, f'"{A}"'),
        GOOD + "\n\n",
    ],
)
def test_files_as_spreadsheets_write_them(text: str) -> None:
    assert read_travel(text.encode()) == read_travel(GOOD.encode())


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f"{A},{B}", "columns"),
        (f"{A},{B},20,x", "columns"),
        (f"9900100,{B},20", "town"),
        (f"{A},Musterstadt,20", "town"),
        (f"{A},٩٩٠٠١٠٠٢,20", "town"),
        (f"{C},99009009,20", "town_unknown"),
        (f"{B},{C},-1", "minutes"),
        (f"{B},{C},601", "minutes"),
        (f"{B},{C},20.5", "minutes"),
        (f"{B},{C},²", "minutes"),
        (f"{B},{C},", "minutes"),
        (f"{A},{B},21", "twice"),
    ],
)
def test_a_wrong_line_is_told_and_the_others_are_read(line: str, code: str) -> None:
    table = read_travel((GOOD + line + "\n" + f"{C},{B},30\n").encode(), (A, B, C))
    assert [(one.line, one.code) for one in table.wrong] == [(5, code)]
    assert table.minutes == {(A, B): 20, (B, A): 25, (A, C): 60, (C, B): 30}
    for language in ("de", "en"):
        said = travel.said(mistakes.texts_in(language), table.wrong[0])
        assert said
        assert "%(" not in said


def test_every_wrong_line_is_told() -> None:
    assert lines(GOOD + f"{A},{A}\nx,{A},3\n\n{A},{A},x\n{A},{B},1\n") == [
        (5, "columns"), (6, "town"), (8, "minutes"), (9, "twice"),
    ]  # fmt: skip


def test_files_that_are_none() -> None:
    assert lines("von,nach,minuten\n") == [(1, "header")]
    assert lines("") == [(1, "header")]
    assert lines("from_town,to_town,minutes\n") == [(1, "nothing")]
    assert lines(GOOD.encode() + "ä".encode("latin-1")) == [(5, "not_utf8")]
    assert lines(GOOD + f'{A},"{B},20\n') == [(5, "unreadable")]
    assert lines(b"x" * (LARGEST_FILE + 1)) == [(1, "too_large")]


def test_which_towns_a_file_may_name() -> None:
    ended = Town("99001010", "Altdorf", valid_to=date(2025, 7, 1))
    places = Places([Town(A, "Musterstadt"), Town("99001009", "Dorf"), ended])
    assert places.may_name("99001", [C], date(2026, 1, 1)) == {A, "99001009", C}
    assert places.may_name("05315", [A], date(2026, 1, 1)) == frozenset()  # nothing is known about this Kreis
