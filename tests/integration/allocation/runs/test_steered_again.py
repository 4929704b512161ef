"""From a change to the next proposal: within seconds for a freed seat, else at the hour; one run for many."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import perf_counter
from typing import cast

import pytest

from services.allocation.acts.overrides import Overrides, Ruled
from services.allocation.acts.placements import Placements
from services.allocation.law.rulebook import load_rulebook
from services.allocation.placements.results import DecidedBy
from services.allocation.placements.rulings import ExcludeProvider
from services.allocation.policy.current import CurrentPolicies
from services.allocation.policy.domain import Policies, load_policies
from services.allocation.rerun import request_rerun
from services.allocation.steering.runs import service as run
from services.allocation.steering.runs.service import Proposes, Steering
from services.allocation.steering.runs.worker import SolvedRun, solve
from services.runtime.data.db import transaction
from tests.allocation.builders import (
    NOW,
    OFFICE,
    PROVIDER,
    announced,
    cancelled,
    declined,
    levelled,
    person,
    registered,
)
from tests.allocation.world import World, world_on
from tests.conftest import MakeDatabase

SECONDS = 10.0
"""What a machine busy with other tests may take for what takes some tenths of a second."""
SIX = NOW + timedelta(hours=22)
"""Tomorrow at seven, after the policy's hour."""


@dataclass
class Solver:
    """Solves in this process; counts, and may be made to wait."""

    solved: int = 0
    meanwhile: Callable[[], Awaitable[object]] | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def solve(self, raw: bytes) -> SolvedRun:
        self.solved += 1
        self.reached.set()
        if self.meanwhile is not None:
            await self.meanwhile()
        return solve(raw)


@dataclass
class Region:
    """A world that is steered."""

    world: World
    solver: Solver
    steering: Steering

    async def run(self, now: datetime = NOW) -> int:
        return await self.steering.run_due(now)

    async def proposed(self) -> list[str]:
        rows = await self.world.rows(
            """
            SELECT w.reference FROM placement p JOIN participant w USING (participant)
            WHERE p.state = 'proposed' ORDER BY w.reference
            """
        )
        return [row["reference"] for row in rows]

    async def runs(self) -> int:
        return len(await self.world.rows("SELECT FROM steering_run"))


@pytest.fixture
async def region(database: MakeDatabase, prefix: str) -> AsyncIterator[Region]:
    """One course with two seats, three people with a test; all is quiet, two are proposed."""
    async with world_on(await database("allocation"), prefix) as world:
        solver = Solver()
        placements = cast(Proposes, Placements(prefix, world.placements.terms))
        steering = Steering(
            world.pool, solver, placements, CurrentPolicies(load_policies()), load_rulebook(), prefix
        )
        made = Region(world, solver, steering)
        await world.must(PROVIDER, announced())
        for reference in ("p1", "p2", "p3"):
            await world.must(OFFICE, registered(reference))
            await world.must(OFFICE, levelled(reference))
        assert await made.run(SIX) == 1
        solver.solved = 0
        yield made


async def _first_two_hold_seats(region: Region) -> tuple[list[str], str]:
    proposed = await region.proposed()
    assert len(proposed) == 2
    for row in await region.world.rows("SELECT placement FROM placement WHERE state = 'proposed'"):
        await region.world.release(row["placement"])
    (waiting,) = {"p1", "p2", "p3"} - set(proposed)
    return proposed, waiting


async def test_a_declined_seat_is_proposed_to_the_next_within_seconds(region: Region) -> None:
    (first, _), waiting = await _first_two_hold_seats(region)
    (row,) = await region.world.rows(
        "SELECT placement FROM placement JOIN participant USING (participant) WHERE reference = $1", first
    )
    assert await region.run() == 0
    begun = perf_counter()
    await region.world.must(OFFICE, declined(row["placement"], first))
    assert await region.run() == 1  # nobody waits for the hour
    assert perf_counter() - begun < SECONDS
    assert await region.proposed() == [waiting]


async def test_a_cancelled_course_is_steered_at_once(region: Region) -> None:
    await region.world.must(PROVIDER, announced("k2"))
    await region.world.must(PROVIDER, cancelled())
    assert await region.run() == 1
    rows = await region.world.rows(
        "SELECT DISTINCT own_course FROM placement p JOIN course USING (course) WHERE p.state = 'proposed'"
    )
    assert [row["own_course"] for row in rows] == ["k2"]


async def test_a_late_registration_waits_for_the_hour(region: Region) -> None:
    await region.world.must(PROVIDER, announced(capacity=9), SIX)
    await region.world.must(OFFICE, registered("p9"), SIX)
    await region.world.must(OFFICE, levelled("p9"), SIX)
    assert await region.run(SIX) == 0
    assert await region.run(SIX + timedelta(hours=1)) == 0
    assert await region.run(SIX + timedelta(days=1)) == 1
    assert "p9" in await region.proposed()


async def test_more_seats_in_a_course_that_starts_soon_are_steered_at_once(region: Region) -> None:
    soon = NOW + timedelta(days=20)
    await region.world.must(PROVIDER, announced(capacity=3), soon)
    assert await region.run(soon) == 1
    assert await region.proposed() == ["p1", "p2", "p3"]


