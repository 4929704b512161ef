"""Solves stored runs once more and compares byte by byte."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from services.allocation.steering.matching import match as matching
from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.match import ENGINE
from services.allocation.steering.runs import store
from services.allocation.steering.runs.audit import content, verify
from services.allocation.steering.runs.worker import solve


@dataclass(frozen=True, slots=True)
class Same:
    """The engine gives the same bytes again."""

    run: UUID
    sha256: str


@dataclass(frozen=True, slots=True)
class Different:
    """The engine gives other bytes.

    Where that is no wonder (another engine then, a run cut by the clock, somebody erased) the stored result
    is checked without the engine instead: `findings` is empty if it holds.
    """

    run: UUID
    stored: str
    replayed: str
    why: str | None
    """The engine of then, `clock`, or `erased` (lots were drawn anew); None: the same engine, uncut, should
    have given the same."""
    findings: tuple[str, ...] = ()

    @property
    def harmless(self) -> bool:
        """Return whether the stored result holds and its difference is explained."""
        return self.why is not None and not self.findings


async def replay(conn: asyncpg.Connection, run: UUID) -> Same | Different:
    """Solve the stored snapshot of a run again.

    Raises:
        LookupError: there is no such run.
        ValueError: the stored snapshot does not match its name.
    """
    seen, result, engine, renamed = await store.run_of(conn, run)
    raw = await content(conn, seen)
    again = snapshot.address(solve(raw).result)
    if again == result:
        return Same(run, result.hex())
    try:
        clock = matching.decode(await content(conn, result)).cut == "clock"
    except ValueError as error:
        return Different(run, result.hex(), again.hex(), None, (f"result: {error}",))
    why = engine if engine != ENGINE else "clock" if clock else "erased" if renamed else None
    found = () if why is None else (await verify(conn, run)).findings
    return Different(run, result.hex(), again.hex(), why, found)
