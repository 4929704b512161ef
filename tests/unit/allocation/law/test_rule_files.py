"""The rule book's files: what holds on which day, and mistakes that never steer anybody."""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas.codes import AccessRoute, CourseType, Standing
from services.allocation.law.mistakes import DocumentError
from services.allocation.law.rulebook import PACKAGED, load_rulebook, read_rulebook
from services.allocation.policy.commands import rule_lines
from services.allocation.steering.commands import app
from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.hardrules import hard_rules
from services.allocation.steering.matching.match import match
from services.texts.reasons import REASONS
from tests.unit.allocation.regions.region import a_region

TODAY = date(2026, 3, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PACKAGED, tmp_path / "rules"))


def change(folder: Path, name: str, old: str, new: str) -> None:
    file = folder / name
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_book_knows_every_code_of_the_published_language() -> None:
    book = load_rulebook()
    assert {rule.code for rule in book.course_types} == set(CourseType)
    assert {rule.code for rule in book.routes} == set(AccessRoute)
    assert {rule.code for rule in book.standings} == set(Standing)


def test_every_entry_names_its_source() -> None:
    book = load_rulebook()
    entries = [
        *book.course_types, *book.routes, *book.priorities, *book.deadlines, *book.limits, *book.standings,
    ]  # fmt: skip
    assert len(entries) > 30
    assert all(len(entry.source) > 3 for entry in entries)
    assert all(clock.group for clock in book.deadlines)


@pytest.mark.parametrize(
    ("code", "day", "cap", "language", "sections", "kursnet"),
    [
        ("integration_general", TODAY, (20, 25), 600, 6, "MB 01"),
        ("integration_literacy", TODAY, (20, 25), 900, 9, "MB 05"),
        ("integration_literacy", date(2023, 6, 29), (16, 16), 900, 9, "MB 05"),
        ("integration_intensive", TODAY, (20, 25), 400, 4, "MB 07"),
        ("integration_intensive", date(2020, 1, 1), (20, 20), 400, 4, "MB 07"),
        ("vocational", TODAY, (25, 25), 500, None, "MC"),
        ("municipal", TODAY, (None, None), None, None, None),
    ],
)
def test_course_types_by_day(  # noqa: PLR0917 -- a row of the law
    code: str,
    day: date,
    cap: tuple[int | None, int | None],
    language: int | None,
    sections: int | None,
    kursnet: str | None,
) -> None:
    kind = load_rulebook().on(day).course_types[code]
    assert (kind.cap_should, kind.cap_must) == cap
    assert (kind.language_ue, kind.sections, kind.kursnet) == (language, sections, kursnet)


def test_special_courses_ended_and_a_route_closed_on_their_days() -> None:
    book = load_rulebook()
    ended = {"integration_women", "integration_parents", "integration_youth"}
    assert ended <= set(book.on(date(2024, 11, 30)).course_types)
    assert not ended & set(book.on(date(2024, 12, 1)).course_types)
    assert book.on(TODAY).route_admits("aufenthg_44_4", date(2026, 2, 8))
    assert not book.on(TODAY).route_admits("aufenthg_44_4", date(2026, 2, 9))


def test_clocks_stay_apart() -> None:
    clocks = load_rulebook().on(TODAY).deadlines
    starts = {
        code: (clock.days, clock.months, clock.starts_with, clock.lapses) for code, clock in clocks.items()
    }
    assert starts == {
        "course_start": (42, None, "registration_at_provider", False),
        "claim_lapses": (None, 12, "residence_title", True),
        "admission_lapses": (None, 12, "admission", True),
        "interruption": (None, 12, "interruption", False),
        "vocational_start": (28, None, "entitlement", False),
        "vocational_lapses": (None, 3, "entitlement", True),
    }
    assert not clocks["course_start"].routes  # the registration at a provider is not known here
    assert not clocks["interruption"].routes  # whose reasons these were is never computed


@pytest.mark.parametrize(
    ("code", "event", "last"),
    [
        ("claim_lapses", date(2024, 2, 10), date(2025, 2, 10)),
        ("claim_lapses", date(2023, 3, 1), date(2024, 3, 1)),  # 366 days: a leap day lies between
        ("claim_lapses", date(2024, 2, 29), date(2025, 2, 28)),
        ("vocational_lapses", date(2025, 11, 30), date(2026, 2, 28)),  # 90 days
        ("vocational_lapses", date(2026, 6, 1), date(2026, 9, 1)),  # 92 days
        ("vocational_lapses", date(2025, 12, 31), date(2026, 3, 31)),
        ("vocational_start", date(2026, 2, 2), date(2026, 3, 2)),
    ],
)
def test_months_are_those_of_the_calendar(code: str, event: date, last: date) -> None:
    """BGB § 188: a term of months ends on the same day of its last month, or on that month's last day."""
    assert load_rulebook().on(TODAY).deadlines[code].last_day(event) == last


