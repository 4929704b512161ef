"""Lets files be read by processes of their own, a few at a time, killed when a file costs too much.

A file comes from outside. Whatever it holds, it can stop or bloat only the process that reads it; whoever
sent it is told.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from logging import getLogger

from schemas.envelope import Problem
from services.gateway.files.courses.reading import CoursesAsked, CoursesRead
from services.gateway.files.people.reading import PeopleAsked, PeopleRead
from services.gateway.files.reading import COURSES, PEOPLE, A, Kind, R
from services.runtime.base.subprocesses import ModuleProcess, ProcessDiedError

_CHILD = "services.gateway.files.reading"
_log = getLogger(__name__)


class ReadersBusyError(Exception):
    """So many files wait to be read, of all or of this caller, that no further one is taken now."""

    def __init__(self, *, of_caller: bool) -> None:
        super().__init__("of this caller" if of_caller else "of all")
        self.of_caller = of_caller


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """What reading one file may cost; 20,000 people with 50 columns take half of it."""

    cpu_seconds: int = 60
    wall_seconds: float = 120.0
    memory_bytes: int = 1024 * 1024 * 1024
    """Address space of the process, of which Python and its libraries take a fifth."""
    waiting: int = 8
    """Files that may wait for their turn."""
    waiting_of_one: int = 2
    """Files of one caller that may wait; one is read at a time."""


@dataclass(slots=True)
class _Caller:
    """The files of one caller that are being read or wait."""

    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    files: int = 0


class FileReader:
    """Reads files in processes of their own, at most `at_once` at a time."""

    def __init__(self, at_once: int = 2, limits: ReadingLimits | None = None) -> None:
        self._limits = limits or ReadingLimits()
        self._slots = asyncio.Semaphore(at_once)
        self._waiting = 0
        self._callers: dict[str, _Caller] = {}

    async def courses(self, raw: bytes, asked: CoursesAsked, caller: str) -> CoursesRead | Problem:
        """Read a caller's catalogue of courses, or say why it cannot be read.

        Raises:
            ReadersBusyError: too many files wait.
        """
        return await self._read(COURSES, raw, asked, caller)

    async def people(self, raw: bytes, asked: PeopleAsked, caller: str) -> PeopleRead | Problem:
        """Read a caller's list of people, or say why it cannot be read.

        Raises:
            ReadersBusyError: too many files wait.
        """
        return await self._read(PEOPLE, raw, asked, caller)

    async def _read(self, kind: Kind[A, R], raw: bytes, asked: A, caller: str) -> R | Problem:
        async with self._turn(caller):
            answer = await self._ask(kind.name, kind.asked.dump_json(asked), raw)
        if isinstance(answer, Problem):
            return answer
        read = await asyncio.to_thread(kind.read.validate_json, answer)
        if isinstance(read, Problem) and read.code == "file_unexpected":
            _log.error("a file met a fault of its reader", extra={"kind": kind.name, **read.params})
        return read

    @asynccontextmanager
    async def _turn(self, caller: str) -> AsyncIterator[None]:
        """Wait until a file of this caller may be read: after the caller's own, then among all."""
        own = self._callers.get(caller, _Caller())
        if own.files > self._limits.waiting_of_one:
            raise ReadersBusyError(of_caller=True)
        if self._waiting >= self._limits.waiting:
            raise ReadersBusyError(of_caller=False)
        self._callers[caller] = own
        own.files += 1
        self._waiting += 1
        waits = True
        try:
            async with own.reading, self._slots:
                self._waiting -= 1
                waits = False
                yield
        finally:
            self._waiting -= waits
            own.files -= 1
            if not own.files:
                del self._callers[caller]

    async def _ask(self, name: str, asked: bytes, raw: bytes) -> bytes | Problem:
        limits = self._limits
        child = ModuleProcess(_CHILD, str(limits.cpu_seconds), str(limits.memory_bytes))
        began = time.monotonic()
        try:
            return await child.ask(name.encode(), asked, raw, limit_seconds=limits.wall_seconds)
        except TimeoutError:
            return Problem("file_takes_too_long")
        except ProcessDiedError:
            _log.warning("a process that read a file was killed")
            late = time.monotonic() - began >= limits.cpu_seconds
            return Problem("file_takes_too_long" if late else "file_needs_memory")
        finally:
            await child.stop(kill=True)