async def test_fifty_changes_are_one_run(region: Region) -> None:
    await _first_two_hold_seats(region)
    await region.world.must(PROVIDER, announced(capacity=70), SIX)
    await region.world.judged(*(region.world.event(OFFICE, registered(f"n{n}")) for n in range(50)), now=SIX)
    for number in range(50):
        await region.world.must(OFFICE, levelled(f"n{number}"), SIX)
    (row,) = await region.world.rows("SELECT generation - done_generation AS open FROM steering_request")
    assert row["open"] >= 52
    before = await region.runs()
    assert await region.run(SIX + timedelta(days=1)) == 1
    assert await region.run(SIX + timedelta(days=1)) == 0
    assert (region.solver.solved, await region.runs() - before) == (1, 1)
    assert len(await region.proposed()) == 25 - 2  # the law's cap of the type, less who sits there


async def test_one_run_of_a_region_at_a_time(region: Region) -> None:
    """Two services find the region due; the second does not run while the first solves."""
    await region.world.must(PROVIDER, cancelled())
    others: list[int] = []

    async def meanwhile() -> None:
        region.solver.meanwhile = None
        others.append(await region.run())

    region.solver.meanwhile = meanwhile
    assert await region.run() == 1
    assert others == [0]
    assert region.solver.solved == 1


async def test_a_run_that_takes_longer_than_its_lease_keeps_it(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "LEASE_SECONDS", 2.4)
    await region.world.must(PROVIDER, cancelled())
    others: list[int] = []

    async def meanwhile() -> None:
        region.solver.meanwhile = None
        seen: set[datetime] = set()
        while len(seen) < 4:  # renewed every third of the lease: it would have ended by now
            rows = await region.world.rows("SELECT held_until FROM steering_lease")
            seen |= {row["held_until"] for row in rows}
        others.append(await region.run())

    region.solver.meanwhile = meanwhile
    assert await region.run() == 1
    assert others == [0]
    assert region.solver.solved == 1
    assert await region.world.rows("SELECT FROM steering_lease") == []


async def test_the_region_of_a_killed_process_is_steered_once_its_lease_has_ended(region: Region) -> None:
    """Killed between solving and writing: nothing of the run is there, the request stays open."""
    await region.world.must(PROVIDER, cancelled())
    before = await region.runs()
    lease = """
        INSERT INTO steering_lease (region, kreis, token, held_until)
        VALUES ('99001', '99001', gen_random_uuid(), clock_timestamp() + $1)
        ON CONFLICT (region) DO UPDATE SET held_until = excluded.held_until
    """
    await region.world.rows(lease, timedelta(seconds=60))
    assert await region.run() == 0
    await region.world.rows(lease, timedelta(seconds=-1))
    assert await region.run() == 1
    assert await region.runs() == before + 1
    assert await region.run() == 0


async def test_a_policy_activated_during_a_run_decides_the_next_one(region: Region) -> None:
    await region.world.must(PROVIDER, cancelled())
    other = replace_policies(goals=("waiting",))

    async def meanwhile() -> None:
        region.solver.meanwhile = None
        region.steering = replace(region.steering, policies=CurrentPolicies(other))
        async with transaction(region.world.pool) as conn:
            await request_rerun(conn, "99001", "policy_activated", urgent=True, now=NOW)

    region.solver.meanwhile = meanwhile
    assert await region.run() == 1
    assert await region.run() == 1
    rows = await region.world.rows("SELECT policy_version FROM steering_run ORDER BY generation DESC LIMIT 2")
    versions = [row["policy_version"] for row in rows]
    assert versions[0] == other.entries[0].version() != versions[1]


def replace_policies(**changes: object) -> Policies:
    entry = load_policies().on("99001", NOW.date())
    return Policies((entry.model_copy(update=changes),))


async def test_a_hold_during_the_solve_is_not_overrun(region: Region) -> None:
    """The run saw the person waiting; by the time it writes, a coordinator has put them on hold."""
    _, waiting = await _first_two_hold_seats(region)
    await region.world.must(PROVIDER, announced(capacity=9), NOW + timedelta(days=20))

    async def meanwhile() -> None:
        region.solver.meanwhile = None
        await region.world.rows(
            """
            INSERT INTO steering_hold (id, kreis, participant, reason, actor, decided_at)
            VALUES (gen_random_uuid(), '99001', $1, 'asked us to wait', 'jana', $2)
            """,
            person(waiting),
            NOW,
        )

    region.solver.meanwhile = meanwhile
    assert await region.run(NOW + timedelta(days=20)) == 1
    assert await region.proposed() == []
    (row,) = await region.world.rows("SELECT reasons FROM steering_request")
    assert "stale" in row["reasons"]


async def test_rulings_decide_the_next_run(region: Region) -> None:
    """Who is excluded gets no proposal; once that ends, the run proposes again."""
    rules = Overrides(region.world.placements)
    first, _ = await region.proposed()
    async with transaction(region.world.pool) as conn:
        what, why = ExcludeProvider(PROVIDER), "was there before and left"
        ruled = await rules.exclude(conn, DecidedBy("jana", NOW, why), person(first), what)
    assert isinstance(ruled, Ruled)
    assert await region.run() == 1  # the proposal was taken back: its place is for the third
    assert first not in await region.proposed()
    assert len(await region.proposed()) == 2
