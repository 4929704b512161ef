"""Reasons say what binds: checked without the engine, told for every course, with words for every rule."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

import pytest

from services.allocation.steering.explain.certificate import certificate_of
from services.allocation.steering.explain.reasons import View, explain
from services.allocation.steering.explain.why import why
from services.allocation.steering.matching import match as matching
from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.domain import Course, Person
from services.allocation.steering.matching.eligibility import eligibility_of
from services.allocation.steering.matching.match import Result, match
from services.allocation.steering.matching.snapshot import Snapshot
from services.checker import reasons as check_reasons
from services.texts.reasons import REASONS
from tests.unit.allocation.regions.crowd import a_course, a_kreis, a_person
from tests.unit.allocation.regions.crowded import a_crowded_region
from tests.unit.allocation.regions.region import DAY, a_region

SIZES = ((20, 4), (60, 8), (120, 12), (40, 10))


@cache
def run(seed: int) -> tuple[Snapshot, Result, bytes, tuple[dict[str, Any], ...]]:
    seen = a_crowded_region(seed, *SIZES[seed % 4])
    known = eligibility_of(seen)
    result = match(seen, known)
    told = explain(seen, known, result)
    rows = tuple(
        {"person": str(one.person), "code": one.main.code, "params": dict(one.main.params)} for one in told
    )
    return seen, result, certificate_of(seen, result, known), rows


def found(seed: int, rows: list[dict[str, Any]]) -> list[str]:
    seen, result, certificate, _ = run(seed)
    return check_reasons.findings(snapshot.encode(seen), matching.encode(result), certificate, rows)


@pytest.mark.parametrize("block", range(5))
def test_the_independent_checker_agrees_with_every_reason(block: int) -> None:
    for seed in range(8 * block, 8 * block + 8):
        assert found(seed, list(run(seed)[3])) == []


def test_most_kinds_of_reasons_are_given() -> None:
    codes = Counter(row["code"] for seed in range(40) for row in run(seed)[3])
    wanted = {"outranked", "course_too_small", "family_apart", "blocked_together", "blocked_on_hold"}
    assert wanted | {"blocked_free_choice", "blocked_travel_time", "outranked_class"} <= set(codes)
    assert set(codes) <= set(REASONS)


def test_a_wrong_reason_is_caught() -> None:
    caught = Counter[str]()
    for seed in range(12):
        _, result, _, rows = run(seed)
        for at, row in enumerate(rows):
            if UUID(row["person"]) in result.places:
                continue
            for code in ("all_full", "outranked", "course_too_small", "family_apart", "blocked_childcare"):
                if code == row["code"] or caught[code] > 20:
                    continue
                forged = {
                    **row,
                    "code": code,
                    "params": {"courses": 99, "class": "others", "waiting_days": 1},
                }
                wrong = found(seed, [*rows[:at], forged, *rows[at + 1 :]])
                assert len(wrong) >= 1, (seed, row, code)
                caught[code] += 1
        assert found(seed, list(rows[1:]))[0] == "reasons: not one for each person"
    assert min(caught.values()) > 5


def alone(person: Person, *courses: Course, people: tuple[Person, ...] = ()) -> tuple[Snapshot, View]:
    seen = a_kreis([person, *people], list(courses))
    known = eligibility_of(seen)
    return seen, View(seen, known, match(seen, known))


def reason_of(
    person: Person, *courses: Course, people: tuple[Person, ...] = ()
) -> tuple[str, dict[str, Any]]:
    seen, view = alone(person, *courses, people=people)
    told = explain(seen, view.eligibility, view.result)
    main = next(one.main for one in told if one.person == person.id)
    return main.code, dict(main.params)


def test_a_course_that_is_too_small_says_how_many_are_missing() -> None:
    others = tuple(a_person(number) for number in range(20, 23))
    code, params = reason_of(a_person(1), a_course(1, 20, minimum=9, seated=2), people=others)
    assert code == "course_too_small"
    assert params == {"courses": 1, "people": 6, "minimum": 9, "missing": 3}


def waits(number: int, days: int, *available: str) -> Person:
    return a_person(number, registered_on=DAY - timedelta(days=days), available=available)


def test_the_cut_off_is_that_of_whoever_could_move_not_only_of_those_who_sit_there() -> None:
    """One of those who sit in the morning course could move to the evening, where somebody waited less."""
    others = (waits(20, 90, "morning"), waits(21, 80), waits(22, 60, "evening"))
    evening = a_course(2, 20, seats=1, times_of_day=("evening",))
    me = waits(1, 50, "morning")
    for seats, days in ((1, 90), (2, 60)):
        code, params = reason_of(me, a_course(1, 20, seats=seats), evening, people=others)
        assert (code, params["waiting_days"]) == ("outranked", days)


def test_people_on_hold_and_free_choosers_are_told_just_that() -> None:
    assert reason_of(a_person(1, held=True, section=5), a_course(1, 20))[0] == "blocked_on_hold"
    family = {"family": UUID(int=5)}
    apart = reason_of(a_person(1, **family), a_course(1, 20, seats=1), people=(a_person(2, **family),))
    assert apart == ("family_apart", {"people": 2, "courses": 1})


def test_who_needs_a_course_for_women_and_who_may_not_enter_one_are_told_apart() -> None:
    assert reason_of(a_person(1), a_course(1, 20, women_only=True))[0] == "blocked_for_women"
    assert reason_of(a_person(1, needs_women_only=True), a_course(1, 20))[0] == "blocked_women_only"
    for person, course, code in (
        (a_person(1), a_course(1, 20, women_only=True), "against_for_women"),
        (a_person(1, needs_women_only=True), a_course(1, 20), "against_women_only"),
        (a_person(1, available=("morning",)), a_course(1, 20, times_of_day=()), "against_time_unknown"),
        (
            a_person(1, available=("morning",)),
            a_course(1, 20, times_of_day=("evening",)),
            "against_time_of_day",
        ),
    ):
        _, view = alone(person, course)
        (told,) = why(view, person.id)
        assert [reason.code for reason in told.reasons] == [code]


def test_the_way_is_minutes_by_the_table_and_an_estimate_else() -> None:
    person, course = a_person(1), a_course(1, 20)
    seen = a_kreis([person], [course])
    seen = replace(seen, travel={(person.town, str(course.town)): 35})
    known = eligibility_of(seen)
    (one,) = explain(seen, known, match(seen, known))
    assert ("way_minutes", {"minutes": 35}) in [(reason.code, dict(reason.params)) for reason in one.reasons]


def test_every_course_is_told_in_order_and_with_words() -> None:
    codes = Counter[str]()
    for seed in range(0, 40, 3):
        seen, result, _, _ = run(seed)
        view = View(seen, eligibility_of(seen), result)
        for person in seen.people[:20]:
            said = why(view, person.id)
            assert len({one.course for one in said}) == len(said)
            assert {one.course for one in said} == {entry.course.id for entry in view.eligibility.entries}
            assert [one.suitable for one in said] == sorted((one.suitable for one in said), reverse=True)
            place = result.places.get(person.id)
            if place is not None:
                assert said[0].course == place.course
                assert said[0].reasons[0].code == "why_placed_here"
            for one in said:
                for reason in one.reasons:
                    codes[reason.code] += 1
                    assert REASONS[reason.code] % {"class": "", "goal": "", **reason.params}
    assert {"why_cut_off", "why_less_early_start", "why_not_started", "against_travel_time"} <= set(codes)
    assert len(codes) > 25
    with pytest.raises(LookupError):
        why(view, UUID(int=0))


def test_every_hard_rule_has_words_for_one_course() -> None:
    rules = eligibility_of(a_region(1, 3, 3)).rules
    assert {f"against_{rule}" for rule in rules} <= set(REASONS)


def test_another_place_says_by_how_much_it_is_worse() -> None:
    person = a_person(1)
    _, view = alone(person, a_course(1, 20), a_course(2, 31))
    first, second = why(view, person.id)
    assert first.reasons[0].code == "why_placed_here"
    assert (second.reasons[0].code, dict(second.reasons[0].params)) == ("why_less_early_start", {"by": 11})
