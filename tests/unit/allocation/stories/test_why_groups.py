"""Courses are grouped by what speaks against them first; the nearest misses come first, and none is lost."""

from datetime import date, timedelta
from uuid import UUID

from services.allocation.console.stories.why import _BLOCKED, _OTHER, grouped, is_place, kind_of
from services.allocation.placements.domain import Reason
from services.allocation.steering.explain.why import CourseReason
from services.texts.rules import RULE_TEXTS
from services.texts.why import COURSES

DAY = date(2026, 4, 13)


def one(number: int, *codes: str, later: int = 0) -> CourseReason:
    suitable = not codes[0].startswith("against_")
    return CourseReason(
        UUID(int=number), 1, DAY + timedelta(later), suitable, tuple(Reason(code) for code in codes)
    )


def test_every_rule_and_every_reason_has_a_group() -> None:
    codes = {code for kind in _BLOCKED for code in kind.codes}
    assert {f"against_{rule}" for rule in RULE_TEXTS} <= codes
    told = {code for code in COURSES if code.startswith(("why_", "against_"))} - {"why_placed_here"}
    assert [code for code in sorted(told) if kind_of(one(1, code)) is _OTHER] == []


def test_the_place_is_in_no_group_and_nothing_else_is_lost() -> None:
    courses = [
        one(1, "why_placed_here"),
        one(2, "why_better_taken", "why_cut_off"),
        one(3, "against_travel_time"),
        one(4, "against_travel_time", "against_childcare"),
        one(5, "against_level_section", "against_travel_time", "against_childcare"),
        one(6, "against_of_a_later_version"),
    ]
    assert is_place(courses[0])
    groups = grouped(courses)
    assert sorted(c.course.int for group in groups for c in group.courses) == [2, 3, 4, 5, 6]
    assert {group.kind.title: len(group.courses) for group in groups} == {
        "Full": 1,
        "Too far": 2,
        "Another level": 1,
        "Something else": 1,
    }


def test_what_fits_comes_first_then_the_nearest_misses() -> None:
    groups = grouped(
        [
            one(1, "against_level", "against_childcare"),
            one(2, "against_level", "against_childcare"),
            one(3, "against_time_of_day", "against_childcare"),
            one(4, "against_time_of_day", later=9),
            one(5, "against_time_of_day"),
            one(6, "why_full_before"),
        ]
    )
    assert [group.kind.title for group in groups] == ["Full", "Another time of day", "Another level"]
    assert [c.course.int for c in groups[1].courses] == [5, 4, 3]
    assert [group.only for group in groups] == [0, 2, 0]


def test_nothing_gives_no_groups() -> None:
    assert grouped([]) == ()
