"""Reads what the gateway announced about publishers."""

from collections.abc import Collection

from services.runtime.data.db import Connection


async def organisations(conn: Connection, publishers: Collection[str]) -> dict[str, str]:
    """Return slug -> organisation of the publishers that are known."""
    rows = await conn.fetch(
        "SELECT slug, organisation FROM runtime.publisher WHERE slug = ANY($1::text[])", list(publishers)
    )
    return {row["slug"]: row["organisation"] for row in rows}


async def authorities(conn: Connection, publishers: Collection[str]) -> dict[str, bool]:
    """Return slug -> whether the publisher is an authority, for the publishers that are known."""
    rows = await conn.fetch(
        "SELECT slug, authority FROM runtime.publisher WHERE slug = ANY($1::text[])", list(publishers)
    )
    return {row["slug"]: row["authority"] for row in rows}
