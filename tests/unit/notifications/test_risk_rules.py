"""Dropout risk: the three rules, their hysteresis, and what changes on record."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.risk.attendance import (
    AttendanceRules,
    ConsecutiveRule,
    CourseDay,
    LongExcusedRule,
    NoShowRule,
    PatternRule,
    ShareRule,
    assess,
)
from services.notifications.risk.domain import (
    ClearRisk,
    Episode,
    Finding,
    KeepRisk,
    Matter,
    OpenRisk,
    RaiseRisk,
    Rule,
    WithdrawRisk,
    compare,
    findings,
)
from services.notifications.risk.parameters import Parameters, RiskRuleBook, Version, load

FIRST = date(2026, 3, 2)
RULES = AttendanceRules(
    early_days=28,
    no_show=NoShowRule(days=2),
    consecutive=ConsecutiveRule(days=4, early_days=3, clear_after=2),
    share=ShareRule(
        window_days=15,
        least_days=6,
        raise_at=0.4,
        early_raise_at=0.3,
        clear_below=0.2,
        excused_counts=True,
    ),
    long_excused=LongExcusedRule(days=5, clear_after=2),
    pattern=PatternRule(
        usual=0.03,
        usual_excused=0.05,
        weight=20,
        most=0.25,
        leaving=0.6,
        leaving_excused=0.15,
        raise_at=7.0,
        early_raise_at=7.0,
        clear_below=1.0,
    ),
)
CLASSIC = {Rule.NO_SHOW, Rule.CONSECUTIVE_UNEXCUSED, Rule.SHARE_MISSED}
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


def lasting(marks: str, joined: date = FIRST) -> list[Rule]:
    return sorted(e.rule for e in assess(days(marks), joined, RULES) if e.cleared_on is None)


def open_rules(marks: str, joined: date = FIRST) -> list[Rule]:
    return [rule for rule in lasting(marks, joined) if rule in CLASSIC]


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
    assert not [e for e in assess(history, FIRST, RULES) if e.rule is Rule.CONSECUTIVE_UNEXCUSED]
    history += days("U", start=late + timedelta(days=3))
    assert [e for e in assess(history, FIRST, RULES) if e.rule is Rule.CONSECUTIVE_UNEXCUSED]


def test_a_risk_explains_itself() -> None:
    found = {e.rule: e.params for e in assess(days("XUUUE"), FIRST, RULES)}
    assert found[Rule.CONSECUTIVE_UNEXCUSED] == {"days": 3, "since": "2026-03-03"}
    shares = {e.rule: e.params for e in assess(days("XXUUUE"), FIRST, RULES)}
    assert shares[Rule.SHARE_MISSED] == {"share_percent": 67, "window_days": 6, "since": "2026-03-02"}


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
    rules = lasting(marks)
    assert len(rules) == len(set(rules))


@given(MARKS)
def test_coming_back_clears_everything(marks: str) -> None:
    assert lasting(marks + "X" * 40) == []


def known_of(episodes: list[Episode]) -> list[OpenRisk]:
    return [OpenRisk(one.matter, one.rule, one.since) for one in findings(episodes).values()]


@given(MARKS)
def test_a_correction_of_everything_leaves_nothing(marks: str) -> None:
    known = known_of(assess(days(marks), FIRST, RULES))
    changes = compare(known, assess(days("X" * len(marks)), FIRST, RULES), Matter)
    assert changes == [WithdrawRisk(risk) for risk in known]


@given(MARKS)
def test_nothing_changes_without_new_days(marks: str) -> None:
    episodes = assess(days(marks), FIRST, RULES)
    assert all(isinstance(change, KeepRisk) for change in compare(known_of(episodes), episodes, Matter))


@given(MARKS)
def test_somebody_has_one_risk_about_their_attendance(marks: str) -> None:
    known = known_of(assess(days(marks), FIRST, RULES))
    assert len(known) <= 1
    assert bool(known) == bool(lasting(marks))


@given(MARKS)
def test_raised_then_cleared_never_flutters_in_one_day(marks: str) -> None:
    """A day that raises a rule never clears it, and the other way round."""
    for n in range(len(marks)):
        before, after = set(lasting(marks[:n])), set(lasting(marks[: n + 1]))
        if marks[n] in "XP":
            assert not after - before
        if marks[n] in "UE":
            assert Rule.CONSECUTIVE_UNEXCUSED not in before - after


def test_open_risks_are_compared_with_the_episodes_found() -> None:
    streak = Episode(Rule.CONSECUTIVE_UNEXCUSED, FIRST, FIRST, {"days": 3})
    over = Episode(Rule.CONSECUTIVE_UNEXCUSED, FIRST, FIRST, {"days": 3}, FIRST + timedelta(days=5))
    finding = Finding(streak.rule, streak.since, streak.params)
    known = OpenRisk(Matter.ATTENDANCE, Rule.CONSECUTIVE_UNEXCUSED, FIRST)
    looked_at = (Matter.ATTENDANCE,)
    assert compare([], [streak], looked_at) == [RaiseRisk(finding)]
    assert compare([known], [streak], looked_at) == [KeepRisk(known, finding)]
    assert compare([known], [over], looked_at) == [ClearRisk(known)]
    assert compare([known], [], looked_at) == [WithdrawRisk(known)]
    assert compare([], [over], looked_at) == []
    assert compare([known], [], (Matter.PROGRESS,)) == []


def test_of_several_rules_about_one_matter_the_one_that_tells_most_explains_it() -> None:
    episodes = [
        Episode(Rule.SHARE_MISSED, FIRST, FIRST, {"share_percent": 40}),
        Episode(
            Rule.CONSECUTIVE_UNEXCUSED, FIRST + timedelta(days=3), FIRST + timedelta(days=5), {"days": 3}
        ),
        Episode(Rule.LONG_EXCUSED, FIRST, FIRST, {}, FIRST + timedelta(days=9)),
    ]
    (found,) = findings(episodes).values()
    assert (found.rule, found.since, found.also) == (
        Rule.CONSECUTIVE_UNEXCUSED,
        FIRST,
        (Rule.SHARE_MISSED,),
    )


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ("XEEEE", []),
        ("XEEEEE", ["long_excused"]),
        ("XEEUEEE", ["long_excused"]),
        ("XEEEXEE", []),
        ("XEEEEEX", ["long_excused"]),
        ("XEEEEEXX", []),
    ],
)
def test_somebody_excused_for_long_may_need_help(marks: str, expected: list[str]) -> None:
    assert [rule for rule in lasting(marks) if rule is Rule.LONG_EXCUSED] == expected


def broken(marks: str) -> bool:
    return Rule.OWN_PATTERN in lasting(marks)


def test_a_break_in_the_own_pattern_needs_more_of_somebody_who_always_missed_some_days() -> None:
    steady, patchy = "X" * 30, "XXXXU" * 6
    assert broken(steady + "UXUXU")
    assert not broken(patchy + "XU")
    assert broken(patchy + "UUUUU")
    assert not broken(steady + "UXXXXXXXXU"), "one day now and then is no break"


def test_a_break_is_over_when_the_person_comes_again() -> None:
    assert broken("X" * 30 + "UUUU")
    assert not broken("X" * 30 + "UUUU" + "X" * 10)
    away, long_away = (
        assess(days("X" * 9 + "U" * 4 + "X" * 12), FIRST, RULES),
        assess(days("X" * 9 + "U" * 30 + "X" * 12), FIRST, RULES),
    )
    assert [e.cleared_on is not None for e in (*away, *long_away) if e.rule is Rule.OWN_PATTERN] == [True] * 2


@given(MARKS)
def test_what_is_reported_later_never_changes_when_a_risk_was_certain(marks: str) -> None:
    whole = assess(days(marks), FIRST, RULES)
    for n in range(len(marks)):
        known = assess(days(marks[: n + 1]), FIRST, RULES)
        today = FIRST + timedelta(days=n)
        seen_then = {(e.rule, e.raised_on) for e in known}
        assert seen_then == {(e.rule, e.raised_on) for e in whole if e.raised_on <= today}


def test_rules_are_dated_and_their_bounds_in_order() -> None:
    packaged = load()
    assert packaged.on(date(1999, 1, 1)) == packaged.on(FIRST)
    first = packaged.versions[0]
    assert first.parameters is not None
    later = first.parameters.model_copy(update={"early_days": 7})
    book = RiskRuleBook([Version(date(2027, 1, 1), later), first])
    assert (book.on(date(2026, 12, 31)).early_days, book.on(date(2027, 1, 1)).early_days) == (28, 7)
    values = first.parameters.model_dump()
    values["share"]["clear_below"] = 0.9
    with pytest.raises(ValueError, match="clear_below"):
        Parameters.model_validate({name: values[name] for name in Parameters.model_fields})
