"""Solves one region again and again, its input shuffled and the machine busy: the bytes have to be the same.

`python -m tests.benchmarks.engine.identical`; exit status 1 if two of them differ.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from time import perf_counter

from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.match import encode as written
from services.allocation.steering.matching.match import match
from services.allocation.steering.matching.snapshot import Snapshot, snapshot_of
from services.allocation.steering.runs.worker import solve
from tests.unit.allocation.regions.crowded import a_crowded_region

BUSY = "while True: sum(range(1000))"
PEOPLE, COURSES = 600, 60


def shuffled(region: Snapshot, seed: int) -> bytes:
    """Write the region as canonical bytes from an input in another order."""
    chance = random.Random(seed)
    people, courses = list(region.people), list(region.courses)
    chance.shuffle(people)
    chance.shuffle(courses)
    return snapshot.encode(
        snapshot_of(
            region.region,
            region.day,
            people=people,
            courses=courses,
            rules=region.rules,
            policy=region.policy,
            travel=region.travel,
            pooled=region.pooled,
        )
    )


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Keep the machine busy with other work."""
    burning = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in burning:
            process.kill()
            process.wait()


def once(raw: bytes) -> tuple[str, str]:
    """Solve and explain; return the hashes of the result and of its certificate."""
    solved = solve(raw)
    return hashlib.sha256(solved.result).hexdigest(), hashlib.sha256(solved.certificate).hexdigest()


def main() -> int:
    """Solve as often as asked; print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--busy", type=int, default=3, help="processes that only burn time meanwhile")
    wanted = parser.parse_args()
    region = a_crowded_region(wanted.seed, PEOPLE, COURSES)
    result = match(region)
    begun = perf_counter()
    with get_context("spawn").Pool(2, maxtasksperchild=5) as pool:
        half = wanted.times // 2
        inputs = [shuffled(region, seed) for seed in range(wanted.times)]
        answers = Counter(pool.map(once, inputs[:half], chunksize=1))
        with busy(wanted.busy):
            answers.update(pool.map(once, inputs[half:], chunksize=1))
    sys.stdout.write(
        f"{PEOPLE} people, {COURSES} courses, {result.pairs} pairs: {result.status}"
        f"{' after ' + result.cut if result.cut else ''}, {len(result.places)} placed,"
        f" {len(result.started)} started, {len(result.closed)} closed, {len(written(result))} bytes\n"
        f"solved {sum(answers.values())} times, {wanted.times - half} of them beside {wanted.busy} busy"
        f" processes, in {perf_counter() - begun:.1f} s: {len(answers)} different answer(s)\n"
    )
    for (one, certificate), count in answers.items():
        sys.stdout.write(f"  {count:3} x result {one[:16]} certificate {certificate[:16]}\n")
    return 0 if len(answers) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
