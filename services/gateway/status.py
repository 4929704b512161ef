"""Reports the gateway's status: publishers whose progress lags, one invariant, and figures."""

from datetime import datetime

import asyncpg

from schemas.codes import FindingKind
from schemas.topics import EVENT_TYPES, Family
from services.gateway.progress import domain as progress
from services.runtime.serve.discreet import STEP
from services.runtime.serve.status import Invariant, OwnStatus


async def due(conn: asyncpg.Connection, now: datetime) -> int:
    """Count publishers whose progress is behind the business time."""
    publishers = await conn.fetch("SELECT until FROM status.publishers WHERE active")
    return sum(row["until"] is None or now - row["until"] >= progress.STEP for row in publishers)


async def own_status(conn: asyncpg.Connection, now: datetime) -> OwnStatus:
    """Read the status from the views of the status role."""
    accepted = await conn.fetch("SELECT type, n FROM status.accepted ORDER BY type")
    findings = await conn.fetch("SELECT family, kind, n FROM status.finding ORDER BY family, kind")
    feeds = await conn.fetch("SELECT name, n FROM status.feed ORDER BY name")
    publishers = await conn.fetch("SELECT slug, active, until FROM status.publishers")
    ahead = [row for row in publishers if row["until"] is not None and row["until"] > now]
    support = {name for name, type_ in EVENT_TYPES.items() if type_.family is Family.SUPPORT}
    told: dict[str, float] = {
        f"accepted.{row['type']}": row["n"] for row in accepted if row["type"] not in support
    }
    # What goes to the support side is told in whole hundreds: no single consent is to be seen here.
    told["accepted.support"] = sum(row["n"] for row in accepted if row["type"] in support) // STEP * STEP
    figures = {**told, "accepted": sum(told.values())}
    figures |= {
        f"findings.{row['family']}.{row['kind']}": row["n"]
        for row in findings
        if (row["family"], row["kind"]) != (Family.SUPPORT, FindingKind.ACCEPTED)
    }
    figures |= {f"feed.{row['name']}": row["n"] for row in feeds}
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
