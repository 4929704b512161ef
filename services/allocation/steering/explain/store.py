"""Reads and writes the rows that explain runs: stored contents, main reasons, remedies and their sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from services.allocation.steering.explain.reasons import Explanation
from services.allocation.steering.matching import snapshot


@dataclass(frozen=True, slots=True)
class Contents:
    """Hashes under which a run's snapshot, result and proofs are stored."""

    snapshot: bytes
    result: bytes
    certificate: bytes | None
    """Runs before certificates have none."""
    remedies: bytes | None
    """None: they have not been looked for; a run that another one followed at once has none."""


async def contents_of(conn: asyncpg.Connection, run: UUID) -> Contents:
    """Return the names of a run's contents.

    Raises:
        LookupError: there is no such run.
    """
    row = await conn.fetchrow(
        "SELECT snapshot, result, certificate, remedies FROM steering_run WHERE run = $1", run
    )
    if row is None:
        raise LookupError("no such run")
    return Contents(**dict(row))


async def put_content(conn: asyncpg.Connection, kreis: str, sha256: bytes, packed: bytes) -> None:
    """Store compressed bytes under the name of what they hold.

    What is there already is locked, so that nobody forgets it before the run that refers to it is written.
    """
    await conn.execute(
        """
        INSERT INTO steering_content AS there (sha256, kreis, content) VALUES ($1, $2, $3)
        ON CONFLICT (sha256) DO UPDATE SET kreis = there.kreis
        """,
        sha256,
        kreis,
        packed,
    )


async def content(conn: asyncpg.Connection, sha256: bytes) -> bytes:
    """Return stored compressed bytes."""
    row = await conn.fetchrow("SELECT content FROM steering_content WHERE sha256 = $1", sha256)
    if row is None:
        raise LookupError("no such content is stored")
    packed: bytes = row["content"]
    return packed


async def all_runs(conn: asyncpg.Connection, since: datetime | None = None) -> dict[UUID, datetime]:
    """List every stored run with its business time, the oldest first."""
    rows = await conn.fetch(
        """
        SELECT run, decided_at FROM steering_run WHERE $1::timestamptz IS NULL OR decided_at >= $1
        ORDER BY decided_at, recorded_at, run
        """,
        since,
    )
    return {row["run"]: row["decided_at"] for row in rows}


async def latest_run(conn: asyncpg.Connection, kreis: str) -> UUID | None:
    """Return the latest run that steered a Kreis."""
    run: UUID | None = await conn.fetchval(
        """
        SELECT run FROM steering_run WHERE kreis = $1 OR $1 = ANY(kreise)
        ORDER BY decided_at DESC, recorded_at DESC LIMIT 1
        """,
        kreis,
    )
    return run


async def put_main_reasons(  # noqa: PLR0917 - one row of each for everybody
    conn: asyncpg.Connection,
    kreise: Sequence[str],
    homes: Sequence[str],
    run: UUID,
    told: Sequence[Explanation],
    now: datetime,
) -> list[UUID]:
    """Replace the main reasons of a region; return the people without a place whose reason is another one.

    `homes`: each person's Kreis. Numbers in a reason change from day to day; it is the same reason as
    long as code and rules are.
    A row that would not change keeps the run that wrote it.
    """
    rows = await conn.fetch(
        """
        WITH new AS (
            SELECT * FROM unnest($3::uuid[], $4::bool[], $5::text[], $6::text[], $7::int[], $8::int[],
                $10::text[]) AS n (participant, placed, code, params, suitable, eligible, kreis)
        ), old AS (
            SELECT o.participant, o.placed, o.code, o.params->>'rules' AS rules, o.since
            FROM main_reason o WHERE o.kreis = ANY($1::text[]) OR o.participant = ANY($3::uuid[])
        ), gone AS (
            DELETE FROM main_reason m
            WHERE m.kreis = ANY($1::text[])
              AND NOT EXISTS (SELECT FROM new n WHERE n.participant = m.participant)
        ), written AS (
            INSERT INTO main_reason (participant, kreis, run, placed, code, params, since, suitable, eligible)
            SELECT n.participant, n.kreis, $2, n.placed, n.code, n.params::jsonb,
                   CASE WHEN o.code = n.code AND o.rules IS NOT DISTINCT FROM n.params::jsonb->>'rules'
                        THEN o.since ELSE $9 END,
                   n.suitable, n.eligible
            FROM new n LEFT JOIN old o USING (participant)
            ON CONFLICT (participant) DO UPDATE SET kreis = excluded.kreis, run = excluded.run,
                placed = excluded.placed, code = excluded.code, params = excluded.params,
                since = excluded.since, suitable = excluded.suitable, eligible = excluded.eligible
            WHERE (main_reason.kreis, main_reason.placed, main_reason.code, main_reason.params,
                   main_reason.suitable, main_reason.eligible)
                IS DISTINCT FROM (excluded.kreis, excluded.placed, excluded.code, excluded.params,
                                  excluded.suitable, excluded.eligible)
        )
        SELECT n.participant FROM new n LEFT JOIN old o USING (participant)
        WHERE NOT n.placed AND (o.code IS DISTINCT FROM n.code
              OR o.rules IS DISTINCT FROM n.params::jsonb->>'rules' OR o.placed)
        ORDER BY n.participant
        """,
        kreise,
        run,
        [one.person for one in told],
        [one.place is not None for one in told],
        [one.main.code for one in told],
        [orjson.dumps(one.main.params).decode() for one in told],
        [one.suitable for one in told],
        [one.eligible for one in told],
        now,
        homes,
    )
    return [row["participant"] for row in rows]


