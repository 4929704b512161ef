"""Policies that people type: every kind of mistake is told with line, column and field, in both languages."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.allocation.law import mistakes
from services.allocation.law.mistakes import DocumentError
from services.allocation.law.rulebook import load_rulebook
from services.allocation.policy import travel
from services.allocation.policy.check import check_own, check_text, check_towns
from services.allocation.policy.domain import PACKAGED
from services.runtime.web.languages import load
from tests.unit.allocation.policy.document import GOOD, changed, wrong


def test_a_good_policy_has_no_mistakes() -> None:
    (policy,) = check_text(GOOD, load_rulebook())
    assert policy.reservation.by_class == {"urgent_duty": 14}
    assert policy.pooling[0].until == date(2026, 12, 31)
    for file in (PACKAGED, PACKAGED.with_name("demo.yaml")):
        assert check_text(file.read_text(encoding="utf-8"), load_rulebook(), today=date(2026, 3, 1))


BROKEN = [
    ("automatic: [expire]", "automatic: [expire", "[exp", "", "syntax_bracket"),
    ("automatic: [expire]", "automatic:\t[expire]\n\tx: 1", "\t[ex", "", "syntax_tab"),
    ('kreis: "99002"', 'kreis: "99002', '"99002', "", "syntax_quote"),
    ('source: "Kreistag of 4.5.2026"', "source: Kreistag: yes", ": ye", "", "syntax_colon"),
    ("  decide_days: 21", "    decide_days: 21", "mini", "", "syntax_indent"),
    ("automatic: [expire]", "automatic: &x [expire]", "&x [", "", "alias"),
    ("automatic: [expire]", "automatic: *x", "*x\nr", "", "alias"),
    ("automatic: [expire]", "automatic: !!python/name:os.system [expire]", "!!py", "", "tag"),
    ("automatic: [expire]", "automatic: [expire]\n---\nsource: x", "---\n", "", "several_documents"),
    ("automatic: [expire]", "automatic: [expire]\nsource: x", "source: x", "source", "key_twice"),
    ("automatic: [expire]", "automatic: [expire\x07]", "\x07]\nr", "", "syntax_character"),
    ("automatic: [expire]", "automatic: [expire]\u2028", "\u2028", "", "syntax_character"),
    (
        "automatic: [expire]",
        "automatic: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
        "[[[[[[[[[[[]",
        "",
        "too_deep",
    ),
    ("valid_from: 2026-06-01", "valid_from: 2026-02-30", "2026-0", "valid_from", "no_such_day"),
    ("automatic: [expire]", "? [a, b]\n: 1", "[a, ", "", "key_kind"),
    ("valid_from: 2026-06-01\n", "", "sour", "valid_from", "missing"),
    ("{days: 10, present", "{present", "{pre", "reservation > days", "missing"),
    ("decide_days: 21", "decide_day: 21", "decide_", "sizes > decide_day", "unknown_field_like"),
    ("decide_days: 21", "xyzzy: 21", "xyzz", "sizes > xyzzy", "unknown_field"),
    ("days: 10,", "days: ten,", "ten,", "reservation > days", "not_whole"),
    ("days: 10,", "days: yes,", "yes,", "reservation > days", "not_whole"),
    ("days: 10,", 'days: "10",', '"10"', "reservation > days", "not_whole"),
    ("days: 10,", "days: 10.5,", "10.5", "reservation > days", "not_whole"),
    ("days: 10,", "days: 61,", "61, ", "reservation > days", "too_large"),
    ("days: 10,", "days: 0,", "0, p", "reservation > days", "too_small"),
    (
        "days: 10,",
        "days: 10000000000000000000000000000000000000000,",
        "1000",
        "reservation > days",
        "too_large",
    ),
    ("latitude: 50.5", "latitude: north", "nort", "towns > 99001001 > latitude", "not_number"),
    ("latitude: 50.5", "latitude: .nan", ".nan", "towns > 99001001 > latitude", "not_number"),
    ("late_entry: true", "late_entry: maybe", "mayb", "limits > late_entry", "not_yes_no"),
    ("valid_from: 2026-06-01", "valid_from: soon", "soon", "valid_from", "not_day"),
    ("until: 2026-12-31", "until: 2026-12-31 12:00:00", "2026-1", "pooling > 1 > until", "not_day"),
    ("automatic: [expire]", "automatic: expire", "expi", "automatic", "not_list"),
    ("automatic: [expire]", "automatic: [begin]", "begi", "automatic > 1", "not_one_of"),
    ("automatic: [expire]", "automatic: [expires]", "expi", "automatic > 1", "not_one_of_like"),
    ("priority, deadline", "priority, dedline", "dedl", "goals > 2", "not_one_of_like"),
    ("goals: [priority, deadline, waiting, viability]", "goals: []", "[]\nt", "goals", "list_short"),
    ('"99001001"', '"9900100"', '"99001', "towns > 9900100", "town_not_eight"),
    ('kreis: "99002"', "kreis: 99002", "99002", "pooling > 1 > kreis", "not_text_quote"),
    ('kreis: "99002"', 'kreis: "9902"', '"9902', "pooling > 1 > kreis", "kreis_not_five"),
    ('source: "Kreistag of 4.5.2026"', 'source: "x"', '"x"\n', "source", "text_short"),
    ("[vhs-musterland/K-7]", "[K-7]", "K-7]", "sizes > protected_courses > 1", "course_form"),
    ("  decide_days: 21\n", "  decide_days: [21]\n", "[21]", "sizes > decide_days", "not_whole"),
    ("deadline, waiting", "deadline, priority", "priority, v", "goals > 3", "goal_twice"),
    (
        "[urgent_duty, other_duty]",
        "[other_duty, others]",
        "[oth",
        "quotas > 2 > classes",
        "quotas_not_nested",
    ),
    (
        "name: Duty",
        "name: Jobcenter",
        "Jobcenter, classes: [urgent_duty,",
        "quotas > 2 > name",
        "value_twice",
    ),
    ("until: 2026-12-31", "until: 2026-05-31", "2026-05", "pooling > 1 > until", "neighbour_over"),
    ("late_entry: true", "late_entry: false", "late_entry_", "limits > late_entry_ue", "late_entry_off"),
    (
        "integration_general: 18",
        "integration_general: 10",
        "10}\n",
        "sizes > target > integration_general",
        "target_below_minimum",
    ),
    ("late_entry_ue: 20", "late_entry_ue: 26", "26, ", "limits > late_entry_ue", "late_entry_above_law"),
    (
        "by_class: {urgent_duty",
        "by_class: {urgent",
        "urgent:",
        "reservation > by_class > urgent",
        "class_unknown",
    ),
    ("other_duty]", "other_dut]", "othe", "quotas > 2 > classes > 2", "class_unknown"),
    (
        "course_types: [integration_general]",
        "course_types: [general]",
        "general]",
        "quotas > 2 > course_types > 1",
        "type_unknown",
    ),
    (
        "protected_types: [land]",
        "protected_types: [integration_women]",
        "integration_w",
        "sizes > protected_types > 1",
        "type_over",
    ),
    (
        "integration_general: 18",
        "integration_general: 26",
        "26}\n",
        "sizes > target > integration_general",
        "above_cap",
    ),
    ("seats: 6", "seats: 26", "26, ", "quotas > 2 > seats", "above_cap"),
    ("days: 10,", "days: 29,", "29, ", "reservation > days", "held_too_long"),
    ("automatic: [expire]", "automatic: [expire]\ndays: 5", "days: 5", "days", "unknown_field_here"),
    ("automatic: [expire]", "automatic: [[expire]]", "[exp", "automatic > 1", "not_text"),
    ("days: 10,", f"days: 7{'0' * 5000},", "7000", "reservation > days", "number_endless"),
    ("until: 2026-12-31", "until: 20261231", "20261231", "pooling > 1 > until", "not_day"),
    ("until: 2026-12-31", "until: 1.12.2026", "1.12.", "pooling > 1 > until", "not_day"),
    (
        "[urgent_duty, other_duty]",
        "[urgent_duty, other_duty, others]",
        "[urgent_duty, o",
        "quotas > 2 > classes",
        "quota_of_all",
    ),
    ("goals: [priority, deadline, waiting, viability]", "goals:", "\ntowns", "goals", "not_list"),
]


@pytest.mark.parametrize(("old", "new", "at", "path", "code"), BROKEN)
def test_each_mistake_is_told_where_it_stands(old: str, new: str, at: str, path: str, code: str) -> None:
    text = changed(old, new)
    assert text.count(at) == 1
    before = text[: text.index(at)].split("\n")
    told = [(one.code, one.path) for one in wrong(text)]
    assert (code, path) in told
    one = wrong(text)[told.index((code, path))]
    assert (one.line, one.column) == (len(before), len(before[-1]) + 1)


def test_all_mistakes_are_told_at_once_in_the_order_of_the_lines() -> None:
    text = changed("days: 10,", "days: 99,").replace("hour: 6", "hour: 24").replace("viability", "speed")
    assert [(one.line, one.code) for one in wrong(text)] == [
        (5, "too_large"),
        (6, "too_large"),
        (8, "not_one_of"),
    ]


def test_mistakes_of_every_kind_are_told_together() -> None:
    """Values that are none, fields that do not fit, and what the rule book says of all other fields."""
    text = changed("days: 10,", "days: 29,").replace("hour: 6", "hour: 24").replace("[land]", "[lant]")
    text = text.replace("until: 2026-12-31", "until: 2026-02-30") + "source: twice\n"
    told = [(one.path, one.code) for one in wrong(text)]
    assert told == [
        ("reservation > days", "held_too_long"),
        ("cadence > hour", "too_large"),
        ("sizes > protected_types > 1", "type_unknown"),
        ("pooling > 1 > until", "no_such_day"),
        ("source", "key_twice"),
    ]
    with pytest.raises(DocumentError) as caught:
        check_own(text + 'kreise: ["99003"]\n', "99001", load_rulebook())
    assert {one.code for one in caught.value.mistakes} == {code for _, code in told} | {"kreis_foreign"}


def test_a_policy_without_its_day_is_held_against_the_latest_rules() -> None:
    assert [one.code for one in wrong(changed("2026-06-01", "2026-6-1"))] == ["not_day"]


def test_very_many_mistakes_are_counted() -> None:
    told = wrong(changed("goals: [priority,", f"goals: [{'waiting,' * 1000} priority,"))
    assert len(told) == 101
    assert (told[-1].code, told[-1].params) == ("more", {"count": 900})


def test_a_list_of_policies_says_which_one_holds() -> None:
    entry = "- " + GOOD.replace("\n", "\n  ").rstrip() + "\n"
    first, again = entry + 'XX  kreise: ["99001"]\n', entry + 'XX  kreise: ["99003", "99001"]\n'
    text = (first + again).replace("XX", "")
    assert [(one.path, one.code) for one in wrong(text)] == [("2 > valid_from", "policy_twice")]
    assert len(check_text(text.replace('"99003", "99001"', '"99003"'), load_rulebook())) == 2


@pytest.mark.parametrize(
    ("key", "read"), [("01002", "01002"), ("09002", "09002"), ('"01002"', "01002"), ("'01002'", "01002")]
)
def test_a_leading_zero_is_never_lost(key: str, read: str) -> None:
    (policy,) = check_text(changed('kreis: "99002"', f"kreis: {key}"), load_rulebook())
    assert policy.pooling[0].kreis == read
    (policy,) = check_text(changed('"99001001":', f"{key.replace('002', '002001')}:"), load_rulebook())
    assert set(policy.towns) == {f"{read}001"}


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "empty"), ("# only a remark\n", "empty"), ("5", "not_mapping"), ("[]", "no_policy")],
)
def test_a_document_without_a_policy(text: str, code: str) -> None:
    assert [one.code for one in wrong(text)] == [code]


def test_a_document_that_is_too_long_is_not_read() -> None:
    assert [one.code for one in wrong("#" * 30_001)] == ["too_long"]


def test_messages_are_worded_in_both_languages_and_say_what_to_do() -> None:
    german = load((mistakes.LOCALE,))["de"]
    every = [*mistakes.TEXTS.values(), *travel.TEXTS.values()]
    assert [text for text in every if not german.knows(text)] == []
    with pytest.raises(DocumentError) as caught:
        check_text(changed("days: 10,", "days: 29,"), load_rulebook())
    error = DocumentError(caught.value.mistakes, "policy.yaml")
    assert mistakes.lines(error, "en") == [
        (
            "policy.yaml:5:21: reservation > days: The law gives 28 days until the start (DeuFöV);"
            " a seat is not held longer. Please lower it."
        )
    ]
    assert mistakes.lines(error, "de") == [
        (
            "policy.yaml:5:21: reservation > days: Das Recht lässt 28 Tage bis zum Beginn (DeuFöV);"
            " länger wird kein Platz gehalten. Bitte verringern Sie die Zahl."
        )
    ]


@pytest.mark.parametrize(("old", "new", "at", "path", "code"), BROKEN)
def test_every_mistake_can_be_said(old: str, new: str, at: str, path: str, code: str) -> None:  # noqa: ARG001
    for mistake in wrong(changed(old, new)):
        for language in ("de", "en"):
            said = mistakes.said(mistakes.texts_in(language), mistake)
            assert said
            assert "%(" not in said


def test_a_kreis_types_its_own_policy_only() -> None:
    book = load_rulebook()
    assert check_own(GOOD, "99001", book).kreise == ("99001",)
    for text, code in (
        (GOOD + 'kreise: ["99003"]\n', "kreis_foreign"),
        ("- " + GOOD.replace("\n", "\n  ").rstrip(), "not_mapping"),
    ):
        with pytest.raises(DocumentError) as caught:
            check_own(text, "99001", book)
        assert [one.code for one in caught.value.mistakes] == [code]
    with pytest.raises(DocumentError) as caught:
        check_own(GOOD, "99002", book)
    assert [(one.code, one.path) for one in caught.value.mistakes] == [
        ("neighbour_is_self", "pooling > 1 > kreis")
    ]


def test_a_policy_is_held_against_the_rules_of_its_day() -> None:
    women = changed("protected_types: [land]", "protected_types: [integration_women]")
    assert check_text(women.replace("2026-06-01", "2024-11-30"), load_rulebook())
    with pytest.raises(DocumentError):
        check_text(women.replace("2026-06-01", "2024-11-30"), load_rulebook(), today=date(2026, 3, 1))


BITS = (
    *'[]{}:"#-|>?%@`~=', "\n", "\t", "  ", "&a", "*a", "!!x", "<<: ", "---\n", "...\n", "0", "-1", "1e400",
    "0o7", "12:30", "2026-13-01", ".inf", "null", "true", "\x00", "\x85", "\u2028", "\r\n", "ä", "99001",
    "\N{GRINNING FACE}",
)  # fmt: skip
EDITS = st.lists(
    st.tuples(st.integers(0, len(GOOD)), st.integers(0, 20), st.sampled_from(BITS)), min_size=1, max_size=4
)


@given(edits=EDITS)
@settings(max_examples=150, deadline=None)
def test_whatever_is_typed_is_read_or_told(edits: list[tuple[int, int, str]]) -> None:
    text = GOOD
    for at, gone, new in edits:
        text = text[:at] + new + text[at + gone :]
    try:
        assert check_own(text, "99001", load_rulebook()).kreise == ("99001",)
    except DocumentError as error:
        for one in error.mistakes:
            assert 1 <= one.line <= text.count("\n") + 1
            assert one.column >= 1
            assert "%(" not in mistakes.said(mistakes.texts_in("de"), one)


def test_towns_that_no_directory_has_are_named_with_their_line() -> None:
    text = GOOD.replace('"99001001":', '"99001777":')
    check_towns(text, lambda _ags: False)
    with pytest.raises(DocumentError) as error:
        check_towns(text, lambda ags: ags == "99001777")
    (mistake,) = error.value.mistakes
    assert (mistake.code, mistake.params["value"]) == ("town_unknown", "99001777")
    assert "99001777" in text.splitlines()[mistake.line - 1]
