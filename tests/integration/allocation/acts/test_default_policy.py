"""A Kreis that has decided nothing: people decide, dates pass by themselves, and places come to their end."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from schemas.gateway import PublisherProgressed
from services.allocation.acts.placements import Done, Placements
from services.allocation.acts.timers import PlacementTimers
from services.allocation.consumer import judging
from services.allocation.law.rulebook import load_rulebook
from services.allocation.placements import progress
from services.allocation.placements.results import DecidedBy
from services.allocation.policy.current import CurrentPolicies
from services.allocation.policy.domain import load_policies
from services.allocation.policy.terms import PolicyTerms
from services.allocation.steering.runs.service import Steering
from services.runtime.data.db import transaction
from tests.allocation.builders import (
    NOW,
    OFFICE,
    PROVIDER,
    accepted,
    announced,
    assigned,
    completed,
    confirmed,
    levelled,
    registered,
)
from tests.allocation.world import World
from tests.identity import IDENTITY_KEY
from tests.integration.allocation.runs.test_runs import Solver

TOMORROW = NOW + timedelta(days=1)
BEFORE_START = NOW + timedelta(days=14)
RUNNING = NOW + timedelta(days=40)
OVER = NOW + timedelta(days=160)


@dataclass
class Installation:
    """The steering side as its service puts it together, with the policy that comes with Kurslotse."""

    world: World
    steering: Steering

    async def proposal(self) -> UUID:
        """Let the engine propose and return the only proposal."""
        await self.steering.run_due(TOMORROW)
        (row,) = await self.world.rows("SELECT placement FROM placement WHERE state = 'proposed'")
        found: UUID = row["placement"]
        return found

    async def clock(self, now: datetime) -> None:
        """Let every timer of the service run once."""
        timers = self.world.timers
        for timer in (timers.expire, timers.start, timers.complete, timers.advance, timers.lift):
            await timer(now)

    async def steps(self, placement: UUID) -> list[tuple[str, str]]:
        """Return each state of a placement and who took it there."""
        rows = await self.world.rows(
            "SELECT to_state, actor FROM placement_step WHERE placement = $1 ORDER BY version", placement
        )
        return [(row["to_state"], row["actor"]) for row in rows]


@pytest.fixture
async def here(world: World) -> Installation:
    policies, rulebook = CurrentPolicies(load_policies(), world.pool), load_rulebook()
    terms = PolicyTerms(policies, rulebook)
    world.placements = Placements(world.prefix, terms)
    world.timers = PlacementTimers(world.pool, world.placements)
    world.judge = judging(world.prefix, terms, IDENTITY_KEY)
    await world.must(PROVIDER, announced(minimum=1))
    await world.must(OFFICE, registered())
    await world.must(OFFICE, levelled())
    return Installation(
        world, Steering(world.pool, Solver(), world.placements, policies, rulebook, world.prefix)
    )


async def test_a_place_comes_from_the_proposal_to_the_end_of_the_course(here: Installation) -> None:
    placement = await here.proposal()
    await here.clock(TOMORROW)
    assert await here.world.state(placement) == "proposed"  # a person decides
    assert isinstance(await here.world.release(placement, TOMORROW), Done)
    await here.world.must(OFFICE, accepted(placement), TOMORROW)
    await here.clock(TOMORROW)
    assert await here.world.state(placement) == "accepted"  # the provider decides
    await here.world.must(PROVIDER, confirmed(placement), TOMORROW)
    await here.clock(BEFORE_START)
    assert await here.world.state(placement) == "confirmed"
    await here.clock(RUNNING)
    await here.world.must(PROVIDER, completed(), OVER)
    assert await here.steps(placement) == [
        ("proposed", "steering"),
        ("reserved", "jana"),
        ("accepted", "office:jobcenter"),
        ("confirmed", "provider:vhs"),
        ("started", "timer"),
        ("completed", "provider:vhs"),
    ]
    (person,) = await here.world.rows("SELECT status FROM participant")
    assert person["status"] == "completed"
    await here.world.check()


async def test_a_place_that_bamf_assigns_comes_to_its_end(here: Installation) -> None:
    placement = await here.proposal()
    async with transaction(here.world.pool) as conn:
        sent = await here.world.placements.send_to_authority(conn, DecidedBy("jana", TOMORROW), placement)
    assert isinstance(sent, Done)
    await here.clock(TOMORROW)
    await here.world.must(OFFICE, assigned(), TOMORROW)
    await here.world.must(PROVIDER, confirmed(placement), TOMORROW)
    await here.clock(RUNNING)
    await here.world.must(PROVIDER, completed(), OVER)
    assert [state for state, _ in await here.steps(placement)] == [
        "proposed", "sent_to_authority", "reserved", "accepted", "confirmed", "started", "completed",
    ]  # fmt: skip
    await here.world.check()


async def test_a_seat_that_nobody_answers_for_is_free_again(here: Installation) -> None:
    placement = await here.proposal()
    await here.world.release(placement, TOMORROW)
    assert await here.world.taken() == [1, 1, 1]
    said = [PublisherProgressed(publisher=slug, until=OVER, offsets={"0": 0}) for slug in (PROVIDER, OFFICE)]
    async with transaction(here.world.pool) as conn:
        await progress.write(conn, said)
    await here.clock(TOMORROW + timedelta(days=12))
    assert await here.world.state(placement) == "expired"
    assert await here.world.taken() == [0, 0, 0]
    await here.world.check()


async def test_what_bamf_does_not_answer_is_steered_again(here: Installation) -> None:
    placement = await here.proposal()
    async with transaction(here.world.pool) as conn:
        await here.world.placements.send_to_authority(conn, DecidedBy("jana", TOMORROW), placement)
    await here.clock(RUNNING)
    assert await here.steps(placement) == [
        ("proposed", "steering"),
        ("sent_to_authority", "jana"),
        ("superseded", "policy"),
    ]
