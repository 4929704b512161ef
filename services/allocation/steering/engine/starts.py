"""Which courses start: exact seating where a course starts only with enough people."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from services.allocation.steering.engine import flow
from services.allocation.steering.engine.flow import Problem, Solution, Tier
from services.allocation.steering.engine.mincost import Ints

PACES = (0.2, 0.0, 0.05, 0.1)
"""Shares of the under-filled courses closed in one step, at least one course each."""


@dataclass(frozen=True, slots=True)
class Starting:
    """A problem whose courses need people: `course[e]` is the course of an entry, `need[c]` how many more.

    A course gets nobody or at least as many as it needs. People who stand `together` share a course
    (at any of its entries) or get nothing at all.
    """

    problem: Problem
    course: Ints
    need: Ints
    together: tuple[tuple[int, ...], ...] = ()

    def counts(self, solution: Solution) -> Ints:
        """Count the people that each course gets."""
        chosen = solution.pair[solution.pair >= 0]
        return np.bincount(self.course[self.problem.entry[chosen]], minlength=len(self.need)).astype(np.int64)

    def short(self, solution: Solution) -> Ints:
        """List the courses that got somebody, and not enough."""
        counts = self.counts(solution)
        return np.flatnonzero((counts > 0) & (counts < self.need))

    def seated(self, closed: Ints, started: Ints) -> Solution:
        """Seat people exactly with some courses closed and others started, whatever the rest gets.

        Raises:
            InfeasibleError: a started course cannot have enough people.
        """
        least = np.zeros(len(self.problem.later), dtype=np.int64)
        last = np.flatnonzero(self.problem.later < 0)
        wanted = last[np.isin(self.course[last], started)]
        least[wanted] = self.need[self.course[wanted]]
        seats = np.where(np.isin(self.course, closed), 0, self.problem.seats)
        return flow.solve(replace(self.problem, seats=seats, least=least))


def first_answer(starting: Starting) -> tuple[Solution, Solution]:
    """Find a good answer fast; return it and the best seating without any minimum, which bounds it.

    Courses that come out under-filled are closed, the emptiest first, until none is left; that is
    tried at several paces until the answer is as good as the bound in what matters most.
    """
    bound = flow.solve(starting.problem)
    if not len(starting.short(bound)):
        return bound, bound
    rough = _rough(starting)
    nothing = np.array([], dtype=np.int64)
    open_to_all = rough.seated(nothing, nothing)
    best: Solution | None = None
    for pace in PACES:
        found = _closed_down(rough, open_to_all, pace)
        if best is None or found.values > best.values:
            best = found
        if best.values == open_to_all.values:
            break
    return (bound if best is None else settled(starting, best)), bound


def _closed_down(rough: Starting, found: Solution, pace: float) -> Solution:
    """Close under-filled courses, a share of them at a time, until all others have enough people."""
    closed: list[int] = []
    while len(short := rough.short(found)):
        filled = rough.counts(found)[short] / rough.need[short]
        emptiest = short[np.argsort(filled, kind="stable")]
        closed += [int(course) for course in emptiest[: max(1, int(pace * len(short)))]]
        found = rough.seated(np.array(sorted(closed)), np.array([], dtype=np.int64))
    return found


def _rough(starting: Starting) -> Starting:
    """Keep only the leading tiers that can be written as one: a single flow, and what matters most."""
    problem = starting.problem
    values = [tier.values for tier in problem.tiers]
    head = flow.blended(values, problem.people, len(problem.later))[0]
    return replace(starting, problem=replace(problem, tiers=(Tier("head", head),)))


def settled(starting: Starting, found: Solution) -> Solution:
    """Seat people exactly, given the courses that a solution starts."""
    counts = starting.counts(found)
    needy = starting.need > 0
    return starting.seated(np.flatnonzero(needy & (counts == 0)), np.flatnonzero(needy & (counts > 0)))
