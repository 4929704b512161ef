"""Proves tier by tier that no other choice of started courses is better, or finds one that is (HiGHS)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import floor, inf
from typing import Literal

import highspy
import numpy as np
from numpy.typing import NDArray

from services.allocation.steering.engine.flow import Solution
from services.allocation.steering.engine.mincost import Ints
from services.allocation.steering.engine.starts import Starting, first_answer, settled

LARGEST = 2**24
"""Values up to this are proven to the unit in floating point; what is larger is not tried."""
MOST_PAIRS = 250_000
"""Larger models do not fit into the memory of a small machine."""
_SLACK = 1e-4
"""Rounding of the solver's bounds: all values are integers, so that this is far from the next one."""

Floats = NDArray[np.float64]


Cut = Literal["", "work", "clock"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to search: `work` is counted in steps of the solver and reproducible, the clock is not.

    The clock is a safety net; `seconds_left` says how many seconds remain.
    """

    work: int | None
    seconds_left: Callable[[], float]


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


class _Rows:
    """Rows of a model, collected as (row, column, value) triples."""

    def __init__(self) -> None:
        self.lower: list[Floats] = []
        self.upper: list[Floats] = []
        self._triples: list[tuple[Ints, Ints, Floats]] = []
        self.count = 0

    def add(self, row: Ints, column: Ints, value: Floats, lower: Floats, upper: Floats) -> None:
        """Add rows; `row` counts from 0 within them."""
        self._triples.append((row + self.count, column, value))
        self.lower.append(lower)
        self.upper.append(upper)
        self.count += len(lower)

    def by_row(self) -> tuple[Ints, Ints, Floats]:
        """Return starts, columns and values sorted by row."""
        rows, columns, values = (np.concatenate(part) for part in zip(*self._triples, strict=True))
        order = np.argsort(rows, kind="stable")
        starts = np.searchsorted(rows[order], np.arange(self.count))
        return starts.astype(np.int64), columns[order], values[order]


class _Model:
    """The mixed-integer program: x says who sits where, y which of the needy courses start.

    With y chosen, x is a flow, and a tier held at its proven value is a face of that: so x needs no
    integrality of its own.
    """

    def __init__(self, starting: Starting) -> None:
        self.starting = starting
        self.pairs = len(starting.problem.person)
        self.needy = np.flatnonzero(starting.need > 0)
        self._switch = np.full(len(starting.need), -1, dtype=np.int64)
        self._switch[self.needy] = self.pairs + np.arange(len(self.needy))
        self._highs = highspy.Highs()  # type: ignore[no-untyped-call]
        for name, value in (
            ("output_flag", False),
            ("threads", 1),
            ("random_seed", 0),
            ("mip_rel_gap", 0.0),
            ("mip_abs_gap", 0.99),
            ("mip_feasibility_tolerance", 1e-7),
            ("primal_feasibility_tolerance", 1e-7),
        ):
            self._highs.setOptionValue(name, value)
        self._pass()

    def _pass(self) -> None:
        rows = self._rows()
        starts, columns, values = rows.by_row()
        lp = highspy.HighsLp()
        lp.num_col_ = self.pairs + len(self.needy)
        lp.num_row_ = rows.count
        lp.col_cost_ = np.zeros(lp.num_col_)
        lp.col_lower_ = np.zeros(lp.num_col_)
        lp.col_upper_ = np.ones(lp.num_col_)
        lp.row_lower_ = np.concatenate(rows.lower)
        lp.row_upper_ = np.concatenate(rows.upper)
        lp.sense_ = highspy.ObjSense.kMaximize
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.append(starts, len(columns)).astype(np.int32)
        lp.a_matrix_.index_ = columns.astype(np.int32)
        lp.a_matrix_.value_ = values
        lp.integrality_ = [highspy.HighsVarType.kContinuous] * self.pairs + [
            highspy.HighsVarType.kInteger
        ] * len(self.needy)
        self._highs.passModel(lp)

    def _rows(self) -> _Rows:
        problem, course = self.starting.problem, self.starting.course
        entries, pairs = len(problem.later), np.arange(self.pairs)
        rows = _Rows()
        people = np.unique(problem.person, return_inverse=True)[1].astype(np.int64)
        size = int(people.max(initial=-1)) + 1
        rows.add(people, pairs, np.ones(self.pairs), np.full(size, -inf), np.ones(size))
        # Seats: whoever entered at an entry or before it sits in it.
        reached, chosen, step = [], [], problem.entry
        while np.any(step >= 0):
            reached.append(step[step >= 0])
            chosen.append(pairs[step >= 0])
            step = np.where(step >= 0, problem.later[step], -1)
        switched = np.flatnonzero(self._switch[course] >= 0)
        rows.add(
            np.concatenate([*reached, switched]),
            np.concatenate([*chosen, self._switch[course[switched]]]),
            np.concatenate([np.ones(sum(map(len, reached))), -problem.seats[switched].astype(float)]),
            np.full(entries, -inf),
            np.where(self._switch[course] >= 0, 0.0, problem.seats),
        )
        switch = self._switch[course[problem.entry]]
        held = np.flatnonzero(switch >= 0)
        needy = len(self.needy)
        rows.add(
            np.concatenate([switch[held] - self.pairs, np.arange(needy)]),
            np.concatenate([held, self.pairs + np.arange(needy)]),
            np.concatenate([np.ones(len(held)), -self.starting.need[self.needy].astype(float)]),
            np.zeros(needy),
            np.full(needy, inf),
        )
        rows.add(
            np.tile(np.arange(len(held)), 2),
            np.concatenate([held, switch[held]]),
            np.concatenate([np.ones(len(held)), -np.ones(len(held))]),
            np.full(len(held), -inf),
            np.zeros(len(held)),
        )
        return rows

    def hold(self, values: Ints, total: int) -> None:
        """Keep a tier at its proven value; one less than that would cut nothing fractional off."""
        columns = np.flatnonzero(values).astype(np.int32)
        self._highs.addRow(float(total), inf, len(columns), columns, values[columns].astype(float))

    def _out_of_time(self) -> bool:
        status: highspy.HighsModelStatus = self._highs.getModelStatus()
        return status == highspy.HighsModelStatus.kTimeLimit

    def maximise(self, values: Ints, known: Solution, seconds: float) -> tuple[Solution, float]:
        """Search for more of a tier than a known answer has; return the best answer and the bound."""
        columns = self.pairs + len(self.needy)
        cost = np.zeros(columns)
        cost[: self.pairs] = values
        self._highs.changeColsCost(columns, np.arange(columns, dtype=np.int32), cost)
        start = np.zeros(columns)
        start[known.pair[known.pair >= 0]] = 1.0
        start[self.pairs :] = self.starting.counts(known)[self.needy] > 0
        self._highs.setSolution(columns, np.arange(columns, dtype=np.int32), start)
        self._highs.setOptionValue("time_limit", self._highs.getRunTime() + seconds)
        self._highs.run()
        if self._highs.getInfo().mip_dual_bound == inf and not self._out_of_time():
            # Presolve took rounding for infeasibility and fell back on the known answer.
            self._highs.setOptionValue("presolve", "off")
            self._highs.run()
            self._highs.setOptionValue("presolve", "choose")
        status = self._highs.getModelStatus()
        if status not in {highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kTimeLimit}:
            raise RuntimeError(f"the solver stopped with {self._highs.modelStatusToString(status)}")
        info = self._highs.getInfo()
        if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            return known, inf
        on = np.array(self._highs.getSolution().col_value[: self.pairs]) > 0.5  # noqa: PLR2004 - yes or no
        pair = np.full(self.starting.problem.people, -1, dtype=np.int64)
        pair[self.starting.problem.person[on]] = np.flatnonzero(on)
        return Solution(pair, ()), float(info.mip_dual_bound)


def solve(starting: Starting, limits: Limits) -> Settled:
    """Find the best answer tier by tier, with what is proven of it when the time is over."""
    best, bound = first_answer(starting)
    tiers = starting.problem.tiers
    proven = _alike(best.values, bound.values)
    model: _Model | None = None
    for tier in range(proven, len(tiers)):
        values = tiers[tier].values
        # Without any minimum the first tier that differs is bounded; those after it only by their values.
        limit = bound.values[tier] if tier == proven else _at_most(starting, values)
        if (
            limits.seconds_left() <= 0
            or int(np.abs(values).max(initial=0)) > LARGEST
            or len(values) > MOST_PAIRS
        ):
            return _settled(starting, best, tier, limit, "clock")
        if model is None:
            model = _Model(starting)
            for earlier in range(tier):
                model.hold(tiers[earlier].values, best.values[earlier])
        found, dual = model.maximise(values, best, limits.seconds_left())
        if not len(starting.short(found)):
            best = max(best, settled(starting, found), key=lambda answer: answer.values)
        if dual < limit:
            limit = floor(dual + _SLACK)
        if best.values[tier] < limit:
            return _settled(starting, best, tier, limit, "clock")
        model.hold(values, best.values[tier])
    return _settled(starting, best, len(tiers), 0, "")


def _settled(starting: Starting, best: Solution, proven: int, bound: int, cut: Cut) -> Settled:
    """Write down what is proven: the tiers before `proven`, and a bound of that one."""
    proofs = []
    for at, (tier, value) in enumerate(zip(starting.problem.tiers, best.values, strict=True)):
        most = value if at < proven else bound if at == proven else _at_most(starting, tier.values)
        proofs.append(Proof(value, most, at < proven))
    enough = (starting.need > 0) & (starting.counts(best) >= starting.need)
    return Settled(best, tuple(proofs), cut, tuple(np.flatnonzero(enough).tolist()))


def _at_most(starting: Starting, values: Ints) -> int:
    """Bound a tier by what everybody would add alone."""
    most = np.zeros(starting.problem.people, dtype=np.int64)
    np.maximum.at(most, starting.problem.person, values)
    return int(most.sum())


def _alike(one: tuple[int, ...], two: tuple[int, ...]) -> int:
    """Count the leading tiers in which two answers are equal."""
    count = 0
    for left, right in zip(one, two, strict=True):
        if left != right:
            break
        count += 1
    return count
