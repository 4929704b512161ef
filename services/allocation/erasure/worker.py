"""Finishes erasures that were judged: rows first, then what is stored of runs, then the acknowledgement.

Each step is a transaction of its own that can be done again, so that a crash in between loses nothing.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from schemas.days import local_day
from services.allocation.erasure import archive, store
from services.allocation.erasure.acknowledgement import acknowledge
from services.allocation.erasure.judgement import begin_again
from services.allocation.policy.terms import Terms
from services.allocation.steering.explain import store as explanation_store
from services.allocation.steering.matching import snapshot as snapshots
from services.allocation.steering.runs.retention import delete_contents, lock_contents
from services.runtime.base import failpoints
from services.runtime.base.identity_key import IdentityKey
from services.runtime.bookkeeping import erased, parking
from services.runtime.data.db import acquire, transaction

RUNS_AT_ONCE = 20
"""Runs whose snapshots are read and searched at a time."""

_PARTS = ("snapshot", "result", "certificate", "remedies")


@dataclass(frozen=True, slots=True)
class ErasureWorker:
    """Works off erasures, at each step of a timer."""

    pool: asyncpg.Pool
    key: IdentityKey
    prefix: str
    terms: Terms

    async def work_off(self, now: datetime) -> int:
        """Finish every erasure that was judged; return how many."""
        done = 0
        while await self._next(now):
            done += 1
        return done

    async def erase_again(self, now: datetime) -> int:
        """Have everybody erased who is here although erased before: a backup may have brought them back."""
        async with transaction(self.pool) as conn:
            await erased.lock_for_erasing(conn)
            ids = [*await store.known_ids(conn), *await store.parked_ids(conn)]
            back = await erased.erasures_of(conn, self.key, ids)
            for erasure in sorted(back):
                await begin_again(conn, self.prefix, self.terms, erasure, back[erasure], now)
        return len(back)

    async def _next(self, now: datetime) -> bool:
        async with transaction(self.pool) as conn:
            task = await store.next_task(conn)
            if task is None:
                return False
            await erased.lock_for_erasing(conn)
            ids = list(task.participants)
            counts = await store.erase_rows(conn, ids, local_day(task.asked_at))
            counts["runtime.parked"] = await parking.forget_subjects(conn, ids)
            await store.add_counts(conn, task.erasure, counts)
        await failpoints.failpoint("erased_rows")
        async with acquire(self.pool) as conn:
            runs = await store.runs(conn)
        for start in range(0, len(runs), RUNS_AT_ONCE):
            await self._rename_some(task, runs[start : start + RUNS_AT_ONCE])
        await failpoints.failpoint("erased_runs")
        async with transaction(self.pool) as conn:
            counts_of_all = await store.finish(conn, task.erasure, now)
            await acknowledge(conn, self.prefix, task.erasure, counts_of_all, now)
        return True

    async def _rename_some(self, task: store.Task, runs: Sequence[UUID]) -> None:
        async with acquire(self.pool) as conn:
            packed = await store.snapshots_of(conn, runs)
        found = await asyncio.to_thread(_holding, packed, task.participants)
        for run in found:
            async with transaction(self.pool) as conn:
                if await self._rename(conn, run, task.participants):
                    await store.add_counts(conn, task.erasure, {"steering_content": 1})
            await failpoints.failpoint("renamed_run")

    async def _rename(self, conn: asyncpg.Connection, run: UUID, gone: Sequence[UUID]) -> bool:
        row = await store.lock_run(conn, run)
        if row is None:
            return False
        raws = {
            part: None
            if row[part] is None
            else snapshots.unpack(await explanation_store.content(conn, row[part]), row[part])
            for part in _PARTS
        }
        snapshot, result = raws["snapshot"], raws["result"]
        if snapshot is None or result is None or not archive.holds(snapshot, gone):
            return False
        parts = archive.Parts(snapshot, result, raws["certificate"], raws["remedies"])
        renamed = await asyncio.to_thread(archive.rename, parts, gone)
        names: dict[str, bytes | None] = {}
        for part in _PARTS:
            raw = getattr(renamed.parts, part)
            names[part] = None if raw is None else snapshots.address(raw)
            if raw is not None:
                await explanation_store.put_content(
                    conn, row["kreis"], snapshots.address(raw), snapshots.pack(raw)
                )
        await store.put_renamed(conn, run, names, renamed)
        old = sorted({row[part] for part in _PARTS if row[part] is not None})
        await lock_contents(conn, old)
        await delete_contents(conn, old)
        return True


def _holding(packed: Sequence[tuple[UUID, bytes]], gone: Sequence[UUID]) -> list[UUID]:
    return [run for run, content in packed if archive.holds(zlib.decompress(content), gone)]
