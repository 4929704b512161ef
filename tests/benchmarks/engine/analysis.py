"""Times what-if, which-course-next and pooling for a Kreis of 1,500 people who wait and 60 courses.

`python -m tests.benchmarks.engine.analysis`; each question in a process of its own, as the service asks it.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import Mapping
from time import perf_counter
from typing import Any

from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.snapshot import Snapshot
from services.allocation.steering.questions.worker import KINDS, Answered, Process
from tests.unit.allocation.regions.crowd import TOWNS, a_crowd

PEOPLE, COURSES, SEEDS = 1500, 60, (1, 2, 3)
LIMIT_SECONDS = 600.0
ADDED = {
    "kind": "course_added",
    "course_type": "integration_general",
    "starts_on": "2026-04-06",
    "town": TOWNS[0],
    "times_of_day": ["morning"],
    "seats": 20,
    "minimum": 8,
}


def region(kind: str, seed: int) -> Snapshot:
    """Draw a Kreis: scarce has many people for each seat, weak has more seats than people to fill them."""
    if kind == "scarce":
        return a_crowd(seed, PEOPLE, COURSES, seats=20, minimum=8)
    return a_crowd(seed, PEOPLE, COURSES, seats=30, minimum=15)


def _computing() -> float:
    """Return the seconds that ended processes have computed."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


async def timed(name: str, question: Mapping[str, Any], raw: bytes) -> tuple[str, dict[str, Any]]:
    """Ask once; return the seconds by the clock and by the processor, and the answer."""
    begun, before = perf_counter(), _computing()
    told = await Process().answer(KINDS[name].solve, question, raw, LIMIT_SECONDS)
    assert isinstance(told, Answered), told
    return f"{perf_counter() - begun:6.1f} s ({_computing() - before:5.1f} s cpu)", told.result


async def measure() -> None:
    """Print a line for each kind of Kreis, seed and question."""
    for kind in ("scarce", "weak"):
        for seed in SEEDS:
            raw = snapshot.encode(region(kind, seed))
            seconds, told = await timed("what_if", {"changes": [ADDED]}, raw)
            placed = (told["before"]["placed"], told["after"]["placed"])
            _print(kind, seed, "what_if", seconds, f"placed {placed[0]} -> {placed[1]}")
            seconds, told = await timed("next_course", {}, raw)
            best = max((one["gain"] for one in told["ranked"]), default=0)
            what = f"{told['solved']} of {told['generated']} solved, best +{best}, cut {told['cut']}"
            _print(kind, seed, "next_course", seconds, what)
            seconds, told = await timed("pooling", {}, raw)
            gain = sum(one["gain"] for one in told["suggestions"])
            what = f"{len(told['weak'])} weak, {len(told['suggestions'])} suggestions, {gain} people safe"
            _print(kind, seed, "pooling", seconds, f"{what}, complete {told['complete']}")


def _print(kind: str, seed: int, name: str, seconds: str, what: str) -> None:
    sys.stdout.write(f"{kind:7} seed {seed}  {name:12} {seconds}  {what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(measure())
