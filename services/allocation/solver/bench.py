"""Measures the engine on generated regions, next to the bare solvers in the same run.

`answer` is the two-stage answer, `first` the time until the first tier is proven as well, `all` until every
tier is; a share of instances reaches that within the limit. Each scenario runs in processes of its own.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import median
from time import monotonic, perf_counter, process_time
from typing import Literal

from services.allocation.solver.engine import bare, proof
from services.allocation.solver.engine.limits import Limits
from services.allocation.solver.engine.proof import Settled
from services.allocation.solver.generated import KREIS, MID, Seats, Size, nation, region
from services.runtime.base.subprocesses import die_with

Scale = Literal["kreis", "mid", "nation"]

SCALES: tuple[Scale, ...] = ("kreis", "mid", "nation")
_KINDS: tuple[Seats, ...] = ("scarce", "loose")
_MID_SEEDS = 2
_WORKERS = 2
_LEAST = 0.1
_SPENT_SEARCHING = 0.8
"""Share of what is left of a nation's time that its regions may take; making them up takes some, too."""


@dataclass(frozen=True, slots=True)
class BenchTask:
    """One region to solve; `compare` runs the bare solvers as well."""

    seed: int
    size: Size
    seats: Seats
    limit: float
    compare: bool
    share: float = 0.0
    """If given, `limit` is the moment (monotonic) at which all is to be done; this is the region's share."""

    def seconds(self) -> float:
        """Return how long the region may search: what smaller ones before it left over is shared out."""
        if not self.share:
            return self.limit
        left = max(0.0, self.limit - monotonic())
        return min(left, max(_LEAST, _SPENT_SEARCHING * _WORKERS * self.share * left))


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds until there was an answer, a proof of the first tier, a proof of all (or not), and the rest.

    `busy` is the processor's time until the first tier was proven, whatever else the machine does.
    """

    pairs: int
    answer: float
    first: float | None
    every: float | None
    busy: float | None
    total: float
    proven: int
    gap: float
    megabytes: int
    flow: float
    program: float | None


def measure(task: BenchTask) -> Measured:
    """Solve one region and note when what was known."""
    starting = region(task.seed, task.size, task.seats)
    begun = perf_counter()
    idle = process_time()
    seen: list[tuple[float, float, int]] = []

    def told(settled: Settled) -> None:
        seen.append((perf_counter() - begun, process_time() - idle, settled.proven))

    allowed = task.seconds()
    limits = Limits(None, lambda: allowed - (perf_counter() - begun))
    settled = proof.solve(starting, limits, told, by_hand=False)
    total = perf_counter() - begun
    tiers = len(settled.tiers)
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return Measured(
        pairs=len(starting.problem.person),
        answer=seen[0][0],
        first=next((at for at, _, proven in seen if proven), None),
        every=next((at for at, _, proven in seen if proven == tiers), None),
        busy=next((busy for _, busy, proven in seen if proven), None),
        total=total,
        proven=settled.proven,
        gap=settled.gap,
        megabytes=megabytes,
        flow=bare.flow_seconds(starting) if task.compare else 0.0,
        program=bare.program_seconds(starting, task.limit) if task.compare else None,
    )


def run(scales: Sequence[Scale], seeds: int, limit: float) -> Iterator[str]:
    """Run scenarios and describe each in a few lines as it ends."""
    for scale in scales:
        for seats in _KINDS:
            if scale == "nation":
                yield from _nation(seats, limit)
                continue
            size, count = (KREIS, seeds) if scale == "kreis" else (MID, min(seeds, _MID_SEEDS))
            tasks = [BenchTask(seed, size, seats, limit, compare=True) for seed in range(count)]
            with get_context("spawn").Pool(1, die_with, (os.getpid(),)) as pool:
                yield from _described(f"{scale} {seats}", pool.map(measure, tasks, chunksize=1))


def _nation(seats: Seats, limit: float) -> Iterator[str]:
    sizes = nation(0)[::-1]
    pairs = [size.people * size.choices for size in sizes]
    shares = [own / sum(pairs[at:]) for at, own in enumerate(pairs)]
    with get_context("spawn").Pool(_WORKERS, die_with, (os.getpid(),)) as pool:
        pool.map(_warm, range(_WORKERS), chunksize=1)
        begun, until = perf_counter(), monotonic() + limit
        tasks = [
            BenchTask(seed, size, seats, until, compare=False, share=min(share, 1 / _WORKERS))
            for seed, (size, share) in enumerate(zip(sizes, shares, strict=True))
        ]
        found = pool.map(measure, tasks, chunksize=1)
        took = perf_counter() - begun
    yield from _described(f"nation {seats}", found)
    answers = sum(one.answer for one in found)
    yield (
        f"  {sum(one.pairs for one in found):,} pairs in {len(found)} regions by {_WORKERS} processes:"
        f" {took:.1f} s in all; answers alone {answers / _WORKERS:.1f} s"
    )


def _warm(_number: int) -> None:
    """Have the process import what it needs."""


def _described(name: str, found: Sequence[Measured]) -> Iterator[str]:
    tiers = max(one.proven for one in found)
    yield f"{name}: {len(found)} regions, about {median(one.pairs for one in found):,.0f} pairs each"
    for label, figure in (
        ("answer           ", "answer"),
        ("first tier proven", "first"),
        ("  processor time  ", "busy"),
        ("all tiers proven ", "every"),
    ):
        yield f"  {label}{_seconds([getattr(one, figure) for one in found])}"
    proven = [sum(one.proven > tier for one in found) for tier in range(tiers)]
    yield (
        f"  proven tier by tier {proven}; largest gap of a first unproven tier"
        f" {max(one.gap for one in found):.2e}; peak {max(one.megabytes for one in found)} MB"
    )
    yield from _compared(found)


def _compared(found: Sequence[Measured]) -> Iterator[str]:
    """Describe what the bare flow and the bare program took, if they were measured."""
    flows = [one.flow for one in found if one.flow]
    if flows:
        longer = median(one.answer for one in found) / median(flows)
        seconds = _seconds([one.flow or None for one in found])
        yield f"  bare flow, no minimum sizes{seconds}; answer = {longer:.1f} x"
        both = [one.first / one.program for one in found if one.first is not None and one.program is not None]
        ratio = f"{median(both):.3f} x" if both else "none to compare"
        seconds = _seconds([one.program for one in found])
        yield f"  bare program, first tier only{seconds}; first tier = {ratio}"


def _seconds(times: Sequence[float | None]) -> str:
    known = [one for one in times if one is not None]
    if not known:
        return f" none of {len(times)}"
    return f" p50 {median(known):7.2f} s  max {max(known):7.2f} s  ({len(known)} of {len(times)})"


def main(scales: Sequence[Scale], seeds: int, limit: float) -> None:
    """Print what was measured."""
    sys.stdout.write(f"limit {limit:g} s; {proof.VERSION}\n")
    for line in run(scales, seeds, limit):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
