"""Remedies: each gives its person a place when everything is solved again, and a forged one is caught."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

import orjson
import pytest

from services.allocation.steering.explain.certificate import rank_of
from services.allocation.steering.explain.remedies import Remedies, Remedy, as_json, remedies_of
from services.allocation.steering.explain.resolve import Base, seated_again, values_again
from services.allocation.steering.matching import match as matching
from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.domain import Person
from services.allocation.steering.matching.match import Result, match
from services.allocation.steering.matching.snapshot import Snapshot
from services.checker import remedies as check_remedies
from services.texts.reasons import NEEDS, REASONS
from tests.unit.allocation.regions.crowd import a_course, a_kreis, a_person
from tests.unit.allocation.regions.crowded import a_crowded_region, without_ties
from tests.unit.allocation.regions.region import DAY

SIZES = ((20, 4), (60, 8), (120, 12), (40, 10))


@cache
def solved(seed: int) -> tuple[Snapshot, Result, Remedies]:
    seen = a_crowded_region(seed, *SIZES[seed % 4])
    result = match(seen)
    return seen, result, remedies_of(seen, result)


def told(seen: Snapshot, found: Remedies) -> list[dict[str, Any]]:
    each: list[dict[str, Any]] = as_json(found, seen)["each"]
    return each


@pytest.mark.parametrize("block", range(6))
def test_the_independent_checker_agrees_with_every_remedy(block: int) -> None:
    for seed in range(4 * block, 4 * block + 4):
        seen, result, found = solved(seed)
        raw, answer = snapshot.encode(seen), matching.encode(result)
        assert check_remedies.findings(raw, answer, told(seen, found)) == []


def test_every_kind_of_remedy_is_found_and_has_words() -> None:
    codes = Counter(one.code for seed in range(24) for one in solved(seed)[2].each)
    single = {code for code in codes if "_and_" not in code}
    assert len(single) >= 12
    assert {part for code in codes for part in code.split("_and_")} <= set(NEEDS)
    assert {f"remedy_{code}" for code in NEEDS} <= set(REASONS)


def test_nobody_of_better_rank_gives_way_and_everybody_waiting_is_told() -> None:
    gave = 0
    for seed in range(24):
        seen, result, found = solved(seed)
        by_id = {person.id: person for person in seen.people}
        assert [one.person for one in found.each] == [p.id for p in seen.people if p.id not in result.places]
        for one in found.each:
            if one.gives_way is not None:
                gave += 1
                assert rank_of(by_id[one.gives_way], seen) >= rank_of(by_id[one.person], seen)
    assert gave > 20


def test_solving_what_can_move_gives_the_same_as_solving_everything() -> None:
    compared = 0
    for seed in range(0, 24, 3):
        seen = without_ties(a_crowded_region(seed, *SIZES[seed % 4]))
        result, chance = match(seen), random.Random(seed)
        base, entries = Base(seen, result), Base(seen, result).eligibility.entries
        assert seated_again(seen, result) == dict(result.places)
        for place, person in enumerate(seen.people):
            if person.id in result.places or chance.random() < 0.6:
                continue
            changed = replace(person, needs_childcare=False, available=(), held=False, section=1)
            again = base.with_person(place, changed)
            places = dict(result.places)
            for lost in again.lost:
                places.pop(seen.people[lost].id)
            places |= {seen.people[one].id: entries[entry].key for one, entry in again.places.items()}
            people = tuple(changed if one is person else one for one in seen.people)
            assert places == seated_again(replace(seen, people=people), result)
            assert places == base.with_people({person.id: changed})
            compared += 1
    assert compared > 60


def test_solving_again_for_the_started_courses_gives_the_same_values() -> None:
    for seed in range(24):
        seen, result, _ = solved(seed)
        assert values_again(seen, result) == tuple(tier.value for tier in result.tiers)


def only(person: Person, course: dict[str, Any]) -> Remedy:
    """Return the remedy of one person for whom there is one course with seats."""
    seen = a_kreis([person], [a_course(1, 20, **course)])
    result = match(seen)
    assert not result.places
    (found,) = remedies_of(seen, result).each
    raw, answer = snapshot.encode(seen), matching.encode(result)
    assert check_remedies.findings(raw, answer, told(seen, Remedies((found,), ()))) == []
    return found


@pytest.mark.parametrize(
    ("code", "person", "course"),
    [
        ("childcare", {"needs_childcare": True}, {}),
        ("hold", {"held": True}, {}),
        ("test", {"section": None, "level": None}, {}),
        ("level", {"section": 2}, {}),
        ("earlier", {"earliest_start": DAY + timedelta(days=30)}, {}),
        ("extended", {"valid_until": DAY + timedelta(days=3)}, {}),
        ("time_of_day", {"available": ("evening",)}, {"times_of_day": ("morning",)}),
        ("weekdays", {"available_days": ("mon",)}, {"weekdays": ("mon", "fri")}),
        ("hours", {"hours_left": 10}, {}),
        ("access", {"needs_barrier_free": True}, {"barrier_free": False}),
        ("exclusion", {"barred_courses": (UUID(int=1),)}, {}),
        ("ask_again", {"excluded": (UUID(int=1),)}, {}),
        ("childcare_and_hold", {"needs_childcare": True, "held": True}, {}),
        ("start", {}, {"minimum": 5}),
        ("seat", {}, {"seats": 0, "capacity": 12}),
        ("none", {"course_types": ("vocational",)}, {}),
        ("none", {"needs_childcare": True, "held": True, "section": 2}, {}),
    ],
)
def test_what_is_missing_is_what_helps(code: str, person: dict[str, Any], course: dict[str, Any]) -> None:
    found = only(a_person(7, **person), course)
    assert found.code == code
    assert (found.place is None) == (code == "none")


def test_the_cheapest_of_several_is_told_and_sums_say_what_comes_of_all_at_once() -> None:
    people = [a_person(number, needs_childcare=True) for number in range(4)]
    seen = a_kreis(people, [a_course(1, 20, seats=3), a_course(2, 20, seats=0, capacity=12, childcare=True)])
    found = remedies_of(seen, match(seen))
    assert [one.code for one in found.each] == ["childcare"] * 4
    assert [(one.code, one.people, one.together) for one in found.sums] == [("childcare", 4, 3)]


def forge(seed: int, change: Callable[[dict[str, Any]], None]) -> set[str]:
    """Return the kinds of findings after one remedy has been changed."""
    seen, result, found = solved(seed)
    rows: list[dict[str, Any]] = orjson.loads(orjson.dumps(told(seen, found)))
    wanted = next((row for row in rows if row["code"] in {"childcare", "hold", "time_of_day", "test"}), None)
    if wanted is None:
        return set()
    change(wanted)
    raw, answer = snapshot.encode(seen), matching.encode(result)
    return {one.split(":")[0] for one in check_remedies.findings(raw, answer, rows)}


def anywhere(change: Callable[[dict[str, Any]], None]) -> set[str]:
    return set().union(*(forge(seed, change) for seed in range(2, 14, 4)))


def test_forged_remedies_are_caught() -> None:
    assert anywhere(lambda row: row.update(changes=[])) == {"remedies", "remedy"}
    assert anywhere(lambda row: row["changes"][0].update(set={})) == {"remedy"}
    assert anywhere(lambda row: row.update(section=9)) == {"remedy"}
    assert anywhere(lambda row: row.update(gives_way=row["person"])) == {"remedy"}
    assert anywhere(lambda row: row.update(code="none")) == {"remedies"}
    with pytest.raises(ValueError, match="unknown change"):
        anywhere(lambda row: row["changes"].append({"op": "magic"}))


def test_a_seat_that_others_would_get_first_is_no_remedy() -> None:
    people = [a_person(number, registered_on=DAY - timedelta(days=100 - number)) for number in range(3)]
    seen = a_kreis(people, [a_course(1, 20, seats=0, capacity=10)])
    result = match(seen)
    found = remedies_of(seen, result)
    assert [one.parts[0].params["seats"] for one in found.each] == [1, 2, 3]
    rows = told(seen, found)
    raw, answer = snapshot.encode(seen), matching.encode(result)
    assert check_remedies.findings(raw, answer, rows) == []
    rows[2]["changes"] = rows[0]["changes"]
    assert [one.split(":")[0] for one in check_remedies.findings(raw, answer, rows)] == ["remedy"]
