"""A policy tried on days of the past year: sums as of today, and nobody's id in them."""

from __future__ import annotations

import re
from typing import Any

import orjson

from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.snapshot import Snapshot
from services.allocation.steering.questions import policy_trial
from tests.unit.allocation.regions.crowd import a_crowd


def asked(seen: Snapshot, past: list[str], **limits: int) -> dict[str, Any]:
    """Try the policy in force with other limits."""
    policy = seen.policy.model_dump(mode="json")
    policy["limits"] |= limits
    question = {
        "changes": [{"kind": "policy", "policy": policy}],
        "version": "v",
        "sha256": "00",
        "material": {"past": past},
    }
    return policy_trial.answer(seen, question)


def test_a_past_day_is_tried_as_today_is_and_an_unreadable_one_is_left_out() -> None:
    seen = a_crowd(7, 60, 8)
    sums = asked(seen, [snapshot.encode(seen).decode(), '{"form": 0}'], latest_start_days=7)["sums"]
    (day,) = sums["past"]
    assert sums["past_skipped"] == 1
    assert day.pop("day") == seen.day.isoformat()
    assert day == sums["today"]
    assert sums["today"]["lose"] > 0
    assert sums["today"]["placed"][1] < sums["today"]["placed"][0]


def test_the_same_policy_changes_nothing() -> None:
    seen = a_crowd(3, 40, 5)
    today = asked(seen, [])["sums"]["today"]
    assert (today["gain"], today["lose"], today["move"]) == (0, 0, 0)
    assert today["placed"][0] == today["placed"][1]


def test_sums_name_nobody_and_tell_single_classes_in_bands() -> None:
    seen = a_crowd(7, 60, 8)
    sums = asked(seen, [], latest_start_days=7)["sums"]
    assert not re.search(rb"[0-9a-f]{8}-[0-9a-f]{4}", orjson.dumps(sums))
    for row in sums["today"]["by_class"]:
        for low, high in (row["gain"], row["lose"]):
            assert (low % policy_trial.K, high - low) == (0, policy_trial.K - 1)


def test_a_mean_of_few_people_is_not_told() -> None:
    few = a_crowd(3, 6, 2)
    assert asked(few, [])["sums"]["today"]["waited"] == [None, None]
