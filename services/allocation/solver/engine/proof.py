"""Finds the best answer with what is proven of it; independent parts are solved apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from importlib.metadata import version

import numpy as np

from services.allocation.solver.engine import flow, parts
from services.allocation.solver.engine.flow import Solution
from services.allocation.solver.engine.limits import Cut, Limits, Meter
from services.allocation.solver.engine.search import Search, alike, steps
from services.allocation.solver.engine.starts import Starting

__all__ = ["Cut", "Limits", "Proof", "Settled", "alike", "solve"]

VERSION = f"{flow.VERSION}, highspy {version('highspy')}"
_ENDED = object()


@dataclass(frozen=True, slots=True)
class Proof:
    """The value of a tier and the most that it could be, given the values of the tiers before it."""

    value: int
    bound: int
    proven: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """An answer with what is proven of it: one proof for each tier; `cut` says what ended the search early.

    `started` lists the courses with a need that got enough people.
    """

    solution: Solution
    tiers: tuple[Proof, ...]
    cut: Cut
    started: tuple[int, ...]

    @property
    def proven(self) -> int:
        """Count the leading tiers that are as good as they can be."""
        return next((at for at, tier in enumerate(self.tiers) if not tier.proven), len(self.tiers))

    @property
    def gap(self) -> float:
        """How far the first unproven tier may be from its best, as a share of that; 0.0 if there is none."""
        if self.proven == len(self.tiers):
            return 0.0
        tier = self.tiers[self.proven]
        return (tier.bound - tier.value) / max(1, abs(tier.bound))


def solve(
    starting: Starting,
    limits: Limits,
    report: Callable[[Settled], None] | None = None,
    *,
    by_hand: bool = False,
) -> Settled:
    """Find the best answer tier by tier, with what is proven of it when the time is over.

    `report` gets better answers and better proofs as they come, the very first one seated by hand if asked.
    Parts that have nothing to do with each other take turns: a step of the one that is least proven.
    """
    meter = Meter(limits)
    divided = parts.divided(starting)
    ready = False

    def told() -> None:
        if ready and report is not None:
            report(_joined(starting, divided, searches, meter))

    searches = [Search(part.starting, meter, told) for part in divided]
    running = [steps(search, by_hand=by_hand) for search in searches]
    for _ in range(1 + by_hand):
        for one in running:
            next(one)
        ready = True
        told()
    tiers = len(starting.problem.tiers)
    waiting = [(search.proven, 0, at) for at, search in enumerate(searches) if search.proven < tiers]
    heapify(waiting)
    while waiting and not meter.over():
        _, taken, at = heappop(waiting)
        if next(running[at], _ENDED) is not _ENDED and searches[at].proven < tiers:
            heappush(waiting, (searches[at].proven, taken + 1, at))
    return _joined(starting, divided, searches, meter)


def _joined(
    starting: Starting, divided: Sequence[parts.Part], searches: Sequence[Search], meter: Meter
) -> Settled:
    """Add up the parts: a tier is proven if it is in each of them."""
    tiers = len(starting.problem.tiers)
    proven = min((search.proven for search in searches), default=tiers)
    proofs = []
    for tier in range(tiers):
        value = sum(search.best.values[tier] for search in searches)
        if tier < proven:
            bound = value
        elif tier == proven:
            bound = sum(
                search.best.values[tier]
                if search.proven > tier
                else max(search.best.values[tier], search.bounds[tier])
                for search in searches
            )
        else:
            # Parts could share what comes before in another way.
            bound = sum(search.most[tier] for search in searches)
        proofs.append(Proof(value, max(value, bound), tier < proven))
    pair = np.full(starting.problem.people, -1, dtype=np.int64)
    for part, search in zip(divided, searches, strict=True):
        seated = search.best.pair >= 0
        pair[part.people[seated]] = part.pairs[search.best.pair[seated]]
    best = Solution(pair, tuple(one.value for one in proofs))
    enough = (starting.need > 0) & (starting.counts(best) >= starting.need)
    cut = meter.cut if proven < tiers else ""
    return Settled(best, tuple(proofs), cut, tuple(np.flatnonzero(enough).tolist()))
