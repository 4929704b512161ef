"""Reads and writes organisations as those see them who add them, and the publishers that were announced."""

from collections.abc import Sequence

import asyncpg

_OVERVIEW = """
    SELECT o.slug, o.name, o.kind, o.kreise, o.publisher, o.tenant, o.active, o.founding,
        EXISTS (SELECT FROM accounts.given_role AS r JOIN accounts.person AS p ON p.person = r.person
            WHERE r.organisation = o.slug AND r.role = 'administrator' AND r.ended_at IS NULL AND p.active)
            AS administered,
        (SELECT max(i.expires_at) FROM accounts.invitation AS i
            WHERE i.organisation = o.slug AND 'administrator' = ANY (i.roles) AND i.used_at IS NULL
                AND i.withdrawn_at IS NULL AND i.expires_at > now()) AS invited_until
    FROM accounts.organisation AS o
"""


async def overview(conn: asyncpg.Connection) -> Sequence[asyncpg.Record]:
    """List all organisations, with whether anybody administers them and until when a link is open."""
    return await conn.fetch(_OVERVIEW + " ORDER BY o.name, o.slug LIMIT 500")


async def one(conn: asyncpg.Connection, slug: str) -> asyncpg.Record | None:
    """Return one organisation as `overview` lists it."""
    return await conn.fetchrow(_OVERVIEW + " WHERE o.slug = $1", slug)


async def of_publisher(conn: asyncpg.Connection, publisher: str) -> asyncpg.Record | None:
    """Return the organisation whose people speak for a publisher, as `overview` lists it."""
    return await conn.fetchrow(_OVERVIEW + " WHERE o.publisher = $1", publisher)


async def lock(conn: asyncpg.Connection) -> None:
    """Let nobody else add organisations until this transaction ends."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('kurslotse.organisations', 0))")


async def add(
    conn: asyncpg.Connection,
    slug: str,
    *,
    name: str,
    kind: str,
    kreise: Sequence[str],
    tenant: str,
    publisher: str | None,
) -> bool:
    """Add an organisation, unless one has its short name, its rows or its publisher; return whether."""
    added = await conn.fetchval(
        """
        INSERT INTO accounts.organisation (slug, name, kind, kreise, tenant, publisher)
        SELECT $1, $2, $3, $4, $5, $6
        WHERE NOT EXISTS (SELECT FROM accounts.organisation AS o
            WHERE o.slug = $1 OR o.tenant = $5 OR o.publisher = $6)
        RETURNING true
        """,
        slug,
        name,
        kind,
        list(kreise),
        tenant,
        publisher,
    )
    return bool(added)


async def set_kreise(conn: asyncpg.Connection, slug: str, kreise: Sequence[str]) -> None:
    """Say where an organisation works."""
    await conn.execute("UPDATE accounts.organisation SET kreise = $2 WHERE slug = $1", slug, list(kreise))


async def set_active(conn: asyncpg.Connection, slug: str, *, active: bool) -> bool:
    """Let an organisation's people work, or not; return whether that is new."""
    changed = await conn.fetchval(
        "UPDATE accounts.organisation SET active = $2 WHERE slug = $1 AND active <> $2 RETURNING true",
        slug,
        active,
    )
    return bool(changed)


async def speak_for(conn: asyncpg.Connection, slug: str, publisher: str, tenant: str) -> bool:
    """Say once for which publisher an organisation speaks; return whether it had none."""
    done = await conn.fetchval(
        """
        UPDATE accounts.organisation SET publisher = $2, tenant = $3
        WHERE slug = $1 AND publisher IS NULL RETURNING true
        """,
        slug,
        publisher,
        tenant,
    )
    return bool(done)


async def withdraw_links(conn: asyncpg.Connection, slug: str) -> None:
    """Withdraw the open invitations into an organisation, by whomever they were made."""
    await conn.execute(
        "UPDATE accounts.invitation SET withdrawn_at = now() WHERE organisation = $1 AND person IS NULL"
        " AND used_at IS NULL AND withdrawn_at IS NULL",
        slug,
    )


async def announced(
    conn: asyncpg.Connection, kind: str, *, all_of: Sequence[str] = (), any_of: Sequence[str] | None = None
) -> Sequence[asyncpg.Record]:
    """List the active publishers of a kind for which no organisation speaks yet.

    They work in all Kreise of `all_of` and, if it is given, in at least one of `any_of`.
    """
    return await conn.fetch(
        """
        SELECT p.slug, p.name, p.organisation, p.kreise FROM runtime.publisher AS p
        WHERE p.active AND $1 = ANY (p.kinds) AND p.kreise @> $2::text[]
            AND ($3::text[] IS NULL OR p.kreise && $3::text[])
            AND NOT EXISTS (SELECT FROM accounts.organisation AS o
                WHERE o.publisher = p.slug
                    OR (o.tenant = p.organisation AND NOT (o.founding AND o.publisher IS NULL)))
        ORDER BY p.name, p.slug LIMIT 500
        """,
        kind,
        list(all_of),
        None if any_of is None else list(any_of),
    )


async def publisher_named(conn: asyncpg.Connection, text: str) -> Sequence[asyncpg.Record]:
    """List the announced publishers that have a text as short name or as organisation."""
    return await conn.fetch(
        "SELECT slug, organisation, kinds, kreise FROM runtime.publisher"
        " WHERE slug = $1 OR organisation = $1",
        text,
    )
