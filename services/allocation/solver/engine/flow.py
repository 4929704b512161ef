"""Seats people goal by goal: each tier is solved exactly on what all tiers before it leave open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.allocation.solver.engine import mincost
from services.allocation.solver.engine.mincost import Ints

Bools = NDArray[np.bool_]

VERSION = f"flow 4, {mincost.VERSION}"


@dataclass(frozen=True, slots=True)
class Tier:
    """A goal: the value of each pair, any sign; the sum over the chosen pairs is to be maximal."""

    name: str
    values: Ints


@dataclass(frozen=True, slots=True)
class Problem:
    """People, entries and the pairs that are possible, all by index; pairs sorted by person, then entry.

    Entries of one course share its seats: everybody who entered at an entry or before it sits in it.
    `later[e]` is the next node that people of e flow into, or -1; several may lead to one: entries follow
    each other, quotas lead into entries. `seats[e]` is how many can sit in e, and `least[e]`, if given, how
    many at least have to. `barred` pairs are not chosen, and `must` people have to get a place.
    """

    people: int
    later: Ints
    seats: Ints
    person: Ints
    entry: Ints
    tiers: tuple[Tier, ...]
    least: Ints | None = None
    barred: Bools | None = None
    must: Bools | None = None


@dataclass(frozen=True, slots=True)
class Face:
    """The face of all optimal seatings: bounds on pairs, on going without, and on nodes."""

    pair: tuple[Ints, Ints]
    without: tuple[Ints, Ints]
    node: tuple[Ints, Ints]


@dataclass(frozen=True, slots=True)
class Solution:
    """The chosen pair of each person (-1: none) and the value of each tier; all proven optimal."""

    pair: Ints
    values: tuple[int, ...]


def _arcs(problem: Problem) -> tuple[Ints, Ints, Ints, Ints]:
    """Lay the network out: supply, and tail, head, capacity of pairs, waiting, seats."""
    people, entries = problem.people, len(problem.later)
    end = people + entries
    supply = np.zeros(end + 1, dtype=np.int64)
    supply[:people] = 1
    supply[end] = -people
    everybody = np.arange(people, dtype=np.int64)
    places = people + np.arange(entries, dtype=np.int64)
    tail = np.concatenate([problem.person, everybody, places])
    head = np.concatenate(
        [
            people + problem.entry,
            np.full(people, end, dtype=np.int64),
            np.where(problem.later < 0, end, people + problem.later),
        ]
    )
    capacity = np.concatenate(
        [np.ones(len(problem.person) + people, dtype=np.int64), np.minimum(problem.seats, people)]
    )
    if problem.barred is not None:
        capacity[np.flatnonzero(problem.barred)] = 0
    if problem.must is not None:
        capacity[len(problem.person) + np.flatnonzero(problem.must)] = 0
    if problem.least is not None:
        # What has to flow is sent ahead; the arcs carry what may come on top of it.
        np.subtract.at(supply, places, problem.least)
        np.add.at(supply, head[-entries:] if entries else head[:0], problem.least)
        capacity[len(capacity) - entries :] -= problem.least
    return supply, tail, head, capacity


def _costs(values: Ints, people: int, entries: int) -> Ints:
    """Turn values into costs >= 0; everybody has one arc out, so adding the same to all changes nothing."""
    top = max(int(values.max(initial=0)), 0)
    return np.concatenate(
        [top - values, np.full(people, top, dtype=np.int64), np.zeros(entries, dtype=np.int64)]
    )


def blended(tiers: Sequence[Ints], people: int, entries: int) -> list[Ints]:
    """Write neighbouring tiers as one, as far as integers are large enough to keep them apart.

    One more of the first is worth more than any difference the second can make: the same answers,
    with fewer flows to solve.
    """
    room = mincost.LARGEST // (2 * (people + entries + 2))
    together: list[Ints] = []
    for values in tiers:
        weight = 2 * people * int(np.abs(values).max(initial=0)) + 1
        if together and int(np.abs(together[-1]).max(initial=0)) * weight + weight < room:
            together[-1] = together[-1] * weight + values
        else:
            together.append(values)
    return together


def network(problem: Problem) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Write the leading tiers that fit into one flow: supply, tail, head, capacity, cost."""
    people, entries = problem.people, len(problem.later)
    leading = blended([tier.values for tier in problem.tiers], people, entries)[0]
    return *_arcs(problem), _costs(leading, people, entries)


