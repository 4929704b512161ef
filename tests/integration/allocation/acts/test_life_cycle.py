"""What the chain does where answers, assignments, moves and policies meet it half way."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from schemas.offices import ParticipantChanged
from services.allocation.acts.placements import Done
from services.allocation.placements.results import DecidedBy
from services.runtime.data.db import transaction
from tests.allocation.builders import (
    NOW,
    OFFICE,
    PROVIDER,
    announced,
    assigned,
    course,
    left,
    person,
    registered,
    sections,
    withdrawn,
)
from tests.allocation.world import World

OTHER_KREIS = "99002"


async def _proposed(world: World) -> UUID:
    for own in ("k1", "k2"):
        await world.must(PROVIDER, announced(own))
    await world.must(OFFICE, registered())
    (placement,) = await world.propose("p1")
    await world.rows("DELETE FROM steering_request")
    return placement


async def _requests(world: World) -> dict[str, bool]:
    """Return for each Kreis with open requests whether they are urgent."""
    rows = await world.rows("SELECT kreis, urgent_since FROM steering_request")
    return {row["kreis"]: row["urgent_since"] is not None for row in rows}


async def _works_in(world: World, *kreise: str) -> None:
    await world.rows("UPDATE runtime.publisher SET kreise = $1 WHERE slug = $2", list(kreise), OFFICE)


# A proposal that is gone offers its place to others, whoever took it back.


async def test_a_withdrawn_persons_proposal_is_steered_at_once(world: World) -> None:
    placement = await _proposed(world)
    await world.must(OFFICE, withdrawn())
    assert await world.state(placement) == "superseded"
    assert await _requests(world) == {"99001": True}


async def test_another_place_given_by_hand_frees_the_proposed_one(world: World) -> None:
    placement = await _proposed(world)
    async with transaction(world.pool) as conn:
        done = await world.placements.override(
            conn, DecidedBy("jana", NOW, "closer to the day care"), person(), course("k2"), 1
        )
    assert isinstance(done, Done)
    assert await world.state(placement) == "superseded"
    assert await _requests(world) == {"99001": True}


async def test_an_assignment_elsewhere_frees_the_proposed_place(world: World) -> None:
    await _proposed(world)
    await world.must(OFFICE, assigned(own="k2"))
    assert await _requests(world) == {"99001": True}


async def test_a_section_that_is_not_held_frees_the_proposed_place(world: World) -> None:
    placement = await _proposed(world)
    await world.must(PROVIDER, announced(sections=sections()[1:]))
    assert await world.state(placement) == "superseded"
    assert await _requests(world) == {"99001": True}


async def test_a_runs_own_change_of_mind_asks_for_nothing(world: World) -> None:
    await _proposed(world)
    await world.propose("p1", own="k2")
    assert await _requests(world) == {}


# Somebody who moves to another Kreis.


@pytest.mark.parametrize("how", ["registered", "corrected", "changed"])
async def test_who_moves_to_another_kreis_leaves_no_proposal_behind(world: World, how: str) -> None:
    placement = await _proposed(world)
    await _works_in(world, "99001", OTHER_KREIS)
    said: dict[str, Any] = {"kreis": OTHER_KREIS, "town": "99002001"}
    match how:
        case "registered":
            await world.must(OFFICE, registered(**said))
        case "corrected":
            await world.must(OFFICE, registered(**said), corrects="e0")
        case _:
            await world.must(OFFICE, ParticipantChanged(reference="p1", changed_on=date(2026, 2, 1), **said))
    assert await world.state(placement) == "superseded"
    assert set(await _requests(world)) == {"99001", OTHER_KREIS}


# BAMF assigns.


async def test_an_assignment_goes_before_a_place_that_has_not_begun(world: World) -> None:
    """The provider had confirmed, but nobody has come yet: BAMF's word holds (IntV § 7(3))."""
    for own in ("k1", "k2"):
        await world.must(PROVIDER, announced(own))
    await world.must(OFFICE, registered())
    placement = await world.enrolled(own="k2")
    await world.must(OFFICE, assigned())
    assert await world.state(placement) == "released"
    assert await world.taken("k2") == [0, 0, 0]
    assert await world.taken() == [1, 1, 1]
    (ended,) = [data for kind, data, _ in await world.told() if kind == "enrolment-ended"]
    assert ended["placement"] == str(placement)
    await world.check()


@pytest.mark.parametrize("gone", ["withdrawn", "left"])
async def test_an_assignment_puts_somebody_back_on_the_list(world: World, gone: str) -> None:
    for own in ("k1", "k2"):
        await world.must(PROVIDER, announced(own))
    await world.must(OFFICE, registered())
    if gone == "left":
        await world.enrolled(own="k2")
        await world.must(PROVIDER, left(own="k2"))
    else:
        await world.must(OFFICE, withdrawn())
    await world.must(OFFICE, assigned())
    (row,) = await world.rows("SELECT status, withdrawn_on FROM participant")
    assert (row["status"], row["withdrawn_on"]) == ("active", None)
    await world.check()


# A wrong exit of somebody who had not started.


async def test_a_wrong_exit_before_the_start_is_taken_back(world: World) -> None:
    await world.must(PROVIDER, announced())
    await world.must(OFFICE, registered())
    placement = await world.reserved()
    gone = world.event(PROVIDER, left())
    await world.judged(gone)
    assert await world.state(placement) == "released"
    await world.must(PROVIDER, left(), retracts=gone.event.id)
    assert await world.state(placement) == "reserved"
    assert await world.taken() == [1, 1, 1]
    (row,) = await world.rows("SELECT expires_at FROM placement")
    assert row["expires_at"] is not None
    await world.check()


async def test_a_wrong_exit_is_not_taken_back_into_a_full_course(world: World) -> None:
    await world.must(PROVIDER, announced(capacity=1))
    for reference in ("p1", "p2"):
        await world.must(OFFICE, registered(reference))
    placement = await world.reserved()
    gone = world.event(PROVIDER, left())
    await world.judged(gone)
    await world.reserved("p2")
    verdict = await world.say(PROVIDER, left(), retracts=gone.event.id)
    assert getattr(verdict, "problem", None) is not None
    assert await world.state(placement) == "released"
    assert await world.taken() == [1, 1, 1]


async def test_who_gets_a_place_back_keeps_no_other_proposal(world: World) -> None:
    """Transferred, so proposed elsewhere; then it was wrong: the seat is back, the proposal goes."""
    await _proposed(world)
    await world.rows("UPDATE placement SET state = 'superseded'")
    await world.enrolled()
    gone = world.event(PROVIDER, left(kind="transfer"))
    await world.judged(gone)
    (other,) = await world.propose("p1", own="k2")
    await world.must(PROVIDER, left(kind="transfer"), retracts=gone.event.id)
    assert await world.state(other) == "superseded"
    await world.check()
