"""Tests texts, dates, words and files of the pages."""

import csv
import io
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from services.notifications.pages.alert_texts import TEXTS as ALERTS
from services.notifications.pages.alert_texts import explain
from services.runtime.web.languages import Texts, load
from services.runtime.web.tables import csv_answer
from services.texts import codes as words
from services.texts import reasons
from tests.gettext_check import faults
from tests.unit.web.messages import ACCOUNTS, COMPARISON, CONSOLE, PAGES, RUNTIME, TEXTS, messages_of

COMMON = (RUNTIME / "locale", ACCOUNTS / "locale", ACCOUNTS / "oidc" / "locale", TEXTS / "locale")
LOCALES = {
    ACCOUNTS: COMMON,
    RUNTIME: (RUNTIME / "locale",),
    TEXTS: COMMON,
    CONSOLE: (*COMMON, CONSOLE.parent / "locale"),
    COMPARISON: (*COMMON, CONSOLE.parent / "locale", COMPARISON / "locale"),
    PAGES: (*COMMON, PAGES.parent / "locale"),
}


@pytest.mark.parametrize(
    "folder", list(LOCALES), ids=["accounts", "runtime", "texts", "console", "comparison", "pages"]
)
def test_every_text_of_a_service_has_a_german_one_in_its_own_catalogues(folder: Path) -> None:
    german = load(LOCALES[folder])["de"]
    messages = messages_of(folder)
    assert len(messages) > (30 if folder in {RUNTIME, COMPARISON, ACCOUNTS} else 100)
    assert [text for text in messages if not german.knows(text)] == []


def test_the_catalogues_fill_in_the_same_blanks() -> None:
    assert list(faults()) == []


@pytest.fixture(scope="module")
def german() -> Texts:
    return load((*COMMON, CONSOLE.parent / "locale", PAGES.parent / "locale"))["de"]


def test_days_and_moments_are_written_as_people_write_them(german: Texts) -> None:
    assert german.date(date(2025, 11, 3)) == "03.11.2025"
    assert german.date(None) == "\N{EN DASH}"
    assert german.time(datetime(2025, 11, 3, 23, 30, tzinfo=UTC)) == "04.11.2025, 00:30"
    assert german.date(datetime(2025, 11, 3, 23, 30, tzinfo=UTC)) == "04.11.2025"
    assert german.number(1234567) == "1.234.567"


def test_what_ends_at_midnight_is_possible_until_the_day_before(german: Texts) -> None:
    assert german.last_day(datetime(2025, 11, 3, 23, 0, tzinfo=UTC)) == "03.11.2025"
    assert german.last_day(datetime(2025, 11, 3, 12, 0, tzinfo=UTC)) == "03.11.2025"
    assert german.last_day(None) == "\N{EN DASH}"


def test_plurals(german: Texts) -> None:
    assert german.ngettext("%(num)s person waits", "%(num)s people wait", 1) == "1 Person wartet"
    assert german.ngettext("%(num)s person waits", "%(num)s people wait", 0) == "0 Personen warten"


@pytest.mark.parametrize("code", sorted(reasons.REASONS))
def test_every_reason_becomes_a_sentence(german: Texts, code: str) -> None:
    params = {
        "courses": 3, "class": "others", "waiting_days": 9, "rules": "level,childcare", "goal": "distance",
        "days": 4, "km": 7, "section": 2, "kind": "work", "entries": 1, "people": 7, "minimum": 12,
        "missing": 5, "minutes": 40, "limit": 60, "by": 3, "day": "2026-03-02", "times": "morning,evening",
        "weekdays": "mon,tue", "course_type": "municipal", "ue": 100, "left": 50, "tested": 1, "result": "B1",
        "level": "B1", "seats": 2,
    }  # fmt: skip
    said = reasons.sentence(german, {"code": code, "params": params})
    assert "%(" not in said
    assert "_" not in said


def test_a_reason_nobody_knows_is_still_readable(german: Texts) -> None:
    assert reasons.sentence(german, {"code": "quite_new", "params": {}}) == "quite new"
    assert reasons.sentence(german, '{"code": "all_full", "params": {}}') == "all full"
    assert words.word(german, "quite_new", "state") == "quite new"


@pytest.mark.parametrize("code", sorted(ALERTS))
def test_every_alert_says_what_happened(german: Texts, code: str) -> None:
    params = {
        "since": "2025-11-03", "days": 3, "share_percent": 40, "window_days": 28, "starts_on": "2025-12-01",
        "course": "Deutsch", "missed": 3, "until": "2026-01-31", "ue": 90,
    }  # fmt: skip
    said = explain(german, {"reason": {"code": code, "params": params}, "course_title": "Deutsch"})
    assert "%(" not in said
    assert said.endswith(".")


def test_files_run_nothing_in_a_spreadsheet() -> None:
    answer = csv_answer("x", ["A", "B"], [("=1+1", 3), ("@SUM(A1)", None), ("Müller; Söhne", "+49 1")])
    text = bytes(answer.body).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text), delimiter=";"))
    assert rows == [["A", "B"], ["'=1+1", "3"], ["'@SUM(A1)", ""], ["Müller; Söhne", "'+49 1"]]
