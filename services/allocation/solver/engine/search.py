"""Proves tier by tier that no other choice of started courses is better, or finds one that is."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite

import numpy as np

from services.allocation.solver.engine import flow, prices
from services.allocation.solver.engine.first import MANY, FirstAnswer, on_face, opened
from services.allocation.solver.engine.flow import Face, Solution
from services.allocation.solver.engine.greedy import greedy
from services.allocation.solver.engine.limits import Meter
from services.allocation.solver.engine.mincost import Ints
from services.allocation.solver.engine.model import SLACK, Model, Relaxed
from services.allocation.solver.engine.starts import Choice, Starting, nobody, settled

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


class Search:
    """The best answer so far, all choices that were seated exactly, and what is proven."""

    def __init__(self, starting: Starting, meter: Meter, report: Callable[[], None]) -> None:
        self.starting, self.meter = starting, meter
        self.told = report
        self.known: dict[Choice, Solution] = {}
        self.proven = 0
        self.most = tuple(_at_most(starting, tier.values) for tier in starting.problem.tiers)
        self.bounds = list(self.most)
        self.best = nobody(starting)
        self._easier = self.most

    def by_hand(self) -> None:
        """Seat people by hand: an answer within seconds, however large the problem."""
        self.best = greedy(self.starting)
        self._see(self.most)

    def first(self) -> None:
        """Find a good answer by flows, and the bounds that come with it."""
        answer = FirstAnswer(self.starting)
        self._easier = answer.bound.values
        if self.best.values > nobody(self.starting).values:
            self._see(self._easier)
            if len(self.starting.problem.person) > MANY:
                # One flow instead of many: where that is as good as can be in what matters most, it will do.
                self.try_out(self.starting.choice(self.best))
                self._see(self._easier)
                if self.proven:
                    return
        found, by_hand = answer.find(), self.best
        self.known[self.starting.choice(found)] = found
        self.best = max(found, by_hand, key=lambda one: one.values)
        if self.best is by_hand:
            self.try_out(self.starting.choice(by_hand))
        self._see(self._easier)

    def opened(self, face: Face) -> bool:
        """Improve the first unproven tier by flows alone; say whether that proved it, and not all."""
        before = self.proven
        self.try_out(opened(self.starting, self.best, face, before))
        self._see(self._easier)
        return before < self.proven < len(self.bounds) and not self.meter.over()

    def priced(self, face: Face) -> None:
        """Bound the first unproven tier by prices."""
        tier = self.proven
        market = prices.Market(self.starting, face, self.starting.problem.tiers[tier].values)
        problem = on_face(self.starting, self.starting.choice(self.best), face, tier)
        found = prices.bound(market, flow.prices(problem), self.best.values[tier], self.meter)
        self.bound(tier, found)

    def _see(self, easier: tuple[int, ...]) -> None:
        """Take in bounds: the values of an easier problem, or what everybody would add alone."""
        self.proven = alike(self.best.values, easier)
        if self.proven < len(self.bounds):
            self.bounds[self.proven] = min(self.bounds[self.proven], easier[self.proven])
        self.told()

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


def steps(search: Search, *, by_hand: bool) -> Iterator[None]:
    """Search tier by tier; the search can be left alone after each step.

    There is an answer by hand after the first step, if asked for, and a good one after the next.
    """
    if by_hand:
        search.by_hand()
        yield
    search.first()
    yield
    starting = search.starting
    tiers = [_Scale.of(tier.values) for tier in starting.problem.tiers]
    if search.proven == len(tiers):
        return
    easier = starting.chosen(Choice(frozenset(), frozenset()))
    face = flow.face(easier, search.proven)
    before = search.proven
    if len(starting.problem.person) > MANY:
        while search.opened(face):
            face = flow.face(easier, search.proven)
        yield
        before = search.proven
        if before < len(tiers) and tiers[before].exact:
            search.priced(face)
            yield
    if search.proven == len(tiers):
        return
    model = Model(starting, face, search.meter)
    for tier in range(before, search.proven):
        model.hold(tiers[tier].values, search.best.values[tier] // tiers[tier].unit)
    while search.proven < len(tiers) and (yield from _tier(search, model, tiers)):
        yield


def _tier(search: Search, model: Model, tiers: Sequence[_Scale]) -> Generator[None, None, bool]:
    """Prove one tier and hold it, or all that are left; say whether that worked."""
    tier = search.proven
    scale = tiers[tier]
    model.aim(scale.values)
    relaxed = model.relax()
    if relaxed is None:
        return False
    if not scale.exact:
        return (yield from _rounded(search, model, relaxed, tier, scale.unit))
    if not (yield from _proven(search, model, relaxed, tier, scale.unit)):
        return False
    model.fix(relaxed, relaxed.bound - search.best.values[tier] // scale.unit)
    yield
    # What comes after the last tier that can be proven by itself is proven by having no rival left.
    rest = not any(later.exact for later in tiers[tier + 1 :])
    if search.proven < len(tiers) and rest and _alone(search, model, relaxed, tier, scale):
        return True
    model.hold(scale.values, search.best.values[tier] // scale.unit)
    return True


def _proven(
    search: Search, model: Model, relaxed: Relaxed, tier: int, unit: int
) -> Generator[None, None, bool]:
    """Prove a tier: among answers within a gap of the relaxation, wider and wider, there is none better."""
    if search.bound(tier, floor(relaxed.bound + SLACK) * unit):
        return True
    search.try_out(model.dive(relaxed))
    yield
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
        yield
    return False


def _alone(search: Search, model: Model, relaxed: Relaxed, tier: int, scale: _Scale) -> bool:
    """Return whether no other choice is as good in a proven tier: then all later tiers are proven, too.

    One that is, is seated exactly in all tiers.
    """
    if search.meter.over():
        return False
    value = search.best.values[tier] // scale.unit
    found = model.search(relaxed, relaxed.bound - value, value, tuple(search.known), any_=True)
    search.try_out(found.choice)
    return found.complete and found.value < value - SLACK and search.finished()


def _rounded(
    search: Search, model: Model, relaxed: Relaxed, tier: int, unit: int
) -> Generator[None, None, bool]:
    """Prove a tier whose values were rounded up, and all after it, within wider and wider gaps.

    Every choice that could be as good is seated exactly and then left out, until none is left.
    """
    search.try_out(model.dive(relaxed))
    yield
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
        yield
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
