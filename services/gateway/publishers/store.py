"""Reads and writes publishers and keys."""

from collections.abc import Sequence

import asyncpg

from services.gateway.publishers.domain import NewKey, Publisher, ServiceKey, StoredKey


def _publisher(row: asyncpg.Record) -> Publisher:
    return Publisher(
        slug=row["slug"],
        name=row["name"],
        kinds=frozenset(row["kinds"]),
        organisation=row["organisation"],
        authority=row["authority"],
        kreise=tuple(row["kreise"]),
        event_types=frozenset(row["event_types"]),
        supplier_ids=tuple(row["supplier_ids"]),
        active=row["active"],
        version=row["version"],
    )


async def publishers(conn: asyncpg.Connection, slugs: Sequence[str] | None = None) -> dict[str, Publisher]:
    """Read publishers by slug; all of them if no slugs are given."""
    rows = await conn.fetch(
        """
        SELECT slug, name, kinds, organisation, authority, kreise, event_types, supplier_ids, active, version
        FROM publisher WHERE $1::text[] IS NULL OR slug = ANY($1::text[]) ORDER BY slug
        """,
        list(slugs) if slugs is not None else None,
    )
    return {row["slug"]: _publisher(row) for row in rows}


async def is_organisation(conn: asyncpg.Connection, name: str) -> bool:
    """Return whether any publisher belongs to an organisation of this name."""
    found: bool = await conn.fetchval("SELECT EXISTS (SELECT FROM publisher WHERE organisation = $1)", name)
    return found


async def write_publisher(conn: asyncpg.Connection, publisher: Publisher) -> None:
    """Insert or replace a publisher."""
    await conn.execute(
        """
        INSERT INTO publisher
            (slug, name, kinds, organisation, authority, kreise, event_types, supplier_ids, active, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (slug) DO UPDATE SET
            name = $2, kinds = $3, organisation = $4, authority = $5, kreise = $6, event_types = $7,
            supplier_ids = $8, active = $9, version = $10, changed_at = now()
        """,
        publisher.slug,
        publisher.name,
        sorted(publisher.kinds),
        publisher.organisation,
        publisher.authority,
        list(publisher.kreise),
        sorted(publisher.event_types),
        list(publisher.supplier_ids),
        publisher.active,
        publisher.version,
    )


async def lock_registry(conn: asyncpg.Connection) -> None:
    """Keep other registrations waiting until the commit."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('kurslotse.publisher.registry', 0))")


async def add_key(
    conn: asyncpg.Connection, publisher: Publisher, key: NewKey, scopes: Sequence[str], days: int
) -> None:
    """Store a key's prefix and hash; it expires after so many days of the database's clock."""
    await conn.execute(
        """
        INSERT INTO api_key (prefix, hash, publisher, organisation, scopes, expires_at)
        VALUES ($1, $2, $3, $4, $5, now() + make_interval(days => $6))
        """,
        key.prefix,
        key.hash,
        publisher.slug,
        publisher.organisation,
        list(scopes),
        days,
    )


async def revoke_keys(conn: asyncpg.Connection, slug: str) -> int:
    """Revoke every key of a publisher; return how many were open."""
    rows = await conn.fetch(
        "UPDATE api_key SET revoked_at = now() WHERE publisher = $1 AND revoked_at IS NULL RETURNING prefix",
        slug,
    )
    return len(rows)


async def end_keys(conn: asyncpg.Connection, slug: str, days: int) -> None:
    """Let a publisher's keys end after so many days, if they do not end before."""
    await conn.execute(
        """
        UPDATE api_key SET expires_at = least(expires_at, now() + make_interval(days => $2))
        WHERE publisher = $1 AND revoked_at IS NULL
        """,
        slug,
        days,
    )


async def open_keys(conn: asyncpg.Connection) -> dict[str, int]:
    """Count the usable keys of each publisher."""
    rows = await conn.fetch(
        """
        SELECT publisher, count(*) AS n FROM api_key
        WHERE revoked_at IS NULL AND expires_at > now() GROUP BY publisher
        """
    )
    return {row["publisher"]: row["n"] for row in rows}


async def keys_of(conn: asyncpg.Connection, slug: str) -> list[asyncpg.Record]:
    """List a publisher's keys without their hashes, the latest first; `usable` by the database's clock."""
    return await conn.fetch(
        """
        SELECT prefix, scopes, created_at, expires_at, revoked_at,
            revoked_at IS NULL AND expires_at > now() AS usable
        FROM api_key WHERE publisher = $1 ORDER BY created_at DESC, prefix LIMIT 200
        """,
        slug,
    )


async def revoke_key(conn: asyncpg.Connection, slug: str, prefix: str) -> bool:
    """Revoke one key of a publisher; return whether it was open."""
    revoked = await conn.fetchval(
        "UPDATE api_key SET revoked_at = now() WHERE publisher = $1 AND prefix = $2 AND revoked_at IS NULL"
        " RETURNING true",
        slug,
        prefix,
    )
    return bool(revoked)


async def usable_hashes(conn: asyncpg.Connection) -> frozenset[bytes]:
    """Read the hashes of all keys that may be used, of publishers and of our services."""
    rows = await conn.fetch(
        """
        SELECT hash FROM api_key WHERE revoked_at IS NULL AND expires_at > now()
        UNION ALL SELECT hash FROM service_key
        """
    )
    return frozenset(row["hash"] for row in rows)


async def find_key(conn: asyncpg.Connection, prefix: str) -> tuple[StoredKey, Publisher] | None:
    """Return the key with this prefix and its publisher, or None."""
    row = await conn.fetchrow(
        """
        SELECT k.prefix, k.hash, k.scopes, k.revoked_at IS NULL AND k.expires_at > now() AS usable,
            p.slug, p.name, p.kinds, p.organisation, p.authority, p.kreise, p.event_types, p.supplier_ids,
            p.active, p.version
        FROM api_key AS k JOIN publisher AS p ON p.slug = k.publisher WHERE k.prefix = $1
        """,
        prefix,
    )
    if row is None:
        return None
    key = StoredKey(row["prefix"], row["hash"], frozenset(row["scopes"]), usable=row["usable"])
    return key, _publisher(row)


async def put_service_key(conn: asyncpg.Connection, service: str, key_hash: bytes) -> None:
    """Store the hash of the key of one of our services."""
    await conn.execute(
        """
        INSERT INTO service_key (service, hash) VALUES ($1, $2)
        ON CONFLICT (service) DO UPDATE SET hash = excluded.hash
        """,
        service,
        key_hash,
    )


async def service_keys(conn: asyncpg.Connection) -> list[ServiceKey]:
    """Read the keys of our services."""
    rows = await conn.fetch("SELECT service, hash FROM service_key ORDER BY service")
    return [ServiceKey(row["service"], row["hash"]) for row in rows]
