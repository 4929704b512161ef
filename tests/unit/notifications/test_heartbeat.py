"""The dead man's switch: workers beat while they can work, and the rules watch metrics that exist."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from services.notifications.heartbeat import Heartbeat
from services.notifications.metrics import SCRAPED

RULES = Path(__file__).resolve().parents[3] / "deploy" / "prometheus" / "support-rules.yaml"


async def test_a_worker_beats_after_each_round_unless_it_is_stuck_or_fails() -> None:
    registry, now = CollectorRegistry(), [100.0]
    beats = Heartbeat(Heartbeat.on(registry).beats, lambda: now[0])
    stuck = False

    async def work(value: int) -> int:
        if value < 0:
            raise ZeroDivisionError
        return value

    def last() -> float | None:
        return registry.get_sample_value("kurslotse_delivery_heartbeat_seconds", {"worker": "deliver"})

    assert last() is None  # without a mail server nobody beats
    beating = beats.after("deliver", work, stuck=lambda: stuck)
    assert last() == 100
    now[0], stuck = 200.0, True
    assert await beating(3) == 3
    assert last() == 100
    stuck = False
    with pytest.raises(ZeroDivisionError):
        await beating(-1)
    assert last() == 100
    await beating(0)
    assert last() == 200


def test_each_rule_watches_a_metric_that_is_scraped() -> None:
    told: dict[str, Any] = yaml.safe_load(RULES.read_text("utf-8"))
    rules = [rule for group in told["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules) == 6
    for rule in rules:
        assert rule["annotations"]["summary"]
        for metric in re.findall(r"kurslotse_[a-z_]+", rule["expr"]):
            assert metric.removesuffix("_total") in SCRAPED.names, metric
    watched = yaml.safe_load((RULES.parent / "support.yaml").read_text("utf-8"))
    assert watched["rule_files"] == ["/etc/kurslotse/support-rules.yaml"]
