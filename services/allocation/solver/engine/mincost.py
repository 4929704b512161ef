"""Wraps the flow solver: solves one minimum-cost flow and proves that it is one."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray
from pylmcf import pylmcf_cpp

Ints = NDArray[np.int64]

VERSION = f"pylmcf {version('pylmcf')}"
LARGEST = 2**60
"""Costs times nodes stay below this, so that no potential of the solver can overflow."""


class InfeasibleError(Exception):
    """There is no flow at all."""


class NotOptimalError(Exception):
    """The solver's potentials do not prove its flow; must never happen."""


@dataclass(frozen=True, slots=True)
class Network:
    """Arcs from `tail` to `head` with capacities and costs >= 0; supplies add up to zero."""

    supply: Ints
    tail: Ints
    head: Ints
    capacity: Ints
    cost: Ints


@dataclass(frozen=True, slots=True)
class Flow:
    """An optimal flow, the reduced costs that prove it, and the potentials behind them."""

    on: Ints
    reduced: Ints
    potential: Ints


def _lmcf(network: Network) -> tuple[Ints, Ints]:
    try:
        on, potential = pylmcf_cpp.lmcf(
            network.supply,
            network.tail,
            network.head,
            network.capacity,
            network.cost,
            return_potentials=True,
        )
    except RuntimeError as error:
        if "INFEASIBLE" not in str(error):
            raise
        raise InfeasibleError("not enough people for what has to be filled") from error
    return on, potential


def solve(network: Network) -> Flow:
    """Find a minimum-cost flow.

    Optimal if and only if potentials exist under which no arc with a positive reduced cost carries
    anything and every arc with a negative one is full; that is checked here, not believed.

    Raises:
        ValueError: numbers too large for exact arithmetic.
        InfeasibleError: there is none.
        NotOptimalError: the solver was wrong.
    """
    if int(network.cost.max(initial=0)) * (len(network.supply) + 1) >= LARGEST:
        raise ValueError("values are too large for exact arithmetic")
    if np.any(network.capacity < 0):
        raise InfeasibleError("an arc has to carry more than it can")
    on, potential = _lmcf(network)
    reduced = network.cost + potential[network.tail] - potential[network.head]
    balance = np.zeros_like(network.supply)
    np.add.at(balance, network.tail, on)
    np.subtract.at(balance, network.head, on)
    if (
        np.any(balance != network.supply)
        or np.any((on < 0) | (on > network.capacity))
        or np.any((reduced > 0) & (on > 0))
        or np.any((reduced < 0) & (on < network.capacity))
    ):
        raise NotOptimalError("potentials do not prove the flow")
    return Flow(on, reduced, potential)
