"""Supervising one process."""

import asyncio
import errno
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from services.embedded.machine import children
from services.embedded.machine.children import Child, Program, StartError, rotate
from services.embedded.machine.home import Home
from services.embedded.machine.progress import PlainNarrator
from services.embedded.stack import supervisor as supervising
from services.embedded.stack.supervisor import Supervisor
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


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_long_log_is_emptied_where_no_copy_finds_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "thing.log"
    path.write_bytes(b"x" * 100)
    path.with_suffix(".old.log").write_bytes(b"older")
    monkeypatch.setattr(shutil, "copy2", full)
    rotate(path, limit=1000)
    assert path.stat().st_size == 100
    rotate(path, limit=50)
    assert path.read_bytes() == b""
    assert not path.with_suffix(".old.log").exists()
    monkeypatch.setattr(os, "truncate", full)
    path.write_bytes(b"x" * 100)
    rotate(path, limit=50)
    assert path.stat().st_size == 100


async def test_a_full_disk_ends_no_program_and_no_watching(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    disk_full = True

    def record() -> None:
        told.append(child.state)
        if disk_full:
            full()

    monkeypatch.setattr(shutil, "copy2", full)
    monkeypatch.setattr(os, "truncate", full)
    monkeypatch.setattr(children, "_LOOK_AT_LOG_SECONDS", 0.02)
    lost: list[Child] = []
    child = Child(program(tmp_path, "import time; time.sleep(600)"), record, lost.append)
    child.program.log.touch()
    monkeypatch.setattr(children, "rotate", lambda path: rotate(path, limit=-1))
    child.start()
    await wait_until(lambda: told.count("running") > 2)
    first = child.pid
    assert first is not None
    assert child.restarts == 0
    os.kill(first, signal.SIGKILL)
    await wait_until(lambda: child.pid not in {None, first})
    disk_full = False
    recorded = len(told)
    await wait_until(lambda: len(told) > recorded)  # what could not be recorded is recorded later
    await child.stop()
    assert (child.state, child.pid, lost) == ("stopped", None, [])


async def test_who_cannot_be_recorded_is_not_left_running_unwatched(tmp_path: Path) -> None:
    """A fault that nobody expects, in the moment after the start."""
    pids: list[int | None] = []

    def record() -> None:
        pids.append(child.pid)
        raise ZeroDivisionError

    lost: list[Child] = []
    child = Child(program(tmp_path, "import time; time.sleep(600)"), record, lost.append)
    child.start()
    await wait_until(lambda: lost == [child])
    (pid,) = pids
    assert pid is not None

    def gone() -> bool:
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"

    await wait_until(gone)


async def test_the_supervisor_ends_if_a_child_is_watched_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    home.make()
    supervisor = Supervisor(home, PlainNarrator(), {})
    supervisor.start([program(tmp_path, "raise SystemExit(0)", name="short", once=True)])
    supervisor.start([program(tmp_path, "import time; time.sleep(600)", name="told to stop")])
    await supervisor.children["short"].until_finished()
    await supervisor.stop_children(["told to stop"])
    supervisor.check()

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(supervising, "write_json", broken)
    supervisor.start([program(tmp_path, "import time; time.sleep(600)", name="lasting")])
    with pytest.raises(StartError, match="lasting cannot be watched any more"):
        await asyncio.wait_for(supervisor.until_lost(), 20)
    with pytest.raises(StartError):
        supervisor.check()
