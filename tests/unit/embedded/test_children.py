"""Supervising one process."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from services.embedded.machine.children import Child, Program, StartError, rotate
from tests.waiting import wait_until


def program(tmp_path: Path, code: str, **changes: object) -> Program:
    values: dict[str, object] = {
        "name": "thing",
        "argv": [sys.executable, "-u", "-c", code],
        "env": {},
        "log": tmp_path / "thing.log",
        "stop_seconds": 5.0,
    }
    return Program(**(values | changes))  # type: ignore[arg-type]


def nothing() -> None:
    """Nobody is told of changes."""


async def test_what_dies_is_started_again_until_it_is_stopped(tmp_path: Path) -> None:
    child = Child(program(tmp_path, "import time; time.sleep(600)"), nothing)
    child.start()
    await wait_until(lambda: child.pid is not None)
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await wait_until(lambda: child.pid not in {None, first})
    assert child.restarts == 1
    await child.stop()
    assert (child.state, child.pid) == ("stopped", None)


async def test_what_does_not_listen_is_killed_at_the_deadline(tmp_path: Path) -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(600)"
    )
    deaf = program(tmp_path, code, stop_seconds=0.3)
    child = Child(deaf, nothing)
    child.start()
    await wait_until(lambda: deaf.log.exists() and "deaf" in deaf.log.read_text())
    begun = time.monotonic()
    await child.stop()
    assert time.monotonic() - begun < 5
    assert child.exit_code == -signal.SIGKILL


async def test_its_own_children_go_with_it(tmp_path: Path) -> None:
    code = "import subprocess, time; print(subprocess.Popen(['sleep', '600']).pid); time.sleep(600)"
    parent = program(tmp_path, code, env={"PATH": os.environ["PATH"]})
    child = Child(parent, nothing)
    child.start()
    await wait_until(lambda: parent.log.exists() and parent.log.read_text().strip().isdigit())
    grandchild = int(parent.log.read_text())
    await child.stop()

    def gone() -> bool:
        state = Path(f"/proc/{grandchild}/stat")
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"

    await wait_until(gone)


async def test_what_never_comes_up_is_said_with_the_end_of_its_log(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    child = Child(program(tmp_path, "print('no such setting'); raise SystemExit(3)", ready=never), nothing)
    child.start()
    with pytest.raises(StartError, match=r"thing ended with 3 again and again(.|\n)*no such setting"):
        await child.until_ready()
    await child.stop()


async def test_what_ends_by_itself_is_not_started_again(tmp_path: Path) -> None:
    child = Child(program(tmp_path, "raise SystemExit(4)", once=True), nothing)
    child.start()
    assert await asyncio.wait_for(child.until_finished(), 20) == 4
    assert child.restarts == 0


def test_a_long_log_is_put_aside_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "thing.log"
    with path.open("ab") as log:
        log.write(b"x" * 100)
        log.flush()
        rotate(path, limit=1000)
        assert path.stat().st_size == 100
        rotate(path, limit=50)
        log.write(b"y")
    assert path.read_bytes() == b"y"
    assert path.with_suffix(".old.log").read_bytes() == b"x" * 100
