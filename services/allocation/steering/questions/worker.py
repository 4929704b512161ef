"""A process for each question: question and snapshot in, answer out; it holds no secret and no connection."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

import orjson

from services.allocation.steering.runs.worker import ROOT, WorkerDiedError

_SIZE = 8
_KEPT = ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
_BELOW_RUNS = 5
"""Nice value: steering goes before questions."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer."""

    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NotAnswered:
    """Why there is none: a code, and what was wrong with the question, if it was the question."""

    code: str
    wrong: dict[str, Any] | None = None


def _frame(content: bytes) -> bytes:
    return len(content).to_bytes(_SIZE, "big") + content


def _read(source: BinaryIO) -> bytes:
    return source.read(int.from_bytes(source.read(_SIZE), "big"))


def solve(kind: str, question: Mapping[str, Any], raw: bytes) -> Answered | NotAnswered:
    """Answer a question about canonical snapshot bytes."""
    from services.allocation.steering.matching import snapshot  # noqa: PLC0415 - the caller's side stays small
    from services.allocation.steering.questions.changes import ChangeError  # noqa: PLC0415 - the same
    from services.allocation.steering.questions.kinds import KINDS  # noqa: PLC0415 - the same

    if kind not in KINDS:
        return NotAnswered("kind_unknown")
    try:
        return Answered(KINDS[kind].solve(snapshot.decode(raw), question))
    except ChangeError as error:
        return NotAnswered("question_wrong", {"code": error.code, "at": error.at, "params": error.params})


def _die_with_the_caller(source: BinaryIO) -> None:
    """End at once when the other side is gone: nobody waits for the answer any more."""
    source.read(1)
    os._exit(1)


def _serve(source: BinaryIO, sink: BinaryIO) -> None:
    with suppress(OSError):
        os.nice(_BELOW_RUNS)
    asked, raw = orjson.loads(_read(source)), _read(source)
    threading.Thread(target=_die_with_the_caller, args=(source,), daemon=True).start()
    answer = solve(asked["kind"], asked["question"], raw)
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
        self, kind: str, question: Mapping[str, Any], raw: bytes, limit_seconds: float
    ) -> Answered | NotAnswered:
        """Answer one question.

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
        asked = orjson.dumps({"kind": kind, "question": dict(question)})
        try:
            async with asyncio.timeout(limit_seconds):
                process.stdin.write(_frame(asked) + _frame(raw))
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
