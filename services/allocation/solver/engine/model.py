"""Builds the mixed-integer program behind a proof (HiGHS): who sits where, what starts, where families go."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import highspy
import numpy as np
from numpy.typing import NDArray

from services.allocation.solver.engine.flow import Face
from services.allocation.solver.engine.limits import ITERATIONS, Meter
from services.allocation.solver.engine.mincost import Ints
from services.allocation.solver.engine.starts import Choice, Starting

Floats = NDArray[np.float64]

SLACK = 1e-4
"""Rounding of the solver's bounds: all values are integers, so that this is far from the next one."""
_TIGHT = 1e-6
_MARGIN = 1e-2
_HALF = 0.5
_PROVING = (
    ("mip_heuristic_effort", 0.0),
    ("mip_heuristic_run_root_reduced_cost", False),
    ("mip_heuristic_run_rens", False),
    ("mip_heuristic_run_rins", False),
    ("mip_detect_symmetry", False),
)
"""A good answer is known before: without the solver's own looking for one a proof is 2-3 times faster."""


class Rows:
    """Rows of a linear program, collected as (row, column, value) triples."""

    def __init__(self) -> None:
        self._lower: list[Floats] = []
        self._upper: list[Floats] = []
        self._triples: list[tuple[Ints, Ints, Floats]] = []
        self._count = 0

    def add(self, row: Ints, column: Ints, value: Floats, lower: Floats, upper: Floats) -> None:
        """Add rows; `row` counts from 0 within them."""
        self._triples.append((row + self._count, column, value))
        self._lower.append(lower)
        self._upper.append(upper)
        self._count += len(lower)

    def program(self, lower: Floats, upper: Floats) -> highspy.HighsLp:
        """Write a program with these rows, columns between two bounds, and nothing to minimise yet."""
        rows, columns, values = (np.concatenate(part) for part in zip(*self._triples, strict=True))
        order = np.argsort(rows, kind="stable")
        starts = np.searchsorted(rows[order], np.arange(self._count + 1))
        program = highspy.HighsLp()
        program.num_col_, program.num_row_ = len(lower), self._count
        program.col_cost_ = np.zeros(len(lower))
        program.col_lower_, program.col_upper_ = lower, upper
        program.row_lower_, program.row_upper_ = np.concatenate(self._lower), np.concatenate(self._upper)
        program.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        program.a_matrix_.start_ = starts.astype(np.int32)
        program.a_matrix_.index_ = columns[order].astype(np.int32)
        program.a_matrix_.value_ = values[order]
        return program


@dataclass(frozen=True, slots=True)
class Relaxed:
    """The linear relaxation: its bound, its point and reduced costs, and rows for more of it."""

    bound: float
    point: Floats
    reduced: Floats


@dataclass(frozen=True, slots=True)
class Searched:
    """Outcome of a search: a choice or none, its value, and whether nothing better was overlooked."""

    choice: Choice | None
    value: float
    bound: float
    complete: bool


