"""Reads and writes what stands on sheets besides the offer: letterheads, and who helps."""

from datetime import datetime

import asyncpg


async def letterhead(conn: asyncpg.Connection, office: str) -> asyncpg.Record | None:
    """Return address and telephone of one of the visitor's own offices."""
    return await conn.fetchrow("SELECT address, phone FROM letterhead WHERE office = $1", office)


async def put_letterhead(  # noqa: PLR0917 - a row
    conn: asyncpg.Connection, office: str, organisation: str, address: str, phone: str, now: datetime
) -> None:
    """Keep address and telephone of one of the visitor's own offices."""
    await conn.execute(
        """
        INSERT INTO letterhead (office, organisation, address, phone, changed_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (office) DO UPDATE SET address = EXCLUDED.address, phone = EXCLUDED.phone,
            changed_at = EXCLUDED.changed_at
        """,
        office,
        organisation,
        address,
        phone,
        now,
    )


async def help_office(conn: asyncpg.Connection, slug: str) -> asyncpg.Record | None:
    """Return what anybody may know of a counselling office."""
    return await conn.fetchrow(
        "SELECT slug, name, phone, languages, hours, closed_days, active FROM office WHERE slug = $1", slug
    )
