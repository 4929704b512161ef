"""Each step of the chain by itself or by hand, as the policy of the Kreis says."""

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest

from schemas.gateway import PublisherProgressed
from services.allocation.acts.placements import Done, Result
from services.allocation.console.context.steps import step_by_hand
from services.allocation.placements import progress
from services.allocation.placements.results import DecidedBy
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
    person,
    refused,
    registered,
)
from tests.allocation.world import IN_PERSON, RESERVED_FOR, World, refusal, world_of, world_on
from tests.conftest import MakeDatabase

AFTER = NOW + timedelta(days=11)
RUNNING = NOW + timedelta(days=40)
OVER = NOW + timedelta(days=160)
ALL = frozenset({"release", "expire", "start", "complete"})


@pytest.fixture
async def by_people(database: MakeDatabase, prefix: str) -> AsyncIterator[World]:
    """A Kreis that has switched nothing to automatic."""
    async with world_on(await database("allocation"), prefix, steps=frozenset()) as world:
        await _ready(world)
        yield world


@pytest.fixture
async def by_policy(database: MakeDatabase, prefix: str) -> AsyncIterator[World]:
    """A Kreis that has switched every step to automatic."""
    async with world_on(await database("allocation"), prefix, steps=ALL) as world:
        await _ready(world)
        yield world


async def _ready(world: World) -> None:
    await world.must(PROVIDER, announced())
    await world.must(OFFICE, registered())


async def _heard(world: World) -> None:
    said = [PublisherProgressed(publisher=slug, until=OVER, offsets={"0": 0}) for slug in (PROVIDER, OFFICE)]
    async with transaction(world.pool) as conn:
        await progress.write(conn, said)


async def _step(world: World, step: str, placement: UUID, now: datetime) -> Result:
    async with transaction(world.pool) as conn:
        act = step_by_hand(world.placements, step)
        assert act is not None
        return await act(conn, DecidedBy("jana", now), placement)


async def _actor(world: World, state: str) -> str:
    (row,) = await world.rows("SELECT actor FROM placement_step WHERE to_state = $1", state)
    return str(row["actor"])


async def test_release_by_policy(by_policy: World) -> None:
    (placement,) = await by_policy.propose("p1")
    assert await by_policy.state(placement) == "reserved"
    assert await _actor(by_policy, "reserved") == "policy"
    await by_policy.check()


async def test_release_by_hand(by_people: World) -> None:
    (placement,) = await by_people.propose("p1")
    assert await by_people.state(placement) == "proposed"
    assert isinstance(await by_people.release(placement), Done)
    assert await _actor(by_people, "reserved") == "jana"


async def test_expire_by_policy(by_policy: World) -> None:
    (placement,) = await by_policy.propose("p1")
    await _heard(by_policy)
    assert await by_policy.timers.expire(AFTER) == 1
    assert await by_policy.state(placement) == "expired"
    assert await _actor(by_policy, "expired") == "timer"


async def test_expire_by_hand(by_people: World) -> None:
    placement = await by_people.reserved()
    await _heard(by_people)
    assert await by_people.timers.expire(AFTER) == 0
    assert refusal(await _step(by_people, "expire", placement, NOW)) == "not_due"
    assert isinstance(await _step(by_people, "expire", placement, AFTER), Done)
    assert isinstance(await _step(by_people, "expire", placement, AFTER), Done)  # pressed twice is once
    assert await by_people.timers.expire(AFTER) == 1
    assert await by_people.state(placement) == "expired"
    assert await _actor(by_people, "expired") == "jana"
    await by_people.check()  # I11 holds here, too


async def test_expire_by_hand_waits_until_everybody_was_heard(by_people: World) -> None:
    placement = await by_people.reserved()
    await _step(by_people, "expire", placement, AFTER)
    assert await by_people.timers.expire(AFTER) == 0
    await _heard(by_people)
    assert await by_people.timers.expire(AFTER) == 1


async def test_start_by_policy(by_policy: World) -> None:
    placement = await _confirmed(by_policy)
    assert await by_policy.timers.start(RUNNING) == 1
    assert await by_policy.state(placement) == "started"