def _descend(problem: Problem, tiers: Sequence[Tier]) -> tuple[Ints, Ints, Ints]:
    """Solve tier by tier; return the flow and the bounds that all optimal flows keep, on each arc.

    All optimal flows of a tier satisfy complementary slackness with any one optimal dual solution: arcs
    with a positive reduced cost are empty in each of them, arcs with a negative one full. Those are
    fixed and taken out; the flows on what is left are exactly the optimal ones, and the next tier chooses
    among them.
    """
    supply, tail, head, capacity = _arcs(problem)
    people, entries = problem.people, len(problem.later)
    flow = np.zeros(len(tail), dtype=np.int64)
    low, high = np.zeros(len(tail), dtype=np.int64), capacity.copy()
    open_arcs = np.flatnonzero(capacity)
    for values in blended([tier.values for tier in tiers], people, entries):
        cost = _costs(values, people, entries)
        network = mincost.Network(
            supply, tail[open_arcs], head[open_arcs], capacity[open_arcs], cost[open_arcs]
        )
        found = mincost.solve(network)
        flow[open_arcs] = found.on  # arcs fixed earlier keep what they carried then
        full = open_arcs[found.reduced < 0]
        low[full] = high[full]
        np.subtract.at(supply, tail[full], capacity[full])
        np.add.at(supply, head[full], capacity[full])
        high[open_arcs[found.reduced > 0]] = 0
        left = open_arcs[found.reduced == 0]
        # People whose arc is fixed have nothing left to send.
        sending = (tail[left] >= people) | (supply[tail[left]] > 0)
        high[left[~sending]] = 0
        open_arcs = left[sending]
    return flow, low, high


def solve(problem: Problem) -> Solution:
    """Solve all tiers, the most important first.

    Raises:
        InfeasibleError: `least` or `must` cannot be had.
    """
    flow = _descend(problem, problem.tiers)[0]
    chosen = np.flatnonzero(flow[: len(problem.person)])
    pair = np.full(problem.people, -1, dtype=np.int64)
    pair[problem.person[chosen]] = chosen
    return Solution(pair, tuple(int(tier.values[chosen].sum()) for tier in problem.tiers))


def attempt(problem: Problem) -> Solution | None:
    """Seat people as `solve` does; None if `least` or `must` cannot be had."""
    try:
        return solve(problem)
    except mincost.InfeasibleError:
        return None


def prices(problem: Problem) -> Ints:
    """Return what going without each person would cost in the first tier, by an optimal dual solution.

    Raises:
        InfeasibleError: `least` or `must` cannot be had.
    """
    supply, tail, head, capacity = _arcs(problem)
    values = problem.tiers[0].values
    cost = _costs(values, problem.people, len(problem.later))
    found = mincost.solve(mincost.Network(supply, tail, head, capacity, cost))
    price: Ints = max(int(values.max(initial=0)), 0) + found.potential[: problem.people] - found.potential[-1]
    return price


def face(problem: Problem, tiers: int) -> Face:
    """Bound what can differ between the seatings that are optimal in the leading tiers."""
    _, low, high = _descend(problem, problem.tiers[:tiers])
    pairs, people = len(problem.person), problem.people
    return Face(
        (low[:pairs], high[:pairs]),
        (low[pairs : pairs + people], high[pairs : pairs + people]),
        (low[pairs + people :], high[pairs + people :]),
    )
