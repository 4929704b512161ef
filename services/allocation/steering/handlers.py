"""Runs looked at again: the stored snapshot of a run is solved once more and compared byte by byte."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from services.allocation.steering import snapshot, store
from services.allocation.steering.matching import ENGINE
from services.allocation.steering.worker import solve


@dataclass(frozen=True, slots=True)
class Same:
    """The engine gives the same bytes again."""

    run: UUID
    sha256: str


@dataclass(frozen=True, slots=True)
class Different:
    """The engine gives other bytes; `engine` is what it was then, if it is another one now."""

    run: UUID
    stored: str
    replayed: str
    engine: str | None


async def replay(conn: asyncpg.Connection, run: UUID) -> Same | Different:
    """Solve the stored snapshot of a run again.

    Raises:
        LookupError: there is no such run.
        ValueError: what is stored does not match its name.
    """
    seen, result, engine = await store.run_of(conn, run)
    raw = snapshot.unpack(await store.content(conn, seen), seen)
    again = snapshot.address(solve(raw).result)
    if again == result:
        return Same(run, result.hex())
    return Different(run, result.hex(), again.hex(), None if engine == ENGINE else engine)
