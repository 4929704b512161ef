"""Which course next: what is stated is what a run with that course would bring."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.allocation.steering.matching.match import match
from services.allocation.steering.matching.snapshot import Snapshot
from services.allocation.steering.questions import next_course, what_if
from services.allocation.steering.questions.applying import apply
from services.allocation.steering.questions.changes import ChangeError, parse
from services.allocation.steering.questions.next_course import NextCourseQuestion, candidates
from services.allocation.steering.questions.reach import Reach
from tests.unit.allocation.regions.crowd import TOWNS, a_course, a_crowd, a_kreis, a_person


def best(seen: Snapshot, **question: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON values
    told = next_course.answer(seen, question)["ranked"][0]
    assert isinstance(told, dict)
    return told


@given(st.integers(1, 10_000))
@settings(max_examples=4, deadline=None)
def test_the_stated_gain_is_that_of_a_real_run(seed: int) -> None:
    seen = a_crowd(seed, 80, 6, seats=6, minimum=3)
    told = next_course.answer(seen, {"solve": 4})
    placed = match(seen).places
    assert told["waiting"] == len(seen.people) - len(placed)
    for one in told["ranked"]:
        run = match(apply(seen, [parse(one["change"])])).places
        assert one["gain"] == len(run) - len(placed)
        assert one["gained"] == sorted(str(person) for person in run.keys() - placed.keys())
        assert one["lost"] == sorted(str(person) for person in placed.keys() - run.keys())
        assert one["direct"] > 0
        assert one["viable"] == (one["sitting"] >= one["minimum"])


@given(st.integers(1, 10_000))
@settings(max_examples=6, deadline=None)
def test_no_candidate_gains_more_than_its_bound(seed: int) -> None:
    seen = a_crowd(seed, 60, 8, seats=5, minimum=0)
    seen = replace(seen, courses=tuple(one for one in seen.courses if one.course_type != "vocational"))
    assert next_course.bound_is_exact(seen)
    before = what_if.solved(seen)
    for candidate in candidates(before, NextCourseQuestion(start_weeks=(4,)))[::9]:
        after = match(apply(seen, [candidate.change]))
        assert len(after.places) - len(before.result.places) <= candidate.bound <= candidate.change.seats


def test_people_who_move_over_count_as_well() -> None:
    """The one without a place needs childcare, which there is already: in a course full of others."""
    sitting = [a_person(number) for number in range(2)]
    waits = a_person(9, needs_childcare=True, standing="entitled", route="aufenthg_44_1")
    seen = a_kreis([*sitting, waits], [a_course(1, 30, seats=2, childcare=True)])
    before = what_if.solved(seen)
    assert waits.id not in before.result.places
    without = [
        one for one in candidates(before, NextCourseQuestion(towns=(TOWNS[0],))) if not one.change.childcare
    ]
    assert without == []  # nobody without a place could attend it
    reach = Reach(before)
    suited = sum(1 << at for at, person in enumerate(seen.people) if person in sitting)
    assert reach.within(suited) == reach.waiting


def test_the_best_course_is_what_the_people_lack() -> None:
    evening = [a_person(number, available=("evening",), town=TOWNS[1]) for number in range(6)]
    seen = a_kreis([*evening, a_person(7, section=9)], [a_course(1, 30, minimum=4)])
    told = best(seen)
    assert (told["gain"], told["minimum"], told["viable"]) == (6, 4, True)
    assert told["change"]["times_of_day"] == ["evening"]
    assert told["change"]["first_section"] == 1
    assert told["change"]["childcare"] is False
    assert told["change"]["starts_on"] == "2026-03-30"
    assert told["remedies"] == {"time_of_day": 6}
    assert told["waiting_days"] == sum((seen.day - person.registered_on).days for person in evening)


def test_a_course_that_cannot_start_is_no_candidate() -> None:
    many = [a_person(number, course_types=("integration_literacy",)) for number in range(3)]
    vocational = {"route": "deufoev_4", "level": "B1", "section": None, "course_types": ("vocational",)}
    few = [a_person(number, **vocational) for number in range(10, 24)]
    told = next_course.answer(a_kreis([*many, *few], []), {"solve": 60, "start_weeks": [8]})["ranked"]
    assert {one["change"]["course_type"] for one in told} == {"integration_literacy"}
    more = [*few, a_person(30, **vocational)]
    told = next_course.answer(a_kreis([*many, *more], []), {"solve": 60, "start_weeks": [8]})["ranked"]
    assert (told[0]["change"]["course_type"], told[0]["minimum"], told[0]["sitting"]) == (
        "vocational",
        15,
        15,
    )


def test_a_course_below_its_minimum_comes_after_one_that_starts() -> None:
    """Enough people could attend in the evening, but all but one keep the place that they have."""
    sitting = [a_person(number) for number in range(4)]
    evening = a_person(20, available=("evening",))
    literacy = a_person(21, course_types=("integration_literacy",))
    seen = a_kreis([*sitting, evening, literacy], [a_course(1, 20, seats=4, minimum=4)])
    told = next_course.answer(seen, {"start_weeks": [8], "solve": 60, "show": 60})["ranked"]
    assert [(one["change"]["course_type"], one["viable"]) for one in (told[0], told[-1])] == [
        ("integration_literacy", True),
        ("integration_general", False),
    ]
    assert (told[-1]["sitting"], told[-1]["minimum"], told[-1]["gain"]) == (1, 4, 1)


def test_the_clock_ends_the_search_and_that_is_told() -> None:
    """And the answer is still of use: the most promising ones, each with what the engine says at once."""
    seen = a_crowd(1, 60, 5)
    told = next_course.answer(seen, {"seconds": 0.000001})
    assert (told["solved"], told["cut"], told["best_proven"]) == (what_if.LEAST_TRIES, True, False)
    assert all(one["status"] in {"limit", "optimal"} for one in told["ranked"])
    assert any(one["gain"] > 0 for one in told["ranked"])


@pytest.mark.parametrize(("pairs", "wanted"), [(0, 12), (20_000, 12), (25_000, 10), (10**6, 4)])
def test_how_much_is_searched_follows_from_the_size_alone(pairs: int, wanted: int) -> None:
    assert what_if.tries(pairs, 12) == wanted
    assert what_if.tries(pairs, 3) == 3


def test_the_same_question_has_the_same_answer() -> None:
    seen = a_crowd(3, 80, 6, seats=6, minimum=8)
    assert next_course.answer(seen, {"solve": 3}) == next_course.answer(seen, {"solve": 3})


def test_who_is_held_or_has_no_test_makes_no_candidate() -> None:
    seen = a_kreis([a_person(1, held=True), a_person(2, section=None)], [])
    told = next_course.answer(seen, {})
    assert (told["waiting"], told["generated"], told["ranked"]) == (2, 0, [])


def test_what_somebody_said_about_another_course_does_not_count() -> None:
    course = a_course(1, 30)
    seen = a_kreis([replace(a_person(1), excluded=(course.id,))], [course])
    assert best(seen)["remedies"] == {"earlier_answer": 1}


def test_a_wrong_question_is_said() -> None:
    with pytest.raises(ChangeError, match="start_past"):
        next_course.answer(a_kreis([], []), {"start_weeks": [0]})
    with pytest.raises(ChangeError, match="seats"):
        next_course.answer(a_kreis([], []), {"seats": 0})
