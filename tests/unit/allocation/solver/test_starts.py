"""Seating with minimum sizes against exhaustive search: equal to the unit in every tier, and proven."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, linear_sum_assignment, milp
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from services.allocation.solver.engine import flow, parts, prices, proof, search
from services.allocation.solver.engine.first import FirstAnswer, on_face, opened
from services.allocation.solver.engine.flow import Problem, Solution, Tier
from services.allocation.solver.engine.greedy import greedy
from services.allocation.solver.engine.limits import Meter
from services.allocation.solver.engine.proof import Limits, Settled
from services.allocation.solver.engine.starts import Choice, Starting
from services.allocation.solver.generated import Size, region
from tests.unit.allocation.solver.small import KINDS, best_of, by_started, drawn

ENDLESS = Limits(None, lambda: 60.0)


def check(asked: Starting, found: Solution) -> None:
    """Check an answer by itself: seats, one place each, enough people, families, the values it claims."""
    problem = asked.problem
    chosen = found.pair[found.pair >= 0]
    assert np.all(problem.person[chosen] == np.flatnonzero(found.pair >= 0))
    sitting = np.zeros(len(problem.later), dtype=np.int64)
    for entry in problem.entry[chosen].tolist():
        node = entry
        while node >= 0:
            sitting[node] += 1
            node = int(problem.later[node])
    assert np.all(sitting <= problem.seats)
    counts = np.bincount(asked.course[problem.entry[chosen]], minlength=len(asked.need))
    assert not np.any((counts > 0) & (counts < asked.need))
    for members in asked.together:
        pairs = found.pair[list(members)]
        assert len({int(asked.course[problem.entry[at]]) if at >= 0 else -1 for at in pairs.tolist()}) == 1
    assert found.values == tuple(int(tier.values[chosen].sum()) for tier in problem.tiers)


def check_proofs(asked: Starting, settled: Settled, best: tuple[int, ...]) -> None:
    """Check what is claimed of an answer against the best one."""
    check(asked, settled.solution)
    counts = asked.counts(settled.solution)
    assert settled.started == tuple(at for at, need in enumerate(asked.need) if need and counts[at] >= need)
    assert settled.solution.values == tuple(tier.value for tier in settled.tiers)
    proven = settled.proven
    assert settled.solution.values[:proven] == best[:proven]
    if proven < len(best):
        assert settled.solution.values <= best
        assert settled.tiers[proven].bound >= best[proven]
        assert settled.cut
        assert settled.gap >= 0
    else:
        assert settled.gap == 0
        assert not settled.cut


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("block", range(4))
def test_small_instances_equal_exhaustive_search(kind: str, block: int) -> None:
    chance = random.Random(f"{kind} {block}")
    for _ in range(55):
        lower = kind == "lower"
        asked = drawn(
            chance, kind, chance.randint(3 if lower else 2, 6), 3 if lower else chance.randint(1, 4)
        )
        settled = proof.solve(asked, ENDLESS)
        best = best_of(asked)
        assert settled.solution.values == best
        assert settled.proven == len(best)
        check_proofs(asked, settled, best)


def test_which_courses_start_often_decides_a_lower_tier() -> None:
    chance = random.Random("lower 0")
    decided = 0
    for _ in range(55):
        asked = drawn(chance, "lower", chance.randint(3, 6), 3)
        options = sorted(by_started(asked).values())
        decided += len({option for option in options if option[0] == options[-1][0]}) > 1
    assert decided >= 15


@pytest.mark.parametrize("work", [0, 1, 2, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_under_a_limit_the_answer_is_allowed_and_the_bound_holds(kind: str, work: int) -> None:
    chance = random.Random(f"{kind} {work}")
    for _ in range(15):
        asked = drawn(chance, kind, chance.randint(3, 6), chance.randint(2, 4))
        limits = Limits(work, lambda: 60.0)
        settled = proof.solve(asked, limits)
        check_proofs(asked, settled, best_of(asked))
        assert settled.cut in {"", "work"}
        again = proof.solve(asked, limits)
        assert again.solution.pair.tobytes() == settled.solution.pair.tobytes()
        assert again.tiers == settled.tiers


def test_without_time_the_clock_is_named() -> None:
    chance = random.Random(7)
    cuts = set()
    for _ in range(60):
        asked = drawn(chance, "chains", chance.randint(3, 6), chance.randint(2, 4))
        settled = proof.solve(asked, Limits(None, lambda: 0.0))
        check_proofs(asked, settled, best_of(asked))
        cuts.add(settled.cut)
    assert cuts == {"", "clock"}


@pytest.mark.parametrize("kind", KINDS)
def test_first_answers_are_allowed_and_bounded_by_the_easier_problem(kind: str) -> None:
    chance = random.Random(kind)
    for _ in range(30):
        asked = drawn(chance, kind, chance.randint(2, 25), chance.randint(1, 6))
        first = FirstAnswer(asked)
        answer, by_hand = first.find(), greedy(asked)
        check(asked, answer)
        check(asked, by_hand)
        assert by_hand.values <= first.bound.values
        assert answer.values <= first.bound.values


def test_an_answer_is_improved_without_losing_what_is_proven() -> None:
    better = 0
    for seed in range(12):
        asked = region(seed, Size(220, 18, 6.0), "loose")
        first = FirstAnswer(asked)
        answer = first.find()
        if answer.values[0] != first.bound.values[0]:
            continue
        tiers = proof.alike(answer.values, first.bound.values)
        choice = opened(asked, answer, flow.face(asked.problem, tiers), tiers)
        assert choice is not None
        found = asked.seated(choice)
        check(asked, found)
        assert found.values >= answer.values
        better += found.values > answer.values
    assert better > 0


@pytest.mark.parametrize("kind", KINDS)
def test_improved_by_flows_first_it_is_still_the_best(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MANY", 0)
    chance = random.Random(f"many {kind}")
    for _ in range(20):
        asked = drawn(chance, kind, chance.randint(3, 6), chance.randint(2, 4))
        check_proofs(asked, proof.solve(asked, ENDLESS, by_hand=True), best_of(asked))


@pytest.mark.parametrize("kind", KINDS)
def test_what_shares_nothing_is_solved_apart(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_SMALL", 0)
    chance = random.Random(f"apart {kind}")
    divided = 0
    for _ in range(20):
        asked = drawn(chance, kind, chance.randint(3, 6), chance.randint(2, 4))
        near = (asked.problem.person + asked.course_of) % 2 == 0
        tiers = tuple(Tier(tier.name, tier.values[near]) for tier in asked.problem.tiers)
        person, entry = asked.problem.person[near], asked.problem.entry[near]
        asked = replace(asked, problem=replace(asked.problem, person=person, entry=entry, tiers=tiers))
        best = best_of(asked)
        divided += len(parts.divided(asked)) > 1
        settled = proof.solve(asked, ENDLESS)
        assert settled.solution.values == best
        check_proofs(asked, settled, best)
        check_proofs(asked, proof.solve(asked, Limits(2, lambda: 60.0), by_hand=True), best)
    assert divided >= 5


def test_prices_bound_a_tier_and_closer_once_they_moved() -> None:
    for seed in range(4):
        asked = region(seed, Size(220, 18, 6.0), "loose")
        answer = FirstAnswer(asked).find()
        tier = proof.alike(answer.values, asked.seated(Choice(frozenset(), frozenset())).values)
        face = flow.face(asked.problem, tier)
        market = prices.Market(asked, face, asked.problem.tiers[tier].values)
        best = proof.solve(asked, ENDLESS).solution.values
        told = flow.prices(on_face(asked, asked.choice(answer), face, tier))
        for start in (told, told * 0):
            bound = prices.bound(market, start, answer.values[tier], Meter(ENDLESS))
            assert bound >= best[tier]
        assert bound < prices.bound(market, start, answer.values[tier], Meter(Limits(0, lambda: 60.0)))


@pytest.mark.parametrize("seats", ["scarce", "loose"])
def test_a_region_is_solved_the_same_again_under_a_work_limit(seats: str) -> None:
    asked = region(3, Size(220, 18, 6.0), "scarce" if seats == "scarce" else "loose")
    told: list[Settled] = []
    settled = proof.solve(asked, Limits(40, lambda: 60.0), told.append, by_hand=True)
    check(asked, settled.solution)
    for earlier in told:
        check(asked, earlier.solution)
    for one, after in pairwise(told):
        assert one.solution.values <= after.solution.values
        assert one.proven <= after.proven
    again = proof.solve(asked, Limits(40, lambda: 60.0))
    assert (again.tiers, again.cut) == (settled.tiers, settled.cut)
    assert again.solution.pair.tobytes() == settled.solution.pair.tobytes()


def without_minimum(chance: random.Random, people: int, courses: int) -> Problem:
    pairs = [(p, c) for p in range(people) for c in range(courses) if chance.random() < 0.3]
    values = [[chance.randint(0, 1) for _ in pairs], [chance.randint(-99, 99) for _ in pairs]]
    return Problem(
        people=people,
        later=np.full(courses, -1, dtype=np.int64),
        seats=np.array([chance.randint(1, 6) for _ in range(courses)], dtype=np.int64),
        person=np.array([p for p, _ in pairs], dtype=np.int64),
        entry=np.array([c for _, c in pairs], dtype=np.int64),
        tiers=tuple(Tier(f"t{at}", np.array(one, dtype=np.int64)) for at, one in enumerate(values)),
    )


@pytest.mark.parametrize("seed", range(6))
def test_without_minimum_sizes_it_equals_assignment_seat_by_seat(seed: int) -> None:
    chance = random.Random(seed)
    problem = without_minimum(chance, chance.randint(60, 140), chance.randint(8, 25))
    none = np.zeros(len(problem.later), dtype=np.int64)
    settled = proof.solve(Starting(problem, np.arange(len(none)), none), Limits(0, lambda: 0.0))
    assert settled.proven == len(problem.tiers)
    # Each seat is a column, going without one more for everybody; both tiers in one exact number.
    start = np.concatenate([[0], np.cumsum(problem.seats)])
    seats = int(start[-1])
    blend = problem.tiers[0].values * 10**6 + problem.tiers[1].values
    worth = np.full((problem.people, seats + problem.people), -(10**12), dtype=np.int64)
    worth[np.arange(problem.people), seats + np.arange(problem.people)] = 0
    for person, course, value in zip(problem.person, problem.entry, blend, strict=True):
        worth[person, start[course] : start[course + 1]] = value
    rows, columns = linear_sum_assignment(worth, maximize=True)
    total = int(worth[rows, columns].sum())
    assert settled.solution.values[0] * 10**6 + settled.solution.values[1] == total
    # The sparse solver, too; weights 0 would be missing edges there.
    there = np.nonzero(worth > -(10**12))
    shifted = csr_matrix(((10**9 - worth[there]).astype(np.float64), there), shape=worth.shape)
    rows, columns = min_weight_full_bipartite_matching(shifted)
    assert int(worth[rows, columns].sum()) == total


def sequential(asked: Starting) -> tuple[int, ...]:
    """Solve one program per tier from nothing, with the values before it as constraints."""
    problem = asked.problem
    pairs, courses = len(problem.person), len(asked.need)
    rows: list[npt.NDArray[np.float64]] = []
    lower: list[float] = []
    upper: list[float] = []

    def row(of_pairs: npt.ArrayLike, of_courses: npt.ArrayLike, low: float, high: float) -> None:
        sides = np.broadcast_to(of_pairs, pairs), np.broadcast_to(of_courses, courses)
        rows.append(np.concatenate(sides).astype(np.float64))
        lower.append(low)
        upper.append(high)

    for person in range(problem.people):
        row(problem.person == person, 0, 0, 1)
    for node, seats in enumerate(problem.seats.tolist()):
        inside = np.array([node in _way(problem, entry) for entry in problem.entry.tolist()])
        row(inside, 0, 0, seats)
    for course, need in enumerate(asked.need.tolist()):
        inside, switch = asked.course[problem.entry] == course, np.arange(courses) == course
        row(inside, -problem.people * switch, -np.inf, 0)
        row(inside, -need * switch, 0, np.inf)
    values: list[int] = []
    for tier in problem.tiers:
        found = milp(
            -np.concatenate([tier.values, np.zeros(courses)]),
            constraints=LinearConstraint(csr_matrix(np.array(rows)), lower, upper),
            integrality=np.ones(pairs + courses),
            bounds=Bounds(0, 1),
            options={"mip_rel_gap": 0},
        )
        assert found.success
        values.append(round(-found.fun))
        row(tier.values, 0, values[-1], values[-1])
    return tuple(values)


def _way(problem: Problem, entry: int) -> list[int]:
    return [entry, *(_way(problem, int(problem.later[entry])) if problem.later[entry] >= 0 else [])]


@pytest.mark.parametrize("seed", range(9))
def test_larger_instances_equal_programs_solved_from_nothing(seed: int) -> None:
    chance = random.Random(seed)
    asked = drawn(chance, ("lower", "forests", "chains")[seed % 3], chance.randint(15, 28), 10)
    need = np.array([chance.randint(0, 7) for _ in asked.need], dtype=np.int64)
    seats = asked.problem.seats + np.array([chance.randint(2, 7) for _ in asked.problem.seats])
    tiers = tuple(Tier(tier.name, tier.values % 1000) for tier in asked.problem.tiers)
    asked = replace(asked, need=need, problem=replace(asked.problem, seats=seats, tiers=tiers))
    settled = proof.solve(asked, ENDLESS)
    check(asked, settled.solution)
    assert settled.proven == len(tiers)
    assert settled.solution.values == sequential(asked)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 2**32), st.sampled_from(KINDS), st.integers(0, 5))
def test_more_seats_or_smaller_needs_never_make_it_worse(seed: int, kind: str, course: int) -> None:
    chance = random.Random(seed)
    asked = drawn(chance, kind, chance.randint(3, 8), chance.randint(1, 4))
    before = proof.solve(asked, ENDLESS).solution.values
    less = np.maximum(asked.need - (np.arange(len(asked.need)) == course % len(asked.need)), 0)
    assert proof.solve(replace(asked, need=less), ENDLESS).solution.values >= before
    more = replace(asked.problem, seats=asked.problem.seats + 1)
    assert proof.solve(replace(asked, problem=more), ENDLESS).solution.values >= before
    assert proof.solve(replace(asked, together=()), ENDLESS).solution.values >= before


def test_nobody_is_proven_at_once() -> None:
    empty = np.array([], dtype=np.int64)
    problem = Problem(0, empty, empty, empty, empty, (Tier("placed", empty),))
    settled = proof.solve(Starting(problem, empty, empty), Limits(0, lambda: 0.0))
    assert (settled.proven, settled.cut, settled.started) == (1, "", ())
    assert flow.face(problem, 1).pair[0].size == 0


def test_what_cannot_be_solved_exactly_is_refused() -> None:
    asked = drawn(random.Random(1), "families", 5, 2)
    with pytest.raises(ValueError, match="two families"):
        replace(asked, together=((0, 1), (1, 2)))
    apart = replace(asked.problem, later=np.full(2, -1, dtype=np.int64), seats=np.array([1, 1]))
    empty = np.array([], dtype=np.int64)
    apart = replace(apart, person=empty, entry=empty, tiers=(Tier("placed", empty),))
    with pytest.raises(ValueError, match="more than one last node"):
        Starting(apart, np.array([0, 0]), np.array([2]))
