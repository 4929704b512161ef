"""The rule book's files: what holds on which day, and mistakes that never steer anybody."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas.codes import AccessRoute, CourseType, Standing
from services.allocation.steering import snapshot
from services.allocation.steering.commands import app
from services.allocation.steering.matching import match
from services.allocation.steering.mistakes import DocumentError
from services.allocation.steering.policy_commands import rule_lines
from services.allocation.steering.rulebook import PACKAGED, load_rulebook, read_rulebook
from tests.unit.steering.region import a_region

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
    starts = {code: (clock.days, clock.starts_with, clock.lapses) for code, clock in clocks.items()}
    assert starts == {
        "course_start": (42, "registration_at_provider", False),
        "claim_lapses": (365, "residence_title", True),
        "admission_lapses": (365, "admission", True),
        "interruption": (365, "interruption", False),
        "vocational_start": (28, "entitlement", False),
        "vocational_lapses": (91, "entitlement", True),
    }
    assert not clocks["course_start"].routes  # the registration at a provider is not known here
    assert not clocks["interruption"].routes  # whose reasons these were is never computed


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


def test_rules_of_a_day_are_printed() -> None:
    run = CliRunner().invoke(app, ["rules", "--on", "2026-03-01"])
    assert run.exit_code == 0
    assert f"Rules of 2026-03-01, version {load_rulebook().on(TODAY).version}" in run.stdout
    assert "KURSNET MB 01" in run.stdout
    assert "BAMF TRS 02/26" in run.stdout
    assert "integration_women" not in run.stdout
    before = CliRunner().invoke(app, ["rules", "--on", "2024-11-30"])
    assert "integration_women" in before.stdout
    assert "BAMF TRS 02/26" not in before.stdout
    assert CliRunner().invoke(app, ["rules", "--on", "2004-01-01"]).exit_code == 1


def test_a_broken_book_is_told_on_the_command_line(folder: Path) -> None:
    change(folder, "limits.yaml", "value: 25", "value: viele")
    run = CliRunner().invoke(app, ["rules", "--folder", str(folder), "--language", "de"])
    assert run.exit_code == 1
    assert f"{folder / 'limits.yaml'}:2:" in run.stderr
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
