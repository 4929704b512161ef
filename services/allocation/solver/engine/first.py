"""Finds a good first answer: closes courses that stay under-filled, decides split families."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from services.allocation.solver.engine import flow
from services.allocation.solver.engine.flow import Face, Problem, Solution, Tier
from services.allocation.solver.engine.starts import OPEN, Choice, Starting, nobody, settled

_NOTHING = Choice(frozenset(), frozenset())
_PACE = 0.3
"""Share of the under-filled courses and split families decided in one step, at least one each."""
_FAST_PACE = 0.5
"""The same where there are very many pairs: a flow takes seconds, and the answer is improved anyway."""
_LIKELY = 0.7
"""How full an under-filled course has to be, as a share of its need, to be started rather than left open."""
MANY = 60_000
"""Pairs from which an answer is improved by flows before the relaxation is tried."""


class FirstAnswer:
    """Finds a good answer fast.

    `bound` is the best seating of an easier problem, without minimum sizes and with families that may part.
    """

    def __init__(self, starting: Starting) -> None:
        self._starting = starting
        self.bound = starting.seated(_NOTHING)

    def find(self) -> Solution:
        """Close down, and seat people exactly under the choice that came of it."""
        if self._starting.allowed(self.bound):
            return self.bound
        rough = _rough(self._starting)
        pace = _PACE if len(rough.problem.person) <= MANY else _FAST_PACE
        found = _closed_down(rough, rough.seated(_NOTHING), pace)
        return settled(self._starting, rough.choice(found)) or nobody(self._starting)


def opened(starting: Starting, answer: Solution, face: Face, tier: int) -> Choice | None:
    """Look for a better choice in one tier, without leaving what the answer reached in the tiers before it.

    Courses that the answer starts may be given up if nobody is left in them, others may be opened; those that
    come out under-filled are started or closed as in the answer, so that there always is a seating.
    """
    if starting.together:
        return None
    before = starting.choice(answer)
    closed: frozenset[int] = frozenset()
    started: frozenset[int] = frozenset()
    found = flow.attempt(on_face(starting, Choice(closed, started), face, tier))
    while found is not None:
        short = starting.short(found)
        if not len(short):
            return starting.choice(found)
        filled = starting.counts(found)[short] / starting.need[short]
        order = np.argsort(filled, kind="stable")
        unsure = [int(at) for at in order if int(short[at]) not in before.started]
        share = _share(_PACE, len(unsure))
        closed |= frozenset(short[unsure[:share]].tolist())
        started |= before.started & frozenset(short.tolist())
        likely = frozenset(int(short[at]) for at in unsure[share:][-share:] if filled[at] >= _LIKELY)
        found = flow.attempt(on_face(starting, Choice(closed, started | likely), face, tier))
        if found is not None:
            started |= likely
        elif likely:
            found = flow.attempt(on_face(starting, Choice(closed, started), face, tier))
    return None


def on_face(starting: Starting, choice: Choice, face: Face, tier: int) -> Problem:
    """Write a choice down for one tier, keeping what was reached in the tiers before it."""
    problem = starting.chosen(choice)
    least = face.node[0] if problem.least is None else np.maximum(problem.least, face.node[0])
    return replace(
        problem,
        tiers=problem.tiers[tier : tier + 1],
        seats=np.minimum(problem.seats, face.node[1]),
        least=least,
        barred=face.pair[1] == 0,
        must=face.without[1] == 0,
    )


def _closed_down(rough: Starting, found: Solution, pace: float) -> Solution:
    """Decide courses from both ends: the emptiest are closed, the fullest get what they still need."""
    closed: set[int] = set()
    started: set[int] = set()
    homes = [OPEN] * len(rough.together)
    while not rough.allowed(found):
        short = rough.short(found)
        filled = rough.counts(found)[short] / rough.need[short]
        order = np.argsort(filled, kind="stable")
        share = _share(pace, len(short))
        closed |= set(short[order[:share]].tolist())
        likely = {int(short[at]) for at in order[share:][-share:] if filled[at] >= _LIKELY}
        split = [at for at, home in enumerate(rough.homes(found)) if home == OPEN]
        for at in split[: _share(pace, len(split))]:
            homes[at] = _home(rough, found, at, closed)
        homes = [-1 if home in closed else home for home in homes]
        # More families in one course than it has seats: the last ones wait.
        fewer = [-1 if at in split else home for at, home in enumerate(homes)]
        for begun, houses in ((started | likely, homes), (started, homes), (set(), homes), (set(), fewer)):
            choice = Choice(frozenset(closed), frozenset(begun), tuple(houses))
            tried = settled(rough, choice)
            if tried is not None:
                started, homes, found = begun, houses, tried
                break
    return found


def _share(pace: float, number: int) -> int:
    return max(1, int(pace * number))


def _home(rough: Starting, found: Solution, family: int, closed: set[int]) -> int:
    """Choose the course in which most of a family already sit, or none."""
    pairs = found.pair[list(rough.together[family])]
    courses = [int(course) for course in rough.course_of[pairs[pairs >= 0]] if int(course) not in closed]
    return max(sorted(set(courses)), key=courses.count, default=-1)


def _rough(starting: Starting) -> Starting:
    """Keep only the leading tiers that can be written as one: a single flow, and what matters most."""
    problem = starting.problem
    values = [tier.values for tier in problem.tiers]
    head = flow.blended(values, problem.people, len(problem.later))[0]
    return replace(starting, problem=replace(problem, tiers=(Tier("head", head),)))
