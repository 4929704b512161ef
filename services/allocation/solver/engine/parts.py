"""Divides a problem into parts that share neither people nor courses nor families."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from services.allocation.solver.engine.flow import Tier
from services.allocation.solver.engine.mincost import Ints
from services.allocation.solver.engine.starts import Starting

_SMALL = 2_000
"""Pairs up to which parts that follow each other are solved as one: each costs something by itself."""


@dataclass(frozen=True, slots=True)
class Part:
    """A problem by itself, and which people and pairs of the whole its own are."""

    starting: Starting
    people: Ints
    pairs: Ints


def divided(starting: Starting) -> list[Part]:
    """Divide a problem; people without a pair are in no part, and neither are courses."""
    problem = starting.problem
    if not len(problem.person):
        return []
    label = _labels(starting)
    size = np.bincount(label[problem.person], minlength=len(label))
    joined, number, filled = np.full(len(size), -1, dtype=np.int64), -1, _SMALL
    for one in np.flatnonzero(size).tolist():
        if filled + size[one] > _SMALL:
            number, filled = number + 1, 0
        joined[one], filled = number, filled + size[one]
    if number == 0:
        return [Part(starting, np.arange(problem.people), np.arange(len(problem.person)))]
    label = joined[label]
    return [_part(starting, label, one) for one in range(number + 1)]


def _labels(starting: Starting) -> Ints:
    """Call what is connected by its first person; people stand before courses."""
    problem = starting.problem
    families = [(family[0], other) for family in starting.together for other in family[1:]]
    one = np.concatenate([problem.person, np.array([first for first, _ in families], dtype=np.int64)])
    other = np.concatenate(
        [
            problem.people + starting.course_of,
            np.array([second for _, second in families], dtype=np.int64),
        ]
    )
    label = np.arange(problem.people + len(starting.need))
    while True:
        least = np.minimum(label[one], label[other])
        if np.array_equal(label[one], label[other]):
            return label
        np.minimum.at(label, one, least)
        np.minimum.at(label, other, least)
        label = label[label]


def _part(starting: Starting, label: Ints, number: int) -> Part:
    problem = starting.problem
    here = label == number
    people = np.flatnonzero(here[: problem.people])
    courses = np.flatnonzero(here[problem.people :])
    nodes = np.flatnonzero(here[problem.people + starting.course])
    pairs = np.flatnonzero(here[problem.person])
    person, course, node = (
        _numbered(which, size)
        for which, size in (
            (people, problem.people),
            (courses, len(starting.need)),
            (nodes, len(problem.later)),
        )
    )
    inside = replace(
        problem,
        people=len(people),
        later=np.where(problem.later[nodes] < 0, -1, node[problem.later[nodes]]),
        seats=problem.seats[nodes],
        person=person[problem.person[pairs]],
        entry=node[problem.entry[pairs]],
        tiers=tuple(Tier(tier.name, tier.values[pairs]) for tier in problem.tiers),
        least=None if problem.least is None else problem.least[nodes],
        barred=None if problem.barred is None else problem.barred[pairs],
        must=None if problem.must is None else problem.must[people],
    )
    together = tuple(tuple(person[list(family)].tolist()) for family in starting.together if here[family[0]])
    return Part(
        Starting(inside, course[starting.course[nodes]], starting.need[courses], together), people, pairs
    )


def _numbered(which: Ints, size: int) -> Ints:
    number = np.full(size, -1, dtype=np.int64)
    number[which] = np.arange(len(which))
    return number
