"""Runs the bare solvers on the same numbers, to compare with: one flow, one mixed-integer program."""

from __future__ import annotations

from time import perf_counter

import highspy
from pylmcf import pylmcf_cpp

from services.allocation.solver.engine import flow
from services.allocation.solver.engine.limits import Limits, Meter
from services.allocation.solver.engine.model import Model
from services.allocation.solver.engine.starts import Starting


def flow_seconds(starting: Starting) -> float:
    """Time one call of the flow solver for all leading tiers that fit into one, without minimum sizes."""
    supply, tail, head, capacity, cost = flow.network(starting.problem)
    begun = perf_counter()
    pylmcf_cpp.lmcf(supply, tail, head, capacity, cost)
    return perf_counter() - begun


def program_seconds(starting: Starting, limit: float) -> float | None:
    """Time the solver of mixed-integer programs on the first tier, from nothing; None if it takes longer.

    The formulation is the best known one (each pair below its course's switch), the gap 0.99: exact.
    """
    model = Model(starting, flow.face(starting.problem, 0), Meter(Limits(None, lambda: limit)))
    model.aim(starting.problem.tiers[0].values)
    highs = model.whole()
    highs.setOptionValue("time_limit", limit)
    begun = perf_counter()
    highs.run()
    took = perf_counter() - begun
    solved = highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return took if solved else None
