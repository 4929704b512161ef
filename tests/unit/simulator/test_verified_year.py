"""Some months of the invented Kreis: every certificate, reason and remedy passes the independent checker."""

from __future__ import annotations

from collections import Counter

from services.simulator.year.model import Setting
from services.simulator.year.steering import runs
from tests.benchmarks.engine.verified import verify


def test_everything_that_is_told_in_some_months_is_verified() -> None:
    counts, seconds = Counter[str](), Counter[str]()
    for run in runs(3, Setting(seed=3, people=200, weeks=16)):
        assert verify(run.snapshot, run.result, counts, seconds) == [], run.day
    assert counts["runs"] >= 16
    assert counts["certificates"] == counts["runs"]
    assert counts["remedies"] > 50
    assert counts["placed"] > 30