class Model:
    """Columns: x for each pair that is open, y for each course with a need, z for each family and course.

    With y and z chosen, x is a flow, and a tier held at its proven value is a face of that: so x needs no
    integrality of its own. That a pair needs its course started (x <= y) is only written down where the
    relaxation breaks it.
    """

    def __init__(self, starting: Starting, face: Face, meter: Meter) -> None:
        self.starting, self._meter = starting, meter
        problem = starting.problem
        self.pairs = np.flatnonzero(face.pair[1])
        self.needy = np.flatnonzero(starting.need > 0)
        of_pair = starting.course_of[self.pairs]
        family = starting.family[problem.person[self.pairs]]
        at_home = np.flatnonzero(family >= 0)
        self.homes, place = np.unique(
            np.stack([family[at_home], of_pair[at_home]]), axis=1, return_inverse=True
        )
        self._x, self._y, self._z = len(self.pairs), len(self.needy), self.homes.shape[1]
        self.columns = self._x + self._y + self._z
        switch = np.full(len(starting.need), -1, dtype=np.int64)
        switch[self.needy] = self._x + np.arange(self._y)
        self._switch = switch
        self._held = np.flatnonzero(switch[of_pair] >= 0)
        self._switch_of_held = switch[of_pair[self._held]]
        self._written = np.zeros(len(self._held), dtype=np.bool_)
        self.lower, self.upper = np.zeros(self.columns), np.ones(self.columns)
        self.lower[: self._x] = face.pair[0][self.pairs]
        rows = Rows()
        self._person_rows(rows, face)
        self._seat_rows(rows, face)
        if self._z:
            self._family_rows(rows, at_home, place.ravel())
        self._highs = _quiet()
        self._highs.passModel(rows.program(self.lower, self.upper))

    def _person_rows(self, rows: Rows, face: Face) -> None:
        problem = self.starting.problem
        people, row = np.unique(problem.person[self.pairs], return_inverse=True)
        low, high = ((1 - bound[people]).astype(np.float64) for bound in reversed(face.without))
        rows.add(row, np.arange(self._x), np.ones(self._x), low, high)

    def _seat_rows(self, rows: Rows, face: Face) -> None:
        """Add seats (whoever entered at a node or before it sits in it) and needs."""
        problem, starting = self.starting.problem, self.starting
        nodes, columns = [], []
        step, at = problem.entry[self.pairs], np.arange(self._x)
        while len(step):
            nodes.append(step)
            columns.append(at)
            step, at = problem.later[step], at[problem.later[step] >= 0]
            step = step[step >= 0]
        node = np.concatenate(nodes) if nodes else at
        column = np.concatenate(columns) if columns else at
        size = len(problem.later)
        seats = np.minimum(face.node[1], problem.people).astype(np.float64)
        switched = np.flatnonzero(self._switch[starting.course] >= 0)
        rows.add(
            np.concatenate([node, switched]),
            np.concatenate([column, self._switch[starting.course[switched]]]),
            np.concatenate([np.ones(len(node)), -seats[switched]]),
            np.full(size, -inf),
            np.where(self._switch[starting.course] >= 0, 0.0, seats),
        )
        full = np.flatnonzero(face.node[0])
        if len(full):
            row = np.full(size, -1, dtype=np.int64)
            row[full] = np.arange(len(full))
            there = np.flatnonzero(row[node] >= 0)
            least = face.node[0][full].astype(np.float64)
            rows.add(row[node[there]], column[there], np.ones(len(there)), least, np.full(len(full), inf))
        needy = np.arange(self._y)
        rows.add(
            np.concatenate([self._switch_of_held - self._x, needy]),
            np.concatenate([self._held, self._x + needy]),
            np.concatenate([np.ones(len(self._held)), -starting.need[self.needy].astype(np.float64)]),
            np.zeros(self._y),
            np.full(self._y, inf),
        )

    def _family_rows(self, rows: Rows, at_home: Ints, place: Ints) -> None:
        """Every member of a family is in its course or none is."""
        person = self.starting.problem.person[self.pairs[at_home]]
        members, row = np.unique(np.stack([person, place]), axis=1, return_inverse=True)
        size = members.shape[1]
        sizes = np.array([len(set(one)) for one in self.starting.together], dtype=np.int64)
        there = np.bincount(members[1], minlength=self._z)
        self.upper[self._x + self._y :] = there == sizes[self.homes[0]]
        rows.add(
            np.concatenate([row.ravel(), np.arange(size)]),
            np.concatenate([at_home, self._x + self._y + members[1]]),
            np.concatenate([np.ones(len(at_home)), -np.ones(size)]),
            np.zeros(size),
            np.zeros(size),
        )
        switch = self._switch[self.homes[1]]
        needy = np.flatnonzero(switch >= 0)
        size = len(needy)
        rows.add(
            np.tile(np.arange(size), 2),
            np.concatenate([self._x + self._y + needy, switch[needy]]),
            np.concatenate([np.ones(size), -np.ones(size)]),
            np.full(size, -inf),
            np.zeros(size),
        )

    def aim(self, values: Ints) -> None:
        """Choose what is maximised: the values of all pairs of the problem."""
        self.cost = np.zeros(self.columns)
        self.cost[: self._x] = -values[self.pairs]
        self._highs.changeColsCost(self.columns, np.arange(self.columns, dtype=np.int32), self.cost)

    def hold(self, values: Ints, total: int) -> None:
        """Keep a tier at exactly its proven value: any slack is traded for fractions of later tiers."""
        columns = np.flatnonzero(values[self.pairs]).astype(np.int32)
        worth = values[self.pairs[columns]].astype(np.float64)
        self._highs.addRow(float(total), inf, len(columns), columns, worth)

    def fix(self, relaxed: Relaxed, gap: float) -> None:
        """Fix for good what cannot be otherwise in any answer within `gap` of the relaxation."""
        self.lower, self.upper = self._within(relaxed, gap)
        self._bounds(self._highs)

    def relax(self) -> Relaxed | None:
        """Solve the linear relaxation, rows written as needed; None if it ran out of time or has no point."""
        while not self._meter.over():
            self._highs.setOptionValue("simplex_iteration_limit", self._meter.iterations())
            self._highs.setOptionValue("time_limit", self._highs.getRunTime() + self._meter.seconds())
            self._highs.run()
            info = self._highs.getInfo()
            self._meter.spent += 1 + max(0, info.simplex_iteration_count) // ITERATIONS
            if self._highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
                self._meter.over()
                return None
            solution = self._highs.getSolution()
            point = np.array(solution.col_value)
            broken = point[self._held] - point[self._switch_of_held] > _TIGHT
            write = np.flatnonzero(broken & ~self._written)
            if not len(write):
                return Relaxed(-info.objective_function_value, point, np.array(solution.col_dual))
            self._write(write)
        return None

    def _write(self, which: Ints) -> None:
        self._written[which] = True
        size = len(which)
        index = np.stack([self._held[which], self._switch_of_held[which]], axis=1).ravel().astype(np.int32)
        self._highs.addRows(
            size,
            np.full(size, -inf),
            np.zeros(size),
            2 * size,
            (2 * np.arange(size)).astype(np.int32),
            index,
            np.tile([1.0, -1.0], size),
        )

    def dive(self, relaxed: Relaxed) -> Choice | None:
        """Round what is most decided, solve again, until all is; None if that leads nowhere."""
        lower, upper = self.lower.copy(), self.upper.copy()
        now: Relaxed | None = relaxed
        while now is not None:
            decisions = now.point[self._x :]
            undecided = np.flatnonzero((decisions > _TIGHT) & (decisions < 1 - _TIGHT))
            if not len(undecided):
                break
            at = int(undecided[np.argmax(np.abs(decisions[undecided] - _HALF))])
            value = float(round(decisions[at]))
            self._highs.changeColBounds(self._x + at, value, value)
            now = self.relax()
            if now is None and not self._meter.cut:
                self._highs.changeColBounds(self._x + at, 1.0 - value, 1.0 - value)
                now = self.relax()
        self.lower, self.upper = lower, upper
        self._bounds(self._highs)
        return None if now is None else self._choice(now.point)

    def search(
        self,
        relaxed: Relaxed,
        gap: float,
        cutoff: float,
        known: tuple[Choice, ...] = (),
        *,
        any_: bool = False,
    ) -> Searched:
        """Look within `gap` of the relaxation for the best answer worth `cutoff` or more that is not `known`.

        With `any_`, the first that is worth `cutoff` will do.
        """
        highs = self._integral(*self._within(relaxed, gap))
        switches = self._y + self._z
        for choice in known:
            on = self._point(choice)
            highs.addRow(
                1.0 - on.sum(),
                inf,
                switches,
                np.arange(self._x, self.columns, dtype=np.int32),
                np.where(on > 0, -1.0, 1.0),
            )
        for name, value in _PROVING:
            highs.setOptionValue(name, value)
        highs.setOptionValue("objective_bound", -cutoff + _HALF)
        if any_:
            highs.setOptionValue("objective_target", -cutoff + SLACK)
        return self._run(highs)

    def whole(self) -> highspy.Highs:
        """Write out the whole program, every row of it."""
        self._write(np.flatnonzero(~self._written))
        return self._integral(self.lower, self.upper)

    def _integral(self, lower: Floats, upper: Floats) -> highspy.Highs:
        model = self._highs.getLp()
        model.col_lower_, model.col_upper_ = lower, upper
        model.integrality_ = [highspy.HighsVarType.kContinuous] * self._x + [
            highspy.HighsVarType.kInteger
        ] * (self._y + self._z)
        highs = _quiet()
        highs.passModel(model)
        return highs

    def _run(self, highs: highspy.Highs) -> Searched:
        begun = self._meter.spent

        def check(event: highspy.HighsCallbackEvent) -> None:
            self._meter.spent += 1
            if self._meter.over():
                event.interrupt()

        highs.cbMipInterrupt.subscribe(check)
        highs.setOptionValue("time_limit", self._meter.seconds())
        highs.run()
        self._meter.spent += self._meter.spent == begun
        highs.cbMipInterrupt.unsubscribe(check)
        status, info = highs.getModelStatus(), highs.getInfo()
        if status == highspy.HighsModelStatus.kTimeLimit:
            self._meter.over()
        complete = status in {highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kInfeasible}
        if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            return Searched(None, -inf, inf if not complete else -inf, complete)
        point = np.array(highs.getSolution().col_value)
        return Searched(self._choice(point), -info.objective_function_value, -info.mip_dual_bound, complete)

    def _within(self, relaxed: Relaxed, gap: float) -> tuple[Floats, Floats]:
        """Return bounds that all answers within a gap of the relaxation keep."""
        decided = np.abs(relaxed.reduced) > gap + _MARGIN
        low, high = relaxed.point < _HALF, relaxed.point > _HALF
        return np.where(decided & high, self.upper, self.lower), np.where(
            decided & low, self.lower, self.upper
        )

    def _bounds(self, highs: highspy.Highs) -> None:
        every = np.arange(self.columns, dtype=np.int32)
        highs.changeColsBounds(self.columns, every, self.lower, self.upper)

    def _choice(self, point: Floats) -> Choice:
        on = point[self._x :] > _HALF
        homes = [-1] * len(self.starting.together)
        for family, course in self.homes[:, on[self._y :]].T.tolist():
            homes[family] = course
        return Choice(
            frozenset(self.needy[~on[: self._y]].tolist()),
            frozenset(self.needy[on[: self._y]].tolist()),
            tuple(homes),
        )

    def _point(self, choice: Choice) -> Floats:
        started = np.isin(self.needy, list(choice.started))
        homes = np.array(choice.homes, dtype=np.int64)
        there = homes[self.homes[0]] == self.homes[1] if self._z else np.zeros(0)
        return np.concatenate([started, there]).astype(np.float64)


def _quiet() -> highspy.Highs:
    highs = highspy.Highs()  # type: ignore[no-untyped-call]
    for name, value in (
        ("output_flag", False),
        ("threads", 1),
        ("random_seed", 0),
        ("mip_rel_gap", 0.0),
        ("mip_abs_gap", 0.99),
        ("mip_feasibility_tolerance", 1e-7),
        ("primal_feasibility_tolerance", 1e-7),
    ):
        highs.setOptionValue(name, value)
    return highs
