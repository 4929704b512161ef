"""Histories as CSV, and what an evaluation says of rules, a flat rule and an oracle."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from services.notifications.risk.attendance import CourseDay, assess
from services.notifications.risk.evaluate import history, replay, report
from services.notifications.risk.evaluate.history import Enrolment, Exit, History, ReportedDay
from services.notifications.risk.evaluate.sweep import compare, exits_of
from services.notifications.risk.parameters import load
from services.simulator.history import invent

FIRST = date(2026, 3, 2)
RULES = load().on(FIRST)


def enrolment(marks: str, *, every: int = 1, left: int | None = None, told: int | None = None) -> Enrolment:
    """One letter a day; days are reported `every` so many days at once, on the day after."""
    days = []
    for n, mark in enumerate(marks):
        reported = FIRST + timedelta(days=(n // every + 1) * every)
        day = CourseDay(FIRST + timedelta(days=n), mark, 5.0 * (mark == "X"), 5.0)
        days.append(ReportedDay(day, reported))
    leaving = None
    if left is not None and told is not None:
        leaving = Exit("other", FIRST + timedelta(days=left), FIRST + timedelta(days=told))
    ends = FIRST + timedelta(days=100)
    return Enrolment("K-1", marks, "vhs", FIRST, ends, tuple(days), leaving)


def test_a_warning_counts_from_the_day_on_which_it_could_be_given() -> None:
    one = enrolment("X" * 10 + "UUUU", left=13, told=20)
    scored = replay.score([one], replay.of_rules(RULES))
    (alert,) = replay.of_rules(RULES)(one)
    assert alert.raised_on == FIRST + timedelta(days=12)
    assert (scored.alerts, scored.right, scored.announced, scored.warned, scored.leads) == (1, 1, 1, 1, (8,))


def test_what_is_reported_late_warns_late_or_not_at_all() -> None:
    late = enrolment("X" * 10 + "UUUU", every=14, left=13, told=20)
    (alert,) = replay.of_rules(RULES)(late)
    assert alert.raised_on == FIRST + timedelta(days=14)
    too_late = enrolment("X" * 10 + "UUUU", every=30, left=13, told=20)
    scored = replay.score([too_late], replay.of_oracle)
    assert (scored.announced, scored.warned, scored.alerts) == (1, 0, 0)
    assert exits_of([too_late]).too_late == 1


def test_what_was_cleared_before_it_was_reported_is_no_alert() -> None:
    week = enrolment("XXXXX" + "UUU" + "X" * 20, every=28)
    assert replay.of_rules(RULES)(week) == []


def test_replaying_day_by_day_finds_what_the_assessor_would() -> None:
    for one in invent(7, 60).enrolments:
        known: list[CourseDay] = []
        raised = []
        is_open = False
        for at, item in enumerate(one.days):
            known.append(item.day)
            if at + 1 < len(one.days) and one.days[at + 1].reported_on == item.reported_on:
                continue
            episodes = assess(known, one.joined_on, RULES)
            found = any(episode.cleared_on is None for episode in episodes)
            raised += [item.reported_on] if found and not is_open else []
            is_open = found
        assert [alert.raised_on for alert in replay.of_rules(RULES)(one)] == raised


def test_an_exit_without_absences_is_counted_apart() -> None:
    silent = enrolment("X" * 14, left=13, told=15)
    exits = exits_of([silent, enrolment("X" * 14), enrolment("UUU", left=0, told=4)])
    assert (exits.announced, exits.never_came, exits.unannounced) == (1, 1, (("other", 1),))


def test_a_history_is_written_and_read_again(tmp_path: Path) -> None:
    invented = invent(3, 40)
    history.write(tmp_path, invented)
    read = history.read(tmp_path)
    assert [(one.key, len(one.days), one.exit) for one in read.enrolments] == [
        (one.key, len(one.days), one.exit) for one in invented.enrolments
    ]
    assert list(report.lines(compare(read, RULES))) == list(report.lines(compare(invented, RULES)))


def test_an_evaluation_beats_the_flat_rule_and_stays_below_the_oracle() -> None:
    found = compare(invent(99001, 120), RULES)
    assert found.flat_at_equal_load is not None
    ours, oracle = found.together.recall or 0, found.oracle.recall or 0
    assert (found.flat_at_equal_load.score.recall or 0) < ours <= oracle
    assert found.together.load <= 30
    said = "\n".join(report.lines(found))
    assert "that nobody could have seen" in said
    assert report.plot(found).startswith("<svg")


@pytest.mark.parametrize(
    ("name", "line", "fault"),
    [
        ("marks.csv", "K-1,P-1,2026-03-02,Z,5,5,2026-03-03", "marks.csv, line 2, column mark"),
        ("marks.csv", "K-1,P-1,02.03.2026,X,5,5,2026-03-03", "marks.csv, line 2, column day"),
        ("marks.csv", "K-1,P-1,2026-03-02,X,nan,5,2026-03-03", "marks.csv, line 2, column ue"),
        ("marks.csv", "K-1,P-1,2026-03-02,X,1e9,5,2026-03-03", "marks.csv, line 2, column ue"),
        ("marks.csv", "K-1,P-9,2026-03-02,X,5,5,2026-03-03", "line 2, column participant: is not enrolled"),
        ("marks.csv", "K-1,P-1,2026-03-02", "marks.csv, line 2: does not have as many columns"),
        ("exits.csv", "K-1,P-1,,2026-03-02,2026-03-03", "exits.csv, line 2, column kind: is empty"),
        ("enrolments.csv", "K-1,P-1,vhs,2026-03-02,2026-09-01", "enrolments.csv, line 3"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, name: str, line: str, fault: str) -> None:
    one = enrolment("X", left=0, told=1)
    history.write(tmp_path, History([Enrolment("K-1", "P-1", "vhs", one.joined_on, one.ends_on)]))
    with (tmp_path / name).open("a") as file:
        file.write(line + "\n")
    with pytest.raises(history.HistoryError, match=fault):
        history.read(tmp_path)


def test_a_missing_file_or_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(history.HistoryError, match=r"enrolments\.csv: cannot be read"):
        history.read(tmp_path)
    history.write(tmp_path, History())
    (tmp_path / "exits.csv").write_text("course,participant,kind,left_on\n")
    with pytest.raises(history.HistoryError, match="the column told_on is missing"):
        history.read(tmp_path)
    (tmp_path / "marks.csv").write_bytes(b"course,participant,day,mark,ue,ue_held,reported_on\n\xff\xfe\n")
    with pytest.raises(history.HistoryError, match="no CSV file in UTF-8"):
        history.read(tmp_path)
