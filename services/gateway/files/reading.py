"""Reads one file: run as a process of its own that holds no secret and no connection.

    python -m services.gateway.files.reading PARENT CPU_SECONDS MEMORY_BYTES

Three frames come in (kind, how to read, the file), one goes out (what was read, or why it could not be).
"""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

from schemas.envelope import Problem
from services.gateway.files.courses.reading import CoursesAsked, CoursesRead, read_courses
from services.gateway.files.people.reading import PeopleAsked, PeopleRead, read_people
from services.runtime.base.subprocesses import ProcessorTimeUsedUpError, answer_once

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


def answer(name: str, asked: bytes, raw: bytes) -> bytes:
    """Read a file of a kind; whatever happens, the answer says it."""
    kind = _KINDS[name]
    try:
        return kind.read.dump_json(kind.function(raw, kind.asked.validate_json(asked)))
    except (MemoryError, RecursionError):
        told = Problem("file_needs_memory")
    except ProcessorTimeUsedUpError:
        told = Problem("file_takes_too_long")
    except Exception as error:  # noqa: BLE001 - told with its place; its words could hold what the file says
        told = Problem("file_unexpected", params={"error": type(error).__name__, "where": _place(error)})
    return kind.read.dump_json(told)


def _place(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


def main() -> None:
    """Read one file and end."""
    answer_once(3, lambda name, asked, raw: answer(name.decode(), asked, raw))


if __name__ == "__main__":
    main()
