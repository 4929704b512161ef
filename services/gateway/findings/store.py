"""Reads and writes findings, watermarks, addressed events and own numbers of people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding to be stored; one raised at the door has no topic, partition and offset."""

    id: UUID
    publisher: str
    organisation: str
    family: str
    kind: str
    code: str
    field: str | None
    params: Mapping[str, str | int]
    event_id: str | None
    event_type: str | None
    raised_at: datetime
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class Addressed:
    """An event addressed to a publisher."""

    id: UUID
    publisher: str
    organisation: str
    event: Mapping[str, Any]


async def _lock_feeds(conn: asyncpg.Connection, name: str, publishers: Sequence[str]) -> dict[str, int]:
    """Lock feeds until the commit and return their last numbers, so that numbers become visible in order."""
    slugs = sorted(set(publishers))
    await conn.execute(
        """
        INSERT INTO feed (publisher, name, last)
        SELECT slug, $1, 0 FROM unnest($2::text[]) AS new (slug) ORDER BY slug ON CONFLICT DO NOTHING
        """,
        name,
        slugs,
    )
    rows = await conn.fetch(
        """
        SELECT publisher, last FROM feed WHERE name = $1 AND publisher = ANY($2::text[])
        ORDER BY publisher FOR UPDATE
        """,
        name,
        slugs,
    )
    return {row["publisher"]: row["last"] for row in rows}


async def _move_feeds(conn: asyncpg.Connection, name: str, last: Mapping[str, int]) -> None:
    await conn.execute(
        """
        UPDATE feed SET last = new.last FROM unnest($2::text[], $3::bigint[]) AS new (slug, last)
        WHERE feed.publisher = new.slug AND feed.name = $1
        """,
        name,
        list(last),
        list(last.values()),
    )


async def add_findings(conn: asyncpg.Connection, findings: Sequence[Finding]) -> None:
    """Store findings, each once, under the next numbers of their publishers' feeds."""
    if not findings:
        return
    last = await _lock_feeds(conn, "findings", [finding.publisher for finding in findings])
    rows = await conn.fetch(
        "SELECT id FROM finding WHERE id = ANY($1::uuid[])", [finding.id for finding in findings]
    )
    seen = {row["id"] for row in rows}
    numbered: list[tuple[int, Finding]] = []
    for finding in findings:
        if finding.id not in seen:
            seen.add(finding.id)
            last[finding.publisher] += 1
            numbered.append((last[finding.publisher], finding))
    await conn.executemany(
        """
        INSERT INTO finding (publisher, number, organisation, id, family, kind, code, field, params, topic,
            partition, "offset", event_id, event_type, raised_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
        """,
        [
            (
                new.publisher,
                number,
                new.organisation,
                new.id,
                new.family,
                new.kind,
                new.code,
                new.field,
                dict(new.params),
                new.topic,
                new.partition,
                new.offset,
                new.event_id,
                new.event_type,
                new.raised_at,
            )
            for number, new in numbered
        ],
    )
    await _move_feeds(conn, "findings", last)


async def add_watermarks(conn: asyncpg.Connection, marks: Sequence[Finding]) -> None:
    """Store how far each topic has been judged; a lower offset changes nothing."""
    await conn.executemany(
        """
        INSERT INTO judged (publisher, topic, partition, organisation, family, "offset", raised_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (publisher, topic, partition) DO UPDATE SET
            "offset" = EXCLUDED."offset", raised_at = EXCLUDED.raised_at
        WHERE judged."offset" < EXCLUDED."offset"
        """,
        sorted(
            (
                m.publisher,
                m.topic or "",
                m.partition or 0,
                m.organisation,
                m.family,
                m.offset or 0,
                m.raised_at,
            )
            for m in marks
        ),
    )


async def add_addressed(conn: asyncpg.Connection, events: Sequence[Addressed]) -> None:
    """Store addressed events, each once for each publisher, under the next numbers of their feeds."""
    if not events:
        return
    last = await _lock_feeds(conn, "addressed", [event.publisher for event in events])
    rows = await conn.fetch(
        """
        SELECT publisher, id FROM addressed
        WHERE publisher = ANY($1::text[]) AND id = ANY($2::uuid[])
        """,
        [event.publisher for event in events],
        [event.id for event in events],
    )
    seen = {(row["publisher"], row["id"]) for row in rows}
    numbered: list[tuple[str, int, str, UUID, dict[str, Any]]] = []
    for new in events:
        if (new.publisher, new.id) not in seen:
            seen.add((new.publisher, new.id))
            last[new.publisher] += 1
            numbered.append((new.publisher, last[new.publisher], new.organisation, new.id, dict(new.event)))
    await conn.executemany(
        "INSERT INTO addressed (publisher, number, organisation, id, event) VALUES ($1, $2, $3, $4, $5)",
        numbered,
    )
    await _move_feeds(conn, "addressed", last)


async def findings_after(
    conn: asyncpg.Connection, publisher: str, families: Sequence[str], after: int, limit: int
) -> list[asyncpg.Record]:
    """Read a publisher's findings from a number on."""
    rows: list[asyncpg.Record] = await conn.fetch(
        """
        SELECT number, kind, code, field, params, topic, partition, "offset", event_id, event_type, raised_at
        FROM finding WHERE publisher = $1 AND family = ANY($2::text[]) AND number > $3
        ORDER BY number LIMIT $4
        """,
        publisher,
        list(families),
        after,
        limit,
    )
    return rows


async def judged_until(
    conn: asyncpg.Connection, publisher: str, families: Sequence[str]
) -> list[asyncpg.Record]:
    """Read how far a publisher's topics have been judged."""
    rows: list[asyncpg.Record] = await conn.fetch(
        """
        SELECT topic, partition, "offset", raised_at FROM judged
        WHERE publisher = $1 AND family = ANY($2::text[]) ORDER BY topic, partition
        """,
        publisher,
        list(families),
    )
    return rows


async def addressed_after(
    conn: asyncpg.Connection, publisher: str, after: int, limit: int
) -> list[asyncpg.Record]:
    """Read the events addressed to a publisher from a number on."""
    rows: list[asyncpg.Record] = await conn.fetch(
        "SELECT number, event FROM addressed WHERE publisher = $1 AND number > $2 ORDER BY number LIMIT $3",
        publisher,
        after,
        limit,
    )
    return rows


async def keep_own_numbers(conn: asyncpg.Connection, numbers: Sequence[tuple[str, str, str, UUID]]) -> None:
    """Store providers' own numbers of people: (provider, number, organisation, participant)."""
    await conn.executemany(
        """
        INSERT INTO own_number (publisher, number, organisation, participant) VALUES ($1, $2, $3, $4)
        ON CONFLICT (publisher, number) DO UPDATE SET participant = EXCLUDED.participant
        """,
        sorted(numbers),
    )


async def merge_own_numbers(conn: asyncpg.Connection, merges: Sequence[tuple[UUID, UUID]]) -> None:
    """Give numbers of a merged participant to the one that lives on: (merged, into)."""
    await conn.executemany("UPDATE own_number SET participant = $2 WHERE participant = $1", merges)