async def reasons_of(conn: asyncpg.Connection, run: UUID) -> list[dict[str, Any]]:
    """List the main reasons that a run wrote and that still stand."""
    rows = await conn.fetch(
        "SELECT participant::text AS person, code, params FROM main_reason WHERE run = $1", run
    )
    return [dict(row) for row in rows]


async def remedies_of_run(conn: asyncpg.Connection, run: UUID) -> list[dict[str, Any]]:
    """List the remedies that rest on a run, as remedies.as_json writes them."""
    rows = await conn.fetch(
        """
        SELECT participant::text AS person, code, params->'parts' AS parts, changes, course::text AS course,
               section, gives_way::text AS gives_way
        FROM remedy WHERE run = $1 ORDER BY participant
        """,
        run,
    )
    return [dict(row) for row in rows]


async def _forget(conn: asyncpg.Connection, run: UUID) -> None:
    """Delete the remedies of the Kreise that a run has steered."""
    await conn.execute(
        """
        WITH steered AS (
            SELECT unnest(coalesce(kreise, ARRAY[kreis])) AS kreis FROM steering_run WHERE run = $1
        ), sums AS (DELETE FROM remedy_sum WHERE kreis IN (SELECT kreis FROM steered))
        DELETE FROM remedy WHERE kreis IN (SELECT kreis FROM steered)
        """,
        run,
    )


async def put_remedies(
    conn: asyncpg.Connection, kreis: str, run: UUID, found: dict[str, Any], now: datetime
) -> None:
    """Replace the remedies of a Kreis by those of a run, as remedies.as_json writes them.

    People of a neighbour who were steered in the same run are their own Kreis's.
    """
    await _forget(conn, run)
    each: Sequence[dict[str, Any]] = found["each"]
    await conn.executemany(
        """
        INSERT INTO remedy (participant, kreis, run, code, params, changes, course, section, town, gives_way,
                            found_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT (participant) DO UPDATE SET kreis = excluded.kreis, run = excluded.run,
            code = excluded.code, params = excluded.params, changes = excluded.changes,
            course = excluded.course, section = excluded.section, town = excluded.town,
            gives_way = excluded.gives_way, found_at = excluded.found_at
        """,
        [
            (
                UUID(one["person"]),
                one["kreis"] or kreis,
                run,
                one["code"],
                {"parts": one["parts"]},
                one["changes"],
                None if one["course"] is None else UUID(one["course"]),
                one["section"],
                one["town"],
                None if one["gives_way"] is None else UUID(one["gives_way"]),
                now,
            )
            for one in each
        ],
    )
    await conn.executemany(
        "INSERT INTO remedy_sum (kreis, run, code, people, together) VALUES ($1, $2, $3, $4, $5)",
        [(kreis, run, one["code"], one["people"], one["together"]) for one in found["sums"]],
    )


async def keep_remedies(conn: asyncpg.Connection, run: UUID, each: Sequence[dict[str, Any]]) -> None:
    """Archive a run's remedies; table `remedy` holds only those of the latest run.

    Raises:
        LookupError: there is no such run.
    """
    kreis = await conn.fetchval("SELECT kreis FROM steering_run WHERE run = $1", run)
    if kreis is None:
        raise LookupError("no such run")
    raw = orjson.dumps(each, option=orjson.OPT_SORT_KEYS)
    name = snapshot.address(raw)
    await put_content(conn, kreis, name, snapshot.pack(raw))
    await conn.execute("UPDATE steering_run SET remedies = $2 WHERE run = $1", run, name)


async def ask_for_remedies(conn: asyncpg.Connection, kreis: str, now: datetime) -> None:
    """Have the remedies of the latest run looked for, unless somebody has asked and nobody has begun."""
    await conn.execute(
        """
        INSERT INTO analysis_task (id, kreis, kind, question, asked_by, asked_at)
        SELECT gen_random_uuid(), $1, 'remedies', '{}'::jsonb, 'steering', $2
        WHERE NOT EXISTS (SELECT FROM analysis_task
            WHERE kreis = $1 AND kind = 'remedies' AND state = 'waiting')
        """,
        kreis,
        now,
    )
