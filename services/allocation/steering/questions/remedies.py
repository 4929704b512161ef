"""Answers what would help everybody without a place after the latest run, and keeps it in rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.allocation.steering.explain import remedies
from services.allocation.steering.explain import store as explanation_store
from services.allocation.steering.matching import match as matching
from services.allocation.steering.matching import snapshot as snapshots
from services.allocation.steering.matching.snapshot import Snapshot
from services.allocation.steering.questions.material import ReadContext

LIMIT_SECONDS = 600.0


async def material(context: ReadContext) -> dict[str, Any]:
    """Read what the latest run saw and decided; nothing if there was none."""
    run = await explanation_store.latest_run(context.conn, context.kreis)
    if run is None:
        return {}
    names = await explanation_store.contents_of(context.conn, run)
    stored = {"snapshot": names.snapshot, "result": names.result}
    raw = {
        part: snapshots.unpack(await explanation_store.content(context.conn, name), name).decode()
        for part, name in stored.items()
    }
    return {"run": str(run), **raw}


def answer(_seen: Snapshot, question: Mapping[str, Any]) -> dict[str, Any]:
    """Find the remedies of the run that was read; today's snapshot may be another one."""
    run = question["material"]
    if not run:
        return {"run": None, "each": [], "sums": []}
    seen, result = snapshots.decode(run["snapshot"].encode()), matching.decode(run["result"].encode())
    return {"run": run["run"], **remedies.as_json(remedies.remedies_of(seen, result), seen)}


async def keep(conn: asyncpg.Connection, kreis: str, result: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Write the remedies beside the people; the answer itself keeps the sums only."""
    if result["run"] is not None:
        run = UUID(result["run"])
        await explanation_store.put_remedies(conn, kreis, run, result, now)
        await explanation_store.keep_remedies(conn, run, result["each"])
    return {"run": result["run"], "sums": result["sums"], "people": len(result["each"])}
