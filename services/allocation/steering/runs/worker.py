"""Solves snapshots in a worker process, bytes in and bytes out, without secrets or connections."""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from math import inf
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
from services.runtime.base.subprocesses import ModuleProcess, die_with, frame, read_frame

SEARCH = 0.6
"""Share of a solver's time limit after which it takes the best answer it has."""
MEMORY_BYTES = 3 * 2**30
"""What a solving process may take; more ends it, and the region stays due."""


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
    while (search_seconds := read_frame(source)) is not None:
        solved = solve(read_frame(source) or b"", float(search_seconds))
        answer = orjson.dumps(
            {
                "result": solved.result.decode(),
                "certificate": solved.certificate.decode(),
                "explanations": solved.explanations,
                "entries": solved.entries,
                "milliseconds": solved.milliseconds,
            }
        )
        sink.write(frame(answer))
        sink.flush()


class Worker(ModuleProcess):
    """A process that solves snapshots; killed when its caller no longer waits, started when it is needed."""

    def __init__(self) -> None:
        super().__init__("services.allocation.steering.runs.worker")

    async def solve(self, raw: bytes, limit_seconds: float) -> SolvedRun:
        """Solve one snapshot; see ModuleProcess.ask for errors."""
        search_seconds = str(SEARCH * limit_seconds).encode()
        return _answer(await self.ask(search_seconds, raw, limit_seconds=limit_seconds))


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
    die_with(int(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    _serve(sys.stdin.buffer, sys.stdout.buffer)
