"""Small problems of every kind, and the best answer by trying everything."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np

from services.allocation.solver.engine.flow import Problem, Tier
from services.allocation.solver.engine.starts import Starting

KINDS = ("chains", "forests", "lower", "families", "large")


def drawn(chance: random.Random, kind: str, people: int, courses: int) -> Starting:
    """Draw a problem.

    `chains`: entries one after the other. `forests`: quotas lead into entries. `lower`: many choices of
    started courses are equal in the first tier, so that a lower one decides. `families`: two or three people
    who stay together, in forests. `large`: values beyond what floating point tells apart.
    """
    later: list[int] = []
    course: list[int] = []
    for number in range(courses):
        size = 1 if kind == "lower" else chance.randint(1, 3)
        base = len(later)
        for step in range(size):
            last = step + 1 == size
            ahead = base + (
                step + 1 if kind == "chains" else chance.randint(step + 1, max(step + 1, size - 1))
            )
            later.append(-1 if last else ahead)
        course += [number] * size
    often = 0.9 if kind == "lower" else 0.5
    pairs = sorted(
        (person, entry) for person in range(people) for entry in range(len(later)) if chance.random() < often
    )
    seats = [chance.randint(*((2, 3) if kind == "lower" else (0, 3))) for _ in later]
    need = [chance.randint(2, 3) if kind == "lower" else chance.randint(0, 3) for _ in range(courses)]
    members = list(range(people))
    chance.shuffle(members)
    family = tuple(sorted(members[: chance.randint(2, 3)]))
    together: tuple[tuple[int, ...], ...] = (family,) if kind == "families" else ()
    if together and people > len(family) + 1 and chance.random() < 0.5:
        together = (*together, tuple(sorted(members[len(family) : len(family) + 2])))
    return Starting(
        Problem(
            people=people,
            later=np.array(later, dtype=np.int64),
            seats=np.array(seats, dtype=np.int64),
            person=np.array([person for person, _ in pairs], dtype=np.int64),
            entry=np.array([entry for _, entry in pairs], dtype=np.int64),
            tiers=_tiers(chance, kind, len(pairs)),
        ),
        np.array(course, dtype=np.int64),
        np.array(need, dtype=np.int64),
        together,
    )


def _tiers(chance: random.Random, kind: str, pairs: int) -> tuple[Tier, ...]:
    spreads: list[tuple[int, int]]
    if kind == "lower":
        spreads = [(1, 1), (0, 1), (-3, 3), (0, 2**32)][: chance.randint(2, 4)]
    else:
        top = chance.choice([1, 3, 1000])
        low = -top if chance.random() < 0.5 else 0
        spreads = [(low, top)] * chance.randint(1, 4)
        if kind == "large":
            spreads[-1] = (0, 2 ** chance.randint(25, 40))
            if chance.random() < 0.3:
                spreads[0] = (-(2**30), 2**30)
    scale = 6 if chance.random() < 0.2 else 1
    return tuple(
        Tier(f"t{at}", np.array([scale * chance.randint(*spread) for _ in range(pairs)], dtype=np.int64))
        for at, spread in enumerate(spreads)
    )


def best_of(asked: Starting) -> tuple[int, ...]:
    """Return the best values of all."""
    return max(by_started(asked).values())


def by_started(asked: Starting) -> dict[frozenset[int], tuple[int, ...]]:
    """Return the best values of each set of started courses with a need."""
    best: dict[frozenset[int], tuple[int, ...]] = {}
    tiers = [tier.values.tolist() for tier in asked.problem.tiers]
    for chosen in _seatings(asked):
        sizes: dict[int, int] = {}
        for pair in chosen.values():
            at = int(asked.course[asked.problem.entry[pair]])
            sizes[at] = sizes.get(at, 0) + 1
        if any(size < asked.need[at] for at, size in sizes.items()) or not _together(asked, chosen):
            continue
        started = frozenset(at for at in sizes if asked.need[at] > 0)
        value = tuple(sum(values[pair] for pair in chosen.values()) for values in tiers)
        best[started] = max(best.get(started, value), value)
    return best


def _together(asked: Starting, chosen: dict[int, int]) -> bool:
    for members in asked.together:
        where = {int(asked.course[asked.problem.entry[chosen[m]]]) if m in chosen else -1 for m in members}
        if len(where) > 1:
            return False
    return True


def _seatings(asked: Starting) -> Iterator[dict[int, int]]:
    """Yield all seatings that keep to the seats, person by person."""
    problem = asked.problem
    options: list[list[int]] = [[] for _ in range(problem.people)]
    for pair, person in enumerate(problem.person.tolist()):
        options[person].append(pair)
    ways: list[list[int]] = []
    for entry in range(len(problem.later)):
        way = [entry]
        while problem.later[way[-1]] >= 0:
            way.append(int(problem.later[way[-1]]))
        ways.append(way)
    free = problem.seats.tolist()
    entry_of = problem.entry.tolist()
    chosen: dict[int, int] = {}

    def seat(person: int) -> Iterator[dict[int, int]]:
        if person == problem.people:
            yield chosen
            return
        yield from seat(person + 1)
        for pair in options[person]:
            way = ways[entry_of[pair]]
            if all(free[node] > 0 for node in way):
                for node in way:
                    free[node] -= 1
                chosen[person] = pair
                yield from seat(person + 1)
                del chosen[person]
                for node in way:
                    free[node] += 1

    yield from seat(0)
