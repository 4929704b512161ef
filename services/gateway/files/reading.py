"""Reads one file: run as a process of its own that holds no secret and no connection.

    python -m services.gateway.files.reading PARENT CPU_SECONDS MEMORY_BYTES

Three frames come in (kind, how to read, the file), one goes out (what was read, or why it could not be).
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

from schemas.envelope import Problem
from services.gateway.files.courses.reading import CoursesAsked, CoursesRead, read_courses
from services.gateway.files.people.reading import PeopleAsked, PeopleRead, read_people
from services.runtime.base.subprocesses import die_with, frame, limit_resources, read_frame

A = TypeVar("A")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Kind(Generic[A, R]):
    """A kind of file: what reading it needs, what comes of it, and the function that reads it."""

    name: str
    asked: TypeAdapter[A]
    read: TypeAdapter[R | Problem]
    function: Callable[[bytes, A], R | Problem]


COURSES: Kind[CoursesAsked, CoursesRead] = Kind(
    "open-qcat", TypeAdapter(CoursesAsked), TypeAdapter(CoursesRead | Problem), read_courses
)
PEOPLE: Kind[PeopleAsked, PeopleRead] = Kind(
    "participants", TypeAdapter(PeopleAsked), TypeAdapter(PeopleRead | Problem), read_people
)
_KINDS: dict[str, Kind[Any, Any]] = {kind.name: kind for kind in (COURSES, PEOPLE)}


class _TooLongError(BaseException):
    """The processor time is used up; no handler of an ordinary error may swallow this."""


def answer(name: str, asked: bytes, raw: bytes) -> bytes:
    """Read a file of a kind; whatever happens, the answer says it."""
    kind = _KINDS[name]
    try:
        return kind.read.dump_json(kind.function(raw, kind.asked.validate_json(asked)))
    except (MemoryError, RecursionError):
        told = Problem("file_needs_memory")
    except _TooLongError:
        told = Problem("file_takes_too_long")
    except Exception as error:  # noqa: BLE001 - told with its place; its words could hold what the file says
        told = Problem("file_unexpected", params={"error": type(error).__name__, "where": _place(error)})
    return kind.read.dump_json(told)


def _place(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


def _stop(signum: int, frame_: FrameType | None) -> None:  # noqa: ARG001 - what signals are called with
    raise _TooLongError


def main() -> None:
    """Read one file and end."""
    die_with(int(sys.argv[1]))
    # Python, out of memory, prints the objects it was working on: that would be lines of the file in the log.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    if hasattr(signal, "SIGXCPU"):
        signal.signal(signal.SIGXCPU, _stop)
    limit_resources(cpu_seconds=int(sys.argv[2]), memory_bytes=int(sys.argv[3]))
    name, asked, raw = (read_frame(sys.stdin.buffer) for _ in range(3))
    if name is None or asked is None or raw is None:
        return
    sys.stdout.buffer.write(frame(answer(name.decode(), asked, raw)))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
