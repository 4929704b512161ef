"""Solves an instance in a process of its own, which hands better answers up until the time is over.

The solvers below cannot be interrupted, a process can: at the limit it is killed, and the best answer that it
handed up is the result. It dies with its parent.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import IO

import orjson

from services.allocation.solver.engine import proof
from services.allocation.solver.engine.proof import Limits, Settled
from services.allocation.solver.instance import InstanceError, read, written
from services.runtime.base.subprocesses import die_with, frame, module_command, module_environment, read_frame

_RESERVE = 0.3
"""Seconds before the limit at which the search stops by itself, so that nothing needs to be killed."""
_SELDOM = 5.0
"""Answers are handed up this many times as long apart as one takes: large ones cost a second."""
_LAST_WORDS = 0.2
INVALID = 2


@dataclass(frozen=True, slots=True)
class Solved:
    """The result that was handed up last."""

    result: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """No result: the exit status and what was said."""

    status: int
    said: str


class _Answers(Thread):
    """Keeps the last whole answer that comes through a pipe."""

    def __init__(self, pipe: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self._pipe = pipe
        self.last = b""
        self.first = Event()

    def run(self) -> None:
        """Read until the other side is gone."""
        while (answer := read_frame(self._pipe)) is not None:
            self.last = answer
            self.first.set()
        self.first.set()


def solve(instance: Path, limit: float, work: int | None = None) -> Solved | Failed:
    """Solve an instance within `limit` seconds, or as soon as it is read and everybody seated once."""
    deadline = monotonic() + limit
    arguments = [str(instance), str(deadline), "" if work is None else str(work)]
    with subprocess.Popen(  # noqa: S603 - our own module
        module_command("services.allocation.solver.process", *arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=module_environment(),
    ) as process:
        try:
            return _followed(process, deadline - limit, deadline)
        finally:
            process.kill()


def _followed(process: subprocess.Popen[bytes], begun: float, deadline: float) -> Solved | Failed:
    assert process.stdout is not None  # noqa: S101 - for the type checker: both are pipes
    assert process.stderr is not None  # noqa: S101
    answers = _Answers(process.stdout)
    answers.start()
    answers.join(max(0.0, deadline + _LAST_WORDS - monotonic()))
    answers.first.wait()
    if answers.is_alive() and process.poll() is None:
        process.kill()
    answers.join()
    if answers.last:
        return Solved(_final(answers.last, begun))
    return Failed(process.wait(), process.stderr.read().decode(errors="replace"))


def _final(answer: bytes, begun: float) -> bytes:
    """Write down how long it took in all, and that the clock ended the search if nothing else did."""
    result = orjson.loads(answer)
    if result["status"] == "limit" and not result["cut"]:
        result["cut"] = "clock"
    result["seconds"] = round(monotonic() - begun, 3)
    return orjson.dumps(result, option=orjson.OPT_INDENT_2)


def _serve(instance: Path, deadline: float, work: int | None, sink: IO[bytes]) -> None:
    """Read, solve, and write each better answer."""
    begun = monotonic()
    gc.disable()  # nothing here is circular, and millions of small objects are looked through again and again
    problem = read(instance.read_bytes())

    def hand_up(settled: Settled) -> None:
        sink.write(frame(written(problem, settled, monotonic() - begun)))
        sink.flush()

    again = 0.0

    def told(settled: Settled) -> None:
        nonlocal again
        now = monotonic()
        if now >= again:
            hand_up(settled)
            again = monotonic() + _SELDOM * (monotonic() - now)

    limits = Limits(work, lambda: deadline - _RESERVE - monotonic())
    hand_up(proof.solve(problem.starting, limits, told, by_hand=True))


def keep(result: bytes, out: Path) -> None:
    """Write a result whole or not at all; what is no regular file is written to directly.

    Raises:
        OSError: it cannot be written.
    """
    if out.exists() and not out.is_file():
        out.write_bytes(result)
        return
    partial = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        partial.write_bytes(result)
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)


def main() -> None:
    """Be the process that solves."""
    parent, instance, deadline, work = sys.argv[1:]
    die_with(int(parent))
    try:
        _serve(Path(instance), float(deadline), int(work) if work else None, sys.stdout.buffer)
    except InstanceError as error:
        sys.stderr.write(f"{instance}: {error}\n")
        sys.exit(INVALID)
    except OSError as error:
        sys.stderr.write(f"{instance}: cannot be read: {error.strerror}\n")
        sys.exit(INVALID)


if __name__ == "__main__":
    main()