def test_late_entry_by_type(folder: Path) -> None:
    assert load_rulebook().on(TODAY).late_entry_ue("integration_general") == 25
    assert load_rulebook().on(TODAY).late_entry_ue("vocational") == 25
    change(folder, "course_types.yaml", "late_entry_ue: 25", "late_entry_ue: 10")
    assert read_rulebook(folder).on(TODAY).late_entry_ue("integration_general") == 10
    assert read_rulebook(folder).on(TODAY).late_entry_ue("integration_support") == 25


def test_a_book_that_has_not_begun() -> None:
    with pytest.raises(LookupError, match="2004"):
        load_rulebook().on(date(2004, 12, 31))


BROKEN = [
    ("course_types.yaml", "cap_must: 25", "cap_must: 19", "cap_order"),
    ("course_types.yaml", "sections: 6", "sections: 7", "section_hours"),
    ("course_types.yaml", "code: integration_general", "code: integration_genral", "code_unknown"),
    ("course_types.yaml", "valid_from: 2023-06-30", "valid_from: 2005-01-01", "entry_twice"),
    ("course_types.yaml", "valid_until: 2024-11-30", "valid_until: 2004-11-30", "ends_before_it_begins"),
    ("course_types.yaml", "law: federal", "law: bund", "not_one_of"),
    ("access_routes.yaml", "kinds: [integration]", "kinds: [integraton]", "code_unknown"),
    ("access_routes.yaml", "open: true", "open: ja", "not_yes_no"),
    ("deadlines.yaml", "routes: [aufenthg_44_1]", "routes: [aufenthg_44_11]", "route_unknown"),
    ("deadlines.yaml", 'source: "IntV § 5"', 'src: "IntV § 5"', "missing"),
    ("priorities.yaml", "[obliged_jobcenter]", "[obliged_jobcentre]", "standing_unknown"),
    ("priorities.yaml", "standings: []", "standings: [entitled]", "last_class_has_conditions"),
    ("standings.yaml", "obliged: true", "obliged: 1", "not_yes_no"),
    ("limits.yaml", "value: 25", "value: viele", "not_whole"),
    ("limits.yaml", "value: 25", "value: -1", "too_small"),
    ("limits.yaml", "code: late_entry_ue", "code: late_entri_ue", "limit_unknown"),
    (
        "limits.yaml",
        "code: late_entry_ue, valid_from: 2005-01-01",
        "code: late_entry_ue, valid_from: 2010-01-01",
        "begins_late",
    ),
    ("limits.yaml", "value: 25", "value: 25, valid_until: 2030-12-31", "nothing_behind"),
    ("priorities.yaml", "  day_assumed: true", "  valid_until: 2030-12-31", "nothing_behind"),
    ("priorities.yaml", "[obliged_foreigners_authority,", "[obliged_jobcenter,", "value_twice"),
    ("priorities.yaml", "code: other_duty", "code: urgent_duty", "value_twice"),
    ("deadlines.yaml", "months: 12", "months: 12\n  days: 365", "days_or_months"),
    ("deadlines.yaml", "  days: 42\n", "", "days_or_months"),
    ("course_types.yaml", "language_ue_from: 400", "language_ue_from: 600", "hours_order"),
    ("course_types.yaml", "runs_from: 15", "runs_from: 26", "size_order"),
]


@pytest.mark.parametrize(("name", "old", "new", "code"), BROKEN)
def test_a_mistake_names_file_line_and_column(folder: Path, name: str, old: str, new: str, code: str) -> None:
    line = (folder / name).read_text(encoding="utf-8").split(old)[0].count("\n") + 1
    change(folder, name, old, new)
    with pytest.raises(DocumentError) as caught:
        read_rulebook(folder)
    assert caught.value.file == str(folder / name)
    assert str(caught.value).startswith(f"{folder / name}:")
    assert code in {one.code for one in caught.value.mistakes}
    assert any(abs(one.line - line) <= 3 for one in caught.value.mistakes)


def test_entries_that_hold_at_once_by_their_own_word(folder: Path) -> None:
    old = "  law: federal\n  placed_by: section\n  language_ue: 400"
    new = f"  valid_until: 2023-06-30\n{old}"
    change(folder, "course_types.yaml", old, new)
    with pytest.raises(DocumentError) as caught:
        read_rulebook(folder)
    assert [one.code for one in caught.value.mistakes] == ["overlaps_next"]
    change(folder, "course_types.yaml", "valid_until: 2023-06-30", "valid_until: 2023-06-29")
    assert read_rulebook(folder).on(date(2023, 6, 30)).course_types["integration_intensive"].cap_must == 25


