"""A placement on which a timer fails stops no other and is not tried for ever."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.allocation.acts import by_policy
from services.allocation.placements import domain, running
from services.runtime.bookkeeping import work
from services.runtime.data.db import acquire
from tests.allocation.builders import NOW, OFFICE, PROVIDER, accepted, announced, completed, registered
from tests.allocation.world import World, world_of
from tests.integration.allocation.acts.test_expiry import LATER, _all_heard


class FaultError(Exception):
    """What our code might raise on one row."""


def breaks(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, broken: set[UUID]) -> None:  # noqa: ANN401
    real = getattr(owner, name)

    def instead(*args: Any) -> Any:  # noqa: ANN401
        if any(isinstance(one, domain.Placement) and one.placement in broken for one in args):
            raise FaultError
        return real(*args)

    monkeypatch.setattr(owner, name, instead)


async def failing(world: World) -> list[tuple[str, str, int, bool]]:
    async with acquire(world.pool) as conn:
        rows = await work.list_failing(conn)
    return [(row["task"], row["item"], row["attempts"], row["aside"]) for row in rows]


async def states(world: World, *placements: UUID) -> list[str]:
    return [await world.state(placement) for placement in placements]


async def _many(world: World) -> None:
    await world.must(PROVIDER, announced(capacity=5))
    for reference in ("p1", "p2", "p3"):
        await world.must(OFFICE, registered(reference))


async def test_a_reservation_that_cannot_expire_lets_the_others_expire(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _many(world)
    one, two, three = [await world.reserved(reference) for reference in ("p1", "p2", "p3")]
    await _all_heard(world)
    broken = {two}
    breaks(monkeypatch, domain, "expire", broken)

    assert await world.timers.expire(LATER) == 2
    assert await states(world, one, two, three) == ["expired", "reserved", "expired"]
    assert await failing(world) == [("expire", str(two), 1, False)]
    assert await world.timers.expire(LATER) == 0  # no hot loop
    assert await failing(world) == [("expire", str(two), 1, False)]
    await world.check()

    await world.rows("UPDATE runtime.work_failure SET attempts = $1", work.ATTEMPTS - 1)
    await world.rows("UPDATE runtime.work_failure SET not_before = clock_timestamp()")
    assert await world.timers.expire(LATER) == 0
    assert await failing(world) == [("expire", str(two), work.ATTEMPTS, True)]
    broken.clear()
    assert await world.timers.expire(LATER) == 0  # set aside
    async with acquire(world.pool) as conn:
        assert await work.release(conn, "expire", None) == 1
    assert await world.timers.expire(LATER) == 1
    assert await failing(world) == []


async def test_a_place_that_cannot_start_lets_the_others_start(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _many(world)
    one, two, three = [await world.enrolled(reference) for reference in ("p1", "p2", "p3")]
    broken = {two}
    breaks(monkeypatch, running, "start", broken)
    begun = NOW + timedelta(days=40)

    assert await world.timers.start(begun) == 2
    assert await states(world, one, two, three) == ["started", "confirmed", "started"]
    assert await world.timers.start(begun) == 0
    assert await failing(world) == [("start", str(two), 1, False)]

    broken.clear()
    await world.rows("UPDATE course SET version = version + 1")  # its inputs changed
    assert await world.timers.start(begun) == 1
    assert await failing(world) == []


def with_steps(world: World, *steps: str) -> World:
    """The same Kreis with only these steps automatic."""
    switched = world_of(world.database, world.pool, world.prefix, steps=frozenset(steps))
    switched.publishers = world.publishers
    return switched


async def again(world: World) -> None:
    """Let the pauses of those that are tried again be over."""
    await world.rows("UPDATE runtime.work_failure SET not_before = clock_timestamp()")


async def test_somebody_who_cannot_be_completed_lets_the_others_be(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _many(world)
    one, two, three = [await world.enrolled(reference) for reference in ("p1", "p2", "p3")]
    begun, over = NOW + timedelta(days=40), NOW + timedelta(days=160)
    assert await world.timers.start(begun) == 3
    await with_steps(world).must(PROVIDER, completed(), over)
    broken = {two}
    breaks(monkeypatch, running, "finish_course", broken)
    timers = with_steps(world, "complete").timers

    assert await timers.complete(over) == 2
    assert await states(world, one, two, three) == ["completed", "started", "completed"]
    assert await failing(world) == [("complete", str(two), 1, False)]
    assert await timers.complete(over) == 0  # no hot loop
    assert await failing(world) == [("complete", str(two), 1, False)]
    await again(world)
    assert await timers.complete(over) == 0
    assert await failing(world) == [("complete", str(two), 2, False)]
    broken.clear()
    await again(world)
    assert await timers.complete(over) == 1
    assert await failing(world) == []


async def test_a_place_that_cannot_go_on_by_itself_lets_the_others_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _many(world)
    one, two, three = [await world.reserved(reference) for reference in ("p1", "p2", "p3")]
    for reference, placement in (("p1", one), ("p2", two), ("p3", three)):
        await with_steps(world).must(OFFICE, accepted(placement, reference))
    broken = {two}
    breaks(monkeypatch, by_policy, "advance", broken)
    timers = with_steps(world, "confirm").timers

    assert await timers.advance(NOW) == 2
    assert await states(world, one, two, three) == ["confirmed", "accepted", "confirmed"]
    assert await failing(world) == [("advance", str(two), 1, False)]
    assert await timers.advance(NOW) == 0  # no hot loop
    assert await failing(world) == [("advance", str(two), 1, False)]
    broken.clear()
    await again(world)
    assert await timers.advance(NOW) == 1
    assert await failing(world) == []
    await world.check()
