"""Reads and writes erasures that were judged, and the rows and contents they have to reach."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import asyncpg

from services.allocation.erasure.archive import Renamed


@dataclass(frozen=True, slots=True)
class Task:
    """An erasure that is not finished."""

    erasure: UUID
    participants: tuple[UUID, ...]
    asked_at: datetime
    erased: Mapping[str, int]


async def same_people(conn: asyncpg.Connection, ids: Collection[UUID]) -> dict[UUID, frozenset[UUID]]:
    """Return for each id all ids of that person, merged ones too, itself included."""
    rows = await conn.fetch(
        """
        WITH RECURSIVE known AS (
            SELECT id AS asked, id FROM unnest($1::uuid[]) AS id
            UNION
            SELECT k.asked, CASE WHEN p.participant = k.id THEN p.merged_into ELSE p.participant END
            FROM known AS k JOIN participant AS p
                ON p.merged_into IS NOT NULL AND k.id IN (p.participant, p.merged_into))
        SELECT asked, array_agg(id) AS ids FROM known GROUP BY asked
        """,
        list(ids),
    )
    return {row["asked"]: frozenset(row["ids"]) for row in rows}


async def known_ids(conn: asyncpg.Connection) -> list[UUID]:
    """List the ids of everybody whom this service knows."""
    rows = await conn.fetch(
        """
        SELECT participant FROM participant WHERE reference <> 'erased'
        UNION SELECT participant FROM main_reason UNION SELECT participant FROM remedy
        """
    )
    return [row["participant"] for row in rows]


async def parked_ids(conn: asyncpg.Connection) -> list[UUID]:
    """List the ids of people of whom an event is parked."""
    rows = await conn.fetch(
        """
        SELECT DISTINCT subject::uuid AS id FROM runtime.parked
        WHERE subject ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
        """
    )
    return [row["id"] for row in rows]


async def add_task(
    conn: asyncpg.Connection, erasure: UUID, participants: Collection[UUID], now: datetime
) -> None:
    """Have a worker erase these ids of one person; an erasure that was done begins again."""
    await conn.execute(
        """
        INSERT INTO erasure_task (erasure, participants, asked_at) VALUES ($1, $2, $3)
        ON CONFLICT (erasure) DO UPDATE SET participants = excluded.participants, done_at = NULL
        """,
        erasure,
        sorted(participants),
        now,
    )


async def known_task(conn: asyncpg.Connection, erasure: UUID) -> bool:
    """Return whether an erasure was begun here."""
    return bool(await conn.fetchval("SELECT EXISTS (SELECT FROM erasure_task WHERE erasure = $1)", erasure))


async def next_task(conn: asyncpg.Connection) -> Task | None:
    """Lock the oldest erasure that is not finished, unless another process works on it."""
    row = await conn.fetchrow(
        """
        SELECT erasure, participants, asked_at, erased FROM erasure_task
        WHERE done_at IS NULL ORDER BY asked_at, erasure LIMIT 1 FOR UPDATE SKIP LOCKED
        """
    )
    if row is None:
        return None
    return Task(row["erasure"], tuple(row["participants"]), row["asked_at"], row["erased"])


async def add_counts(conn: asyncpg.Connection, erasure: UUID, counts: Mapping[str, int]) -> None:
    """Add to what an erasure has erased."""
    await conn.execute(
        """
        UPDATE erasure_task AS t SET erased = (
            SELECT coalesce(jsonb_object_agg(tab, n), '{}') FROM (
                SELECT tab, sum(n::bigint) AS n FROM (
                    SELECT * FROM jsonb_each_text(t.erased) AS had (tab, n)
                    UNION ALL SELECT * FROM jsonb_each_text($2::jsonb) AS has (tab, n)) AS both_
                GROUP BY tab HAVING sum(n::bigint) > 0) AS added)
        WHERE erasure = $1
        """,
        erasure,
        dict(counts),
    )


async def finish(conn: asyncpg.Connection, erasure: UUID, now: datetime) -> Mapping[str, int]:
    """Note that an erasure is done and forget whom it was about; return the rows of each table."""
    erased: Mapping[str, int] = await conn.fetchval(
        """
        UPDATE erasure_task SET done_at = $2, participants = '{}' WHERE erasure = $1 RETURNING erased
        """,
        erasure,
        now,
    )
    return erased


async def erase_rows(conn: asyncpg.Connection, ids: Sequence[UUID], day: date) -> dict[str, int]:
    """Erase one person's rows; return how many of each table."""
    references = await conn.fetch(
        "SELECT reference FROM participant WHERE participant = ANY($1::uuid[])", ids
    )
    tasks = await _delete_tasks(conn, [*map(str, ids), *(f'"{row["reference"]}"' for row in references)])
    rows = await conn.fetch("SELECT tab, n FROM erase_participant($1::uuid[], $2)", ids, day)
    return {row["tab"]: row["n"] for row in rows} | {"analysis_task": tasks}


