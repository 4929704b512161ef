"""Tests child processes: frames, time limits, deaths, and that a child ends with its parent."""

import asyncio
import io
import os
import signal
import sys

import psutil
import pytest

from services.runtime.base.subprocesses import (
    ModuleProcess,
    ProcessDiedError,
    frame,
    module_environment,
    read_frame,
)

CHILD = "tests.unit.runtime.answering_child"


def test_frames_are_read_whole_or_not_at_all() -> None:
    source = io.BytesIO(frame(b"one") + frame(b"") + frame(b"three")[:-1])
    assert [read_frame(source) for _ in range(3)] == [b"one", b"", None]
    assert read_frame(io.BytesIO()) is None


async def test_a_child_answers_again_and_again() -> None:
    child = ModuleProcess(CHILD)
    try:
        assert await child.ask(b"a", b"b", limit_seconds=30) == b"a+b"
        pid = child.pid
        assert await child.ask(b"c" * 100_000, b"", limit_seconds=30) == b"c" * 100_000 + b"+"
        assert child.pid == pid
    finally:
        await child.stop()
    assert child.pid is None
    assert pid is not None
    assert not psutil.pid_exists(pid)


async def test_a_late_child_is_killed_and_the_next_one_answers() -> None:
    child = ModuleProcess(CHILD)
    await child.start()
    with pytest.raises(TimeoutError):
        await child.ask(b"sleep", b"", limit_seconds=0.2)
    assert child.pid is None
    assert await child.ask(b"a", b"b", limit_seconds=30) == b"a+b"
    await child.stop()


async def test_a_cancelled_request_kills_the_child() -> None:
    child = ModuleProcess(CHILD)
    await child.start()
    asking = asyncio.create_task(child.ask(b"sleep", b"", limit_seconds=30))
    await asyncio.sleep(0.1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert child.pid is None


async def test_a_child_that_ends_is_told() -> None:
    child = ModuleProcess(CHILD)
    with pytest.raises(ProcessDiedError):
        await child.ask(b"exit", b"", limit_seconds=30)
    assert child.pid is None


def test_a_child_has_no_secret_of_its_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KURSLOTSE_DB_WORKER", "postgresql://somebody:secret@nowhere/db")
    assert not [name for name in module_environment() if name.startswith("KURSLOTSE")]


PARENT = f"""
import asyncio
from services.runtime.base.subprocesses import ModuleProcess
async def main():
    child = ModuleProcess({CHILD!r})
    await child.ask(b"a", b"b", limit_seconds=30)
    print(child.pid, flush=True)
    await child.ask(b"sleep", b"", limit_seconds=30)
asyncio.run(main())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ties a child to its parent")
async def test_a_busy_child_ends_with_its_parent() -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": "."}
    )
    assert parent.stdout is not None
    child = psutil.Process(int(await parent.stdout.readline()))
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    gone, _alive = await asyncio.to_thread(psutil.wait_procs, [child], 10)
    assert gone
