"""Pooling: weak parallel courses become one that starts, and what is stated is what a run would do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.allocation.steering.matching.domain import Course, Person
from services.allocation.steering.matching.match import match
from services.allocation.steering.matching.snapshot import Snapshot, read_people, written_people
from services.allocation.steering.questions import pooling
from services.allocation.steering.questions.changes import ChangeError
from services.allocation.steering.questions.weak_courses import PossibleMerger, SeatedPeople, merged, parallel
from services.allocation.steering.questions.what_if import solved, starting
from tests.unit.allocation.regions.crowd import TOWNS, a_course, a_crowd, a_kreis, a_person

FAR = {(TOWNS[0], TOWNS[1]): 50, (TOWNS[0], TOWNS[2]): 20, (TOWNS[0], TOWNS[3]): 90}


def three_weak(seated: int) -> list[Course]:
    """Make the same course at three providers, as in Ludwigslust-Parchim."""
    return [
        a_course(
            number, 30 + number, minimum=9, town=TOWNS[number], provider=f"provider-{number}", seated=seated
        )
        for number in (1, 2, 3)
    ]


def suggestions(seen: Snapshot, **question: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON values
    """Ask for mergers; all who sit in courses of four can be moved unless the material says otherwise."""
    material = with_people(seen) | question.pop("material", {})
    found = pooling.answer(seen, {**question, "material": material})["suggestions"]
    assert isinstance(found, list)
    return found


def seated_kreis() -> Snapshot:
    """Four people sit in each of three courses with a minimum of nine; three more wait."""
    courses = [
        replace(one, sections=tuple(replace(part, free=16) for part in one.sections))
        for one in three_weak(seated=4)
    ]
    return replace(a_kreis([a_person(number, town=TOWNS[0]) for number in range(3)], courses), travel=FAR)


def test_three_weak_courses_become_one_that_starts() -> None:
    seen = seated_kreis()
    before = solved(seen)
    assert len(pooling.weak_courses(before)) == 3
    (found,) = suggestions(seen)
    assert len(found["closed"]) == 2
    assert found["sitting"] == 4 + 4 + 4 + 3
    assert found["not_ours"] == 0
    assert found["safe"] == [0, 15]
    assert found["host"]["minimum"] == 9


def test_no_more_courses_are_closed_than_it_takes() -> None:
    seen = seated_kreis()
    empty = replace(seen.courses[2], seated=0)
    (found,) = suggestions(replace(seen, courses=(*seen.courses[:2], empty)))
    assert found["sitting"] == 4 + 4 + 3
    assert len(found["closed"]) == 1


def test_what_is_stated_is_what_a_run_would_do() -> None:
    seen = seated_kreis()
    (found,) = suggestions(seen)
    courses = {str(course.id): course for course in seen.courses}
    merger = PossibleMerger(
        courses[found["host"]["course"]], tuple(courses[one["course"]] for one in found["closed"])
    )
    run = match(merged(seen, merger, four_in_each(seen)))
    entered = [entry for entry in run.places.values() if str(entry.course) == found["host"]["course"]]
    assert found["sitting"] == 12 + len(entered)
    assert {str(entry.course) for entry in run.places.values()} & {
        one["course"] for one in found["closed"]
    } == set()
    assert found["placed"][1] == len(run.places)


@given(st.integers(1, 10_000))
@settings(max_examples=5, deadline=None)
def test_every_suggestion_holds_in_any_kreis(seed: int) -> None:
    seen = a_crowd(seed, 60, 16, minimum=12)
    before = solved(seen)
    for found in suggestions(seen, days_apart=60):
        courses = {str(course.id): course for course in seen.courses}
        host = courses[found["host"]["course"]]
        closed = tuple(courses[one["course"]] for one in found["closed"])
        after = solved(merged(seen, PossibleMerger(host, closed), four_in_each(seen)))
        assert host.id in starting(after)
        assert found["safe"] == [pooling.safe(before), pooling.safe(after)]
        assert found["gain"] > 0
        assert not {entry.course for entry in after.result.places.values()} & {one.id for one in closed}
        assert all(parallel(host, one, 60) for one in closed)


def four_in_each(seen: Snapshot) -> SeatedPeople:
    """Return the four people of each course as the answer reads them."""
    material = with_people(seen)["seated"]
    return SeatedPeople({UUID(course): read_people(people) for course, people in material.items()}, seen)


def with_people(seen: Snapshot, *others: Person) -> dict[str, Any]:
    """Let the four of each course be people: of the first one's some are others."""
    seated = {}
    for place, course in enumerate(seen.courses):
        if course.seated != 4:
            continue
        usual = [a_person(100 + 10 * place + n, town=TOWNS[0]) for n in range(4)]
        seated[str(course.id)] = written_people([*others, *usual][:4] if place == 0 else usual)
    return {"seated": seated}


