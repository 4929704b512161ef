"""Reads and writes an organisation's own offices, for the web role: row level security admits no others."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from services.notifications.offices.store import agreements_to_store
from services.runtime.data.db import Connection


async def may_keep(conn: Connection) -> bool:
    """Return whether the visitor's organisation is a counselling one, which keeps its own offices."""
    return bool(await conn.fetchval("SELECT may_keep_offices()"))


async def listed(conn: Connection) -> Sequence[asyncpg.Record]:
    """List all offices of the directory, active ones first."""
    return await conn.fetch(
        "SELECT slug, organisation, name, kind, catchment, languages, active FROM office"
        " ORDER BY NOT active, name, slug"
    )


async def office(conn: Connection, slug: str) -> asyncpg.Record | None:
    """Return an office; mailboxes only of one's own."""
    return await conn.fetchrow(
        """
        SELECT o.slug, o.organisation, o.name, o.kind, o.catchment, o.seat, o.age_from, o.age_below,
            o.asylum_phases, o.languages, o.stand_in, o.capacity, o.hours, o.closed_days, o.active,
            o.phone, o.phases, o.agreements, o.target_groups, o.version, m.mail, m.lead_mail,
            EXISTS (SELECT FROM accounts.organisation AS a WHERE a.publisher = o.slug) AS has_inbox
        FROM office AS o LEFT JOIN own_mailbox AS m ON m.slug = o.slug WHERE o.slug = $1
        """,
        slug,
    )


async def taken_slugs(conn: Connection) -> frozenset[str]:
    """Return every name that an office of the directory, a publisher or somebody's people bear."""
    rows = await conn.fetch(
        "SELECT slug FROM office UNION SELECT slug FROM runtime.publisher"
        " UNION SELECT publisher FROM accounts.organisation WHERE publisher IS NOT NULL"
    )
    return frozenset(row["slug"] for row in rows)


async def add(conn: Connection, row: Mapping[str, Any]) -> int | None:
    """Add an office; return its version, None if there is one of this slug."""
    version: int | None = await conn.fetchval(
        """
        INSERT INTO office (slug, organisation, name, kind, age_from, age_below, asylum_phases, catchment,
        languages, capacity, stand_in, mail, lead_mail, hours, closed_days, active, seat, phone, phases,
        target_groups, agreements)
        VALUES ($1, $21, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
            $20)
        ON CONFLICT (slug) DO NOTHING RETURNING version
        """,
        *_values(row),
        row["organisation"],
    )
    return version


async def change(conn: Connection, row: Mapping[str, Any], expected: int) -> int | None:
    """Change an office that still is in the expected version; return the next one, None if it is not."""
    version: int | None = await conn.fetchval(
        """
        UPDATE office SET name = $2, kind = $3, age_from = $4, age_below = $5, asylum_phases = $6,
            catchment = $7, languages = $8, capacity = $9, stand_in = $10, mail = $11, lead_mail = $12,
            hours = $13, closed_days = $14, active = $15, seat = $16, phone = $17, phases = $18,
            target_groups = $19, agreements = $20, version = version + 1
        WHERE slug = $1 AND version = $21 RETURNING version
        """,
        *_values(row),
        expected,
    )
    return version


def _values(row: Mapping[str, Any]) -> list[Any]:
    names = (
        "slug", "name", "kind", "age_from", "age_below", "asylum_phases", "catchment", "languages",
        "capacity", "stand_in", "mail", "lead_mail", "hours", "closed_days", "active", "seat", "phone",
        "phases", "target_groups",
    )  # fmt: skip
    return [*(row[name] for name in names), agreements_to_store(row["agreements"])]


async def reconsider_consenting(conn: Connection) -> None:
    """Have the alerts of everybody with an open consent reconciled; the page learns nothing of them."""
    await conn.execute("SELECT reconsider_consenting()")


async def record_change(
    conn: Connection,
    row: Mapping[str, Any],
    version: int,
    *,
    by: str,
    changed: Mapping[str, Any],
    now: datetime,
) -> None:
    """Write down who changed what; the version belongs to this change alone."""
    await conn.execute(
        """
        INSERT INTO office_change (office, version, organisation, changed_at, changed_by, changed)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        row["slug"],
        version,
        row["organisation"],
        now,
        by,
        dict(changed),
    )


async def changes(conn: Connection, slug: str, limit: int) -> Sequence[asyncpg.Record]:
    """List the changes of one's own office, the latest first."""
    return await conn.fetch(
        "SELECT version, changed_at, changed_by, changed FROM office_change WHERE office = $1"
        " ORDER BY version DESC LIMIT $2",
        slug,
        limit,
    )


async def forget_changes(conn: Connection, before: datetime) -> int:
    """Delete what is older than it may be kept; return how much. For the worker."""
    return len(await conn.fetch("DELETE FROM office_change WHERE changed_at < $1 RETURNING 1", before))
