"""Reads and writes tables of travel times: one holds for a Kreis, earlier ones are kept whole."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from services.allocation.policy import store as policy_store
from services.allocation.policy.store import Event
from services.allocation.policy.travel import Table
from services.allocation.rerun import request_rerun


@dataclass(frozen=True, slots=True)
class File:
    """A file as somebody sent it."""

    name: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Loaded:
    """A table as it was loaded."""

    id: UUID
    name: str
    sha256: bytes
    rows: int
    skipped: int
    loaded_by: str
    loaded_at: datetime
    active: bool


async def history(conn: asyncpg.Connection, kreis: str, limit: int = 20) -> Sequence[Loaded]:
    """List the tables of a Kreis, the latest first."""
    rows = await conn.fetch(
        """
        SELECT id, name, sha256, rows, skipped, loaded_by, loaded_at, active FROM travel_table
        WHERE kreis = $1 ORDER BY loaded_at DESC, id LIMIT $2
        """,
        kreis,
        limit,
    )
    return [Loaded(**dict(row)) for row in rows]


async def content(conn: asyncpg.Connection, table: UUID) -> bytes | None:
    """Return a loaded file as it was; None: not known, or another Kreis's."""
    packed = await conn.fetchval("SELECT content FROM travel_table WHERE id = $1", table)
    return None if packed is None else zlib.decompress(packed)


async def towns(conn: asyncpg.Connection, kreis: str) -> frozenset[str]:
    """Name the towns that people and courses of a Kreis are in, also outside of it."""
    rows = await conn.fetch(
        """
        SELECT town FROM participant WHERE kreis = $1 AND town IS NOT NULL
        UNION SELECT town FROM course WHERE kreis = $1 AND town IS NOT NULL
        """,
        kreis,
    )
    return frozenset(row["town"] for row in rows)


async def load(  # noqa: PLR0917 -- what, for whom, by whom, when
    conn: asyncpg.Connection, kreis: str, file: File, table: Table, actor: str, now: datetime
) -> Loaded:
    """Let a table hold instead of the one before, and ask for the Kreis to be steered.

    Call it last in the transaction, as `requests.request`.
    """
    loaded = Loaded(
        id=uuid4(),
        name=file.name[:200] or "travel.csv",
        sha256=hashlib.sha256(file.raw).digest(),
        rows=len(table.minutes),
        skipped=len(table.wrong),
        loaded_by=actor,
        loaded_at=now,
        active=True,
    )
    await _lock(conn, kreis)
    await _end(conn, kreis)
    await _insert(conn, kreis, loaded, zlib.compress(file.raw, 6))
    await _insert_ways(conn, kreis, loaded.id, table)
    told = f"{loaded.name}: {loaded.rows} ({loaded.sha256.hex()[:12]})"
    await policy_store.note(conn, kreis, Event(None, "travel_loaded", actor, now, told))
    await request_rerun(conn, kreis, "travel_loaded", urgent=False, now=now)
    return loaded


async def remove(conn: asyncpg.Connection, kreis: str, actor: str, now: datetime, reason: str) -> bool:
    """Let no table hold; ways are estimated again and no limit of minutes binds. False: none held."""
    await _lock(conn, kreis)
    if not await _end(conn, kreis):
        return False
    await policy_store.note(conn, kreis, Event(None, "travel_removed", actor, now, reason))
    await request_rerun(conn, kreis, "travel_removed", urgent=False, now=now)
    return True


async def _lock(conn: asyncpg.Connection, kreis: str) -> None:
    """Let one at a time change the table of a Kreis."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('travel_table ' || $1, 0))", kreis)


async def _end(conn: asyncpg.Connection, kreis: str) -> bool:
    await conn.execute("DELETE FROM travel_time WHERE kreis = $1", kreis)
    done = await conn.execute("UPDATE travel_table SET active = false WHERE kreis = $1 AND active", kreis)
    return str(done) != "UPDATE 0"


async def _insert(conn: asyncpg.Connection, kreis: str, loaded: Loaded, packed: bytes) -> None:
    await conn.execute(
        """
        INSERT INTO travel_table (id, kreis, name, sha256, content, rows, skipped, loaded_by, loaded_at,
                                  active)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, true)
        """,
        loaded.id,
        kreis,
        loaded.name,
        loaded.sha256,
        packed,
        loaded.rows,
        loaded.skipped,
        loaded.loaded_by,
        loaded.loaded_at,
    )


async def _insert_ways(conn: asyncpg.Connection, kreis: str, table: UUID, ways: Table) -> None:
    filled = ways.filled()
    both = [*ways.minutes.items(), *filled.items()]
    await conn.execute(
        """
        INSERT INTO travel_time (kreis, from_town, to_town, minutes, filled, travel_table)
        SELECT $1, from_town, to_town, minutes, filled, $2
        FROM unnest($3::text[], $4::text[], $5::smallint[], $6::bool[])
            AS way (from_town, to_town, minutes, filled)
        """,
        kreis,
        table,
        [home for (home, _), _ in both],
        [there for (_, there), _ in both],
        [minutes for _, minutes in both],
        [False] * len(ways.minutes) + [True] * len(filled),
    )
