"""The engine against exhaustive search and against an independent solver, equal to the unit in every tier."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix

from services.allocation.solver.engine.flow import Problem, Tier, solve


def instance(chance: random.Random, people: int, courses: int, longest: int, tiers: int) -> Problem:
    """Courses with one to `longest` nested entries, values of any sign, often equal."""
    later: list[int] = []
    for _ in range(courses):
        length = chance.randint(1, longest)
        later += [len(later) + step + 1 if step + 1 < length else -1 for step in range(length)]
    entries = len(later)
    pairs = sorted(
        (person, entry) for person in range(people) for entry in range(entries) if chance.random() < 0.5
    )
    spread = chance.choice([1, 3, 1000, 2**31])
    return Problem(
        people=people,
        later=np.array(later, dtype=np.int64),
        seats=np.array([chance.randint(0, 3) for _ in later], dtype=np.int64),
        person=np.array([person for person, _ in pairs], dtype=np.int64),
        entry=np.array([entry for _, entry in pairs], dtype=np.int64),
        tiers=tuple(
            Tier(f"t{tier}", np.array([chance.randint(-spread, spread) for _ in pairs], dtype=np.int64))
            for tier in range(tiers)
        ),
    )


def seated(problem: Problem) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Matrix: pair p takes a seat in entry e."""
    rows = np.zeros((len(problem.later), len(problem.person)), dtype=np.int64)
    for pair, entry in enumerate(problem.entry):
        step = int(entry)
        while step >= 0:
            rows[step, pair] = 1
            step = int(problem.later[step])
    return rows


def exhaustive(problem: Problem) -> tuple[int, ...]:
    options: list[list[int]] = [[-1] for _ in range(problem.people)]
    for pair, person in enumerate(problem.person):
        options[int(person)].append(pair)
    rows = seated(problem)
    best: tuple[int, ...] | None = None
    for choice in itertools.product(*options):
        chosen = [pair for pair in choice if pair >= 0]
        if np.all(rows[:, chosen].sum(axis=1) <= problem.seats):
            value = tuple(int(tier.values[chosen].sum()) for tier in problem.tiers)
            best = value if best is None or value > best else best
    assert best is not None
    return best


def sequential(problem: Problem) -> tuple[int, ...]:
    """Solve one mixed-integer program per tier, each with the values before it as constraints."""
    pairs = len(problem.person)
    once = np.zeros((problem.people, pairs))
    once[problem.person, np.arange(pairs)] = 1
    rows = [*once, *seated(problem)]
    upper = [*np.ones(problem.people), *problem.seats]
    lower = [0.0] * len(rows)
    values: list[int] = []
    for tier in problem.tiers:
        answer = milp(
            -tier.values.astype(float),
            constraints=LinearConstraint(csr_matrix(np.array(rows)), lower, upper),
            integrality=np.ones(pairs),
            bounds=Bounds(0, 1),
            options={"mip_rel_gap": 0},
        )
        assert answer.success
        values.append(int(tier.values[np.round(answer.x).astype(bool)].sum()))
        rows.append(tier.values.astype(float))
        lower.append(values[-1])
        upper.append(values[-1])
    return tuple(values)


def check(problem: Problem) -> tuple[int, ...]:
    """Solve and check the answer by itself: capacities, one place each, the values it claims."""
    solution = solve(problem)
    chosen = solution.pair[solution.pair >= 0]
    assert np.all(problem.person[chosen] == np.flatnonzero(solution.pair >= 0))
    if len(chosen):
        assert np.all(seated(problem)[:, chosen].sum(axis=1) <= problem.seats)
    assert solution.values == tuple(int(tier.values[chosen].sum()) for tier in problem.tiers)
    return solution.values


@pytest.mark.parametrize("block", range(10))
def test_small_instances_equal_exhaustive_search(block: int) -> None:
    chance = random.Random(block)
    for _ in range(70):
        problem = instance(chance, chance.randint(1, 5), chance.randint(1, 3), 2, chance.randint(1, 4))
        assert check(problem) == exhaustive(problem)


@pytest.mark.parametrize("block", range(10))
def test_larger_instances_equal_an_independent_solver(block: int) -> None:
    chance = random.Random(1000 + block)
    for _ in range(30):
        problem = instance(chance, chance.randint(4, 25), chance.randint(1, 5), 4, chance.randint(2, 5))
        if max(int(np.abs(tier.values).max(initial=0)) for tier in problem.tiers) > 2000:
            problem = Problem(
                problem.people,
                problem.later,
                problem.seats,
                problem.person,
                problem.entry,
                tuple(Tier(tier.name, tier.values % 1000) for tier in problem.tiers),
            )
        assert check(problem) == sequential(problem)


def test_values_too_large_for_exact_arithmetic_are_refused() -> None:
    problem = Problem(
        1,
        np.array([-1]),
        np.array([1]),
        np.array([0]),
        np.array([0]),
        (Tier("big", np.array([2**60])),),
    )
    with pytest.raises(ValueError, match="too large"):
        solve(problem)


def test_nobody_and_nothing() -> None:
    empty = np.array([], dtype=np.int64)
    problem = Problem(0, empty, empty, empty, empty, (Tier("placed", empty),))
    assert solve(problem).values == (0,)
