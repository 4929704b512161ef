"""Proves tier by tier that no other choice of started courses is better, or finds one that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from math import ceil, floor, isfinite

import numpy as np

from services.allocation.steering.engine import flow
from services.allocation.steering.engine.first import MANY, FirstAnswer, opened
from services.allocation.steering.engine.flow import Face, Solution
from services.allocation.steering.engine.greedy import greedy
from services.allocation.steering.engine.limits import Cut, Limits, Meter
from services.allocation.steering.engine.mincost import Ints
from services.allocation.steering.engine.model import SLACK, Model, Relaxed
from services.allocation.steering.engine.starts import Choice, Starting, nobody, settled

__all__ = ["Cut", "Limits", "Proof", "Settled", "solve"]

VERSION = f"{flow.VERSION}, highspy {version('highspy')}"
LARGEST = 2**24
"""Values up to this are proven to the unit in floating point; larger ones are rounded up for the bound."""
_ROUNDED = 2**16
_FIRST_GAP = 8.0
_FIRST_SHARE = 1 / 16
"""The first gap to search, at least: larger ones are cheap to rule out in three steps."""
_WIDER = 4.0
_ROUNDS = 4_000
"""So many searches of a rounded tier at most: each gives a choice that is seated, or a narrower bound."""


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


@dataclass(frozen=True, slots=True)
class _Scale:
    """A tier as the solver sees it: divided by `unit`, rounded up if that leaves a rest."""

    values: Ints
    unit: int
    exact: bool

    @classmethod
    def of(cls, values: Ints) -> _Scale:
        """Divide by what all values share; round if they are still too large."""
        shared = int(np.gcd.reduce(values)) if len(values) else 0
        unit = max(1, shared)
        top = int(np.abs(values).max(initial=0)) // unit
        if top <= LARGEST:
            return cls(values // unit, unit, exact=True)
        unit *= -(-top // _ROUNDED)
        return cls(-(-values // unit), unit, exact=False)


class _Search:
    """The best answer so far, all choices that were seated exactly, and what is proven."""

    def __init__(
        self, starting: Starting, limits: Limits, report: Callable[[Settled], None] | None, *, by_hand: bool
    ) -> None:
        self.starting, self.meter = starting, Meter(limits)
        self._report = report
        self.known: dict[Choice, Solution] = {}
        self.proven = 0
        self.bounds = [_at_most(starting, tier.values) for tier in starting.problem.tiers]
        self.best = greedy(starting) if by_hand else nobody(starting)
        if by_hand:
            self._see(tuple(self.bounds))
        answer = FirstAnswer(starting)
        if by_hand:
            self._see(answer.bound.values)
        found, by_this = answer.find(), self.best
        self.known[starting.choice(found)] = found
        self.best = max(found, by_this, key=lambda one: one.values)
        if self.best is by_this:
            self.try_out(starting.choice(by_this))
        self._easier = answer.bound.values
        self._see(self._easier)

    def opened(self, face: Face) -> bool:
        """Improve the first unproven tier by flows alone; say whether that proved it, and not all."""
        before = self.proven
        self.try_out(opened(self.starting, self.best, face, before))
        self._see(self._easier)
        return before < self.proven < len(self.bounds) and not self.meter.over()

    def _see(self, easier: tuple[int, ...]) -> None:
        """Take in bounds: the values of an easier problem, or what everybody would add alone."""
        self.proven = alike(self.best.values, easier)
        if self.proven < len(self.bounds):
            self.bounds[self.proven] = min(self.bounds[self.proven], easier[self.proven])
        self.told()

    def told(self) -> None:
        """Hand up what is known so far."""
        if self._report is not None:
            self._report(self.settled())

    def settled(self) -> Settled:
        """Write down the answer and what is proven of it."""
        starting, best = self.starting, self.best
        proofs = tuple(
            Proof(value, value if at < self.proven else max(value, bound), at < self.proven)
            for at, (value, bound) in enumerate(zip(best.values, self.bounds, strict=True))
        )
        enough = (starting.need > 0) & (starting.counts(best) >= starting.need)
        return Settled(best, proofs, self.meter.cut, tuple(np.flatnonzero(enough).tolist()))

    def try_out(self, choice: Choice | None) -> bool:
        """Seat people under a choice; say whether it is new."""
        if choice is None or choice in self.known:
            return False
        found = settled(self.starting, choice)
        if found is None:
            return False
        self.known[choice] = found
        if found.values > self.best.values:
            self.best = found
            self.told()
        return True

    def bound(self, tier: int, bound: int) -> bool:
        """Lower the bound of the first unproven tier; say whether that proves it."""
        self.bounds[tier] = min(self.bounds[tier], bound)
        if self.best.values[tier] < self.bounds[tier]:
            return False
        self.proven = tier + 1
        self.told()
        return True

    def finished(self) -> bool:
        """Note that every tier is proven."""
        self.proven = len(self.bounds)
        self.told()
        return True


def solve(
    starting: Starting,
    limits: Limits,
    report: Callable[[Settled], None] | None = None,
    *,
    by_hand: bool = False,
) -> Settled:
    """Find the best answer tier by tier, with what is proven of it when the time is over.

    `report` gets better answers and better proofs as they come, the very first one seated by hand if asked.
    """
    search = _Search(starting, limits, report, by_hand=by_hand)
    tiers = [_Scale.of(tier.values) for tier in starting.problem.tiers]
    if search.proven == len(tiers) or search.meter.over():
        return search.settled()
    easier = starting.chosen(Choice(frozenset(), frozenset()))
    face = flow.face(easier, search.proven)
    while len(starting.problem.person) > MANY and search.opened(face):
        face = flow.face(easier, search.proven)
    if search.proven == len(tiers) or search.meter.over():
        return search.settled()
    model = Model(starting, face, search.meter)
    while search.proven < len(tiers) and not search.meter.over():
        tier = search.proven
        model.aim(tiers[tier].values)
        relaxed = model.relax()
        if relaxed is None:
            break
        # What comes after the last tier that can be proven by itself is proven by having no rival left.
        rest = not any(scale.exact for scale in tiers[tier + 1 :])
        if tiers[tier].exact:
            if not _proven(search, model, relaxed, tier, tiers[tier].unit):
                break
            model.fix(relaxed, relaxed.bound - search.best.values[tier] // tiers[tier].unit)
            if search.proven < len(tiers) and rest and _alone(search, model, relaxed, tier, tiers[tier]):
                break
            model.hold(tiers[tier].values, search.best.values[tier] // tiers[tier].unit)
        else:
            _rounded(search, model, relaxed, tier, tiers[tier].unit)
            break
    return search.settled()


def _proven(search: _Search, model: Model, relaxed: Relaxed, tier: int, unit: int) -> bool:
    """Prove a tier: among answers within a gap of the relaxation, wider and wider, there is none better."""
    if search.bound(tier, floor(relaxed.bound + SLACK) * unit):
        return True
    search.try_out(model.dive(relaxed))
    if search.bound(tier, floor(relaxed.bound + SLACK) * unit):
        return True
    gap = 0.0
    while not search.meter.over():
        least = search.best.values[tier] // unit + 1
        gap = min(gap or _first(relaxed.bound - least), relaxed.bound - least)
        cutoff = max(least, ceil(relaxed.bound - gap - SLACK))
        found = model.search(relaxed, gap, cutoff)
        search.try_out(found.choice)
        if not found.complete:
            # Answers outside the gap are worth less than the cutoff.
            if isfinite(found.bound):
                search.bound(tier, floor(max(found.bound, cutoff - 1) + SLACK) * unit)
            return False
        better = found.value > cutoff - 1 + SLACK
        if search.bound(tier, (round(found.value) if better else cutoff - 1) * unit):
            return True
        if better:
            return False  # the solver's answer cannot be seated: honest, and never seen
        gap *= _WIDER
    return False


def _alone(search: _Search, model: Model, relaxed: Relaxed, tier: int, scale: _Scale) -> bool:
    """Say whether no other choice is as good in a proven tier: then all later tiers are proven, too.

    One that is, is seated exactly in all tiers.
    """
    if search.meter.over():
        return False
    value = search.best.values[tier] // scale.unit
    found = model.search(relaxed, relaxed.bound - value, value, tuple(search.known), any_=True)
    search.try_out(found.choice)
    return found.complete and found.value < value - SLACK and search.finished()


def _rounded(search: _Search, model: Model, relaxed: Relaxed, tier: int, unit: int) -> bool:
    """Prove a tier whose values were rounded up, and all after it, within wider and wider gaps.

    Every choice that could be as good is seated exactly and then left out, until none is left.
    """
    search.try_out(model.dive(relaxed))
    gap = 0.0
    for _ in range(_ROUNDS):
        if search.meter.over():
            break
        least = -(-search.best.values[tier] // unit)
        full = relaxed.bound - least
        gap = min(gap or _first(full), full)
        cutoff = max(least, ceil(relaxed.bound - gap - SLACK))
        found = model.search(relaxed, gap, cutoff, tuple(search.known))
        new = search.try_out(found.choice)
        none = found.complete and found.value < cutoff - SLACK
        if none and cutoff == least:
            return search.finished()
        if isfinite(found.bound) or none:
            most = floor(max(found.bound, cutoff - 1) + SLACK) * unit
            search.bounds[tier] = min(search.bounds[tier], max(most, search.best.values[tier]))
        if not none and not (found.complete and new):
            break
        gap *= _WIDER if none else 1.0
    return False


def _first(full: float) -> float:
    return max(_FIRST_GAP, _FIRST_SHARE * full)


def _at_most(starting: Starting, values: Ints) -> int:
    """Bound a tier by what everybody would add alone."""
    most = np.zeros(starting.problem.people, dtype=np.int64)
    np.maximum.at(most, starting.problem.person, values)
    return int(most.sum())


def alike(one: tuple[int, ...], two: tuple[int, ...]) -> int:
    """Count the leading tiers in which two answers are equal."""
    count = 0
    for left, right in zip(one, two, strict=True):
        if left != right:
            break
        count += 1
    return count
