"""Matches a snapshot: turns the municipality's goals into numbers and has the engine solve them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from math import inf
from uuid import UUID

import numpy as np
import orjson

from services.allocation.solver.engine import flow, proof
from services.allocation.solver.engine.flow import Problem, Tier
from services.allocation.solver.engine.mincost import Ints
from services.allocation.solver.engine.proof import Limits
from services.allocation.solver.engine.starts import Starting
from services.allocation.steering.matching import hardrules
from services.allocation.steering.matching.domain import EntryKey, Person
from services.allocation.steering.matching.eligibility import Eligibility, eligibility_of, members
from services.allocation.steering.matching.entries import Entry, need_of
from services.allocation.steering.matching.goals import Worth, class_of, waiting_days
from services.allocation.steering.matching.seats import seats_of
from services.allocation.steering.matching.snapshot import Snapshot

ENGINE = f"{flow.VERSION}, rules {hardrules.VERSION}, HiGHS {version('highspy')}"
"""What a result was made by; another version may choose otherwise among equals, or mean something else."""
DETERMINISTIC = Limits(work=400, seconds_left=lambda: inf)
"""What a run may work at most: the same everywhere, so that a replay gives the same bytes.

A step takes 0.03-0.1 s in a Kreis of 2,000 people and 150 courses (docs/decisions/0012).
"""
_MASK = (1 << 64) - 1


def _fold(name: UUID) -> int:
    return (name.int >> 64) ^ (name.int & _MASK)


def lots(people: Ints, entries: Ints) -> Ints:
    """Draw the lot of each pair from the ids alone (splitmix64, 16 bits): last resort among equals."""
    mixed = people.view(np.uint64) ^ (entries.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    drawn: Ints = ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(48)).astype(np.int64)
    return drawn


def _tiers(snapshot: Snapshot, entries: Sequence[Entry], person: Ints, entry: Ints) -> list[Tier]:
    """Write the goals as numbers; one tier for each goal, one for each priority class."""
    people, worth, tiers = snapshot.people, Worth(snapshot), list[Tier]()
    for goal in snapshot.policy.goals:
        if goal == "priority":
            ranks = np.array([class_of(someone, snapshot.rules) for someone in people], dtype=np.int64)
            tiers += [
                Tier(known.code, (ranks[person] == place).astype(np.int64))
                for place, known in enumerate(snapshot.rules.priorities.classes)
            ]
        elif goal == "waiting":
            days = np.array([waiting_days(someone, snapshot.day) for someone in people], dtype=np.int64)
            tiers.append(Tier(goal, days[person]))
        else:
            found = zip(person.tolist(), entry.tolist(), strict=True)
            values = [worth(goal, people[place], entries[at]) for place, at in found]
            tiers.append(Tier(goal, np.array(values, dtype=np.int64)))
    return tiers


def families_of(people: Sequence[Person]) -> list[list[int]]:
    """List the families of whom several wait, by their places among the people."""
    families: dict[UUID, list[int]] = defaultdict(list)
    for place, person in enumerate(people):
        if person.family is not None:
            families[person.family].append(place)
    return [places for _, places in sorted(families.items()) if len(places) > 1]


def problem_of(snapshot: Snapshot, eligibility: Eligibility) -> Starting:
    """Write the snapshot as numbers: nodes, pairs, goals in their order, lots last; needs and families."""
    people, entries = snapshot.people, eligibility.entries
    seats = seats_of(snapshot, entries)
    found = [(place, entry) for place in range(len(people)) for entry in members(eligibility.eligible(place))]
    person, entry = (
        np.array(side, dtype=np.int64) for side in (zip(*found, strict=True) if found else ((), ()))
    )
    tiers = _tiers(snapshot, entries, person, entry)
    folded = np.array([_fold(someone.id) for someone in people], dtype=np.uint64).view(np.int64)
    doors = np.array(
        [(_fold(one.course.id) + one.section.number) & _MASK for one in entries], dtype=np.uint64
    ).view(np.int64)
    tiers.append(Tier("lot", lots(folded[person], doors[entry])))
    codes = [snapshot.rules.priorities.classes[class_of(someone, snapshot.rules)].code for someone in people]
    nodes = [seats.node_of(at, codes[place]) for place, at in found]
    problem = Problem(
        people=len(people),
        later=np.array(seats.later, dtype=np.int64),
        seats=np.array(seats.free, dtype=np.int64),
        person=person,
        entry=np.array(nodes, dtype=np.int64),
        tiers=tuple(tiers),
    )
    return Starting(
        problem,
        np.array(seats.course, dtype=np.int64),
        np.array([need_of(course, snapshot) for course in snapshot.courses], dtype=np.int64),
        tuple(tuple(places) for places in families_of(people)),
    )


@dataclass(frozen=True, slots=True)
class TierResult:
    """Value of a result under one goal, with the bound that no result exceeds."""

    name: str
    value: int
    bound: int
    """No result that is as good in all goals before this one has more of it."""
    proven: bool
    """Value and bound are the same, and so they are for all goals before."""


@dataclass(frozen=True, slots=True)
class Result:
    """Result of a run: courses that start, places of people, and what of it is proven."""

    engine: str
    status: str
    """`optimal`: every goal is proven; `limit`: the work or the time allowed was not enough for that."""
    cut: str
    """What ended the search: nothing, `work` (deterministic) or `clock` (not reproducible)."""
    pairs: int
    gap: float
    """Gap of the first unproven goal: how far it may be from its bound, as a share of the bound."""
    tiers: tuple[TierResult, ...]
    started: tuple[UUID, ...]
    """Courses that needed people for their minimum and get them, by id."""
    closed: tuple[UUID, ...]
    """Courses that need people for their minimum and cannot get enough, by id."""
    places: Mapping[UUID, EntryKey]


def encode(result: Result) -> bytes:
    """Write the canonical bytes of a result."""
    return orjson.dumps(
        {
            "engine": result.engine,
            "status": result.status,
            "cut": result.cut,
            "pairs": result.pairs,
            "gap": result.gap,
            "tiers": result.tiers,
            "started": [str(course) for course in result.started],
            "closed": [str(course) for course in result.closed],
            "places": [
                [str(person), str(entry.course), entry.section]
                for person, entry in sorted(result.places.items())
            ],
        },
        option=orjson.OPT_SORT_KEYS,
    )


def decode(raw: bytes) -> Result:
    """Read a result back."""
    data = orjson.loads(raw)
    return Result(
        data["engine"],
        data["status"],
        data["cut"],
        data["pairs"],
        data["gap"],
        tuple(TierResult(**tier) for tier in data["tiers"]),
        tuple(UUID(course) for course in data["started"]),
        tuple(UUID(course) for course in data["closed"]),
        {UUID(person): EntryKey(UUID(course), section) for person, course, section in data["places"]},
    )


def match(
    snapshot: Snapshot, eligibility: Eligibility | None = None, limits: Limits = DETERMINISTIC
) -> Result:
    """Solve a snapshot; the same snapshot, engine and work limit give the same result."""
    known = eligibility or eligibility_of(snapshot)
    starting = problem_of(snapshot, known)
    problem = starting.problem
    settled = proof.solve(starting, limits)
    entry_of = {node: node for node in range(len(known.entries))}
    for node in range(len(known.entries), len(problem.later)):
        entry_of[node] = entry_of[int(problem.later[node])]
    places = {
        someone.id: known.entries[entry_of[int(problem.entry[pair])]].key
        for someone, pair in zip(snapshot.people, settled.solution.pair, strict=True)
        if pair >= 0
    }
    wanted = set(starting.course[problem.entry].tolist())
    started = set(settled.started)
    closed = {course for course in np.flatnonzero(starting.need > 0).tolist() if course in wanted} - started
    ids = [course.id for course in snapshot.courses]
    proven = settled.proven == len(settled.tiers)
    return Result(
        engine=ENGINE,
        status="optimal" if proven else "limit",
        cut="" if proven else settled.cut or "work",
        pairs=len(problem.person),
        gap=settled.gap,
        tiers=tuple(
            TierResult(tier.name, one.value, one.bound, one.proven)
            for tier, one in zip(problem.tiers, settled.tiers, strict=True)
        ),
        started=tuple(ids[course] for course in sorted(started)),
        closed=tuple(ids[course] for course in sorted(closed)),
        places=places,
    )
