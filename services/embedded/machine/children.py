"""Supervises a child process: starts and watches it, restarts it when it dies, stops it in time."""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.embedded.machine.processes import Identity, session_members, signal_all
from services.runtime.base.subprocesses import leash

_log = logging.getLogger(__name__)
_HEALTHY_AFTER_SECONDS = 20.0
_LONGEST_PAUSE_SECONDS = 10.0
_LOG_LIMIT = 16 * 1024 * 1024
_LOOK_AT_LOG_SECONDS = 60.0
_TAIL_LINES = 15


class StartError(Exception):
    """Something could not be started; the message says what and what to do."""


async def _at_once() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Program:
    """A program: what to run, how to see that it is ready, how to end it."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(repr=False)
    log: Path
    uid: int | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 20.0
    ready: Callable[[], Awaitable[bool]] = _at_once
    ready_seconds: float = 120.0
    once: bool = False  # ends by itself; its end is not a fault
    prepare: Callable[[], Awaitable[None]] | None = None  # before each start


def pause_before(attempt: int) -> float:
    """Return the seconds to wait before a restart; `attempt` counts the restarts in a row from 0."""
    return min(_LONGEST_PAUSE_SECONDS, 0.1 * 3.0**attempt)


def tail(path: Path) -> str:
    """Return the last lines of a log."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 8192))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-_TAIL_LINES:])
    return ""


def rotate(path: Path, limit: int = _LOG_LIMIT) -> None:
    """Keep one old log beside a new one when it has become long; its writer appends and need not know.

    On a full disk the old log is lost: a log is no reason to end the program that writes it.
    """
    old = path.with_suffix(".old.log")
    with contextlib.suppress(OSError):
        if path.stat().st_size <= limit:
            return
        try:
            shutil.copy2(path, old)
        except OSError:
            old.unlink(missing_ok=True)
        os.truncate(path, 0)


class Child:
    """Runs one program until it is told to stop."""

    def __init__(
        self, program: Program, changed: Callable[[], None], lost: Callable[["Child"], None] | None = None
    ) -> None:
        """`changed` records its state; `lost` hears if it is watched no more although nobody stopped it."""
        self.program = program
        self.identity: Identity | None = None
        self.restarts = 0
        self.exit_code: int | None = None
        self.state = "new"
        self._changed, self._lost = changed, lost
        self._recorded = True
        self._stopping = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self.identity.pid if self.identity else None

    @property
    def finished(self) -> bool:
        """Whether it has ended for good."""
        return self._task is not None and self._task.done()

    def start(self) -> None:
        """Begin to supervise."""
        self._task = asyncio.create_task(self._supervise(), name=f"supervise {self.program.name}")
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("%s is watched no more", self.program.name, exc_info=error)
        if self._lost and not self._stopping.is_set() and (error is not None or not self.program.once):
            self._lost(self)

    async def _supervise(self) -> None:
        attempt = 0
        while not self._stopping.is_set():
            begun = time.monotonic()
            try:
                await self._run_once()
            except OSError:
                _log.exception("%s could not be started", self.program.name)
                self.exit_code = -1
            if self._stopping.is_set() or self.program.once:
                break
            attempt = 0 if time.monotonic() - begun > _HEALTHY_AFTER_SECONDS else attempt + 1
            self.restarts += 1
            self._now("restarting")
            _log.warning("%s ended with %s, starting it again", self.program.name, self.exit_code)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause_before(attempt))
        self._now("stopped")

    async def _run_once(self) -> None:
        program = self.program
        if program.prepare:
            await program.prepare()
        rotate(program.log)
        owner = {} if program.uid is None else {"user": program.uid, "group": program.uid, "extra_groups": []}
        with program.log.open("ab") as log:
            self._process = process = await asyncio.create_subprocess_exec(
                *program.argv,
                env=dict(program.env),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/" if program.uid is not None else None,
                start_new_session=True,
                preexec_fn=leash(program.stop_signal),
                **owner,  # type: ignore[arg-type]
            )
        try:
            self.identity = Identity.of(process.pid)
            self._now("running")
            if self._stopping.is_set():  # told to stop while it was being started
                self._signal(program.stop_signal)
            self.exit_code = await self._until_exit(process)
        finally:
            if self.identity:
                signal_all(session_members(self.identity), signal.SIGKILL)
            if process.returncode is None:  # whoever watches it has failed
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
            self.identity = None
            self._process = None

    async def _until_exit(self, process: asyncio.subprocess.Process) -> int:
        while True:
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(process.wait(), _LOOK_AT_LOG_SECONDS)
            rotate(self.program.log)
            if not self._recorded:
                self._now(self.state)

    def _now(self, state: str) -> None:
        self.state = state
        try:
            self._changed()
            self._recorded = True
        except OSError:
            _log.exception("the state of %s could not be recorded", self.program.name)
            self._recorded = False

    def _signal(self, number: signal.Signals) -> None:
        if self._process and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def until_ready(self) -> None:
        """Wait until the program answers."""
        name, seconds = self.program.name, self.program.ready_seconds
        what = f"was not ready within {seconds:.0f} s"
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.state == "running" and await self.program.ready():
                return
            if self.restarts > 1 or self.finished:
                what = f"ended with {self.exit_code} again and again"
                break
            await asyncio.sleep(0.05)
        raise StartError(f"{name} {what} (log: {self.program.log}):\n{tail(self.program.log)}")

    async def until_finished(self) -> int | None:
        """Wait for a program that ends by itself; return its exit code."""
        if self._task:
            await asyncio.wait({self._task})
        return self.exit_code

    async def stop(self) -> None:
        """End it: politely, then, past its deadline, for good."""
        self._stopping.set()
        if self._task is None:
            return
        self._signal(self.program.stop_signal)
        _, late = await asyncio.wait({self._task}, timeout=self.program.stop_seconds)
        if late:
            _log.warning("%s did not stop in %s s: killed", self.program.name, self.program.stop_seconds)
            self._signal(signal.SIGKILL)
            await asyncio.wait({self._task}, timeout=self.program.stop_seconds)