async def test_start_by_hand(by_people: World) -> None:
    placement = await _confirmed(by_people)
    assert await by_people.timers.start(RUNNING) == 0
    assert refusal(await _step(by_people, "start", placement, NOW)) == "not_due"
    assert isinstance(await _step(by_people, "start", placement, RUNNING), Done)
    assert await _actor(by_people, "started") == "jana"
    (row,) = await by_people.rows("SELECT started_on FROM placement")
    assert row["started_on"] == date(2026, 3, 2)


async def test_complete_by_policy(by_policy: World) -> None:
    placement = await _confirmed(by_policy)
    await by_policy.timers.start(RUNNING)
    await by_policy.must(PROVIDER, completed(), OVER)
    assert await by_policy.state(placement) == "completed"


async def test_complete_by_hand(by_people: World) -> None:
    placement = await _confirmed(by_people)
    await _step(by_people, "start", placement, RUNNING)
    assert refusal(await _step(by_people, "complete", placement, OVER)) == "not_due"
    await by_people.must(PROVIDER, completed(), OVER)
    assert await by_people.state(placement) == "started"
    assert isinstance(await _step(by_people, "complete", placement, OVER), Done)
    assert await by_people.state(placement) == "completed"
    assert await _actor(by_people, "completed") == "jana"
    (row,) = await by_people.rows("SELECT status FROM participant")
    assert row["status"] == "completed"
    (row,) = await by_people.rows("SELECT ended_on FROM placement")
    assert row["ended_on"] == date(2026, 7, 1)
    assert refusal(await _step(by_people, "complete", placement, OVER)) == "placement_over"
    await by_people.check()


async def test_what_was_left_is_completed_once_it_is_automatic(by_people: World) -> None:
    placement = await _confirmed(by_people)
    await _step(by_people, "start", placement, RUNNING)
    await by_people.must(PROVIDER, completed(), OVER)
    assert await by_people.timers.complete(OVER) == 0
    switched = world_of(by_people.database, by_people.pool, by_people.prefix, steps=ALL)
    assert await switched.timers.complete(OVER) == 1
    assert await switched.timers.complete(OVER) == 0
    assert await _actor(switched, "completed") == "timer"
    (row,) = await by_people.rows("SELECT status FROM participant")
    assert row["status"] == "completed"
    await switched.check()


async def test_who_only_held_a_seat_gives_it_up_when_the_course_closes(by_people: World) -> None:
    placement = await by_people.reserved()
    await by_people.must(PROVIDER, completed(), OVER)
    assert await by_people.state(placement) == "released"
    await by_people.check()


async def test_in_person_the_seat_is_held_for_three_days(by_people: World) -> None:
    (placement,) = await by_people.propose("p1")
    async with transaction(by_people.pool) as conn:
        await by_people.placements.approve_proposal(conn, DecidedBy("jana", NOW), placement, present=True)
    (row,) = await by_people.rows("SELECT expires_at FROM placement")
    assert row["expires_at"] == NOW + IN_PERSON < NOW + RESERVED_FOR
    (row,) = await by_people.rows("SELECT reason FROM placement_step WHERE to_state = 'reserved'")
    assert row["reason"] == "approved_in_person"


async def _confirmed(world: World) -> UUID:
    (placement,) = await world.propose("p1")
    if await world.state(placement) == "proposed":
        await world.release(placement)
    await world.must(OFFICE, accepted(placement))
    await world.must(PROVIDER, confirmed(placement))
    return placement


async def test_answers_noted_by_hand(by_people: World) -> None:
    """Accept, confirm, refuse; declined; each under the name of who noted it."""
    placement = await by_people.reserved()
    for step, state in (("accept", "accepted"), ("confirm", "confirmed"), ("refuse", "refused")):
        assert isinstance(await _step(by_people, step, placement, NOW), Done)
        assert (await by_people.state(placement), await _actor(by_people, state)) == (state, "jana")
    assert refusal(await _step(by_people, "accept", placement, NOW)) == "placement_over"
    other = await by_people.reserved()
    assert isinstance(await _step(by_people, "decline", other, NOW), Done)
    assert await by_people.taken() == [0, 0, 0]
    assert "seat_freed_declined" in await by_people.reruns()
    await by_people.check()