def test_who_has_accepted_changes_over_and_the_longer_way_is_told() -> None:
    seen = seated_kreis()
    balance = {"provider-1": 1, "provider-2": -1, "provider-3": 1}
    (found,) = suggestions(seen, material={"balance": balance, **with_people(seen)})
    assert found["host"]["provider"] == "provider-2"
    assert found["not_ours"] == 0
    assert len(found["changing"]) == 8
    assert {tuple(one["minutes"]) for one in found["changing"]} == {(50, 20), (90, 20)}
    every = [*found["ways"], *found["changing"]]
    assert found["extra_minutes"] == sum(max(0, one["extra"]) for one in every)


def test_for_whom_the_course_that_stays_is_nothing_is_not_counted_as_changing() -> None:
    """One needs childcare that only their own course has; one is on hold, which speaks against both."""
    first, second, third = seated_kreis().courses
    small = tuple(replace(part, free=5) for part in first.sections)
    seen = replace(seated_kreis(), courses=(replace(first, childcare=True, sections=small), second, third))
    parent = replace(a_person(501, town=TOWNS[0]), needs_childcare=True)
    late = replace(a_person(502, town=TOWNS[0]), held=True)
    balance = {"provider-1": 1, "provider-2": -1, "provider-3": 1}
    (found,) = suggestions(seen, material={"balance": balance, **with_people(seen, parent, late)})
    assert found["host"]["provider"] == "provider-2"
    assert found["unsuited"] == [str(parent.id)]
    assert found["unsuited_by_rule"] == {"childcare": 1}
    assert len(found["changing"]) == 7
    assert found["sitting"] == 4 + 7 + 3
    assert found["safe"][1] == 14


def test_whom_nobody_here_can_move_counts_for_no_merger() -> None:
    """The provider took them in itself, they are a neighbour's or with BAMF: no act of ours moves them."""
    seen = seated_kreis()
    assert not suggestions(seen, material={"seated": {}})
    movable = {course: people[:2] for course, people in with_people(seen)["seated"].items()}
    (found,) = suggestions(seen, material={"seated": movable})
    assert (found["sitting"], found["not_ours"]) == (4 + 2 + 2 + 3, 4)
    assert len(found["changing"]) == 4


def test_an_exclusion_counts_also_where_it_speaks_against_the_own_course() -> None:
    """Placed by hand before the exclusion: no act moves them to another course of that provider."""
    seen = seated_kreis()
    same = replace(seen, courses=tuple(replace(one, provider="provider-1") for one in seen.courses))
    barred = replace(a_person(501, town=TOWNS[0]), barred_providers=("provider-1",))
    material = with_people(same)
    for people in material["seated"].values():
        people[0] = written_people([replace(barred, id=UUID(people[0]["id"]))])[0]
    (found,) = suggestions(same, material=material)
    assert found["unsuited_by_rule"] == {"exclusion": 2}
    assert {rules for _, rules in found["against"]} == {"exclusion"}
    assert found["sitting"] == 4 + 3 + 3 + 3


