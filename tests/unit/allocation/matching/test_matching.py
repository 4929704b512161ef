"""A region from snapshot to reasons: hard rules and seats kept, priority proven, the same bytes each time."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from services.allocation.steering.explain.reasons import explain
from services.allocation.steering.matching import match as matching
from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.eligibility import Eligibility, eligibility_of, members
from services.allocation.steering.matching.goals import class_of, waiting_days
from services.allocation.steering.matching.match import Result, match
from services.allocation.steering.matching.snapshot import Snapshot, snapshot_of
from tests.unit.allocation.regions.crowded import a_crowded_region
from tests.unit.allocation.regions.region import a_region

REGIONS = [
    (1, 300, 20, 20),
    (2, 200, 40, 10),
    (3, 60, 3, 5),
    (4, 150, 60, 25),
    (5, 1, 1, 1),
    (6, 0, 3, 5),
    (7, 5, 0, 5),
]


@pytest.fixture(params=REGIONS, ids=str)
def region(request: pytest.FixtureRequest) -> tuple[Snapshot, Eligibility, Result]:
    seen = a_region(*request.param)
    known = eligibility_of(seen)
    return seen, known, match(seen, known)


def test_hard_rules_and_seats_hold(region: tuple[Snapshot, Eligibility, Result]) -> None:
    seen, known, result = region
    places = {entry.key: place for place, entry in enumerate(known.entries)}
    for index, person in enumerate(seen.people):
        if person.id in result.places:
            assert known.failed(index, places[result.places[person.id]]) == ()
    for course in seen.courses:
        entered = Counter(key.section for key in result.places.values() if key.course == course.id)
        for section in course.sections:
            sitting = sum(number for entry, number in entered.items() if entry <= section.number)
            assert sitting == 0 or sitting <= section.free


def test_nobody_of_lower_rank_sits_where_an_unplaced_person_could(
    region: tuple[Snapshot, Eligibility, Result],
) -> None:
    """Swap any one placed person for any one unplaced: never both possible and better."""
    seen, known, result = region
    placed = [person for person in seen.people if person.id in result.places]
    free = {
        (course.id, section.number): section.free for course in seen.courses for section in course.sections
    }
    for course, section in free:
        free[course, section] -= sum(
            key.course == course and key.section <= section for key in result.places.values()
        )
    for index, person in enumerate(seen.people):
        if person.id in result.places:
            continue
        rank = (class_of(person, seen.rules), -waiting_days(person, seen.day))
        for entry in (known.entries[place] for place in members(known.eligible(index))):
            for other in placed:
                held = result.places[other.id]
                needed = [
                    section.number
                    for section in entry.course.sections
                    if section.number >= entry.section.number
                    and free[entry.course.id, section.number]
                    + (held.course == entry.course.id and held.section <= section.number)
                    < 1
                ]
                if not needed:
                    assert (class_of(other, seen.rules), -waiting_days(other, seen.day)) <= rank


def test_everybody_is_told_a_reason(region: tuple[Snapshot, Eligibility, Result]) -> None:
    seen, known, result = region
    explained = explain(seen, known, result)
    assert [told.person for told in explained] == [person.id for person in seen.people]
    for person, told in zip(seen.people, explained, strict=True):
        assert told.place == result.places.get(person.id)
        if told.place is not None:
            assert told.reasons[0] == told.main
            assert all(other.course != told.place.course for other in told.alternatives)
        elif told.main.code == "outranked":
            rank = class_of(person, seen.rules)
            last = [known.code for known in seen.rules.priorities.classes].index(
                str(told.main.params["class"])
            )
            waited = waiting_days(person, seen.day)
            assert last < rank or (last == rank and int(told.main.params["waiting_days"]) > waited)
        elif told.suitable == 0:
            assert told.main.code.startswith("blocked_") or told.main.code == "no_courses"


def test_same_bytes_whatever_the_order_of_the_input() -> None:
    seen = a_region(8, 200, 30)
    raw, answer = snapshot.encode(seen), matching.encode(match(seen))
    chance = random.Random(1)
    for _ in range(10):
        people, courses = list(seen.people), list(seen.courses)
        chance.shuffle(people)
        chance.shuffle(courses)
        shuffled = snapshot_of(
            seen.region, seen.day, people=people, courses=courses, rules=seen.rules, policy=seen.policy
        )
        assert snapshot.encode(shuffled) == raw
        assert matching.encode(match(snapshot.decode(raw))) == answer


def test_a_snapshot_and_a_result_come_back_as_they_were() -> None:
    seen = a_region(9, 100, 20)
    raw = snapshot.encode(seen)
    assert snapshot.decode(raw) == seen
    assert snapshot.unpack(snapshot.pack(raw), snapshot.address(raw)) == raw
    with pytest.raises(ValueError, match="does not match"):
        snapshot.unpack(snapshot.pack(raw + b" "), snapshot.address(raw))
    result = match(seen)
    assert matching.decode(matching.encode(result)) == result


def test_an_offer_is_kept_among_equals() -> None:
    seen = a_region(10, 120, 30)
    first = match(seen)
    people = [replace(person, offer=None) for person in seen.people]
    again = match(
        snapshot_of(
            seen.region, seen.day, people=people, courses=seen.courses, rules=seen.rules, policy=seen.policy
        )
    )
    kept = [
        person.id
        for person in seen.people
        if person.offer is not None and first.places.get(person.id) == person.offer.entry
    ]
    without = [
        person.id
        for person in seen.people
        if person.offer is not None and again.places.get(person.id) == person.offer.entry
    ]
    assert len(kept) >= len(without)
    classes = len(seen.rules.priorities.classes)
    assert first.tiers[: classes + 1] == again.tiers[: classes + 1]


@pytest.mark.parametrize("seed", range(4, 9))
def test_every_goal_is_proven_where_much_ties_the_engine(seed: int) -> None:
    result = match(a_crowded_region(seed, 600, 60))
    assert (result.status, result.cut, result.gap) == ("optimal", "", 0.0)
    assert all(tier.proven and tier.value == tier.bound for tier in result.tiers)
    assert result.closed
