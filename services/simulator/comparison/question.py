"""Answers the question of the comparison: takes years and their size, returns JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from services.allocation.policy.domain import Policy
from services.allocation.steering.matching.snapshot import Snapshot
from services.allocation.steering.questions.changes import ChangeError
from services.simulator.comparison.comparison import Comparison, compare
from services.simulator.year.model import Setting

MOST_SEEDS: Final = 5
PEOPLE: Final = (100, 1500)
LIMIT_SECONDS: Final = 900.0


def answer(seen: Snapshot, question: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `{"seeds": 3, "people": 600, "policy": "own" | "default"}`; `own` is the Kreis's, as in force.

    Raises:
        ChangeError: `field_wrong`.
    """
    seeds, people = question.get("seeds"), question.get("people")
    if not isinstance(seeds, int) or not 1 <= seeds <= MOST_SEEDS:
        raise ChangeError("field_wrong", field="seeds", where="seeds", why=f"1 to {MOST_SEEDS}")
    if not isinstance(people, int) or not PEOPLE[0] <= people <= PEOPLE[1]:
        raise ChangeError("field_wrong", field="people", where="people", why=f"{PEOPLE[0]} to {PEOPLE[1]}")
    policy: Policy | None = seen.policy if question.get("policy") == "own" else None
    return as_json(compare(range(seeds), Setting(people=people), policy=policy))


def as_json(found: Comparison) -> dict[str, Any]:
    """Write a comparison as JSON values."""
    data: dict[str, Any] = asdict(found)
    for row, known in zip(data["rows"], found.rows, strict=True):
        row["worse_than"] = [world for world in known.differences if known.worse_than(world)]
    return data
