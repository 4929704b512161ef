"""Solves snapshots in a worker process, bytes in and bytes out, without secrets or connections."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date
from math import inf
from pathlib import Path
from time import perf_counter
from typing import Any, BinaryIO
from uuid import UUID

import orjson

from services.allocation.placements.domain import Alternative, Reason
from services.allocation.steering.explain.certificate import certificate_of
from services.allocation.steering.explain.reasons import Explanation, explain
from services.allocation.steering.matching import match as matching
from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.domain import EntryKey
from services.allocation.steering.matching.eligibility import eligibility_of

ROOT = Path(__file__).parents[4]
_SIZE = 8
_STOP_SECONDS = 5.0
SEARCH = 0.6
"""Share of a solver's time limit after which it takes the best answer it has."""
MEMORY_BYTES = 3 * 2**30
"""What a solving process may take; more ends it, and the region stays due."""


class WorkerDiedError(OSError):
    """The worker process ended in the middle of its work; trying again helps unless the input kills it."""


@dataclass(frozen=True, slots=True)
class SolvedRun:
    """Answer to a snapshot: the canonical result, its certificate, everybody's explanation."""

    result: bytes
    certificate: bytes
    explanations: tuple[Explanation, ...]
    entries: int
    milliseconds: dict[str, int]


def solve(raw: bytes, search_seconds: float = inf) -> SolvedRun:
    """Solve canonical snapshot bytes and explain the result.

    The search is limited by the work it may do, the same everywhere. `search_seconds` is a safety net: an
    answer that it cuts is as good as it was by then, says so, and cannot be had again byte by byte.
    """
    begun = perf_counter()
    seen = snapshot.decode(raw)
    known = eligibility_of(seen)
    judged = perf_counter()
    limits = replace(matching.DETERMINISTIC, seconds_left=lambda: begun + search_seconds - perf_counter())
    result = matching.match(seen, known, limits)
    matched = perf_counter()
    explanations = explain(seen, known, result)
    told = perf_counter()
    certificate = certificate_of(seen, result, known)
    spent = {
        "eligibility": judged - begun,
        "match": matched - judged,
        "reasons": told - matched,
        "certificate": perf_counter() - told,
    }
    return SolvedRun(
        matching.encode(result),
        certificate,
        explanations,
        len(known.entries),
        {name: round(1000 * seconds) for name, seconds in spent.items()},
    )


def _reason(data: dict[str, Any]) -> Reason:
    return Reason(data["code"], data["params"])


def _explanation(data: dict[str, Any]) -> Explanation:
    place = data["place"]
    return Explanation(
        UUID(data["person"]),
        _reason(data["main"]),
        data["suitable"],
        data["eligible"],
        None if place is None else EntryKey(UUID(place["course"]), place["section"]),
        tuple(_reason(reason) for reason in data["reasons"]),
        tuple(
            Alternative(
                UUID(other["course"]),
                other["provider"],
                other["section"],
                date.fromisoformat(other["starts_on"]),
                _reason(other["reason"]),
            )
            for other in data["alternatives"]
        ),
    )


def _answer(raw: bytes) -> SolvedRun:
    data = orjson.loads(raw)
    explanations = tuple(_explanation(one) for one in data["explanations"])
    return SolvedRun(
        data["result"].encode(),
        data["certificate"].encode(),
        explanations,
        data["entries"],
        data["milliseconds"],
    )


def _serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer until the other side is gone."""
    while size := source.read(_SIZE):
        milliseconds = int.from_bytes(source.read(_SIZE), "big")
        solved = solve(source.read(int.from_bytes(size, "big")), milliseconds / 1000)
        answer = orjson.dumps(
            {
                "result": solved.result.decode(),
                "certificate": solved.certificate.decode(),
                "explanations": solved.explanations,
                "entries": solved.entries,
                "milliseconds": solved.milliseconds,
            }
        )
        sink.write(len(answer).to_bytes(_SIZE, "big") + answer)
        sink.flush()


class Worker:
    """One process; killed when its caller no longer waits, started again when it is needed."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()

    async def _running(self) -> asyncio.subprocess.Process:
        async with self._starting:
            return await self._started()

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            kept = ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "services.allocation.steering.runs.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={name: os.environ[name] for name in kept if name in os.environ}
                | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
                start_new_session=True,  # Ctrl-C is for the service, which ends its workers
            )
        return self._process

    async def solve(self, raw: bytes, limit_seconds: float) -> SolvedRun:
        """Solve one snapshot; cancelled or too late, the process is killed.

        Raises:
            TimeoutError: not done within the limit.
            WorkerDiedError: the process ended.
        """
        process = await self._running()
        assert process.stdin is not None  # noqa: S101 - for the type checker: both are pipes
        assert process.stdout is not None  # noqa: S101
        answered = False
        try:
            async with asyncio.timeout(limit_seconds):
                process.stdin.write(len(raw).to_bytes(_SIZE, "big"))
                process.stdin.write(int(1000 * SEARCH * limit_seconds).to_bytes(_SIZE, "big"))
                process.stdin.write(raw)
                await process.stdin.drain()
                size = int.from_bytes(await process.stdout.readexactly(_SIZE), "big")
                answer = await process.stdout.readexactly(size)
                answered = True
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise WorkerDiedError("the steering worker ended while it was solving") from error
        finally:
            if not answered:
                await self.stop(kill=True)
        return _answer(answer)

    async def start(self) -> None:
        """Start the process before it is needed."""
        await self._running()

    async def stop(self, *, kill: bool = False) -> None:
        """End the process: by closing its input, or at once."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        if not kill:
            with suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await process.wait()
                    return
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


class Workers:
    """A few worker processes, each solving one snapshot at a time."""

    def __init__(self, workers: Sequence[Worker], limit_seconds: float) -> None:
        self._limit = limit_seconds
        self.size = len(workers)
        self._idle: asyncio.Queue[Worker] = asyncio.Queue()
        for worker in workers:
            self._idle.put_nowait(worker)

    async def solve(self, raw: bytes) -> SolvedRun:
        """Solve a snapshot as soon as a worker is free; see Worker.solve."""
        worker = await self._idle.get()
        try:
            return await worker.solve(raw, self._limit)
        finally:
            self._idle.put_nowait(worker)


@asynccontextmanager
async def workers(size: int = 1, limit_seconds: float = 60.0) -> AsyncIterator[Workers]:
    """Run worker processes for as long as the block lasts."""
    running = [Worker() for _ in range(size)]
    try:
        for worker in running:
            await worker.start()
        yield Workers(running, limit_seconds)
    finally:
        for worker in running:
            await worker.stop()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    _serve(sys.stdin.buffer, sys.stdout.buffer)
