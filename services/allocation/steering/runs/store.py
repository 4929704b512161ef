"""Reads and writes the rows of runs: open requests, leases, versions that are checked again, runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A region that is to be steered."""

    region: str
    kreis: str
    waiting_since: datetime
    urgent_since: datetime | None


async def open_requests(conn: asyncpg.Connection) -> list[OpenRequest]:
    """List the regions with open requests."""
    rows = await conn.fetch(
        """
        SELECT region, kreis, waiting_since, urgent_since FROM steering_request
        WHERE generation > done_generation ORDER BY region
        """
    )
    return [OpenRequest(**dict(row)) for row in rows]


async def open_requests_for_status(conn: asyncpg.Connection) -> list[OpenRequest]:
    """List the regions with open requests, as the status role may see them."""
    rows = await conn.fetch("SELECT region, kreis, waiting_since, urgent_since FROM status.steering_request")
    return [OpenRequest(**dict(row)) for row in rows]


async def claim(conn: asyncpg.Connection, kreise: Sequence[str], token: UUID, seconds: float) -> bool:
    """Take the leases of all Kreise of a region if nobody holds any; technical time is the database's."""
    async with conn.transaction():
        rows = await conn.fetch(
            """
            INSERT INTO steering_lease AS held (region, kreis, token, held_until)
            SELECT kreis, kreis, $2, clock_timestamp() + make_interval(secs => $3)
            FROM unnest($1::text[]) AS kreis ORDER BY kreis
            ON CONFLICT (region) DO UPDATE SET token = excluded.token, held_until = excluded.held_until
                WHERE held.held_until < clock_timestamp()
            RETURNING region
            """,
            kreise,
            token,
            seconds,
        )
        if len(rows) == len(kreise):
            return True
        await give_back(conn, kreise, token)
        return False


async def renew(conn: asyncpg.Connection, kreise: Sequence[str], token: UUID, seconds: float) -> bool:
    """Hold the leases for longer; False if one is no longer ours. Locks them until the commit."""
    rows = await conn.fetch(
        """
        WITH ours AS (
            SELECT region FROM steering_lease WHERE region = ANY($1::text[]) AND token = $2
            ORDER BY region FOR UPDATE
        )
        UPDATE steering_lease AS held SET held_until = clock_timestamp() + make_interval(secs => $3)
        FROM ours WHERE held.region = ours.region AND held.token = $2 RETURNING held.region
        """,
        kreise,
        token,
        seconds,
    )
    return len(rows) == len(kreise)


async def give_back(conn: asyncpg.Connection, kreise: Sequence[str], token: UUID) -> None:
    """Give the leases back."""
    await conn.execute(
        "DELETE FROM steering_lease WHERE region = ANY($1::text[]) AND token = $2", kreise, token
    )


async def generations(conn: asyncpg.Connection, kreise: Sequence[str]) -> dict[str, int]:
    """Read the latest generation of requests of each Kreis that has an open one."""
    rows = await conn.fetch(
        """
        SELECT region, generation FROM steering_request
        WHERE region = ANY($1::text[]) AND generation > done_generation ORDER BY region
        """,
        kreise,
    )
    return {row["region"]: row["generation"] for row in rows}


async def finish(conn: asyncpg.Connection, done: Mapping[str, int]) -> None:
    """Note that all requests of each Kreis up to a generation are done; later ones stay open."""
    kreise = sorted(done)
    await conn.execute(
        """
        UPDATE steering_request AS r SET
            done_generation = d.done,
            reasons = CASE WHEN r.generation > d.done THEN r.reasons ELSE '{}' END,
            waiting_since = CASE WHEN r.generation > d.done THEN r.waiting_last END,
            urgent_since = CASE WHEN r.urgent_last > d.done THEN r.urgent_since END
        FROM unnest($1::text[], $2::bigint[]) AS d (region, done)
        WHERE r.region = d.region AND r.done_generation < d.done
        """,
        kreise,
        [done[kreis] for kreis in kreise],
    )


async def put_pooled(
    conn: asyncpg.Connection, kreise: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> None:
    """Note with whom the Kreise of a region pool now."""
    await conn.execute(
        """
        WITH now AS (
            SELECT * FROM unnest($2::text[], $3::text[]) AS pair (kreis, neighbour)
        ), gone AS (
            DELETE FROM pooled_kreis AS p WHERE p.kreis = ANY($1::text[])
                AND NOT EXISTS (SELECT FROM now WHERE (now.kreis, now.neighbour) = (p.kreis, p.neighbour))
        )
        INSERT INTO pooled_kreis (kreis, neighbour) SELECT kreis, neighbour FROM now
        ON CONFLICT DO NOTHING
        """,
        kreise,
        [one for one, _ in pairs],
        [other for _, other in pairs],
    )


async def lock_courses(conn: asyncpg.Connection, courses: Iterable[UUID]) -> dict[UUID, int]:
    """Lock courses in id order and return which versions they have now; those that are over are left out."""
    rows = await conn.fetch(
        """
        SELECT course, version, state FROM course WHERE course = ANY($1::uuid[])
        ORDER BY course FOR NO KEY UPDATE
        """,
        sorted(courses),
    )
    return {row["course"]: row["version"] for row in rows if row["state"] == "announced"}


async def versions_of(conn: asyncpg.Connection, people: Iterable[UUID]) -> dict[UUID, int]:
    """Return which versions the facts about people have now."""
    rows = await conn.fetch(
        "SELECT participant, version FROM participant WHERE participant = ANY($1::uuid[])", list(people)
    )
    return {row["participant"]: row["version"] for row in rows}


async def any_gone(conn: asyncpg.Connection, people: Sequence[UUID]) -> bool:
    """Return whether one of these people is not there any more."""
    there: int = await conn.fetchval(
        "SELECT count(*) FROM participant WHERE participant = ANY($1::uuid[])", people
    )
    return there < len(people)


async def put_run(conn: asyncpg.Connection, run: Mapping[str, Any]) -> None:
    """Store a run; the keys are the columns of steering_run."""
    await conn.execute(
        """
        INSERT INTO steering_run (run, region, kreis, generation, decided_at, snapshot, result, rules_version,
            policy_version, engine_version, status, people, entries, pairs, placed, proposed, withdrawn,
            stale, tiers, timing, kreise, cut, gap, certificate)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
            $19::text::jsonb, $20::text::jsonb, $21, $22, $23, $24)
        """,
        *(
            orjson.dumps(run[name]).decode() if name in {"tiers", "timing"} else run[name]
            for name in RUN_COLUMNS
        ),
    )


RUN_COLUMNS = (
    "run", "region", "kreis", "generation", "decided_at", "snapshot", "result", "rules_version",
    "policy_version", "engine_version", "status", "people", "entries", "pairs", "placed", "proposed",
    "withdrawn", "stale", "tiers", "timing", "kreise", "cut", "gap", "certificate",
)  # fmt: skip


async def run_of(conn: asyncpg.Connection, run: UUID) -> tuple[bytes, bytes, str, int]:
    """Return the names of snapshot and result, the engine's version, and how many were erased."""
    row = await conn.fetchrow(
        "SELECT snapshot, result, engine_version, renamed FROM steering_run WHERE run = $1", run
    )
    if row is None:
        raise LookupError("no such run")
    return row["snapshot"], row["result"], row["engine_version"], row["renamed"]
