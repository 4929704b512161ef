"""Work that fails is tried again after pauses that grow, and holds up no other work."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from services.notifications import work_queue
from services.runtime.base import timers
from services.runtime.base.clock import SystemClock
from services.runtime.base.metrics import timer_metrics

LOST, MISTAKE = asyncpg.ConnectionDoesNotExistError, KeyError
Drive = Callable[[Callable[[], Awaitable[int]], asyncio.Event], Awaitable[None]]


async def by_timer(run: Callable[[], Awaitable[int]], stop: asyncio.Event) -> None:
    async def round_(_now: datetime) -> int:
        return await run()

    timer = timers.Timer("probe", 0.0, round_)
    await timers.run_timer(timer, SystemClock(), timer_metrics(CollectorRegistry(), ["probe"]), stop)


async def by_worker(run: Callable[[], Awaitable[int]], stop: asyncio.Event) -> None:
    working = asyncio.create_task(work_queue.run_worker("probe", run, asyncio.Event()))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({working, stopped}, return_when="FIRST_COMPLETED")
    stopped.cancel()
    if not working.done():
        working.cancel()
        return
    await working


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float]]:
    """Attempt and longest pause of each wait; nobody waits for real."""
    found: list[tuple[int, float]] = []

    def at_once(attempt: int, *, cap: float) -> float:
        found.append((attempt, cap))
        return 0.0

    monkeypatch.setattr(timers, "jittered", at_once)
    monkeypatch.setattr(work_queue, "jittered", at_once)
    return found


@pytest.mark.parametrize("drive", [by_timer, by_worker])
@pytest.mark.parametrize(("error", "cap"), [(LOST, 5.0), (MISTAKE, timers.LONGEST_PAUSE)])
async def test_pauses_grow_until_it_succeeds_and_then_begin_anew(
    drive: Drive, error: type[Exception], cap: float, pauses: list[tuple[int, float]]
) -> None:
    outcomes, stop = [error, error, error, None, error, None], asyncio.Event()

    async def run() -> int:
        if not outcomes:
            stop.set()
            return 0
        failure = outcomes.pop(0)
        if failure is not None:
            raise failure
        return 1

    await asyncio.wait_for(drive(run, stop), 10)
    assert pauses == [(1, cap), (2, cap), (3, cap), (1, cap)]


@pytest.mark.parametrize("drive", [by_timer, by_worker])
async def test_what_no_row_can_bring_about_ends_it(drive: Drive, pauses: list[tuple[int, float]]) -> None:
    async def run() -> int:
        raise asyncpg.UndefinedColumnError

    with pytest.raises(asyncpg.UndefinedColumnError):
        await asyncio.wait_for(drive(run, asyncio.Event()), 10)
    assert pauses == []


@pytest.mark.parametrize("drive", [by_timer, by_worker])
async def test_one_that_pauses_holds_up_no_other(drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    pausing, stop, rounds = asyncio.Event(), asyncio.Event(), 0

    def for_long(*_: object, **__: object) -> float:
        pausing.set()
        return 3600.0

    monkeypatch.setattr(timers, "jittered", for_long)
    monkeypatch.setattr(work_queue, "jittered", for_long)

    async def fails() -> int:
        raise MISTAKE

    async def succeeds() -> int:
        nonlocal rounds
        await asyncio.sleep(0)
        rounds += pausing.is_set()
        if rounds == 5:
            stop.set()
        return 1

    await asyncio.wait_for(asyncio.gather(drive(fails, stop), drive(succeeds, stop)), 10)
    assert rounds >= 5
