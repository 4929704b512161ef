"""Reports the gateway's status: publishers whose progress lags, one invariant, and figures."""

from datetime import datetime

import asyncpg

from services.gateway.progress.domain import STEP
from services.runtime.serve.status import Invariant, OwnStatus


async def due(conn: asyncpg.Connection, now: datetime) -> int:
    """Count publishers whose progress is behind the business time."""
    publishers = await conn.fetch("SELECT until FROM status.publishers WHERE active")
    return sum(row["until"] is None or now - row["until"] >= STEP for row in publishers)


async def own_status(conn: asyncpg.Connection, now: datetime) -> OwnStatus:
    """Read the status from the views of the status role."""
    accepted = await conn.fetch("SELECT type, n FROM status.accepted ORDER BY type")
    findings = await conn.fetch("SELECT family, kind, n FROM status.finding ORDER BY family, kind")
    feeds = await conn.fetch("SELECT name, n FROM status.feed ORDER BY name")
    publishers = await conn.fetch("SELECT slug, active, until FROM status.publishers")
    ahead = [row for row in publishers if row["until"] is not None and row["until"] > now]
    figures: dict[str, float] = {f"accepted.{row['type']}": row["n"] for row in accepted}
    figures |= {f"findings.{row['family']}.{row['kind']}": row["n"] for row in findings}
    figures |= {f"feed.{row['name']}": row["n"] for row in feeds}
    figures["accepted"] = sum(row["n"] for row in accepted)
    figures["publishers"] = sum(row["active"] for row in publishers)
    return OwnStatus(
        due=await due(conn, now),
        invariants=(
            Invariant(
                id="progress-not-ahead",
                ok=not ahead,
                checked=len(publishers),
                detail="no publisher's progress lies in the future",
            ),
        ),
        figures=figures,
    )
