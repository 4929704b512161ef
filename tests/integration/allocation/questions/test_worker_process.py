"""The process that answers a question: it is killed when late or cancelled, and it knows no secrets."""

from __future__ import annotations

import asyncio

import psutil
import pytest

from services.allocation.steering.matching import snapshot
from services.allocation.steering.questions import next_course
from services.allocation.steering.questions.worker import Process
from services.runtime.base.subprocesses import ProcessDiedError
from tests.unit.allocation.regions.region import a_region
from tests.waiting import wait_until


def children() -> list[psutil.Process]:
    return [
        process
        for process in psutil.Process().children(recursive=True)
        if "services.allocation.steering.questions.worker" in process.cmdline()
    ]


LARGE = snapshot.encode(a_region(2, 4000, 300))


async def test_too_late_or_cancelled_is_killed() -> None:
    with pytest.raises(TimeoutError):
        await Process().answer(next_course.answer, {}, LARGE, 0.5)
    assert children() == []
    asking = asyncio.create_task(Process().answer(next_course.answer, {}, LARGE, 60))
    await wait_until(children)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert children() == []


async def test_a_killed_process_is_told() -> None:
    asking = asyncio.create_task(Process().answer(next_course.answer, {}, LARGE, 60))
    await wait_until(children)
    for process in children():
        process.kill()
    with pytest.raises(ProcessDiedError):
        await asking


async def test_it_has_no_secret_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KURSLOTSE_DB_WORKER", "postgresql://somebody:secret@nowhere/db")
    asking = asyncio.create_task(Process().answer(next_course.answer, {}, LARGE, 60))
    await wait_until(children)
    (process,) = children()
    assert not [name for name in process.environ() if name.startswith("KURSLOTSE")]
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
