"""Anybody's instance: read with the line of a mistake, the same answer in any order, checked."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.allocation.solver.check import findings
from services.allocation.solver.engine import proof
from services.allocation.solver.instance import InstanceError, read, written
from services.allocation.steering.commands import app

EXAMPLE: dict[str, Any] = {
    "tiers": ["urgent", "placed", "distance"],
    "people": [{"id": "p1"}, {"id": "p2"}, {"id": "p3"}],
    "courses": [
        {"id": "c1", "capacity": 20, "minimum": 5, "taken": 3},
        {"id": "c2", "capacity": 20, "minimum": 2},
        {"id": "c3", "capacity": 1},
    ],
    "pairs": [
        ["p1", "c1", [1, 1, -7]],
        ["p2", "c1", [0, 1, -2]],
        ["p2", "c3", [0, 1, -1]],
        ["p3", "c2", [0, 1, -1]],
        ["p3", "c3", [0, 1, -9]],
    ],
}


def solved(instance: dict[str, Any], limit: float = 60.0) -> dict[str, Any]:
    asked = read(json.dumps(instance).encode())
    answer: dict[str, Any] = json.loads(
        written(asked, proof.solve(asked.starting, proof.Limits(None, lambda: limit)), 0.0)
    )
    return answer


def drawn(seed: int, people: int = 40, courses: int = 8) -> dict[str, Any]:
    chance = random.Random(seed)
    return {
        "tiers": ["urgent", "placed", "worth"],
        "people": [{"id": f"p{number}"} for number in range(people)],
        "courses": [
            {
                "id": f"c{number}",
                "capacity": chance.randint(4, 12),
                "minimum": chance.randint(0, 8),
                "taken": chance.randint(0, 4),
            }
            for number in range(courses)
        ],
        "pairs": [
            [f"p{person}", f"c{course}", [int(person % 3 == 0), 1, chance.randint(-50, 0)]]
            for person in range(people)
            for course in range(courses)
            if chance.random() < 0.4
        ],
    }


def test_the_example() -> None:
    assert solved(EXAMPLE) == {
        "status": "optimal",
        "gap": 0.0,
        "tiers": [1, 3, -18],
        "started": ["c1", "c3"],
        "placed": {"p1": "c1", "p2": "c1", "p3": "c3"},
        "seconds": 0.0,
        "bounds": [1, 3, -18],
        "proven": 3,
        "cut": "",
    }


@pytest.mark.parametrize("seed", range(8))
def test_answers_pass_the_independent_check_whatever_the_order(seed: int) -> None:
    instance = drawn(seed)
    answer = solved(instance)
    assert answer["status"] == "optimal"
    assert findings(instance, answer) == []
    for part in ("people", "courses", "pairs"):
        random.Random(seed).shuffle(instance[part])
    assert solved(instance) == answer


@pytest.mark.parametrize("forgery", ["swapped", "dropped", "ineligible", "full", "small", "sum", "started"])
def test_a_forged_result_is_caught(forgery: str) -> None:
    instance = drawn(1)
    answer = solved(instance)
    allowed = {(person, course) for person, course, _ in instance["pairs"]}
    placed: dict[str, str] = answer["placed"]
    person = next(iter(placed))
    match forgery:
        case "dropped":
            del placed[person]
        case "ineligible":
            placed[person] = next(
                f"c{number}" for number in range(8) if (person, f"c{number}") not in allowed
            )
        case "full" | "small":
            course = next(known for known in instance["courses"] if known["id"] == placed[person])
            course["capacity" if forgery == "full" else "minimum"] = 1 if forgery == "full" else 99
        case "sum":
            answer["tiers"][0] += 1
        case "started":
            answer["started"].pop()
        case _:
            waiting = next(
                (out, placed[sitting], sitting)
                for out in (known["id"] for known in instance["people"])
                for sitting in placed
                if out not in placed and (out, placed[sitting]) in allowed
            )
            del placed[waiting[2]]
            placed[waiting[0]] = waiting[1]
    assert findings(instance, answer)


def honest(instance: dict[str, Any], placed: dict[str, str]) -> dict[str, Any]:
    """Write a result for a seating, rightly summed, and call it optimal."""
    worth = {(person, course): values for person, course, values in instance["pairs"]}
    sums = [sum(worth[pair][tier] for pair in placed.items()) for tier in range(len(instance["tiers"]))]
    return {
        "status": "optimal",
        "gap": 0.0,
        "tiers": sums,
        "started": sorted(set(placed.values())),
        "placed": placed,
        "bounds": sums,
        "proven": len(sums),
    }


@pytest.mark.parametrize("seed", range(4))
def test_a_worse_seating_is_caught_though_rightly_summed(seed: int) -> None:
    instance = drawn(seed, 24, 6)
    answer = solved(instance)
    placed: dict[str, str] = answer["placed"]
    assert findings(instance, honest(instance, placed)) == []
    pairs = {(person, course) for person, course, _ in instance["pairs"]}
    forged = [{who: at for who, at in placed.items() if who != out} for out in placed]
    forged += [{**placed, person: course} for person, course in pairs if placed.get(person) != course]
    for one, other in itertools.combinations([person["id"] for person in instance["people"]], 2):
        there = {**placed, one: placed.get(other), other: placed.get(one)}
        swapped = {who: at for who, at in there.items() if at is not None}
        if placed.get(one) != placed.get(other) and all(pair in pairs for pair in swapped.items()):
            forged.append(swapped)
    closed = [{who: at for who, at in placed.items() if at != course} for course in set(placed.values())]
    worse = [one for one in forged + closed if honest(instance, one)["tiers"] != answer["tiers"]]
    assert len(worse) > 50
    for one in worse:
        assert findings(instance, honest(instance, one)), one


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"gap": 0.1}, "no gap"),
        ({"proven": 1}, "every tier proven"),
        ({"bounds": [9, 9, 9]}, "no gap"),
        ({"status": "limit", "proven": 2, "bounds": [1, 3, -19]}, "below what was reached"),
        ({"status": "limit", "proven": 2, "bounds": [1, 3, 0], "gap": 0.5}, "the gap is"),
        ({"status": "best"}, "no status"),
        ({"started": ["c1", "c1", "c3"]}, "started"),
        ({"started": ["c1", "c2", "c3"]}, "started"),
        ({"tiers": [1, 3, -17]}, "add up"),
    ],
)
def test_forged_claims_are_caught(change: dict[str, Any], told: str) -> None:
    answer = solved(EXAMPLE)
    assert findings(EXAMPLE, answer) == []
    assert any(told in finding for finding in findings(EXAMPLE, answer | change))


def test_what_a_limit_leaves_open_is_no_finding() -> None:
    instance = drawn(2)
    answer = solved(instance)
    person = next(iter(answer["placed"]))
    worse = honest(instance, {who: at for who, at in answer["placed"].items() if who != person})
    bounds = answer["tiers"]
    at = next(
        tier for tier, sums in enumerate(zip(worse["tiers"], bounds, strict=True)) if len(set(sums)) > 1
    )
    gap = (bounds[at] - worse["tiers"][at]) / max(1, abs(bounds[at]))
    loose = [max(pair) for pair in zip(bounds, worse["tiers"], strict=True)]
    limited = worse | {"status": "limit", "gap": gap, "proven": at, "bounds": loose}
    wrong = findings(instance, limited)
    assert not [finding for finding in wrong if "minimum" not in finding and "at least" not in finding]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"capacity": 20', '"capacity": -1', r"courses\[0\]\.capacity must be an integer"),
        ('"minimum": 2', '"minimum": "2"', r"courses\[1\]\.minimum must be"),
        ('"taken": 3', '"taken": 21', r"courses\[0\]\.taken is more than the capacity"),
        ('"taken": 3', '"token": 3', r"courses\[0\]\.token is not known"),
        ('"id": "p2"', '"id": "p1"', r"people\[1\]\.id is there twice"),
        ('"p3", "c2"', '"p9", "c2"', r"pairs\[3\]\[0\] is no known person"),
        ('"c2", [', '"c9", [', r"pairs\[3\]\[1\] is no known course"),
        ("-7", "-7.5", r"pairs\[0\]\[2\]\[2\] must be an integer"),
        ("-7", "9007199254740992", r"pairs\[0\]\[2\]\[2\] must be an integer below"),
        ("-7", "true", r"pairs\[0\]\[2\]\[2\] must be an integer"),
        ("-7]", "-7, 1]", r"pairs\[0\]\[2\] must have 3 values"),
        ('["p3", "c3", [0, 1, -9]]', '["p3", "c2", [0, 1, 1]]', r"pairs\[4\] is there twice"),
        ('["p3", "c3", [0, 1, -9]]', '["p3", "c3"]', r"pairs\[4\] must be \[person, course"),
        ("[0, 1, -2]]", "[0, 1, -2]}", "character|separator|expected"),
    ],
)
def test_a_mistake_is_told_with_its_line(old: str, new: str, message: str) -> None:
    lines = [
        f'{{"tiers": {json.dumps(EXAMPLE["tiers"])},',
        *(
            f"{' ' if number else f'{json.dumps(part)}: ['}{json.dumps(one)}{'],' if last else ','}"
            for part in ("people", "courses", "pairs")
            for number, one in enumerate(EXAMPLE[part])
            for last in [number == len(EXAMPLE[part]) - 1]
        ),
    ]
    text = "\n".join(lines).removesuffix(",") + "}"
    assert json.loads(text) == EXAMPLE
    wrong = text.replace(old, new, 1)
    expected = wrong.count("\n", 0, text.index(old)) + 1
    with pytest.raises(InstanceError, match=message) as caught:
        read(wrong.encode())
    assert caught.value.line == expected


def test_what_is_missing_is_told() -> None:
    with pytest.raises(InstanceError, match="has no 'pairs'"):
        read(json.dumps({name: EXAMPLE[name] for name in ("tiers", "people", "courses")}).encode())
    with pytest.raises(InstanceError, match="must be an object"):
        read(b"[]")


def test_the_commands(tmp_path: Path) -> None:
    instance, result = tmp_path / "instance.json", tmp_path / "result.json"
    instance.write_text(json.dumps(EXAMPLE), encoding="utf-8")
    run = CliRunner()
    asked = ["--instance", str(instance), "--out", str(result), "--limit", "20"]
    assert run.invoke(app, ["solve", *asked]).exit_code == 0
    check = ["check", "--instance", str(instance), "--result", str(result)]
    assert run.invoke(app, check).exit_code == 0
    forged = json.loads(result.read_bytes())
    forged["tiers"][0] += 1
    result.write_text(json.dumps(forged), encoding="utf-8")
    told = run.invoke(app, check)
    assert told.exit_code == 1
    assert "add up to" in told.output
    instance.write_text("{", encoding="utf-8")
    assert run.invoke(app, ["solve", *asked]).exit_code == 2


def test_values_too_large_for_so_many_people_are_told() -> None:
    people = [{"id": f"p{number}"} for number in range(200)]
    instance = EXAMPLE | {"people": people, "pairs": [["p1", "c1", [1, 1, 1]], ["p2", "c1", [1, 2**52, 1]]]}
    with pytest.raises(InstanceError, match=r"pairs\[1\]\[2\]\[1\] must be below 2\d+ with so many people"):
        read(json.dumps(instance).encode())