async def test_accepted_places_are_confirmed_by_policy(by_people: World) -> None:
    """By the office's event, by a word noted at the console, and what had been accepted before."""
    first = await by_people.reserved()
    await by_people.must(OFFICE, accepted(first))
    switched = _switched(by_people, "confirm")
    assert await switched.timers.advance(NOW) == 1
    assert await switched.timers.advance(NOW) == 0
    assert (await switched.state(first), await _actor(switched, "confirmed")) == ("confirmed", "policy")
    await switched.must(OFFICE, registered("p2"))
    second = await switched.reserved("p2")
    await switched.must(OFFICE, accepted(second, "p2"))
    assert await switched.state(second) == "confirmed"
    await switched.must(PROVIDER, refused(second, person("p2")))  # the provider still has its say
    third = await switched.reserved("p2", "k1", AFTER)
    assert isinstance(await _step(switched, "accept", third, AFTER), Done)
    assert await switched.state(third) == "confirmed"
    kinds = [kind for kind, data, _ in await switched.told() if data["placement"] == str(second)]
    assert kinds == [
        "place-proposed", "place-reserved", "placement-advanced", "enrolment-confirmed", "enrolment-ended",
    ]  # fmt: skip
    await switched.check()


async def test_proposals_are_sent_by_policy(by_people: World) -> None:
    """Those for courses of BAMF's go on its list; others are released, if that is automatic, too."""
    await by_people.must(PROVIDER, announced("k9", course_type="municipal"))
    await by_people.must(OFFICE, registered("p2"))
    before = await by_people.propose("p1")
    switched = _switched(by_people, "send", "release")
    assert await switched.timers.advance(NOW) == 1
    (sent,) = before
    assert await switched.state(sent) == "sent_to_authority"
    (other,) = await switched.propose("p2", own="k9")
    assert await switched.state(other) == "reserved"
    await switched.must(OFFICE, assigned())
    assert await switched.state(sent) == "accepted"
    await switched.check()


async def test_what_stands_is_released_once_that_is_automatic(by_people: World) -> None:
    (placement,) = await by_people.propose("p1")
    switched = _switched(by_people, "release")
    assert await switched.timers.advance(NOW) == 1
    assert (await switched.state(placement), await _actor(switched, "reserved")) == ("reserved", "policy")


async def test_what_bamf_never_answered_ends_with_the_start(by_people: World) -> None:
    """Else the person would neither be placed nor steered; where expiring is by hand, people say so."""
    (placement,) = await by_people.propose("p1")
    async with transaction(by_people.pool) as conn:
        await by_people.placements.send_to_authority(conn, DecidedBy("jana", NOW), placement)
    assert await by_people.timers.advance(RUNNING) == 0
    switched = _switched(by_people, "expire")
    assert await switched.timers.advance(NOW) == 0
    assert await switched.timers.advance(RUNNING) == 1
    assert await switched.state(placement) == "superseded"
    assert "proposal_taken_back" in await switched.reruns()


async def test_bamf_has_its_days_also_for_a_section_that_runs_already(by_people: World) -> None:
    (placement,) = await by_people.propose("p1")
    switched = _switched(by_people, "expire")
    async with transaction(by_people.pool) as conn:
        await switched.placements.send_to_authority(conn, DecidedBy("jana", RUNNING), placement)
    assert await switched.timers.advance(RUNNING) == 0
    assert await switched.timers.advance(RUNNING + timedelta(days=9)) == 0
    assert await switched.state(placement) == "sent_to_authority"
    assert await switched.timers.advance(RUNNING + timedelta(days=11)) == 1


def _switched(world: World, *steps: str) -> World:
    """The same Kreis once its policy has made steps automatic."""
    switched = world_of(world.database, world.pool, world.prefix, steps=frozenset(steps))
    switched.publishers = world.publishers
    return switched
