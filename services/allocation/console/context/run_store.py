"""Reads steering runs and what is stored of them; row level security limits it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.allocation.steering.explain import store
from services.allocation.steering.matching import snapshot
from services.runtime.web.problems import not_found


async def runs(conn: asyncpg.Connection, limit: int, offset: int) -> Sequence[asyncpg.Record]:
    """List the steering runs, the latest first."""
    return await conn.fetch(
        """
        SELECT run, region, decided_at, rules_version, policy_version, engine_version, status, people,
            entries, pairs, placed, proposed, withdrawn, stale, tiers, timing
        FROM steering_run ORDER BY decided_at DESC, recorded_at DESC LIMIT $1 OFFSET $2
        """,
        limit,
        offset,
    )


async def run_row(conn: asyncpg.Connection, run: UUID) -> asyncpg.Record | None:
    """Return one run."""
    return await conn.fetchrow(
        """
        SELECT run, region, kreise, decided_at, status, cut, gap, people, entries, pairs, placed, proposed,
            withdrawn, stale, tiers, timing, engine_version, rules_version, policy_version,
            snapshot, result, certificate
        FROM steering_run WHERE run = $1
        """,
        run,
    )


async def stored(conn: asyncpg.Connection, name: bytes) -> bytes:
    """Read a part of a run of the visitor's Kreise, alone or together with neighbours.

    Raises:
        PageError: 404, it is not there or not theirs.
    """
    try:
        return snapshot.unpack(await store.content(conn, name), name)
    except LookupError as error:
        raise not_found() from error


async def asked_since(conn: asyncpg.Connection, kreis: str) -> datetime | None:
    """Return since when something has changed that the next run will see; None: nothing has."""
    since: datetime | None = await conn.fetchval(
        "SELECT min(waiting_since) FROM steering_request WHERE kreis = $1 AND generation > done_generation",
        kreis,
    )
    return since
