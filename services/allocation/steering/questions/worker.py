"""Answers each question in a process of its own that holds no secret and no connection.

A new kind of question is one line in `KINDS`. Its function gets the snapshot of the asking Kreis's region and
the question (with the Kreis as `question["kreis"]`), and returns JSON values. What it needs beside the
snapshot is read by `material` and arrives as `question["material"]`. A question that cannot be answered is a
`ChangeError`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any, BinaryIO

import asyncpg
import orjson

from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.snapshot import Snapshot
from services.allocation.steering.questions import forecast, next_course, pooling, remedies, what_if
from services.allocation.steering.questions.changes import ChangeError
from services.allocation.steering.questions.material import Material, changed, poolable, ways
from services.allocation.steering.runs.worker import ROOT, WorkerDiedError

_SIZE = 8
_KEPT = ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
_BELOW_RUNS = 5
"""Nice value: steering goes before questions."""


Solve = Callable[[Snapshot, Mapping[str, Any]], dict[str, Any]]
Keep = Callable[[asyncpg.Connection, str, dict[str, Any], datetime], Awaitable[dict[str, Any]]]
"""Writes an answer where pages read it, as the task ends; returns what the task itself keeps."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of question: the function that answers it, its material, its limit."""

    solve: Solve
    material: Material | None = None
    limit_seconds: float = 120.0
    keep: Keep | None = None


KINDS: Mapping[str, Kind] = {
    "what_if": Kind(what_if.answer, changed),
    "next_course": Kind(next_course.answer, ways, limit_seconds=300.0),
    "pooling": Kind(pooling.answer, poolable, limit_seconds=300.0),
    "remedies": Kind(remedies.answer, remedies.material, remedies.LIMIT_SECONDS, remedies.keep),
    "forecast": Kind(forecast.answer, forecast.material),
}


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with its answer."""

    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NotAnswered:
    """A question without an answer: a code, and what was wrong with the question, if it was that."""

    code: str
    wrong: dict[str, Any] | None = None


def _frame(content: bytes) -> bytes:
    return len(content).to_bytes(_SIZE, "big") + content


def _read(source: BinaryIO) -> bytes:
    return source.read(int.from_bytes(source.read(_SIZE), "big"))


def solve(solver: Solve, question: Mapping[str, Any], raw: bytes) -> Answered | NotAnswered:
    """Answer a question about canonical snapshot bytes with a kind's function."""
    try:
        return Answered(solver(snapshot.decode(raw), question))
    except ChangeError as error:
        return NotAnswered("question_wrong", {"code": error.code, "at": error.at, "params": error.params})


def _die_with_the_caller(source: BinaryIO) -> None:
    """End at once when the other side is gone: nobody waits for the answer any more."""
    source.read(1)
    os._exit(1)


def _serve(source: BinaryIO, sink: BinaryIO) -> None:
    with suppress(OSError):
        os.nice(_BELOW_RUNS)
    question, raw = orjson.loads(_read(source)), _read(source)
    threading.Thread(target=_die_with_the_caller, args=(source,), daemon=True).start()
    solver = getattr(import_module(question["module"]), question["function"])
    answer = solve(solver, question["question"], raw)
    match answer:
        case Answered(result):
            told: dict[str, Any] = {"result": result}
        case NotAnswered(code, wrong):
            told = {"failed": code, "wrong": wrong}
    sink.write(_frame(orjson.dumps(told)))
    sink.flush()


class Process:
    """Answers questions, each in a new process that is killed when nobody waits any more."""

    async def answer(
        self, solver: Solve, question: Mapping[str, Any], raw: bytes, limit_seconds: float
    ) -> Answered | NotAnswered:
        """Answer one question; the process imports `solver`, a function of a module, by its name.

        Raises:
            TimeoutError: not done within the limit.
            WorkerDiedError: the process ended without an answer.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.allocation.steering.questions.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={name: os.environ[name] for name in _KEPT if name in os.environ}
            | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C is for the service, which ends its workers
        )
        assert process.stdin is not None  # noqa: S101 - for the type checker: both are pipes
        assert process.stdout is not None  # noqa: S101
        message = orjson.dumps(
            {"module": solver.__module__, "function": solver.__name__, "question": dict(question)}
        )
        try:
            async with asyncio.timeout(limit_seconds):
                process.stdin.write(_frame(message) + _frame(raw))
                await process.stdin.drain()
                size = int.from_bytes(await process.stdout.readexactly(_SIZE), "big")
                told = orjson.loads(await process.stdout.readexactly(size))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise WorkerDiedError("the process ended before it had answered") from error
        finally:
            process.stdin.close()
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        return Answered(told["result"]) if "result" in told else NotAnswered(told["failed"], told["wrong"])


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
