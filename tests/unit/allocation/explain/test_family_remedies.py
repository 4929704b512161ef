"""What would help a whole family: the same changes for all of it, solved again in full, and checked."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

import orjson
import pytest

from services.allocation.steering.explain.remedies import Remedies, Remedy, as_json, remedies_of
from services.allocation.steering.matching import match as matching
from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.domain import Course, Person
from services.allocation.steering.matching.match import Result, families_of, match
from services.allocation.steering.matching.snapshot import Snapshot
from services.checker import remedies as check_remedies
from tests.unit.allocation.regions.crowd import a_course, a_kreis, a_person
from tests.unit.allocation.regions.crowded import a_crowded_region, without_ties
from tests.unit.allocation.regions.region import DAY

FAMILY = UUID(int=77)
SIZES = ((20, 4), (60, 8), (120, 12), (40, 10))


def rows(seen: Snapshot, found: Remedies) -> list[dict[str, Any]]:
    each: list[dict[str, Any]] = as_json(found, seen)["each"]
    return each


def checked(seen: Snapshot, result: Result, each: list[dict[str, Any]]) -> list[str]:
    return check_remedies.findings(snapshot.encode(seen), matching.encode(result), each)


def helped(people: list[Person], courses: list[Course]) -> tuple[Snapshot, list[Remedy]]:
    """Return the remedies of the family after the checker has agreed with all."""
    seen = a_kreis(people, courses)
    result = match(seen)
    found = remedies_of(seen, result)
    assert checked(seen, result, rows(seen, found)) == []
    members = {person.id for person in people if person.family is not None}
    return seen, [one for one in found.each if one.person in members]


def couple(**facts: object) -> list[Person]:
    return [a_person(number, family=FAMILY, **facts) for number in (1, 2)]


def test_what_both_need_is_asked_for_both() -> None:
    seen, found = helped(couple(needs_childcare=True), [a_course(1, 20)])
    assert [one.code for one in found] == ["childcare", "childcare"]
    assert found[0].changes == found[1].changes
    assert [change["id"] for change in found[0].changes] == [str(person.id) for person in seen.people]
    assert [part.code for part in found[0].parts] == ["remedy_childcare", "remedy_family"]
    assert {one.place for one in found} == {found[0].place}
    assert found[0].gives_way is None


def test_what_one_of_them_needs_helps_both() -> None:
    one, other = couple()
    waits = replace(other, earliest_start=DAY + timedelta(days=30))
    seen, found = helped([one, waits], [a_course(1, 20)])
    assert [one.code for one in found] == ["earlier", "earlier"]
    assert [change["id"] for change in found[0].changes] == [str(waits.id)]
    sums = remedies_of(seen, match(seen)).sums
    assert [(each.code, each.people, each.together) for each in sums] == [("earlier", 2, 2)]


def test_members_enter_where_each_of_them_belongs() -> None:
    one, other = couple(needs_childcare=True)
    sections = (*a_course(1, 20).sections, *a_course(1, 60).sections)
    both = a_course(1, 20, sections=(sections[0], replace(sections[1], number=2)))
    _, found = helped([one, replace(other, section=2)], [both])
    assert [one.place.section for one in found if one.place is not None] == [1, 2]


def test_seats_for_all_of_them_or_apart_if_that_helps_all() -> None:
    _, found = helped(couple(), [a_course(1, 20, seats=1, capacity=10)])
    assert [(one.code, one.parts[0].params["seats"]) for one in found] == [("seat", 1), ("seat", 1)]
    two = [a_course(1, 20, seats=1, capacity=10), a_course(2, 20, seats=1, capacity=10)]
    _, found = helped(couple(), two)
    assert [one.code for one in found] == ["apart", "apart"]


def test_seats_are_counted_after_those_with_a_better_claim() -> None:
    waiting = [a_person(number, registered_on=DAY - timedelta(days=300 + number)) for number in (11, 12)]
    seen, found = helped([*waiting, *couple()], [a_course(1, 20, seats=0, capacity=10)])
    assert [one.parts[0].params["seats"] for one in found] == [4, 4]
    result = match(seen)
    forged = rows(seen, remedies_of(seen, result))
    for row in forged:
        for change in row["changes"]:
            change["add"] = 3
    wrong = checked(seen, result, forged)
    assert len(wrong) == 1
    assert {one.split(":")[0] for one in wrong} == {"remedy"}


def test_a_course_that_is_too_small_for_itself() -> None:
    _, found = helped(couple(), [a_course(1, 20, minimum=5)])
    assert [one.code for one in found] == ["start", "start"]


def test_others_move_up_and_nobody_loses_a_place() -> None:
    """The free seats are elsewhere: who sits in the family's course can go there."""
    sitting = [a_person(number, available=("morning", "evening")) for number in (11, 12)]
    morning = a_course(1, 20, seats=2, capacity=2)
    evening = a_course(2, 30, seats=2, capacity=2, times_of_day=("evening",))
    seen, found = helped([*sitting, *couple(available=("morning",), held=True)], [morning, evening])
    result = match(seen)
    assert {key.course.int for key in result.places.values()} == {1}
    assert [one.code for one in found] == ["hold", "hold"]


