"""What makes a region be steered again: at once for freed seats and near starts, else at the hour."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from schemas.gateway import PublisherProgressed
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
    cancelled,
    declined,
    left,
    levelled,
    person,
    refused,
    registered,
    withdrawn,
)
from tests.allocation.world import World

SOON = NOW + timedelta(days=20)
"""Nine days before the start."""
Work = Callable[[World], Awaitable[object]]


async def _expires(world: World) -> None:
    await world.reserved()
    until = NOW + timedelta(days=30)
    said = [PublisherProgressed(publisher=slug, until=until, offsets={"0": 0}) for slug in (PROVIDER, OFFICE)]
    async with transaction(world.pool) as conn:
        await progress.write(conn, said)
    await _quiet(world)
    assert await world.timers.expire(NOW + timedelta(days=11)) == 1


async def _declines(world: World) -> None:
    placement = await world.reserved()
    await _quiet(world)
    await world.must(OFFICE, declined(placement))


async def _is_refused(world: World) -> None:
    placement = await world.reserved()
    await _quiet(world)
    await world.must(PROVIDER, refused(placement))


async def _leaves(world: World) -> None:
    await world.enrolled()
    await world.timers.start(NOW + timedelta(days=40))
    await _quiet(world)
    await world.must(PROVIDER, left())


async def _is_withdrawn(world: World) -> None:
    await world.reserved()
    await _quiet(world)
    await world.must(OFFICE, withdrawn())


async def _gives_back(world: World) -> None:
    placement = await world.reserved()
    await _quiet(world)
    async with transaction(world.pool) as conn:
        await world.placements.give_up(conn, DecidedBy("jana", NOW, "moves to another town"), placement)


async def _is_cancelled(world: World) -> None:
    await world.reserved()
    await _quiet(world)
    await world.must(PROVIDER, cancelled())


async def _is_assigned_elsewhere(world: World) -> None:
    await world.must(PROVIDER, announced("k2"))
    await world.reserved()
    await _quiet(world)
    await world.must(OFFICE, assigned(own="k2"))


def _has_more_seats(days: int) -> Work:
    async def work(world: World) -> None:
        await world.must(PROVIDER, announced(capacity=9), NOW + timedelta(days=days))

    return work


def _has_fewer_seats(days: int) -> Work:
    async def work(world: World) -> None:
        await world.must(PROVIDER, announced(capacity=1), NOW + timedelta(days=days))

    return work


async def _registers_late(world: World) -> None:
    await world.must(OFFICE, registered("p9"), SOON)


async def _is_tested(world: World) -> None:
    await world.must(OFFICE, levelled(), SOON)


async def _proposal_taken_back_soon(world: World) -> None:
    (placement,) = await world.propose("p1", now=SOON)
    await _quiet(world)
    async with transaction(world.pool) as conn:
        await world.placements.withdraw_proposal(
            conn, DecidedBy("jana", SOON, "the way is too far"), placement
        )


async def _quiet(world: World) -> None:
    await world.rows("DELETE FROM steering_request")


@pytest.mark.parametrize(
    ("work", "reason", "urgent"),
    [
        (_expires, "seat_freed_expired", True),
        (_declines, "seat_freed_declined", True),
        (_is_refused, "seat_freed_refused", True),
        (_leaves, "seat_freed_left", True),
        (_is_withdrawn, "seat_freed_released", True),
        (_gives_back, "seat_freed_released", True),
        (_is_cancelled, "course_cancelled", True),
        (_is_assigned_elsewhere, "seat_freed_released", True),
        (_has_more_seats(20), "course_changed", True),
        (_has_more_seats(0), "course_changed", False),
        (_has_fewer_seats(20), "course_changed", False),
        (_registers_late, "participant_registered", False),
        (_is_tested, "participant_tested", False),
        (_proposal_taken_back_soon, "proposal_taken_back", True),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else None,
)
async def test_it_is_steered_again(world: World, work: Work, reason: str, urgent: bool) -> None:
    await world.must(PROVIDER, announced())
    await world.must(OFFICE, registered())
    await _quiet(world)
    await work(world)
    (row,) = await world.rows("SELECT reasons, waiting_since, urgent_since FROM steering_request")
    assert reason in row["reasons"]
    assert (row["urgent_since"] is not None) == urgent
    await world.check()


async def test_what_frees_nothing_asks_for_nothing(world: World) -> None:
    await world.must(PROVIDER, announced())
    await world.must(OFFICE, registered())
    (placement,) = await world.propose("p1")
    await _quiet(world)
    await world.release(placement)
    await world.must(OFFICE, accepted(placement))
    async with transaction(world.pool) as conn:
        await world.placements.send_to_authority(conn, DecidedBy("jana", NOW), person())
    assert await world.rows("SELECT FROM steering_request") == []


async def test_fifty_changes_are_one_request(world: World) -> None:
    await world.must(PROVIDER, announced(capacity=60))
    await world.judged(*(world.event(OFFICE, registered(f"p{n}")) for n in range(50)))
    placements = [await world.reserved(f"p{n}") for n in range(50)]
    await _quiet(world)
    for number, placement in enumerate(placements):
        await world.must(OFFICE, declined(placement, f"p{number}"), NOW + timedelta(minutes=number))
    (row,) = await world.rows("SELECT * FROM steering_request")
    assert (row["generation"], row["done_generation"], row["urgent_last"]) == (50, 0, 50)
    assert row["waiting_since"] == row["urgent_since"] == NOW  # the first one's time decides when
    assert row["reasons"] == ["seat_freed_declined"]
