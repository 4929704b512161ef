"""The worker process: it gives the same bytes, can be killed at any time, and never outlives its service."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from math import inf

import psutil
import pytest

from services.allocation.steering.matching import match as matching
from services.allocation.steering.matching import snapshot
from services.allocation.steering.runs.worker import Worker, solve, workers
from services.runtime.base.subprocesses import ProcessDiedError
from tests.unit.allocation.regions.crowded import a_crowded_region
from tests.unit.allocation.regions.region import a_region
from tests.waiting import wait_until

RAW = snapshot.encode(a_region(1, 120, 12))
LARGE = snapshot.encode(a_region(2, 4000, 300))


def children() -> list[psutil.Process]:
    return [
        process
        for process in psutil.Process().children(recursive=True)
        if "services.allocation.steering.runs.worker" in process.cmdline()
    ]


async def test_the_process_answers_what_the_function_does() -> None:
    here = solve(RAW)
    async with workers(2) as pool:
        there = await asyncio.gather(*(pool.solve(RAW) for _ in range(6)))
    for answer in there:
        assert answer.result == here.result
        assert answer.explanations == here.explanations
        assert answer.entries == here.entries
    assert children() == []


async def test_too_late_is_killed_and_the_next_one_works() -> None:
    worker = Worker()
    try:
        with pytest.raises(TimeoutError):
            await worker.solve(LARGE, 0.05)
        assert children() == []
        assert (await worker.solve(RAW, 60)).result == solve(RAW).result
    finally:
        await worker.stop()


async def test_cancelled_is_killed() -> None:
    worker = Worker()
    task = asyncio.create_task(worker.solve(LARGE, 60))
    await wait_until(children)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert children() == []


async def test_a_killed_worker_is_told_and_replaced() -> None:
    worker = Worker()
    await worker.start()
    task = asyncio.create_task(worker.solve(LARGE, 60))
    await asyncio.sleep(0)
    for process in children():
        process.kill()
    with pytest.raises(ProcessDiedError):
        await task
    assert (await worker.solve(RAW, 60)).result == solve(RAW).result
    await worker.stop()


async def test_it_has_no_secret_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KURSLOTSE_DB_WORKER", "postgresql://somebody:secret@nowhere/db")
    async with workers(1):
        (process,) = children()
        assert not [name for name in process.environ() if name.startswith("KURSLOTSE")]


PARENT = """
import asyncio
from services.allocation.steering.runs.worker import Worker
async def main():
    worker = Worker()
    await worker.start()
    print(worker.pid, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


async def test_it_ends_when_its_service_is_killed() -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": "."}
    )
    assert parent.stdout is not None
    process = psutil.Process(int(await parent.stdout.readline()))
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    gone, _alive = await asyncio.to_thread(psutil.wait_procs, [process], 10)
    assert gone


def test_an_answer_cut_by_the_clock_says_so_and_holds_all_the_same() -> None:
    seen = a_crowded_region(4, 200, 40)
    cut, whole = (matching.decode(solve(snapshot.encode(seen), seconds).result) for seconds in (0.0, inf))
    assert (cut.cut, cut.status) == ("clock", "limit")
    assert cut.gap > 0
    values = [[tier.value for tier in result.tiers] for result in (cut, whole)]
    assert values[0] <= values[1]
    assert all(tier.bound >= tier.value for tier in cut.tiers)
