"""Certificates hold for whatever the engine finds, and a forged run or certificate is caught."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from typing import Any

import orjson
import pytest

from services.allocation.solver.engine.proof import Limits
from services.allocation.steering.explain.certificate import certificate_of, leading, rank_of
from services.allocation.steering.matching import match as matching
from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.domain import EntryKey
from services.allocation.steering.matching.eligibility import eligibility_of, members
from services.allocation.steering.matching.match import match
from services.checker.run import findings
from tests.unit.allocation.regions.crowded import a_crowded_region
from tests.unit.allocation.regions.region import a_region

SIZES = ((20, 4), (60, 8), (120, 12), (40, 10))


@cache
def stored(seed: int) -> tuple[bytes, bytes, bytes]:
    seen = a_crowded_region(seed, *SIZES[seed % 4])
    result = match(seen)
    return snapshot.encode(seen), matching.encode(result), certificate_of(seen, result)


@pytest.mark.parametrize("block", range(8))
def test_every_certificate_holds(block: int) -> None:
    for seed in range(20 * block, 20 * block + 20):
        raw, result, certificate = stored(seed)
        assert findings(raw, result, certificate) == [], seed


def test_regions_tie_the_engine_in_every_way() -> None:
    seen: dict[str, int] = dict.fromkeys(("open", "locked", "rank", "families", "quotas", "decided"), 0)
    started = closed = 0
    for seed in range(80):
        claims = orjson.loads(stored(seed)[2])
        for *_, bar in claims["cutoffs"]:
            seen[bar if isinstance(bar, str) else "rank"] += 1
        for name in ("families", "quotas", "decided"):
            seen[name] += len(claims["locks"][name])
        started, closed = started + len(claims["started"]), closed + len(claims["closed"])
    assert min(*seen.values(), started, closed) >= 20


def test_sparse_regions_are_certified_too() -> None:
    for seed, people, courses in ((1, 300, 20), (2, 200, 40), (3, 1, 1), (4, 0, 3), (5, 5, 0)):
        seen = a_region(seed, people, courses)
        result = match(seen)
        certificate = certificate_of(seen, result)
        assert findings(snapshot.encode(seen), matching.encode(result), certificate) == []


def test_the_rank_ends_before_the_first_goal_that_compares_places() -> None:
    assert leading(("priority", "waiting", "distance", "balance")) == ("priority", "waiting")
    assert leading(("priority", "deadline", "waiting")) == ("priority",)
    assert leading(("waiting", "priority")) == ("waiting", "priority")
    assert leading(("distance", "priority")) == ()


def forged(
    seed: int,
    *,
    result: Callable[[dict[str, Any]], None] | None = None,
    certificate: Callable[[dict[str, Any]], None] | None = None,
) -> list[str]:
    """Return what the checker finds after somebody has changed a run, with hashes that fit again."""
    raw, answer, claims = (orjson.loads(one) for one in stored(seed))
    if result is not None:
        result(answer)
    changed = orjson.dumps(answer, option=orjson.OPT_SORT_KEYS)
    claims["result"] = hashlib.sha256(changed).hexdigest()
    if certificate is not None:
        certificate(claims)
    return findings(orjson.dumps(raw), changed, orjson.dumps(claims | {"snapshot": _hash(raw)}))


def forging_with(changed: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    return lambda claims: claims.update(changed)


def _hash(raw: object) -> str:
    return hashlib.sha256(orjson.dumps(raw)).hexdigest()


def kinds(found: list[str]) -> set[str]:
    return {one.split(":")[0] for one in found}


DENSE = range(2, 66, 8)
"""Regions of 120 people."""


def anywhere(change: Callable[[int], set[str]]) -> set[str]:
    """Collect what is found in all dense regions."""
    return set().union(*(change(seed) for seed in DENSE))


def _waiting(raw: dict[str, Any], result: dict[str, Any]) -> list[str]:
    placed = {person for person, *_ in result["places"]}
    return [one["id"] for one in raw["people"] if one["id"] not in placed]


def test_somebody_swapped_in_for_somebody_of_better_rank_is_caught() -> None:
    caught = tried = 0
    for seed in DENSE:
        seen = a_crowded_region(seed, *SIZES[seed % 4])
        result = match(seen)
        goals = leading(seen.policy.goals)
        if not goals or any(person.family for person in seen.people):
            continue
        known = eligibility_of(seen)
        swapped = next(
            (
                (one.id, other.id, key)
                for place, one in enumerate(seen.people)
                if one.id not in result.places
                for entry in members(known.eligible(place))
                for other in seen.people
                if (key := result.places.get(other.id)) == known.entries[entry].key
                and rank_of(other, seen) < rank_of(one, seen)
            ),
            None,
        )
        if swapped is None:
            continue
        tried += 1
        into, out, key = swapped

        def swap(answer: dict[str, Any], into: object = into, out: object = out, key: EntryKey = key) -> None:
            answer["places"] = [row for row in answer["places"] if row[0] != str(out)]
            answer["places"].append([str(into), str(key.course), key.section])

        found = forged(seed, result=swap)
        assert {"priority", "tiers"} <= kinds(found)
        caught += 1
    assert caught == tried >= 2


def test_somebody_dropped_is_caught() -> None:
    def drop(answer: dict[str, Any]) -> None:
        answer["places"].pop()

    for seed in DENSE:
        if orjson.loads(stored(seed)[1])["places"]:
            assert "tiers" in kinds(forged(seed, result=drop))
    assert "priority" in anywhere(lambda seed: kinds(forged(seed, result=drop)))


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("ineligible", lambda raw, _: [raw["people"][0]["id"], raw["courses"][0]["id"], 1]),
        ("twice", lambda _, result: result["places"][0]),
        ("unknown", lambda raw, _: ["somebody", raw["courses"][0]["id"], 1]),
        ("unknown", lambda raw, result: [_waiting(raw, result)[0], "a course", 1]),
        ("unknown", lambda raw, result: [_waiting(raw, result)[0], raw["courses"][0]["id"], 9]),
    ],
)
def test_a_place_that_cannot_be_is_caught(kind: str, place: Callable[..., list[Any]]) -> None:
    def change(seed: int) -> set[str]:
        raw, answer = orjson.loads(stored(seed)[0]), orjson.loads(stored(seed)[1])
        if not answer["places"]:
            return set()
        added = place(raw, answer)
        return kinds(forged(seed, result=lambda changed: changed["places"].append(added)))

    assert kind in anywhere(change)


def test_too_many_in_a_section_or_beside_a_quota_and_families_torn_apart_are_caught() -> None:
    def crowd(answer: dict[str, Any]) -> None:
        _, course, section = answer["places"][0]
        answer["places"] = [[person, course, section] for person, *_ in answer["places"]]

    found = anywhere(lambda seed: kinds(forged(seed, result=crowd)))
    assert {"over capacity", "quota", "ineligible", "started"} <= found

    def tear(seed: int) -> set[str]:
        families = orjson.loads(stored(seed)[2])["locks"]["families"]
        one = {names[0] for names in families}

        def drop(answer: dict[str, Any]) -> None:
            answer["places"] = [row for row in answer["places"] if row[0] not in one]

        return kinds(forged(seed, result=drop))

    assert "family" in set().union(*(tear(seed) for seed in range(40)))


def test_a_course_below_its_minimum_is_caught() -> None:
    def change(seed: int) -> set[str]:
        started = orjson.loads(stored(seed)[1])["started"]

        def thin(answer: dict[str, Any]) -> None:
            kept = [row for row in answer["places"] if row[1] == started[0]][:1]
            answer["places"] = [row for row in answer["places"] if row[1] != started[0]] + kept

        return kinds(forged(seed, result=thin)) if started else set()

    assert "under minimum" in anywhere(change)


@pytest.mark.parametrize("name", ["started", "closed"])
def test_other_courses_named_are_caught(name: str) -> None:
    def forge(answer: dict[str, Any]) -> None:
        answer[name] = answer[name][1:] if answer[name] else ["a course"]

    for seed in DENSE:
        assert name in kinds(forged(seed, result=forge))


def test_wrong_sums_and_claims_of_proof_are_caught() -> None:
    for seed in DENSE:
        tiers = orjson.loads(stored(seed)[1])["tiers"]
        for number in range(0, len(tiers), 3):

            def more(answer: dict[str, Any], number: int = number) -> None:
                answer["tiers"][number]["value"] += 1
                answer["tiers"][number]["bound"] += 1

            assert "tiers" in kinds(forged(seed, result=more))
    assert "tiers" in kinds(forged(2, result=lambda answer: answer["tiers"].pop()))
    assert "tiers" in kinds(forged(2, result=lambda answer: answer["tiers"][0].update(bound=-1)))


def _rank_rows(seed: int) -> list[int]:
    cutoffs = orjson.loads(stored(seed)[2])["cutoffs"]
    return [at for at, row in enumerate(cutoffs) if isinstance(row[3], list)]


def _barred(at: int, bar: object) -> Callable[[dict[str, Any]], None]:
    def change(claims: dict[str, Any]) -> None:
        claims["cutoffs"][at][3] = bar

    return change


def _without(at: int) -> Callable[[dict[str, Any]], None]:
    def change(claims: dict[str, Any]) -> None:
        claims["cutoffs"].pop(at)

    return change


def test_cut_offs_that_are_too_high_or_missing_are_caught() -> None:
    tried = 0
    for seed in DENSE:
        best = [-9999] * len(orjson.loads(stored(seed)[2])["rank"])
        for at in _rank_rows(seed)[:3]:
            assert "priority" in kinds(forged(seed, certificate=_barred(at, best)))
            assert "priority" in kinds(forged(seed, certificate=_barred(at, "locked")))
            assert kinds(forged(seed, certificate=_without(at))) & {"certificate", "priority"}
            tried += 1
    assert tried > 10


def test_a_certificate_of_another_run_or_with_other_locks_is_caught() -> None:
    raw, result, certificate = stored(2)
    assert "certificate" in kinds(findings(raw, result, stored(6)[2]))
    for name in ("families", "held", "excluded", "decided", "quotas", "seated"):

        def other(claims: dict[str, Any], name: str = name) -> None:
            claims["locks"][name] = "something else"

        assert f"certificate: what it takes as given is not so: {name}" in forged(2, certificate=other)
    for name in ("started", "closed", "rank"):
        forging: dict[str, Any] = {name: ["x"]}
        assert "certificate" in kinds(forged(2, certificate=forging_with(forging)))
    with pytest.raises(ValueError, match="form"):
        findings(raw, result, orjson.dumps(orjson.loads(certificate) | {"form": 99}))
    with pytest.raises(ValueError, match="form"):
        findings(orjson.dumps(orjson.loads(raw) | {"form": 99}), result)


def test_a_run_that_is_cut_at_once_is_certified_all_the_same() -> None:
    cut = 0
    for seed in range(60):
        seen = a_crowded_region(seed, *SIZES[seed % 4])
        result = match(seen, limits=Limits(work=0, seconds_left=lambda: 0.0))
        cut += bool(result.cut)
        raw = certificate_of(seen, result)
        assert findings(snapshot.encode(seen), matching.encode(result), raw) == [], seed
    assert cut > 5
