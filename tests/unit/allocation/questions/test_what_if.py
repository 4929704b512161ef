"""What if: every change applied as it is meant, and the difference told as it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.domain import EntryKey, Offer
from services.allocation.steering.matching.match import match
from services.allocation.steering.matching.snapshot import Snapshot
from services.allocation.steering.questions import what_if
from services.allocation.steering.questions.applying import apply, beside_of, course_in
from services.allocation.steering.questions.changes import ChangeError, parse, parse_all, written
from services.allocation.steering.questions.worker import Answered, NotAnswered, solve
from tests.unit.allocation.regions.crowd import DAY, TOWNS, a_course, a_crowd, a_kreis, a_person

ADDED = {
    "kind": "course_added",
    "course_type": "integration_general",
    "starts_on": "2026-04-06",
    "town": TOWNS[0],
    "times_of_day": ["morning"],
    "seats": 5,
}


def asked(seen: Snapshot, *changes: dict[str, Any]) -> dict[str, Any]:
    return what_if.answer(seen, {"changes": list(changes)})


def applied(seen: Snapshot, *changes: dict[str, Any]) -> Snapshot:
    return apply(seen, parse_all(list(changes)))


@given(st.integers(1, 10_000))
@settings(max_examples=10, deadline=None)
def test_nothing_changed_is_nothing_different(seed: int) -> None:
    told = asked(a_crowd(seed, 60, 8))
    assert told["before"] == told["after"]
    assert told["people"] == {"gain": [], "lose": [], "move": []}
    assert told["courses"]["start"] == told["courses"]["close"] == told["by_town"] == []
    assert all(one["placed"][0] == one["placed"][1] for one in told["by_class"])
    assert told["lapsing"]["count"][0] == told["lapsing"]["count"][1]


@given(st.integers(1, 10_000), st.integers(0, 7))
@settings(max_examples=10, deadline=None)
def test_a_seat_more_never_lowers_the_first_goal(seed: int, place: int) -> None:
    seen = a_crowd(seed, 60, 8, seats=4, minimum=2)
    told = asked(seen, {"kind": "capacity", "course": str(seen.courses[place].id), "seats": 1})
    before, after = told["before"]["tiers"][0], told["after"]["tiers"][0]
    assert before["proven"]
    assert after["value"] >= before["value"]


@given(st.integers(1, 10_000), st.integers(0, 7))
@settings(max_examples=10, deadline=None)
def test_nobody_is_left_in_a_cancelled_course(seed: int, place: int) -> None:
    seen = a_crowd(seed, 60, 8)
    gone = seen.courses[place].id
    change = {"kind": "course_cancelled", "course": str(gone)}
    assert gone not in {entry.course for entry in match(applied(seen, change)).places.values()}
    told = asked(seen, change)
    assert all((one["to"] or {}).get("course") != str(gone) for one in told["people"]["move"])
    assert told["seated_in_cancelled"] == course_in(seen, gone).seated


@given(st.integers(1, 10_000), st.integers(0, 7), st.integers(1, 6))
@settings(max_examples=8, deadline=None)
def test_who_sat_in_a_cancelled_course_waits_again(seed: int, place: int, seated: int) -> None:
    """The answer is that of a run which sees them wait, with the claims they had, and no such course."""
    full = a_crowd(seed, 60, 8)
    gone, back = full.courses[place].id, full.people[:seated]
    seen = replace(full, people=full.people[seated:])
    material = {"seated": {str(gone): snapshot.written_people(back)}}
    change = {"kind": "course_cancelled", "course": str(gone)}
    told = what_if.answer(seen, {"changes": [change], "material": material})
    real = replace(
        full,
        people=tuple(replace(one, excluded=(gone,)) if one in back else one for one in full.people),
        courses=tuple(one for one in full.courses if one.id != gone),
    )
    assert told["after"]["placed"] == len(match(real).places)
    assert told["seated_back"] == seated
    gained = {one["person"] for one in told["people"]["gain"]}
    assert gained >= {str(one.id) for one in back if one.id in match(real).places}


def test_a_proposal_in_a_cancelled_course_is_gone() -> None:
    offer = Offer(UUID(int=9), 1, EntryKey(a_course(1, 30).id, 1))
    seen = a_kreis([replace(a_person(1), offer=offer)], [a_course(1, 30), a_course(2, 30)])
    change = {"kind": "course_cancelled", "course": str(a_course(1, 30).id)}
    assert applied(seen, change).people[0].offer is None


@given(st.integers(1, 10_000), st.data())
@settings(max_examples=12, deadline=None)
def test_changes_that_touch_different_things_can_be_made_in_any_order(seed: int, data: st.DataObject) -> None:
    seen = a_crowd(seed, 50, 8)
    ids = [str(one.id) for one in seen.courses]
    changes: list[dict[str, Any]] = [
        {"kind": "capacity", "course": ids[0], "seats": 2},
        {"kind": "childcare", "course": ids[0]},
        {"kind": "course_cancelled", "course": ids[1]},
        {"kind": "childcare", "course": ids[2]},
        {
            "kind": "policy",
            "policy": seen.policy.model_copy(update={"alternatives": 1}).model_dump(mode="json"),
        },
    ]
    some = data.draw(st.lists(st.sampled_from(changes), unique_by=str, max_size=5))
    other = data.draw(st.permutations(some))
    assert applied(seen, *some) == applied(seen, *other)


@given(st.integers(1, 10_000), st.integers(0, 7), st.booleans())
@settings(max_examples=10, deadline=None)
def test_the_parts_of_a_difference_add_up(seed: int, place: int, with_neighbour: bool) -> None:
    """Classes, and towns with what is the neighbours', both sum to the totals' difference."""
    seen = a_crowd(seed, 50, 8)
    changes: list[dict[str, Any]] = [{"kind": "course_cancelled", "course": str(seen.courses[place].id)}]
    question: dict[str, Any] = {"kreis": "99001"}
    if with_neighbour:
        other = replace(a_crowd(seed + 1, 20, 4), region="99002")
        other = replace(
            other,
            people=tuple(replace(one, kreis="99002", id=UUID(int=one.id.int + 1)) for one in other.people),
        )
        changes.append({"kind": "neighbour", "kreis": "99002"})
        question["material"] = {"neighbours": {"99002": snapshot.encode(other).decode()}}
    told = what_if.answer(replace(seen, region="99001"), {"changes": changes, **question})
    for what in ("people", "placed"):
        total = told["after"][what] - told["before"][what]
        assert sum(one[what][1] - one[what][0] for one in told["by_class"]) == total
        towns = sum(one[what][1] - one[what][0] for one in told["by_town"])
        beside = told["of_neighbours"][what]
        assert towns + beside[1] - beside[0] == total
    moves = told["people"], told["elsewhere"]
    gained = len(moves[0]["gain"]) + moves[1]["gain"] - len(moves[0]["lose"]) - moves[1]["lose"]
    assert gained == told["after"]["placed"] - told["before"]["placed"]


def test_the_difference_is_that_of_two_runs() -> None:
    seen = a_kreis([a_person(number) for number in range(9)], [a_course(1, 30, seats=4)])
    told = asked(seen, ADDED)
    assert (told["before"]["placed"], told["after"]["placed"]) == (4, 9)
    then, now = match(seen).places, match(applied(seen, ADDED)).places
    assert {one["person"] for one in told["people"]["gain"]} == {str(one) for one in now.keys() - then.keys()}
    assert told["people"]["lose"] == []
    assert sum(one["placed"][1] - one["placed"][0] for one in told["by_town"]) == 5
    assert told["by_class"][0] == {"class": "urgent_duty", "people": [9, 9], "placed": [4, 9]}
    (started,) = told["courses"]["start"]
    assert (started["starts_on"], started["people"]) == ("2026-04-06", [0, 5])


def test_an_added_course_has_the_sections_of_its_type() -> None:
    (course,) = applied(a_kreis([], []), ADDED | {"first_section": 5}).courses
    assert [section.number for section in course.sections] == [5, 6, 7]
    assert all(
        one.ends_on + timedelta(days=1) == other.starts_on
        for one, other in zip(course.sections, course.sections[1:], strict=False)
    )
    (course,) = applied(
        a_kreis([], []), ADDED | {"course_type": "vocational", "target_level": "B2", "minimum": 3}
    ).courses
    assert (len(course.sections), course.target_level, course.minimum) == (1, "B2", 3)


def test_a_moved_course_keeps_what_is_not_named() -> None:
    seen = a_kreis([], [a_course(1, 10, latitude=53.0, longitude=10.0)])
    (course,) = applied(seen, {"kind": "course_moved", "course": str(UUID(int=1)), "days": 7}).courses
    assert (course.sections[0].starts_on - DAY).days == 17
    assert (course.town, course.latitude) == (seen.courses[0].town, 53.0)
    change = {
        "kind": "course_moved",
        "course": str(UUID(int=1)),
        "town": TOWNS[5],
        "times_of_day": ["evening"],
    }
    (course,) = applied(seen, change).courses
    assert (course.town, course.latitude, course.times_of_day) == (TOWNS[5], None, ("evening",))
    assert course.sections == seen.courses[0].sections


def test_childcare_brings_in_who_needs_it() -> None:
    seen = a_kreis([a_person(1, needs_childcare=True)], [a_course(1, 30)])
    told = asked(seen, {"kind": "childcare", "course": str(UUID(int=1))})
    assert [one["person"] for one in told["people"]["gain"]] == [str(UUID(int=10_001))]


def test_another_policy_is_the_whole_document() -> None:
    seen = a_kreis([a_person(1, standing="entitled", route="aufenthg_44_1")], [a_course(1, 30)])
    policy = seen.policy.model_dump(mode="json") | {"free_choice": "none"}
    told = asked(seen, {"kind": "policy", "policy": policy})
    assert (told["before"]["placed"], told["after"]["placed"]) == (1, 0)
    assert told["people"]["lose"][0]["from"] == {"course": str(UUID(int=1)), "section": 1}


def test_a_neighbour_brings_people_and_courses() -> None:
    seen = a_kreis([a_person(1), a_person(2)], [])
    other = replace(a_kreis([a_person(3, kreis="99002")], [a_course(2, 30, kreis="99002")]), region="99002")
    material = {"neighbours": {"99002": snapshot.encode(other).decode()}}
    told = what_if.answer(seen, {"changes": [{"kind": "neighbour", "kreis": "99002"}], "material": material})
    assert (told["after"]["people"], told["after"]["placed"]) == (3, 3)
    assert [one["new"] for one in told["people"]["gain"]] == [False, False, True]


def test_a_neighbours_people_are_counted_and_not_named() -> None:
    ours, theirs = [a_person(1), a_person(2)], [a_person(number, kreis="99002") for number in (3, 4, 5)]
    seen = replace(a_kreis([*ours, *theirs], []), pooled=(("99001", "99002"), ("99002", "99001")))
    told = what_if.answer(seen, {"changes": [ADDED], "kreis": "99001"})
    assert (told["before"]["placed"], told["after"]["placed"]) == (0, 5)
    assert [one["person"] for one in told["people"]["gain"]] == [str(one.id) for one in ours]
    assert told["elsewhere"] == {"gain": 3, "lose": 0, "move": 0}
    assert sum(one["people"][0] for one in told["by_town"]) == 2
    assert all(str(one.id) not in str(told) for one in theirs)


def test_the_table_of_ways_holds_for_new_towns_whoever_else_joins() -> None:
    other = replace(a_kreis([a_person(7)], [a_course(9, 30)]), region="99002")
    ways = [[TOWNS[0], "99001008", 47]]
    question = {
        "kreis": "99001",
        "material": {"travel": ways, "neighbours": {"99002": snapshot.encode(other).decode()}},
    }
    changes: list[dict[str, Any]] = [{"kind": "neighbour", "kreis": "99002"}, {**ADDED, "town": "99001008"}]
    seen = a_kreis([a_person(1, town=TOWNS[0])], [])
    for some in (changes, changes[::-1], changes[1:]):
        found = apply(seen, parse_all(some), beside_of(question))
        assert found.travel[TOWNS[0], "99001008"] == 47


def test_more_arrivals_are_like_those_who_came_and_the_same_each_time() -> None:
    held = a_person(50, held=True, registered_on=DAY)
    seen = a_kreis([*(a_person(number, registered_on=DAY) for number in range(3)), held], [])
    change = {"kind": "arrivals", "per_week": 4, "weeks": 2}
    after = applied(seen, change)
    new = [person for person in after.people if person.version == 0]
    assert len(new) == 8
    assert {person.town for person in new} <= {person.town for person in seen.people if not person.held}
    assert sorted((DAY - person.registered_on).days for person in new) == [0] * 4 + [7] * 4
    assert snapshot.encode(after) == snapshot.encode(applied(seen, change))
    assert {person.id for person in seen.people} <= {person.id for person in after.people}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"kind": "course_cancelled", "course": str(UUID(int=9))}, "course_unknown"),
        ({"kind": "childcare", "course": "no id"}, "field_wrong"),
        ({"kind": "capacity", "course": str(UUID(int=1)), "seats": -21}, "seats_taken"),
        ({"kind": "course_moved", "course": str(UUID(int=1)), "days": -11}, "start_past"),
        ({"kind": "course_moved", "course": str(UUID(int=2)), "days": 3}, "course_runs"),
        ({"kind": "neighbour", "kreis": "99001"}, "kreis_same"),
        ({"kind": "neighbour", "kreis": "99003"}, "kreis_unknown"),
        ({"kind": "arrivals", "per_week": 200, "weeks": 12}, "too_many_arrivals"),
        ({"kind": "arrivals", "per_week": 2}, "nobody_registered"),
        ({"kind": "policy", "policy": {}}, "field_wrong"),
        ({"kind": "something"}, "field_wrong"),
        ({**ADDED, "starts_on": "2026-03-02"}, "start_past"),
        ({**ADDED, "course_type": "integration_women"}, "type_over"),
        ({**ADDED, "first_section": 9}, "sections_wrong"),
        ({**ADDED, "colour": "blue"}, "field_wrong"),
    ],
)
def test_what_cannot_be_changed_is_said(change: dict[str, Any], code: str) -> None:
    seen = a_kreis([], [a_course(1, 10), a_course(2, -3)])
    with pytest.raises(ChangeError) as caught:
        asked(seen, {"kind": "childcare", "course": str(UUID(int=1))}, change)
    assert (caught.value.code, caught.value.at) == (code, 1)


def test_too_many_changes_are_refused() -> None:
    with pytest.raises(ChangeError, match="too_many_changes"):
        parse_all([ADDED] * 21)
    with pytest.raises(ChangeError, match="field_wrong"):
        parse_all("text")


def test_a_change_is_read_back_as_it_was_written() -> None:
    assert parse(written(parse(ADDED))) == parse(ADDED)


def test_the_process_says_what_is_wrong_with_a_question() -> None:
    seen = snapshot.encode(a_kreis([], []))
    wrong = {"changes": [{"kind": "childcare", "course": str(UUID(int=1))}]}
    assert solve(what_if.answer, wrong, seen) == NotAnswered(
        "question_wrong", {"code": "course_unknown", "at": 0, "params": {"course": str(UUID(int=1))}}
    )
    assert isinstance(solve(what_if.answer, {"changes": []}, seen), Answered)
