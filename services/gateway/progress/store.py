"""Reads and writes what was announced of each publisher, and reads the outbox."""

from collections.abc import Mapping, Sequence

import asyncpg

from services.gateway.progress.domain import Announcement, OutboxSpan


async def announcements(conn: asyncpg.Connection) -> dict[str, Announcement | None]:
    """Return the last announcement of each active publisher, by slug."""
    rows = await conn.fetch(
        """
        SELECT p.slug, g.until, g.offsets FROM publisher AS p LEFT JOIN progress AS g ON g.publisher = p.slug
        WHERE p.active ORDER BY p.slug
        """
    )
    return {
        row["slug"]: Announcement(row["until"], row["offsets"]) if row["until"] is not None else None
        for row in rows
    }


async def outbox_spans(conn: asyncpg.Connection, topics: Sequence[str]) -> dict[str, OutboxSpan]:
    """Return the outbox rows of topics in one snapshot; an unsendable row holds its publisher back."""
    rows = await conn.fetch(
        """
        SELECT aggregatetype, min(position) AS first, max(position) AS last
        FROM runtime.outbox WHERE aggregatetype = ANY($1::text[]) GROUP BY aggregatetype
        """,
        list(topics),
    )
    return {row["aggregatetype"]: OutboxSpan(row["first"], row["last"]) for row in rows}


async def write(conn: asyncpg.Connection, news: Mapping[str, Announcement]) -> list[str]:
    """Store announcements; return the slugs for which no later one was stored meanwhile."""
    slugs = sorted(news)
    rows = await conn.fetch(
        """
        INSERT INTO progress (publisher, until, offsets)
        SELECT slug, until, offsets FROM unnest($1::text[], $2::timestamptz[], $3::jsonb[])
            AS new (slug, until, offsets) ORDER BY slug
        ON CONFLICT (publisher) DO UPDATE SET until = EXCLUDED.until, offsets = EXCLUDED.offsets
        WHERE progress.until < EXCLUDED.until
            OR (progress.until = EXCLUDED.until AND progress.offsets <> EXCLUDED.offsets)
        RETURNING publisher
        """,
        slugs,
        [news[slug].until for slug in slugs],
        [dict(news[slug].offsets) for slug in slugs],
    )
    return [row["publisher"] for row in rows]
