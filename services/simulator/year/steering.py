"""Simulates the steered world: the real engine decides on real snapshots, every day or every week."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from services.allocation.policy.domain import Policy
from services.allocation.steering.matching.match import Result, match
from services.allocation.steering.matching.snapshot import Snapshot, snapshot_of
from services.simulator.world.kreis import KREIS
from services.simulator.year.model import Setting, Year, year_of
from services.simulator.year.travel_times import TRAVEL
from services.simulator.year.world import World

SATURDAY = 5
Cadence = Literal["daily", "weekly"]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the year."""

    day: date
    snapshot: Snapshot
    result: Result


def snapshot_on(world: World, day: date) -> Snapshot:
    """Take the snapshot of a day: everybody who waits without a seat, every course that has not ended."""
    rules = world.rules(day)
    seen = (world.course(course, day, rules) for course in world.courses.values())
    return snapshot_of(
        KREIS,
        day,
        people=[life.person(day) for life in world.waiting()],
        courses=[course for course in seen if course is not None],
        rules=rules,
        policy=world.year.policy,
        travel=TRAVEL,
    )


def live(world: World, every: Cadence) -> Iterator[Run]:
    """Simulate the year; coordinators confirm what a run proposes on the same day."""
    for day in world.year.setting.days:
        world.begin(day)
        if day.weekday() >= SATURDAY or (every == "weekly" and day.weekday()):
            continue
        snapshot = snapshot_on(world, day)
        result = match(snapshot)
        for person, entry in sorted(result.places.items()):
            world.offer(world.number[person], entry, day)
        yield Run(day, snapshot, result)


def runs(
    seed: int, setting: Setting | None = None, policy: Policy | None = None, every: Cadence = "weekly"
) -> Iterator[Run]:
    """Yield every run of a steered year: the day, what it saw and what came of it."""
    return live(World(year_of(replace(setting or Setting(), seed=seed), policy)), every)


def steered(year: Year, every: Cadence = "daily") -> World:
    """Return the steered world at the end of the year."""
    world = World(year)
    for _ in live(world, every):
        pass
    return world
