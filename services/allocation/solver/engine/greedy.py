"""Finds an allowed answer within seconds, however large the problem: pair by pair, the best first."""

from __future__ import annotations

import numpy as np

from services.allocation.solver.engine.flow import Solution
from services.allocation.solver.engine.starts import Starting, nobody

_ROUNDS = 4


def greedy(starting: Starting) -> Solution:
    """Seat people by the worth of their pairs, close what stays under-filled, and seat the rest again.

    Families wait. After the last round every course that is short is closed for good.
    """
    problem = starting.problem
    worth = [tier.values for tier in problem.tiers]
    best_first = np.lexsort((*(-values for values in reversed(worth)),))
    keep = np.ones(len(best_first), dtype=np.bool_)
    for values in reversed(worth):
        keep = (values[best_first] > 0) | ((values[best_first] == 0) & keep)
    best_first = best_first[keep & (starting.family[problem.person[best_first]] < 0)]
    found = nobody(starting)
    closed = np.zeros(len(starting.need), dtype=np.bool_)
    for _ in range(_ROUNDS):
        found = _seat(starting, best_first[~closed[starting.course_of[best_first]]], found)
        short = starting.short(found)
        if not len(short):
            break
        closed[short] = True
        found = _without(starting, found, closed)
    return found


def _seat(starting: Starting, order: np.ndarray[tuple[int], np.dtype[np.int64]], found: Solution) -> Solution:
    problem = starting.problem
    later = problem.later.tolist()
    free = problem.seats.tolist()
    pair = found.pair.tolist()
    for chosen in pair:
        at = int(problem.entry[chosen]) if chosen >= 0 else -1
        while at >= 0:
            free[at] -= 1
            at = later[at]
    people, entries = problem.person[order].tolist(), problem.entry[order].tolist()
    for number, person, entry in zip(order.tolist(), people, entries, strict=True):
        if pair[person] >= 0 or free[entry] <= 0:
            continue
        at = entry
        while at >= 0 and free[at] > 0:
            at = later[at]
        if at >= 0:
            continue
        at = entry
        while at >= 0:
            free[at] -= 1
            at = later[at]
        pair[person] = number
    return _valued(starting, np.array(pair, dtype=np.int64))


def _without(
    starting: Starting, found: Solution, closed: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> Solution:
    seated = found.pair >= 0
    gone = seated.copy()
    gone[seated] = closed[starting.course_of[found.pair[seated]]]
    return _valued(starting, np.where(gone, -1, found.pair))


def _valued(starting: Starting, pair: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Solution:
    chosen = pair[pair >= 0]
    return Solution(pair, tuple(int(tier.values[chosen].sum()) for tier in starting.problem.tiers))