async def _delete_tasks(conn: asyncpg.Connection, texts: Sequence[str]) -> int:
    """Delete questions and answers that name somebody; whoever computes an answer now begins again."""
    rows = await conn.fetch(
        """
        DELETE FROM analysis_task AS t WHERE EXISTS (SELECT FROM unnest($1::text[]) AS name
            WHERE position(name IN t.question::text) > 0 OR position(name IN t.result::text) > 0)
        RETURNING 1
        """,
        texts,
    )
    await conn.execute(
        "UPDATE analysis_task SET state = 'waiting', token = NULL, held_until = NULL WHERE state = 'running'"
    )
    await conn.execute("UPDATE analysis_task SET snapshot = NULL WHERE snapshot IS NOT NULL")
    return len(rows)


async def runs(conn: asyncpg.Connection) -> list[UUID]:
    """List every stored run."""
    rows = await conn.fetch("SELECT run FROM steering_run ORDER BY decided_at, run")
    return [row["run"] for row in rows]


async def snapshots_of(conn: asyncpg.Connection, some: Sequence[UUID]) -> list[tuple[UUID, bytes]]:
    """Return the compressed snapshot of each of these runs."""
    rows = await conn.fetch(
        """
        SELECT r.run, c.content FROM steering_run AS r JOIN steering_content AS c ON c.sha256 = r.snapshot
        WHERE r.run = ANY($1::uuid[])
        """,
        some,
    )
    return [(row["run"], row["content"]) for row in rows]


async def lock_run(conn: asyncpg.Connection, run: UUID) -> asyncpg.Record | None:
    """Lock a run; return its Kreis and the names of its contents, None if it is gone."""
    return await conn.fetchrow(
        """
        SELECT kreis, snapshot, result, certificate, remedies FROM steering_run WHERE run = $1 FOR UPDATE
        """,
        run,
    )


async def put_renamed(
    conn: asyncpg.Connection, run: UUID, names: Mapping[str, bytes | None], renamed: Renamed
) -> None:
    """Let a run refer to its renamed contents, and the remedies shown name the same people as these."""
    await conn.execute(
        """
        UPDATE steering_run SET snapshot = $2, result = $3, certificate = $4, remedies = $5,
            tiers = $6, renamed = renamed + 1 WHERE run = $1
        """,
        run,
        names["snapshot"],
        names["result"],
        names["certificate"],
        names["remedies"],
        list(renamed.tiers),
    )
    await conn.executemany(
        """
        UPDATE remedy SET gives_way = replace(gives_way::text, $2::text, $3::text)::uuid,
            changes = replace(changes::text, $2, $3)::jsonb, params = replace(params::text, $2, $3)::jsonb
        WHERE run = $1 AND (gives_way::text = $2 OR position($2 IN changes::text) > 0
            OR position($2 IN params::text) > 0)
        """,
        [(run, old, new) for old, new in renamed.names.items()],
    )
