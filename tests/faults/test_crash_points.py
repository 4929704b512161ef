"""Tests crashes at every point of the loop, in every way, and that mutants do not survive them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import asyncpg
import pytest

from schemas.envelope import Event
from tests.faults import mutants
from tests.faults.invariants import BrokenError, check, redelivery_changes_nothing, settled
from tests.stand import Patch, Stand, announcement, completed, event
from tests.waiting import wait_until

POINTS = ("before_transaction", "after_inbox", "before_commit", "after_commit")


class KilledError(BaseException):
    """The process is gone at this point."""


async def killed(_stand: Stand) -> None:
    raise KilledError


async def unlisted(_stand: Stand) -> None:
    raise asyncpg.InternalServerError("an error of the database that nobody has listed")


async def failing(_stand: Stand) -> None:
    raise RuntimeError("code that fails on a record, or did once")


async def in_doubt(_stand: Stand) -> None:
    raise ConnectionResetError("the answer was lost")


async def backend_gone(stand: Stand) -> None:
    """Take the connection away under the loop; what it does next fails."""
    await stand.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name LIKE '%allocation.in'"
    )


Way = Callable[[Stand], Awaitable[None]]


@dataclass
class Crash:
    """Happens once, when a point is reached for the n-th time."""

    stand: Stand
    point: str
    way: Way
    time: int
    armed: bool = True
    times: int = 0
    happened: asyncio.Event = field(default_factory=asyncio.Event)

    async def reach(self, point: str) -> None:
        if point == self.point and self.armed:
            self.times += 1
            if self.times == self.time:
                self.happened.set()
                await self.way(self.stand)


def course_events() -> list[Event]:
    """Two courses, out of order here and there, and a duplicate."""
    first = [announcement("a"), completed("b", 1), *(completed("a", n) for n in range(2, 8))]
    second = [announcement("b"), *(completed("b", n) for n in range(20, 28)), completed("a", 30)]
    events = [event(payload) for payload in (*first, *second)]
    return [*events, events[3]]


async def survive(stand: Stand, crash: Crash, said: list[Event]) -> None:
    """Run until the crash, and again as a new process if it stopped this one; then check."""
    stand.with_loop(max_records=4)
    await stand.say(*said)
    async with stand.consuming(mutants.crashing(crash.reach)) as consumers:
        await asyncio.wait_for(crash.happened.wait(), 20.0)
        await wait_until(lambda: _stopped_or_done(stand, len(said)))
        del consumers
    stand.failures.clear()
    async with stand.consuming() as consumers:
        await stand.read_up_to(len(said))
        await settled(consumers)
    await check(stand, said)
    await redelivery_changes_nothing(stand, len(said))


@pytest.mark.parametrize(
    ("way", "time"),
    [(killed, 1), (unlisted, 2), (failing, 2), (in_doubt, 2), (backend_gone, 1)],
    ids=["killed", "unlisted", "failing", "in_doubt", "backend_gone"],
)
@pytest.mark.parametrize("point", POINTS)
async def test_nothing_is_lost_and_nothing_happens_twice(
    stand: Stand, point: str, way: Way, time: int
) -> None:
    await survive(stand, Crash(stand, point, way, time), course_events())


async def swallowed(stand: Stand, crash: Crash, said: list[Event], *mutant: Patch) -> None:
    """An unlisted exception after the inbox, swallowed as FastStream does; then the next batch."""
    stand.with_loop(max_records=4)
    await stand.say(*said[:4])
    async with stand.consuming(mutants.SWALLOWING, mutants.crashing(crash.reach), *mutant) as consumers:
        await stand.read_up_to(4)
        crash.armed = True
        await stand.say(*said[4:8])
        await asyncio.wait_for(crash.happened.wait(), 20.0)
        await stand.say(*said[8:])
        await settled(consumers)
    stand.failures.clear()
    await check(stand, said)


async def test_a_swallowed_exception_does_not_lose_its_batch(stand: Stand) -> None:
    crash = Crash(stand, "after_inbox", unlisted, 1, armed=False)
    await swallowed(stand, crash, course_events()[:-1])


async def test_the_mutant_without_contiguity_guard_is_killed(stand: Stand) -> None:
    crash = Crash(stand, "after_inbox", unlisted, 1, armed=False)
    with pytest.raises(BrokenError, match=r"I1: . of .. accepted events are lost"):
        await swallowed(stand, crash, course_events()[:-1], mutants.WITHOUT_CONTIGUITY)


async def repeated(stand: Stand, *mutant: Patch) -> None:
    """The same event twice, in one poll and in two."""
    said = [event(payload) for payload in (announcement("a"), *(completed("a", n) for n in range(10)))]
    await stand.say(*said, said[1])
    async with stand.consuming(*mutant) as consumers:
        await stand.read_up_to(len(said) + 1)
        await stand.say(said[0], said[9])
        await stand.read_up_to(len(said) + 3)
        await settled(consumers)
    await check(stand, said)


async def test_what_is_said_again_has_no_second_effect(stand: Stand) -> None:
    await repeated(stand)


async def test_the_mutant_without_inbox_is_killed(stand: Stand) -> None:
    with pytest.raises(BrokenError, match=r"I1: . events had their effect twice"):
        await repeated(stand, mutants.WITHOUT_INBOX)


async def acknowledged_first(stand: Stand, crash: Crash, *patches: Patch) -> None:
    """One batch fails after its inbox rows; what follows must not carry its offset away."""
    said = course_events()[:-1]
    stand.with_loop(max_records=4)
    await stand.say(*said[:12])
    async with stand.consuming(mutants.crashing(crash.reach), *patches) as consumers:
        await asyncio.wait_for(crash.happened.wait(), 20.0)
        await stand.say(*said[12:])
        await settled(consumers)
    stand.failures.clear()
    async with stand.consuming(mutants.crashing(crash.reach), *patches) as consumers:
        await settled(consumers)
    await check(stand, said)


async def test_the_offset_moves_with_the_effect(stand: Stand) -> None:
    crash = Crash(stand, "after_inbox", unlisted, 1)
    await acknowledged_first(stand, crash, mutants.SWALLOWING)


async def test_the_mutant_that_acknowledges_whatever_happened_is_killed(stand: Stand) -> None:
    crash = Crash(stand, "after_inbox", unlisted, 1)
    with pytest.raises(BrokenError, match=r"I1: . of .. accepted events are lost"):
        await acknowledged_first(stand, crash, *mutants.ACKNOWLEDGING_FIRST)


async def test_stored_offsets_only_go_forward_through_crashes(stand: Stand) -> None:
    """I10, sampled while batches fail and are tried again."""
    said = course_events()
    stand.with_loop(max_records=2)
    seen: list[int] = []
    calls = 0

    async def stumble(point: str) -> None:
        nonlocal calls
        if point == "before_commit":
            calls += 1
            if calls % 3 == 0:
                raise ConnectionResetError

    await stand.say(*said)
    async with stand.consuming(mutants.crashing(stumble)):

        async def sampled() -> bool:
            at = await stand.value(
                "SELECT next_offset FROM runtime.stored_offset WHERE topic = $1", stand.in_topic()
            )
            seen.append(at or 0)
            return bool(seen[-1] >= len(said))

        await wait_until(sampled, 30.0)
    assert seen == sorted(seen)
    assert calls > 3
    await check(stand, said)


async def _stopped_or_done(stand: Stand, end: int) -> bool:
    if stand.failures:
        return True
    try:
        at = await stand.value(
            "SELECT next_offset FROM runtime.stored_offset WHERE topic = $1", stand.in_topic()
        )
    except asyncpg.PostgresError:
        return False
    return bool(at is not None and at >= end)
