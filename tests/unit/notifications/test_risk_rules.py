"""Dropout risk: the three rules, their hysteresis, and what changes on record."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.participation.domain import (
    ClearRisk,
    CourseDay,
    Episode,
    KeepRisk,
    OpenRisk,
    RaiseRisk,
    RiskRule,
    WithdrawRisk,
    assess,
    compare,
)
from services.notifications.participation.rules import RiskRuleBook, load

FIRST = date(2026, 3, 2)
RULES = load().on(FIRST)
HELD = 5.0


def days(marks: str, *, ue: float = 5.0, start: date = FIRST) -> list[CourseDay]:
    """One letter a day; `h` is somebody present for half of it."""
    return [
        CourseDay(
            start + timedelta(days=n),
            "X" if mark == "h" else mark,
            ue / 2 if mark == "h" else ue * (mark == "X"),
            HELD,
        )
        for n, mark in enumerate(marks)
    ]


def open_rules(marks: str, joined: date = FIRST) -> list[str]:
    return sorted(e.rule for e in assess(days(marks), joined, RULES) if e.cleared_on is None)


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ("", []),
        ("X" * 30, []),
        ("P" * 30, []),
        ("U", []),
        ("UU", ["no_show"]),
        ("UUX", []),
        ("UUE", []),
        ("EU", []),
        ("XUU", []),
        ("XUUU", ["consecutive_unexcused"]),
        ("XUUEU", ["consecutive_unexcused"]),
        ("XUUXU", []),
        ("XUUUX", ["consecutive_unexcused"]),
        ("XUUUXX", []),
        ("XUUUXUX", ["consecutive_unexcused", "share_missed"]),
        ("XEEXXX", []),
        ("XEEXXE", ["share_missed"]),
        ("XXXXXEXXXX", []),
        ("XUUUW", []),
        ("XUUUWUUU", ["consecutive_unexcused"]),
        ("hhhhhh", ["share_missed"]),
        ("XPPPPP", []),
    ],
)
def test_marks_of_a_class_register_become_risks(marks: str, expected: list[str]) -> None:
    assert open_rules(marks) == expected


def test_days_before_the_entry_do_not_count() -> None:
    assert open_rules("UUUUXX", joined=FIRST + timedelta(days=4)) == []


def test_after_the_first_weeks_a_risk_needs_one_more_day() -> None:
    late = FIRST + timedelta(days=60)
    history = [*days("X" * 20), *days("UUU", start=late)]
    assert not [e for e in assess(history, FIRST, RULES) if e.rule is RiskRule.CONSECUTIVE_UNEXCUSED]
    history += days("U", start=late + timedelta(days=3))
    assert [e for e in assess(history, FIRST, RULES) if e.rule is RiskRule.CONSECUTIVE_UNEXCUSED]


def test_a_risk_explains_itself() -> None:
    found = {e.rule: e.params for e in assess(days("XUUUE"), FIRST, RULES)}
    assert found[RiskRule.CONSECUTIVE_UNEXCUSED] == {"days": 3, "since": "2026-03-03"}
    shares = {e.rule: e.params for e in assess(days("XXUUUE"), FIRST, RULES)}
    assert shares[RiskRule.SHARE_MISSED] == {"share_percent": 67, "window_days": 6, "since": "2026-03-02"}


def test_present_without_units_was_there_all_day() -> None:
    assert assess([CourseDay(FIRST + timedelta(days=n), "X", 0, HELD) for n in range(20)], FIRST, RULES) == []


MARKS = st.text(alphabet="XEUWPh", max_size=60)


@given(MARKS, st.randoms(use_true_random=False))
def test_the_order_of_reports_does_not_matter(marks: str, chance: object) -> None:
    reported = days(marks)
    shuffled = list(reported)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert assess(shuffled, FIRST, RULES) == assess(reported, FIRST, RULES)


@given(MARKS)
def test_each_rule_is_open_at_most_once(marks: str) -> None:
    rules = open_rules(marks)
    assert len(rules) == len(set(rules))


@given(MARKS)
def test_coming_back_clears_everything(marks: str) -> None:
    assert open_rules(marks + "X" * 40) == []


@given(MARKS)
def test_a_correction_of_everything_leaves_nothing(marks: str) -> None:
    known = [OpenRisk(e.rule, e.since) for e in assess(days(marks), FIRST, RULES) if e.cleared_on is None]
    changes = compare(known, assess(days("X" * len(marks)), FIRST, RULES))
    assert changes == [WithdrawRisk(risk) for risk in known]


@given(MARKS)
def test_nothing_changes_without_new_days(marks: str) -> None:
    episodes = assess(days(marks), FIRST, RULES)
    known = [OpenRisk(e.rule, e.since) for e in episodes if e.cleared_on is None]
    assert all(isinstance(change, KeepRisk) for change in compare(known, episodes))


@given(MARKS)
def test_raised_then_cleared_never_flutters_in_one_day(marks: str) -> None:
    """A day that raises a rule never clears it, and the other way round."""
    for n in range(len(marks)):
        before, after = set(open_rules(marks[:n])), set(open_rules(marks[: n + 1]))
        if marks[n] in "XP":
            assert not after - before
        if marks[n] in "UE":
            assert RiskRule.CONSECUTIVE_UNEXCUSED not in before - after


def test_open_risks_are_compared_with_the_episodes_found() -> None:
    streak = Episode(RiskRule.CONSECUTIVE_UNEXCUSED, FIRST, {"days": 3})
    over = Episode(RiskRule.CONSECUTIVE_UNEXCUSED, FIRST, {"days": 3}, FIRST + timedelta(days=5))
    known = OpenRisk(RiskRule.CONSECUTIVE_UNEXCUSED, FIRST)
    assert compare([], [streak]) == [RaiseRisk(streak)]
    assert compare([known], [streak]) == [KeepRisk(known, streak)]
    assert compare([known], [over]) == [ClearRisk(known)]
    assert compare([known], []) == [WithdrawRisk(known)]
    assert compare([], [over]) == []


def test_rules_are_dated_and_their_bounds_in_order() -> None:
    packaged = load()
    assert packaged.on(date(1999, 1, 1)) == RULES
    first = load().versions[0]
    versions = [first, first.model_copy(update={"valid_from": date(2027, 1, 1)})]
    versions[1] = versions[1].model_copy(update={"early_days": 7})
    book = RiskRuleBook(versions)
    assert (book.on(date(2026, 12, 31)).early_days, book.on(date(2027, 1, 1)).early_days) == (28, 7)
    share = versions[0].share.model_copy(update={"clear_below": 0.9})
    with pytest.raises(ValueError, match="clear_below"):
        RiskRuleBook([versions[0].model_copy(update={"share": share})])
