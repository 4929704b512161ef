"""Proposals that go to BAMF: sent, agreed to, refused with a reason; an assignment overrides ours."""

from datetime import timedelta
from uuid import UUID

import pytest

from services.allocation.acts.placements import Done
from services.allocation.placements.results import DecidedBy
from services.runtime.data.db import transaction
from services.runtime.events.subscription import Problem, Rejected
from tests.allocation.builders import (
    NOW,
    OFFICE,
    OTHER_PROVIDER,
    PROVIDER,
    announced,
    assigned,
    course,
    person,
    registered,
)
from tests.allocation.world import World, refusal

WHY = "BAMF asks for a literacy course"


async def _ready(world: World, capacity: int = 2) -> None:
    for own in ("k1", "k2"):
        await world.must(PROVIDER, announced(own, capacity=capacity))
    await world.must(OTHER_PROVIDER, announced("o1"))
    await world.must(OFFICE, registered())


async def _sent(world: World, own: str = "k1") -> UUID:
    (placement,) = await world.propose("p1", own=own)
    async with transaction(world.pool) as conn:
        outcome = await world.placements.send_to_authority(conn, DecidedBy("jana", NOW), placement)
    assert isinstance(outcome, Done), outcome
    return placement


async def _live(world: World) -> list[tuple[str, str, int, tuple[int, ...]]]:
    rows = await world.rows(
        """
        SELECT c.own_course, p.state, p.entry_section, p.seats
        FROM placement p JOIN course c USING (course)
        WHERE p.state IN ('proposed', 'sent_to_authority', 'reserved', 'accepted', 'confirmed')
        """
    )
    return [(r["own_course"], r["state"], r["entry_section"], tuple(r["seats"])) for r in rows]


async def test_a_refusal_takes_the_proposal_back_with_its_reason(world: World) -> None:
    await _ready(world)
    placement = await _sent(world)
    async with transaction(world.pool) as conn:
        outcome = await world.placements.refused_by_authority(conn, DecidedBy("jana", NOW, WHY), placement)
    assert isinstance(outcome, Done)
    (step,) = await world.rows("SELECT reason, actor, note FROM placement_step WHERE to_state = 'superseded'")
    assert tuple(step) == ("refused_by_authority", "jana", WHY)
    assert "proposal_taken_back" in await world.reruns()
    assert await world.propose("p1") == []  # not the same course once more
    assert len(await world.propose("p1", own="k2")) == 1


async def test_only_what_was_sent_can_be_refused_there(world: World) -> None:
    await _ready(world)
    (placement,) = await world.propose("p1")
    async with transaction(world.pool) as conn:
        outcome = await world.placements.refused_by_authority(conn, DecidedBy("jana", NOW, WHY), placement)
    assert refusal(outcome) == "not_with_authority"


async def test_what_is_sent_is_not_proposed_otherwise(world: World) -> None:
    await _ready(world)
    placement = await _sent(world)
    assert await world.propose("p1", own="k2") == []
    assert await _live(world) == [("k1", "sent_to_authority", 1, ())]
    assert isinstance(await world.release(placement), Done)  # BAMF agrees
    assert await _live(world) == [("k1", "reserved", 1, (1, 2, 3))]


async def test_an_assignment_to_the_same_place_goes_on_with_the_proposal(world: World) -> None:
    await _ready(world)
    placement = await _sent(world)
    await world.must(OFFICE, assigned())
    assert await world.state(placement) == "accepted"
    steps = await world.rows(
        "SELECT to_state, reason, actor FROM placement_step WHERE placement = $1 ORDER BY version", placement
    )
    assert [tuple(step) for step in steps][2:] == [
        ("reserved", "assigned_by_authority", f"office:{OFFICE}"),
        ("accepted", "assigned_by_authority", f"office:{OFFICE}"),
    ]
    assert [kind for kind, _, _ in await world.told()] == [
        "place-proposed",
        "place-reserved",
        "placement-advanced",
    ]
    await world.check()


@pytest.mark.parametrize("how", ["proposed", "sent", "reserved", "accepted"])
async def test_an_assignment_overrides_what_we_had_elsewhere(world: World, how: str) -> None:
    await _ready(world)
    match how:
        case "proposed":
            await world.propose("p1", own="k2")
        case "sent":
            await _sent(world, "k2")
        case _:
            placement = await world.reserved(own="k2")
            if how == "accepted":
                async with transaction(world.pool) as conn:
                    await world.placements.accept(conn, DecidedBy("jana", NOW), placement)
    await world.must(OFFICE, assigned())
    assert await _live(world) == [("k1", "accepted", 1, (1, 2, 3))]
    assert await world.taken("k2") == [0, 0, 0]
    (row,) = await world.rows("SELECT reason FROM placement WHERE course = $1", course("k2"))
    assert row["reason"]["code"] == "assigned_by_authority"
    await world.check()


async def test_an_assignment_to_another_section_of_the_same_course(world: World) -> None:
    """The person's own seat is no obstacle, even in a full course."""
    await _ready(world, capacity=1)
    await world.reserved()
    later = assigned().model_copy(update={"section": 2})
    await world.must(OFFICE, later)
    assert await _live(world) == [("k1", "accepted", 2, (2, 3))]
    assert await world.taken() == [0, 1, 1]
    await world.check()


async def test_an_assignment_needs_a_seat(world: World) -> None:
    await _ready(world, capacity=1)
    await world.must(OFFICE, registered("p2"))
    await world.reserved("p2")
    placement = await world.reserved(own="k2")
    assert await world.say(OFFICE, assigned()) == Rejected(
        Problem("no_seat", field="course", params={"section": 1})
    )
    assert await world.state(placement) == "reserved"  # what the person had stays


async def test_who_sits_in_a_course_is_not_assigned_elsewhere(world: World) -> None:
    await _ready(world)
    await world.enrolled(own="k2")
    assert await world.timers.start(NOW + timedelta(days=40)) == 1
    assert await world.say(OFFICE, assigned()) == Rejected(Problem("already_placed", field="course"))


async def test_an_assignment_ends_a_hold_for_this_place_only(world: World) -> None:
    await _ready(world)
    await world.rows(
        """
        INSERT INTO steering_hold (id, kreis, participant, reason, actor, decided_at)
        VALUES (gen_random_uuid(), '99001', $1, 'waits for an operation', 'jana', $2)
        """,
        person(),
        NOW - timedelta(days=1),
    )
    await world.must(OFFICE, assigned())
    assert await _live(world) == [("k1", "accepted", 1, (1, 2, 3))]
    (row,) = await world.rows("SELECT lifted_at FROM steering_hold")
    assert row["lifted_at"] is None
