"""Makes up regions to measure the engine on: numbers only, the same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from services.allocation.solver.engine.flow import Problem, Tier
from services.allocation.solver.engine.mincost import Ints
from services.allocation.solver.engine.starts import Starting

Seats = Literal["scarce", "loose"]
Floats = NDArray[np.float64]

GOALS = ("urgent", "duty", "waiting", "distance", "lot")
_SEATS_EACH = {"scarce": (0.6, 0.9), "loose": (1.3, 1.8)}
_LEVELS = np.array([0.24, 0.2, 0.17, 0.15, 0.14, 0.1])
_WIDTH = 400
"""Width of a region in units of 100 m."""
_FAR = 2000


@dataclass(frozen=True, slots=True)
class Size:
    """How large a region is; `choices` is how many courses a person may attend at most on average."""

    people: int
    courses: int
    choices: float


KREIS = Size(2_000, 150, 27.2)
MID = Size(10_000, 1_000, 36.8)
_NATION = Size(100_000, 10_000, 28.6)
_REGIONS = 400


def region(seed: int, size: Size, seats: Seats) -> Starting:
    """Make up a region: people around towns, courses in them, a level each, and hours that suit some.

    Where seats are scarce half of the courses run already, with a few seats left; where they are loose
    four of five are new and need a minimum of people.
    """
    chance = np.random.Generator(np.random.PCG64([seed, size.people, size.courses, seats == "loose"]))
    person, course, distance = _eligible(chance, size)
    free, need = _courses(chance, size, seats)
    kind = chance.choice(3, size.people, p=[0.15, 0.5, 0.35])
    days = chance.gamma(1.5, 60.0, size.people).astype(np.int64) + 1
    values = (
        (kind[person] == 0).astype(np.int64),
        (kind[person] == 1).astype(np.int64),
        days[person],
        _FAR - distance,
        chance.integers(0, 2**32, len(person), dtype=np.int64),
    )
    problem = Problem(
        people=size.people,
        later=np.full(size.courses, -1, dtype=np.int64),
        seats=free,
        person=person,
        entry=course,
        tiers=tuple(Tier(name, one) for name, one in zip(GOALS, values, strict=True)),
    )
    return Starting(problem, np.arange(size.courses, dtype=np.int64), need)


def _eligible(chance: np.random.Generator, size: Size) -> tuple[Ints, Ints, Ints]:
    """Return person, course and distance of each possible pair, sorted by the two."""
    towns = max(3, min(size.courses // 12, 60))
    centre = chance.uniform(0, _WIDTH, (towns, 2))
    share = chance.dirichlet(np.full(towns, 1.2))
    home = centre[chance.choice(towns, size.people, p=share)] + chance.normal(0, 20, (size.people, 2))
    place = centre[chance.choice(towns, size.courses, p=share)]
    # Few courses teach people of several levels together.
    levels = _LEVELS[: max(1, size.courses // 25)] / _LEVELS[: max(1, size.courses // 25)].sum()
    level = chance.choice(len(levels), size.people, p=levels)
    teaches = chance.choice(len(levels), size.courses, p=chance.dirichlet(20 * levels))
    persons, courses, distances = [], [], []
    for step in range(len(levels)):
        who, where = np.flatnonzero(level == step), np.flatnonzero(teaches == step)
        apart = np.sqrt(((home[who, None, :] - place[None, where, :]) ** 2).sum(axis=2))
        # The nearer, the more likely; as many as the size asks for.
        suits = chance.random(apart.shape) * (1 + apart / _WIDTH)
        wanted = min(int(size.choices * len(who)), suits.size)
        if wanted == 0:
            continue
        limit = np.partition(suits, wanted - 1, axis=None)[wanted - 1]
        one, other = np.nonzero(suits <= limit)
        persons.append(who[one])
        courses.append(where[other])
        distances.append(apart[one, other])
    person, course = np.concatenate(persons), np.concatenate(courses)
    order = np.lexsort((course, person))
    distance = np.round(np.concatenate(distances)[order]).astype(np.int64)
    return person[order].astype(np.int64), course[order].astype(np.int64), distance


def _courses(chance: np.random.Generator, size: Size, seats: Seats) -> tuple[Ints, Ints]:
    """Return the free seats and the need of each course."""
    low, high = _SEATS_EACH[seats]
    each = chance.uniform(low, high)
    capacity = chance.integers(16, 26, size.courses)
    new = chance.random(size.courses) < (0.5 if seats == "scarce" else 0.8)
    taken = np.where(new, chance.integers(0, 4, size.courses), chance.integers(8, 16, size.courses))
    free = (capacity - taken).astype(np.float64)
    free = np.maximum(np.round(free * each * size.people / free.sum()), 1).astype(np.int64)
    need = np.where(new, np.maximum(np.round(free * chance.uniform(0.45, 0.75, size.courses)), 1), 0)
    return free, need.astype(np.int64)


def nation(seed: int) -> list[Size]:
    """Divide a country into regions of very different size, the largest first."""
    chance = np.random.Generator(np.random.PCG64(seed))
    weight = np.sort(chance.lognormal(0.0, 1.1, _REGIONS))[::-1]
    weight /= weight.sum()
    people = np.maximum(np.round(weight * _NATION.people), 10).astype(np.int64)
    courses = np.maximum(np.round(weight * _NATION.courses), 2).astype(np.int64)
    return [Size(int(p), int(c), min(float(c), 63.0)) for p, c in zip(people, courses, strict=True)]
