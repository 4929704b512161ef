"""Reads and writes which event ids were accepted, and how many events of each type."""

from collections.abc import Sequence

import asyncpg

from schemas.topics import Family
from services.gateway.acceptance.domain import Ready
from services.runtime.base.identity_key import IdentityKey


async def insert(
    conn: asyncpg.Connection, slug: str, items: Sequence[Ready], key: IdentityKey
) -> frozenset[tuple[Family, str]]:
    """Store the ids of events and the HMACs of their hashes; return those that are new."""
    rows = await conn.fetch(
        """
        INSERT INTO accepted (publisher, family, event_id, hash, keyed)
        SELECT $1, family, event_id, hash, true
        FROM unnest($2::text[], $3::text[], $4::bytea[]) AS new (family, event_id, hash)
        ORDER BY family, event_id
        ON CONFLICT DO NOTHING RETURNING family, event_id
        """,
        slug,
        [item.family.value for item in items],
        [item.id for item in items],
        [key.of_event(item.hash) for item in items],
    )
    return frozenset((Family(row["family"]), row["event_id"]) for row in rows)


async def hashes(
    conn: asyncpg.Connection, slug: str, items: Sequence[Ready], key: IdentityKey
) -> dict[tuple[Family, str], bytes]:
    """Return the HMACs stored under these events' ids."""
    if not items:
        return {}
    rows = await conn.fetch(
        """
        SELECT family, event_id, hash, keyed FROM accepted
        WHERE publisher = $1 AND (family, event_id) IN (SELECT * FROM unnest($2::text[], $3::text[]))
        """,
        slug,
        [item.family.value for item in items],
        [item.id for item in items],
    )
    return {
        (Family(row["family"]), row["event_id"]): row["hash"] if row["keyed"] else key.of_event(row["hash"])
        for row in rows
    }


async def key_hashes(conn: asyncpg.Connection, key: IdentityKey, limit: int) -> int:
    """Put plain hashes, as they were stored once, under the key; return how many."""
    rows = await conn.fetch(
        "SELECT publisher, family, event_id, hash FROM accepted WHERE NOT keyed LIMIT $1 FOR UPDATE", limit
    )
    await conn.executemany(
        """
        UPDATE accepted SET hash = $4, keyed = true
        WHERE publisher = $1 AND family = $2 AND event_id = $3
        """,
        [(row["publisher"], row["family"], row["event_id"], key.of_event(row["hash"])) for row in rows],
    )
    return len(rows)


async def count(conn: asyncpg.Connection, items: Sequence[Ready]) -> None:
    """Count events by type; `upkeep` sums the rows up later."""
    if not items:
        return
    await conn.execute(
        """
        INSERT INTO accepted_count (type, n)
        SELECT type, count(*) FROM unnest($1::text[]) AS new (type) GROUP BY type ORDER BY type
        """,
        [item.event.type for item in items],
    )
