"""Answers each question in a process of its own that holds no secret and no connection.

A new kind of question is one line in `KINDS`. Its function gets the snapshot of the asking Kreis's region and
the question (with the Kreis as `question["kreis"]`), and returns JSON values. What it needs beside the
snapshot is read by `material` and arrives as `question["material"]`. A question that cannot be answered is a
`ChangeError`.
"""

from __future__ import annotations

import os
import sys
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
from services.allocation.steering.questions import (
    forecast,
    next_course,
    policy_trial,
    pooling,
    remedies,
    what_if,
)
from services.allocation.steering.questions.changes import ChangeError
from services.allocation.steering.questions.material import Material, changed, poolable, ways
from services.runtime.base.subprocesses import ModuleProcess, die_with, frame, read_frame

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
    "policy_trial": Kind(
        policy_trial.answer, policy_trial.material, policy_trial.LIMIT_SECONDS, policy_trial.keep
    ),
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


def solve(solver: Solve, question: Mapping[str, Any], raw: bytes) -> Answered | NotAnswered:
    """Answer a question about canonical snapshot bytes with a kind's function."""
    try:
        return Answered(solver(snapshot.decode(raw), question))
    except ChangeError as error:
        return NotAnswered("question_wrong", {"code": error.code, "at": error.at, "params": error.params})


def _serve(source: BinaryIO, sink: BinaryIO) -> None:
    with suppress(OSError):
        os.nice(_BELOW_RUNS)
    question, raw = orjson.loads(read_frame(source) or b""), read_frame(source) or b""
    solver = getattr(import_module(question["module"]), question["function"])
    answer = solve(solver, question["question"], raw)
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
        self, solver: Solve, question: Mapping[str, Any], raw: bytes, limit_seconds: float
    ) -> Answered | NotAnswered:
        """Answer one question; the process imports `solver`, a function of a module, by its name.

        Raises:
            TimeoutError: not done within the limit.
            ProcessDiedError: the process ended without an answer.
        """
        child = ModuleProcess("services.allocation.steering.questions.worker")
        message = orjson.dumps(
            {"module": solver.__module__, "function": solver.__name__, "question": dict(question)}
        )
        try:
            told = orjson.loads(await child.ask(message, raw, limit_seconds=limit_seconds))
        finally:
            await child.stop(kill=True)
        return Answered(told["result"]) if "result" in told else NotAnswered(told["failed"], told["wrong"])


if __name__ == "__main__":
    die_with(int(sys.argv[1]))
    _serve(sys.stdin.buffer, sys.stdout.buffer)