def test_a_gap_between_entries_of_one_code_is_a_mistake(folder: Path) -> None:
    """On such a day the book would say nothing, and nobody would notice before a run on it."""
    old = "  law: federal\n  placed_by: section\n  language_ue: 400"
    change(folder, "course_types.yaml", old, f"  valid_until: 2023-06-28\n{old}")
    with pytest.raises(DocumentError) as caught:
        read_rulebook(folder)
    (gap,) = caught.value.mistakes
    assert (gap.code, gap.params["ended"], gap.params["day"]) == ("gap_before", "2023-06-28", "2023-06-30")
    text = (folder / "course_types.yaml").read_text(encoding="utf-8").splitlines()
    assert text[gap.line - 1].endswith("valid_from: 2023-06-30")


def test_an_entry_that_another_has_followed_never_holds_again(folder: Path) -> None:
    """Closed until the end of 2026, and then? Not open again by an entry of 2005."""
    change(
        folder,
        "access_routes.yaml",
        "2026-02-09, open: false",
        "2026-02-09, valid_until: 2026-12-31, open: false",
    )
    rules = read_rulebook(folder).on(date(2027, 3, 1))
    assert not rules.route_admits("aufenthg_44_4", date(2027, 1, 15))
    assert rules.route_admits("aufenthg_44_4", date(2026, 2, 8))


def test_entries_may_stand_in_any_order(folder: Path) -> None:
    for name in ("access_routes.yaml", "course_types.yaml"):
        file = folder / name
        first, *entries = re.split(r"(?m)^(?=- )", file.read_text(encoding="utf-8"))
        whole = [entry if entry.endswith("\n") else f"{entry}\n" for entry in entries]
        file.write_text(first + "".join(reversed(whole)), encoding="utf-8")
    for day in (TODAY, date(2023, 6, 29)):
        assert read_rulebook(folder).on(day).course_types == load_rulebook().on(day).course_types
        assert read_rulebook(folder).on(day).routes == load_rulebook().on(day).routes


@pytest.mark.parametrize("as_typed", [b"\xef\xbb\xbf", b""], ids=["with a byte order mark", "plain"])
def test_files_from_windows_read_the_same(folder: Path, as_typed: bytes) -> None:
    for file in folder.iterdir():
        file.write_bytes(as_typed + file.read_bytes().replace(b"\n", b"\r\n"))
    assert read_rulebook(folder).on(TODAY).version == load_rulebook().on(TODAY).version


def test_a_file_in_another_encoding_says_so(folder: Path) -> None:
    file = folder / "limits.yaml"
    file.write_bytes(file.read_bytes().replace("§".encode(), b"\xa7"))
    with pytest.raises(DocumentError) as caught:
        read_rulebook(folder)
    assert [(one.code, one.line) for one in caught.value.mistakes] == [("not_utf8", 4)]


def test_every_clock_has_words_and_a_name_of_its_own() -> None:
    clocks = {clock.code for clock in load_rulebook().deadlines if clock.lapses}
    names = [rule.name for rule in hard_rules(a_region(1, 1, 1))]
    assert clocks <= set(names)
    assert len(set(names)) == len(names)
    for clock in clocks:
        assert {f"blocked_{clock}", f"against_{clock}"} <= set(REASONS)


def test_rules_of_a_day_are_printed() -> None:
    run = CliRunner().invoke(app, ["rules", "--on", "2026-03-01"])
    assert run.exit_code == 0
    assert f"Rules of 2026-03-01, version {load_rulebook().on(TODAY).version}" in run.stdout
    assert "KURSNET MB 01" in run.stdout
    assert "BAMF TRS 02/26" in run.stdout
    assert "12 months from residence_title; lapses" in run.stdout
    assert "AufenthG § 44; from 2005-01-01 (day assumed)" in run.stdout
    assert "integration_women" not in run.stdout
    before = CliRunner().invoke(app, ["rules", "--on", "2024-11-30"])
    assert "integration_women" in before.stdout
    assert "BAMF TRS 02/26" not in before.stdout
    assert CliRunner().invoke(app, ["rules", "--on", "2004-01-01"]).exit_code == 1


def test_a_broken_book_is_told_on_the_command_line(folder: Path) -> None:
    change(folder, "limits.yaml", "value: 25", "value: viele")
    run = CliRunner().invoke(app, ["rules", "--folder", str(folder), "--language", "de"])
    assert run.exit_code == 1
    assert f"{folder / 'limits.yaml'}:3:" in run.stderr
    assert "Hier muss eine ganze Zahl stehen." in run.stderr


def test_a_later_change_of_the_files_changes_no_stored_run(folder: Path) -> None:
    """A run carries its rules: two runs of different days are explained under their own."""
    seen = a_region(3, 60, 6)
    stored = snapshot.encode(seen)
    result = match(snapshot.decode(stored))
    change(folder, "course_types.yaml", "cap_must: 25", "cap_must: 20")
    change(folder, "limits.yaml", "value: 25", "value: 5")
    later = read_rulebook(folder)
    assert later.on(seen.day).version != seen.rules.version
    again = snapshot.decode(stored)
    assert again.rules == seen.rules
    assert list(rule_lines(again.rules)) == list(rule_lines(load_rulebook().on(seen.day)))
    assert match(again) == result
    assert snapshot.encode(again) == stored