def test_more_than_two_things_are_asked_of_nobody() -> None:
    facts = {"needs_childcare": True, "available": ("evening",)}
    one, other = couple(**facts)
    _, found = helped([one, replace(other, held=True)], [a_course(1, 20)])
    assert [each.code for each in found] == ["none", "none"]
    _, found = helped([one, other], [a_course(1, 20)])
    assert [each.code for each in found] == ["childcare_and_time_of_day"] * 2


def with_couples(seed: int) -> Snapshot:
    """A crowded region in which some people wait with somebody much like them."""
    chance = random.Random(seed)
    seen = without_ties(a_crowded_region(seed, *SIZES[seed % 4]))
    people = list(seen.people)
    for number in range(0, len(people) - 1, 4):
        family = UUID(int=chance.getrandbits(128), version=4)
        first, second = replace(people[number], family=family), people[number + 1]
        alike = replace(first, id=second.id, registered_on=second.registered_on, offer=None)
        if chance.random() < 0.5:
            first = replace(first, needs_childcare=True)
        if chance.random() < 0.3:
            alike = replace(alike, available=("morning",), held=chance.random() < 0.2)
        people[number : number + 2] = [first, alike]
    return replace(seen, people=tuple(people))


@cache
def solved(seed: int) -> tuple[Snapshot, Result, Remedies]:
    seen = with_couples(seed)
    result = match(seen)
    return seen, result, remedies_of(seen, result)


def test_the_checker_agrees_and_a_full_answer_seats_the_whole_family() -> None:
    codes = Counter[str]()
    for seed in (0, 1, 3, 4, 7):
        seen, result, found = solved(seed)
        each = rows(seen, found)
        assert checked(seen, result, each) == []
        by_person = {row["person"]: row for row in each}
        data = orjson.loads(snapshot.encode(seen))
        for family in families_of(seen.people):
            names = [str(seen.people[member].id) for member in family]
            told = [by_person[name] for name in names if name in by_person]
            if not told or told[0]["code"] in {"none", "apart"}:
                continue
            codes[told[0]["code"]] += 1
            if any(change["op"] != "person" for change in told[0]["changes"]):
                continue  # more seats can still go to a family of another course (docs/decisions/0015)
            changed = snapshot.decode(orjson.dumps(check_remedies.apply(data, told[0]["changes"])))
            again = match(changed)
            assert {UUID(name) for name in names} <= again.places.keys(), (seed, told[0])
            assert result.places.keys() <= again.places.keys()
    assert sum(codes.values()) > 10
    assert len(codes) > 3


@pytest.mark.parametrize("forging", ["nobody changed", "elsewhere", "one alone", "not all told"])
def test_forged_remedies_of_a_family_are_caught(forging: str) -> None:
    seen, _ = helped(couple(needs_childcare=True), [a_course(1, 20), a_course(2, 20, seats=1, capacity=9)])
    result = match(seen)
    each = rows(seen, remedies_of(seen, result))
    match forging:
        case "nobody changed":
            each[0]["changes"] = each[0]["changes"][1:]
        case "elsewhere":
            each[0]["course"] = str(UUID(int=2))
        case "one alone":
            for row in each:
                row["changes"] = row["changes"][:1]
        case _:
            each[1].update(code="none", changes=[], course=None, section=None)
    assert {one.split(":")[0] for one in checked(seen, result, each)} & {"remedy"}
