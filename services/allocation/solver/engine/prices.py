"""Bounds very many pairs: with a price on each person, every course is judged alone.

That everybody sits in one course only is given up; who sits in several pays for it (Lagrange). Each course
then takes the best group it can have, nobody or as many as it needs. For any prices the sum bounds a tier,
and the best prices give the bound of the linear relaxation. Integers only: the same bound on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.allocation.solver.engine.flow import Face
from services.allocation.solver.engine.limits import Meter
from services.allocation.solver.engine.mincost import Ints
from services.allocation.solver.engine.starts import Starting

STEPS = 150
"""How often prices are moved at most."""
_FINE = 64
"""Prices are multiples of this share of a value."""
_SHIFT = 40
_PACE = 256
_PATIENCE = 5
_PAIRS_A_STEP = 200_000


@dataclass(frozen=True, slots=True)
class _Judged:
    total: int
    groups: Ints
    """How many courses took each person."""


class Market:
    """The pairs of a face, course by course; families and the seats of single entries are left out."""

    def __init__(self, starting: Starting, face: Face, values: Ints) -> None:
        problem = starting.problem
        pairs = np.flatnonzero(face.pair[1])
        pairs = pairs[np.argsort(starting.course_of[pairs], kind="stable")]
        self.people, self.size = problem.people, len(pairs)
        self._person, self._course = problem.person[pairs], starting.course_of[pairs]
        self._value = values[pairs] * _FINE
        last = np.flatnonzero(problem.later < 0)
        self._most = np.zeros(len(starting.need), dtype=np.int64)
        least = np.zeros(len(starting.need), dtype=np.int64)
        seats = np.minimum(np.minimum(problem.seats, face.node[1]), problem.people)
        np.add.at(self._most, starting.course[last], seats[last])
        np.add.at(least, starting.course[last], face.node[0][last])
        self._forced = least > 0
        self._least = np.maximum(starting.need, least)
        self._start = np.searchsorted(self._course, np.arange(len(starting.need)))
        size = np.bincount(self._course, minlength=len(starting.need))
        self._can = np.minimum(size, self._most) >= np.maximum(self._least, 1)
        self._must = face.without[1] == 0

    def allowed(self, price: Ints) -> Ints:
        """Lift prices to what a bound allows: who need not be placed costs nothing at least."""
        return np.where(self._must, price, np.maximum(price, 0))

    def judge(self, price: Ints) -> _Judged:
        """Let each course take its best group."""
        worth = self._value - price[self._person]
        order = np.lexsort((-worth, self._course))
        worth = worth[order]
        rank = np.arange(len(worth)) - self._start[self._course]
        take = (rank < self._most[self._course]) & ((rank < self._least[self._course]) | (worth > 0))
        gain = np.zeros(len(self._can), dtype=np.int64)
        np.add.at(gain, self._course[take], worth[take])
        on = self._can & (self._forced | (gain > 0))
        inside = order[take & on[self._course]]
        groups = np.bincount(self._person[inside], minlength=self.people)
        return _Judged(int(price.sum()) + int(gain[on].sum()), groups)


def bound(market: Market, price: Ints, reached: int, meter: Meter) -> int:
    """Move prices against what is taken more or less than once; return the best bound on the way.

    `price` is in units of the values; `reached` is what an answer reaches.
    """
    price = market.allowed(price * _FINE)
    goal = reached * _FINE
    judged = market.judge(price)
    best, best_price, bad, pace = judged.total, price, 0, _PACE
    way = np.zeros(market.people, dtype=np.int64)
    for _ in range(STEPS):
        meter.spent += 1 + market.size // _PAIRS_A_STEP
        if meter.over() or best < goal + _FINE or not pace:
            break
        way = way * 3 // 10 + 10 * (1 - judged.groups)
        way[(way > 0) & (market.allowed(price - 1) == price)] = 0
        length = int((way * way).sum())
        if not length:
            break
        factor = (10 * pace * (judged.total - goal) << _SHIFT) // (_PACE * length)
        price = market.allowed(price - np.array([(factor * one) >> _SHIFT for one in way.tolist()]))
        judged = market.judge(price)
        bad = 0 if 500 * (best - judged.total) > best - goal else bad + 1
        if judged.total < best:
            best, best_price = judged.total, price
        if bad > _PATIENCE:
            pace, bad, price = pace * 5 // 8, 0, best_price
            judged = market.judge(price)
    return best // _FINE
