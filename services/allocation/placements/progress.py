"""Reads how far each publisher has spoken, and which reservations no unread answer can still reach."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import asyncpg
import orjson

from schemas.gateway import PublisherProgressed
from services.runtime.bookkeeping.work import Taking


@dataclass(frozen=True, slots=True)
class Heard:
    """How far a publisher had spoken and been read; offsets by partition: (heard to, read to)."""

    publisher: str
    until: datetime
    offsets: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Due:
    """A reservation that can expire, and what is known about its provider and its office."""

    placement: UUID
    kreis: str
    due_at: datetime
    heard: tuple[Heard, ...]
    actor: str
    """The timer, or the coordinator who let it end."""


async def write(conn: asyncpg.Connection, said: Sequence[PublisherProgressed]) -> None:
    """Keep the latest word about each publisher."""
    latest: dict[str, PublisherProgressed] = {}
    for one in said:
        if one.publisher not in latest or latest[one.publisher].until <= one.until:
            latest[one.publisher] = one
    rows = [latest[slug] for slug in sorted(latest)]
    await conn.execute(
        """
        INSERT INTO progress AS p (publisher, until, offsets)
        SELECT publisher, until, offsets::jsonb
        FROM unnest($1::text[], $2::timestamptz[], $3::text[]) AS n (publisher, until, offsets)
        ON CONFLICT (publisher) DO UPDATE SET until = excluded.until, offsets = excluded.offsets
        WHERE p.until <= excluded.until
        """,
        [row.publisher for row in rows],
        [row.until for row in rows],
        [orjson.dumps(row.offsets, default=str).decode() for row in rows],
    )


async def overdue_kreise(conn: asyncpg.Connection, now: datetime) -> dict[str, bool]:
    """List the Kreise in which a reservation is past its time, and whether somebody let one of them end."""
    rows = await conn.fetch(
        """
        SELECT p.kreis, bool_or(o.placement IS NOT NULL) AS ordered
        FROM placement AS p LEFT JOIN expiry_order AS o ON o.placement = p.placement
        WHERE p.state = 'reserved' AND p.expires_at < $1 GROUP BY p.kreis ORDER BY p.kreis
        """,
        now,
    )
    return {row["kreis"]: row["ordered"] for row in rows}


async def order_expiry(
    conn: asyncpg.Connection, placement: UUID, kreis: str, actor: str, now: datetime
) -> None:
    """Let the timer end an overdue reservation once I11 holds; the first order stands."""
    await conn.execute(
        """
        INSERT INTO expiry_order (placement, kreis, actor, ordered_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (placement) DO NOTHING
        """,
        placement,
        kreis,
        actor,
        now,
    )


async def due(
    conn: asyncpg.Connection, prefix: str, kreise: Sequence[str], now: datetime, taking: Taking
) -> list[Due]:
    """List reservations past their time for which provider and office have spoken, and we have read it all.

    Those of `kreise`, where expiring is automatic, and those that a coordinator let end.

    A publisher has been heard past a time when the gateway says that all it accepted before then lies
    below certain offsets, our stored offsets have reached them, and nothing of this person is parked.
    Offsets of record move in the transaction of their effects: what counts here as read has had its effect.
    The row moved last is the one of the cluster in use.
    """
    rows = await conn.fetch(
        """
        WITH heard AS (
            SELECT g.publisher, g.until, bool_and(r.read_to >= e.position::bigint) AS all_read,
                   jsonb_object_agg(e.part, jsonb_build_array(e.position::bigint, r.read_to)) AS offsets
            FROM progress AS g
            CROSS JOIN LATERAL jsonb_each_text(g.offsets) AS e (part, position)
            CROSS JOIN LATERAL (
                SELECT coalesce((
                    SELECT o.next_offset FROM runtime.stored_offset AS o
                    WHERE o.consumer_group = $1 || 'kurslotse.allocation.in'
                      AND o.topic = $1 || 'kurslotse.in.' || g.publisher AND o.partition = e.part::integer
                    ORDER BY o.updated_at DESC LIMIT 1), 0) AS read_to) AS r
            GROUP BY g.publisher, g.until)
        SELECT p.placement, p.kreis, p.expires_at, a.publisher AS provider, a.until AS provider_until,
               a.offsets::text AS provider_offsets, b.publisher AS office, b.until AS office_until,
               b.offsets::text AS office_offsets, coalesce(d.actor, 'timer') AS actor
        FROM placement AS p
        LEFT JOIN expiry_order AS d ON d.placement = p.placement
        JOIN heard AS a ON a.publisher = p.provider AND a.until > p.expires_at AND a.all_read
        JOIN heard AS b ON b.publisher = p.office AND b.until > p.expires_at AND b.all_read
        WHERE p.state = 'reserved' AND p.expires_at < $2
          AND (p.kreis = ANY($3::text[]) OR d.placement IS NOT NULL)
          AND p.placement <> ALL($5::uuid[]) AND ($6::uuid IS NULL OR p.placement = $6)
          AND NOT EXISTS (
              SELECT FROM runtime.parked AS k
              WHERE k.subject = p.participant::text OR k.waits_for = 'placement:' || p.placement::text
                 OR k.subject IN (SELECT m.participant::text FROM participant AS m
                                  WHERE m.merged_into = p.participant))
        ORDER BY p.expires_at, p.placement
        LIMIT $4
        """,
        prefix,
        now,
        kreise,
        taking.limit,
        list(taking.skip),
        taking.only,
    )
    return [
        Due(
            row["placement"],
            row["kreis"],
            row["expires_at"],
            (
                Heard(row["provider"], row["provider_until"], orjson.loads(row["provider_offsets"])),
                Heard(row["office"], row["office_until"], orjson.loads(row["office_offsets"])),
            ),
            row["actor"],
        )
        for row in rows
    ]


async def keep_evidence(conn: asyncpg.Connection, expired: Sequence[Due]) -> None:
    """Keep what was known when reservations expired; a constraint refuses what was not heard."""
    rows = {
        (one.placement, heard.publisher, part): {
            "placement": one.placement,
            "kreis": one.kreis,
            "publisher": heard.publisher,
            "partition": int(part),
            "due_at": one.due_at,
            "until": heard.until,
            "heard_to": offsets[0],
            "read_to": offsets[1],
        }
        for one in expired
        for heard in one.heard
        for part, offsets in heard.offsets.items()
    }
    await conn.execute(
        """
        INSERT INTO expiry (placement, kreis, publisher, partition, due_at, until, heard_to, read_to)
        SELECT placement, kreis, publisher, partition, due_at, until, heard_to, read_to
        FROM jsonb_populate_recordset(NULL::expiry, $1::text::jsonb)
        """,
        orjson.dumps(list(rows.values()), default=str).decode(),
    )


async def startable(
    conn: asyncpg.Connection, kreise: Sequence[str], today: date, taking: Taking
) -> list[UUID]:
    """List confirmed placements whose entry section has begun."""
    rows = await conn.fetch(
        """
        SELECT p.placement FROM placement AS p
        JOIN course_section AS s ON s.course = p.course AND s.number = p.entry_section
        WHERE p.state = 'confirmed' AND s.starts_on <= $2
          AND p.kreis = ANY($1::text[])
          AND p.placement <> ALL($4::uuid[]) AND ($5::uuid IS NULL OR p.placement = $5)
        ORDER BY p.placement LIMIT $3
        """,
        kreise,
        today,
        taking.limit,
        list(taking.skip),
        taking.only,
    )
    return [row["placement"] for row in rows]


async def confirmed_kreise(conn: asyncpg.Connection) -> Sequence[str]:
    """List the Kreise with confirmed placements that have not started."""
    rows = await conn.fetch("SELECT DISTINCT kreis FROM placement WHERE state = 'confirmed' ORDER BY kreis")
    return [row["kreis"] for row in rows]


async def left_in_completed(conn: asyncpg.Connection) -> dict[UUID, str]:
    """List who still sits in a course that its provider has closed, with their Kreis."""
    rows = await conn.fetch(
        """
        SELECT p.placement, p.kreis FROM course AS c
        JOIN placement AS p ON p.course = c.course AND p.state IN ('confirmed', 'started', 'interrupted')
        WHERE c.state = 'completed' ORDER BY p.placement
        """
    )
    return {row["placement"]: row["kreis"] for row in rows}


async def standing_kreise(conn: asyncpg.Connection) -> list[tuple[str, str]]:
    """List in which Kreise placements stand where an automatic step could take them on, and their state."""
    rows = await conn.fetch(
        """
        SELECT DISTINCT kreis, state FROM placement
        WHERE state IN ('proposed', 'sent_to_authority', 'accepted') ORDER BY kreis, state
        """
    )
    return [(row["kreis"], row["state"]) for row in rows]


async def standing(
    conn: asyncpg.Connection, wanted: Sequence[tuple[str, str]], after: UUID, today: date, taking: Taking
) -> list[UUID]:
    """List placements in these Kreise and states, in id order; with BAMF only where the section has begun."""
    rows = await conn.fetch(
        """
        SELECT p.placement FROM placement AS p
        JOIN unnest($1::text[], $2::text[]) AS w (kreis, state) ON (w.kreis, w.state) = (p.kreis, p.state)
        JOIN course_section AS s ON s.course = p.course AND s.number = p.entry_section
        WHERE p.placement > $3 AND (p.state <> 'sent_to_authority' OR s.starts_on < $4)
          AND p.placement <> ALL($6::uuid[]) AND ($7::uuid IS NULL OR p.placement = $7)
        ORDER BY p.placement LIMIT $5
        """,
        [kreis for kreis, _ in wanted],
        [state for _, state in wanted],
        after,
        today,
        taking.limit,
        list(taking.skip),
        taking.only,
    )
    return [row["placement"] for row in rows]


async def generations(conn: asyncpg.Connection, items: Sequence[str]) -> dict[str, str]:
    """Return the version of each of these placements and of its course, where there is one."""
    rows = await conn.fetch(
        """
        SELECT p.placement::text AS item, concat_ws('/', p.version, c.version) AS generation
        FROM placement AS p LEFT JOIN course AS c ON c.course = p.course WHERE p.placement = ANY($1::uuid[])
        """,
        list(items),
    )
    return {row["item"]: row["generation"] for row in rows}
