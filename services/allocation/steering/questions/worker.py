"""A process for each question: question and snapshot in, answer out; it holds no secret and no connection."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

import orjson

from services.runtime.base.subprocesses import ModuleProcess, die_with, frame, read_frame

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


def _serve(source: BinaryIO, sink: BinaryIO) -> None:
    with suppress(OSError):
        os.nice(_BELOW_RUNS)
    asked, raw = orjson.loads(read_frame(source) or b""), read_frame(source) or b""
    answer = solve(asked["kind"], asked["question"], raw)
    match answer:
        case Answered(result):
            told: dict[str, Any] = {"result": result}
        case NotAnswered(code, wrong):
            told = {"failed": code, "wrong": wrong}
    sink.write(frame(orjson.dumps(told)))
    sink.flush()


class Process:
    """Answers questions, each in a new process that is killed when nobody waits any more."""

    async def answer(
        self, kind: str, question: Mapping[str, Any], raw: bytes, limit_seconds: float
    ) -> Answered | NotAnswered:
        """Answer one question.

        Raises:
            TimeoutError: not done within the limit.
            ProcessDiedError: the process ended without an answer.
        """
        child = ModuleProcess("services.allocation.steering.questions.worker")
        asked = orjson.dumps({"kind": kind, "question": dict(question)})
        try:
            told = orjson.loads(await child.ask(asked, raw, limit_seconds=limit_seconds))
        finally:
            await child.stop(kill=True)
        return Answered(told["result"]) if "result" in told else NotAnswered(told["failed"], told["wrong"])


if __name__ == "__main__":
    die_with(int(sys.argv[1]))
    _serve(sys.stdin.buffer, sys.stdout.buffer)