def test_what_a_merger_rests_on_is_told() -> None:
    seen = seated_kreis()
    material = with_people(seen)
    (found,) = suggestions(seen, material={"taken": {str(one.id): 5 for one in seen.courses}})
    rests_on = found["seen"]
    assert [one["course"] for one in rests_on["courses"]] == [
        one["course"] for one in (found["host"], *found["closed"])
    ]
    for one in rests_on["courses"]:
        assert one["taken"] == 5
        assert one["people"] == [person["id"] for person in material["seated"][one["course"]]]
    assert len(rests_on["entering"]) == 3


def test_who_has_given_up_hosts_next_and_among_equals_the_emptier_one() -> None:
    seen = seated_kreis()
    for turn in (1, 2, 3):
        balance = {f"provider-{number}": 0 if number == turn else 1 for number in (1, 2, 3)}
        (found,) = suggestions(seen, material={"balance": balance})
        assert found["host"]["provider"] == f"provider-{turn}"
        assert found["balance"][f"provider-{turn}"]["hosted"] == 0
    full = a_course(9, -10, provider="provider-2", seated=20, sections=seen.courses[0].sections, minimum=0)
    full = replace(full, sections=(replace(full.sections[0], starts_on=seen.day, free=0),))
    busy = replace(seen, courses=(*seen.courses, full))
    (found,) = suggestions(busy, material={"balance": {"provider-1": 1, "provider-3": 0}})
    assert found["host"]["provider"] == "provider-3"


def test_even_handed_over_many_rounds() -> None:
    hosted = dict.fromkeys((f"provider-{number}" for number in (1, 2, 3)), 0)
    for _ in range(12):
        (found,) = suggestions(seated_kreis(), material={"balance": dict(hosted)})
        hosted[found["host"]["provider"]] += 1
        for course in found["closed"]:
            hosted[course["provider"]] -= 1
    assert max(hosted.values()) - min(hosted.values()) <= 3


def test_the_longer_way_is_told() -> None:
    seen = seated_kreis()
    balance = {"provider-1": -1, "provider-2": 1, "provider-3": 1}
    (found,) = suggestions(seen, material={"balance": balance})
    assert {way["minutes"][1] for way in found["ways"]} == {50}
    assert all(not way["estimated"] for way in found["ways"])
    every = [*found["ways"], *found["changing"]]
    assert found["extra_minutes"] == sum(max(0, way["extra"]) for way in every)


@pytest.mark.parametrize(
    "other",
    [
        {"course_type": "integration_literacy"},
        {"times_of_day": ("evening",)},
        {"women_only": True},
        {"decision": "start"},
        {"decision": "close"},
        {"kreis": "99002"},
    ],
)
def test_what_is_not_parallel_or_not_ours_is_not_merged(other: dict[str, object]) -> None:
    first, second, _ = seated_kreis().courses
    seen = seated_kreis()
    assert suggestions(replace(seen, courses=(first, second)), kreis="99001")
    changed = replace(second, **other)  # type: ignore[arg-type]
    assert not suggestions(replace(seen, courses=(first, changed)), kreis="99001")


def test_starts_too_far_apart_are_not_merged() -> None:
    assert not suggestions(seated_kreis(), days_apart=0)


def test_a_host_without_seats_for_those_who_change_is_none() -> None:
    seen = seated_kreis()
    tight = tuple(
        replace(one, sections=tuple(replace(part, free=3) for part in one.sections)) for one in seen.courses
    )
    assert not suggestions(replace(seen, courses=tight))


def test_a_limit_of_solving_is_told() -> None:
    seen = seated_kreis()
    told = pooling.answer(seen, {"solve": 1, "material": with_people(seen)})
    assert told["complete"] is False
    assert pooling.answer(seen, {"material": with_people(seen)})["complete"] is True


def test_a_wrong_question_is_said() -> None:
    with pytest.raises(ChangeError, match="days_apart"):
        pooling.answer(seated_kreis(), {"days_apart": -1})
