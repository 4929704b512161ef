"""Transactions that overlap: nothing is written on a consent just revoked, no enrolment is overlooked."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from schemas.support import ConsentGranted, ConsentRevoked
from services.runtime.data.db import transaction
from services.runtime.events.subscription import Incoming
from tests.notifications.locks import advisory_lock_awaited
from tests.notifications.world import DESK, MBE, PROVIDER, TODAY, World, attendance, enrolment
from tests.waiting import wait_until

PURPOSES = ("dropout_support", "enrolment_notice")


@asynccontextmanager
async def undecided(world: World, handler: Any, events: Sequence[Incoming]) -> AsyncIterator[None]:  # noqa: ANN401
    """Have a handler done with its batch, and its transaction open until the block ends."""
    async with transaction(world.worker) as conn:
        await handler(conn, events, world.now)
        yield


async def somebody_waits(world: World) -> None:
    await wait_until(lambda: advisory_lock_awaited(world), what="somebody waits at the gate")


def revocation(world: World) -> Incoming:
    return world.incoming(DESK, ConsentRevoked(reference="a-1", revoked_on=TODAY))


async def test_a_revocation_waits_for_attendance_under_way_and_erases_it(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.consent("a-1", *PURPOSES)
    mark = world.incoming(PROVIDER, attendance("k-1", TODAY, {person: "U"}))
    async with undecided(world, world.read_support, [mark]):
        revoking = asyncio.create_task(world.read(revocation(world)))
        await somebody_waits(world)
    await revoking
    assert await world.value("SELECT count(*) FROM attendance") == 0


async def test_attendance_waits_for_a_revocation_under_way_and_keeps_nothing(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.consent("a-1", *PURPOSES)
    async with undecided(world, world.read_support, [revocation(world)]):
        recording = asyncio.create_task(world.attend("k-1", TODAY, {person: "U"}))
        await somebody_waits(world)
    await recording
    assert await world.value("SELECT count(*) FROM attendance") == 0


async def test_no_alert_is_raised_on_a_consent_being_revoked(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.consent("a-1", *PURPOSES)
    await world.enrol(person)
    async with undecided(world, world.read_support, [revocation(world)]):
        reconciling = asyncio.create_task(world.reconciler.drain(world.now))
        await somebody_waits(world)
    await reconciling
    await world.settle()
    assert await world.value("SELECT count(*) FROM alert") == 0


async def test_consent_and_enrolment_that_do_not_see_each_other_still_make_one_alert(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.settle()
    granted = ConsentGranted(reference="a-1", office=MBE, purposes=PURPOSES, given_on=TODAY)
    async with undecided(world, world.read_support, [world.incoming(DESK, granted)]):
        enrolling = asyncio.create_task(world.read(world.incoming(None, enrolment(person))))
        # What is not committed is nobody's yet.
        assert await asyncio.create_task(world.reconciler.drain(world.now)) == 0
    await enrolling
    await world.settle()
    assert await world.value("SELECT count(*) FROM alert") == 1


async def test_many_at_once_leave_one_alert_and_one_delivery(world: World) -> None:
    await world.announce()
    person = await world.register("a-1")
    await world.consent("a-1", *PURPOSES)
    await world.enrol(person)
    await asyncio.gather(
        *(world.settle() for _ in range(4)), *(world.enrol(person, version=n) for n in (4, 5))
    )
    await world.settle()
    assert await world.value("SELECT count(*) FROM alert") == 1
    assert await world.value("SELECT count(*) FROM delivery") == 1
