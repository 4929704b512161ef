"""Seating with minimum sizes against exhaustive search: equal to the unit in every tier, and proven."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import numpy as np
import pytest

from services.allocation.steering.engine import proof
from services.allocation.steering.engine.first import FirstAnswer
from services.allocation.steering.engine.flow import Tier
from services.allocation.steering.engine.greedy import greedy
from services.allocation.steering.engine.starts import Starting
from tests.unit.steering.test_flow import instance, seated


def starting(chance: random.Random, people: int, courses: int, tiers: int) -> Starting:
    problem = instance(chance, people, courses, 2, tiers)
    course = np.cumsum(np.concatenate([[0], problem.later[:-1] < 0])).astype(np.int64)
    spread = chance.choice([1, 3, 1000])
    drawn = tuple(
        Tier(
            tier.name,
            np.array(
                [chance.randint(-spread if chance.random() < 0.5 else 0, spread) for _ in problem.person],
                dtype=np.int64,
            ),
        )
        for tier in problem.tiers
    )
    need = np.array([chance.randint(0, 3) for _ in range(int(course.max()) + 1)], dtype=np.int64)
    return Starting(replace(problem, tiers=drawn), course, need)


def allowed(asked: Starting, chosen: list[int]) -> bool:
    problem = asked.problem
    if np.any(seated(problem)[:, chosen].sum(axis=1) > problem.seats):
        return False
    counts = np.bincount(asked.course[problem.entry[chosen]], minlength=len(asked.need)) if chosen else None
    return counts is None or not np.any((counts > 0) & (counts < asked.need))


def exhaustive(asked: Starting) -> tuple[int, ...]:
    problem = asked.problem
    options: list[list[int]] = [[-1] for _ in range(problem.people)]
    for pair, person in enumerate(problem.person):
        options[int(person)].append(pair)
    best: tuple[int, ...] = ()
    for choice in itertools.product(*options):
        chosen = [pair for pair in choice if pair >= 0]
        value = tuple(int(tier.values[chosen].sum()) for tier in problem.tiers)
        if value > best and allowed(asked, chosen):
            best = value
    return best


@pytest.mark.parametrize("block", range(10))
def test_small_instances_equal_exhaustive_search(block: int) -> None:
    chance = random.Random(block)
    for _ in range(100):
        asked = starting(chance, chance.randint(1, 6), chance.randint(1, 4), chance.randint(1, 4))
        settled = proof.solve(asked, proof.Limits(None, lambda: 60.0))
        best = exhaustive(asked)
        assert settled.solution.values == best
        assert settled.proven == len(best)
        chosen = settled.solution.pair[settled.solution.pair >= 0]
        assert allowed(asked, [int(pair) for pair in chosen])


def test_without_time_the_answer_is_allowed_and_the_bound_holds() -> None:
    chance = random.Random(7)
    for _ in range(100):
        asked = starting(chance, chance.randint(2, 6), chance.randint(1, 4), chance.randint(1, 3))
        settled = proof.solve(asked, proof.Limits(None, lambda: 0.0))
        best = exhaustive(asked)
        assert settled.solution.values <= best
        assert settled.solution.values[: settled.proven] == best[: settled.proven]
        if settled.proven < len(best):
            assert settled.tiers[settled.proven].bound >= best[settled.proven]
        chosen = settled.solution.pair[settled.solution.pair >= 0]
        assert allowed(asked, [int(pair) for pair in chosen])


def test_the_first_answer_is_bounded_by_seating_without_minimum() -> None:
    chance = random.Random(11)
    for _ in range(100):
        asked = starting(chance, chance.randint(2, 25), chance.randint(1, 6), 3)
        first = FirstAnswer(asked)
        answer = first.find()
        assert asked.allowed(answer)
        assert asked.allowed(greedy(asked))
        assert greedy(asked).values <= first.bound.values
        assert answer.values <= first.bound.values
