"""Reads and writes the webhooks of offices, their secrets, and how they fare."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from services.notifications.delivery.webhooks.domain import BREAKS_AFTER, Health
from services.runtime.data.db import Connection

_SOON = timedelta(seconds=20)


async def hold_back(conn: Connection) -> None:
    """Have due messages wait whose endpoint is left alone; of one that is tried again, all but the first."""
    await conn.execute(
        """
        WITH held AS (
            SELECT d.delivery_id, greatest(e.open_until, clock_timestamp() + $2::interval) AS until
            FROM delivery AS d JOIN webhook_endpoint AS e ON d.recipient = 'webhook:' || e.endpoint_id
            WHERE d.channel = 'webhook' AND d.state = 'pending' AND d.lease_token IS NULL
            AND d.next_at <= clock_timestamp() AND e.open_until IS NOT NULL
            AND (e.open_until > clock_timestamp() OR e.failed >= $1 AND (EXISTS (
                    SELECT FROM delivery AS u WHERE u.recipient = d.recipient AND u.channel = 'webhook'
                    AND u.state = 'pending' AND u.lease_until > clock_timestamp())
                OR d.delivery_id <> (SELECT f.delivery_id FROM delivery AS f WHERE f.recipient = d.recipient
                    AND f.channel = 'webhook' AND f.state = 'pending' AND f.lease_token IS NULL
                    ORDER BY f.next_at, f.delivery_id LIMIT 1)))
            FOR UPDATE OF d SKIP LOCKED)
        UPDATE delivery AS d SET next_at = held.until FROM held WHERE d.delivery_id = held.delivery_id
        """,
        BREAKS_AFTER,
        _SOON,
    )


async def give_back_disabled(conn: Connection) -> None:
    """Make the messages to webhooks that are switched off due: the next round tells of them by mail."""
    await conn.execute(
        """
        WITH waiting AS (
            SELECT d.delivery_id FROM delivery AS d JOIN webhook_endpoint AS e
                ON d.recipient = 'webhook:' || e.endpoint_id
            WHERE d.channel = 'webhook' AND d.state = 'pending' AND d.next_at > clock_timestamp()
            AND d.lease_token IS NULL AND e.state = 'disabled' FOR UPDATE OF d SKIP LOCKED)
        UPDATE delivery AS d SET next_at = clock_timestamp() FROM waiting
        WHERE d.delivery_id = waiting.delivery_id
        """
    )


async def endpoint(conn: Connection, id_: UUID) -> asyncpg.Record | None:
    """Return an endpoint as the worker needs it."""
    return await conn.fetchrow(
        """
        SELECT endpoint_id, url, state, coalesce(open_until > clock_timestamp(), false) AS rests
        FROM webhook_endpoint WHERE endpoint_id = $1
        """,
        id_,
    )


async def secrets(conn: Connection, id_: UUID) -> list[asyncpg.Record]:
    """Return the sealed secrets with which an endpoint's messages are signed now, the current one first."""
    return await conn.fetch(
        """
        SELECT secret_id, kek, sealed FROM webhook_secret
        WHERE endpoint_id = $1 AND (until IS NULL OR until > clock_timestamp())
        ORDER BY until DESC NULLS FIRST, created_at DESC LIMIT 3
        """,
        id_,
    )


async def write_health(conn: Connection, id_: UUID, health: Health, pause: float | None) -> None:
    """Write down how an active endpoint fares; with `pause` it is left alone for so many seconds."""
    await conn.execute(
        """
        UPDATE webhook_endpoint SET failed = $2, failing_since = $3,
        open_until = clock_timestamp() + make_interval(secs => $4)
        WHERE endpoint_id = $1 AND state = 'active'
        """,
        id_,
        health.failed,
        health.failing_since,
        pause,
    )


async def lock_health(conn: Connection, id_: UUID) -> Health | None:
    """Lock an active endpoint and return how it fares."""
    row = await conn.fetchrow(
        "SELECT failed, failing_since FROM webhook_endpoint WHERE endpoint_id = $1 AND state = 'active'"
        " FOR UPDATE",
        id_,
    )
    return None if row is None else Health(row["failed"], row["failing_since"])


async def switch_off(conn: Connection, id_: UUID, why: str) -> bool:
    """Switch an endpoint off; return False if it was already. What waits for it is given up next."""
    done = await conn.fetchval(
        """
        UPDATE webhook_endpoint SET state = 'disabled', disabled_for = $2, open_until = NULL
        WHERE endpoint_id = $1 AND state = 'active' RETURNING true
        """,
        id_,
        why,
    )
    if done:
        await conn.execute(
            """
            UPDATE delivery SET next_at = clock_timestamp()
            WHERE recipient = 'webhook:' || $1::uuid AND channel = 'webhook' AND state = 'pending'
            """,
            id_,
        )
    return bool(done)


async def sealed_by_others(conn: Connection, kek: str, limit: int) -> list[asyncpg.Record]:
    """Lock and return secrets that another key seals."""
    return await conn.fetch(
        "SELECT secret_id, kek, sealed FROM webhook_secret WHERE kek <> $1 LIMIT $2 FOR UPDATE SKIP LOCKED",
        kek,
        limit,
    )


async def seal_again(conn: Connection, secret: UUID, kek: str, sealed: bytes) -> None:
    """Replace how a secret is sealed."""
    await conn.execute(
        "UPDATE webhook_secret SET kek = $2, sealed = $3 WHERE secret_id = $1", secret, kek, sealed
    )


async def forget_secrets(conn: Connection) -> int:
    """Delete replaced secrets that sign no more; return how many. For the worker."""
    return len(await conn.fetch("DELETE FROM webhook_secret WHERE until < clock_timestamp() RETURNING 1"))


async def listed(conn: Connection, office: str) -> Sequence[asyncpg.Record]:
    """List the webhooks of one's own office, for pages."""
    return await conn.fetch(
        """
        SELECT e.endpoint_id, e.url, e.state, e.disabled_for, e.created_at, e.failed, e.open_until,
        (SELECT max(s.until) FROM webhook_secret AS s WHERE s.endpoint_id = e.endpoint_id
            AND s.until > clock_timestamp()) AS old_secret_until
        FROM webhook_endpoint AS e WHERE e.office = $1 AND (e.state = 'active' OR e.disabled_for <> 'by_hand')
        ORDER BY e.created_at, e.endpoint_id
        """,
        office,
    )


async def insert(conn: Connection, *, office: str, organisation: str, url: str, now: datetime) -> UUID:
    """Store a webhook of one's own office."""
    id_: UUID = await conn.fetchval(
        """
        INSERT INTO webhook_endpoint (office, organisation, url, created_at)
        VALUES ($1, $2, $3, $4) RETURNING endpoint_id
        """,
        office,
        organisation,
        url,
        now,
    )
    return id_


async def insert_secret(
    conn: Connection, endpoint_: UUID, organisation: str, *, id_: UUID, kek: str, sealed: bytes
) -> None:
    """Store a sealed secret."""
    await conn.execute(
        """
        INSERT INTO webhook_secret (secret_id, endpoint_id, organisation, kek, sealed)
        VALUES ($1, $2, $3, $4, $5)
        """,
        id_,
        endpoint_,
        organisation,
        kek,
        sealed,
    )


async def retire_secret(conn: Connection, endpoint_: UUID, overlap: timedelta) -> None:
    """Let the current secret of one's own webhook sign for so long beside the next one."""
    await conn.execute(
        """
        UPDATE webhook_secret SET until = clock_timestamp() + $2::interval
        WHERE endpoint_id = $1 AND until IS NULL
        """,
        endpoint_,
        overlap,
    )


async def set_state(conn: Connection, endpoint_: UUID, office: str, *, active: bool) -> bool:
    """Switch one's own webhook on or off; return False if there is none that was the other way."""
    return bool(
        await conn.fetchval(
            """
            UPDATE webhook_endpoint SET state = CASE WHEN $3 THEN 'active' ELSE 'disabled' END,
            disabled_for = CASE WHEN $3 THEN NULL ELSE 'by_hand' END,
            failed = 0, failing_since = NULL, open_until = NULL
            WHERE endpoint_id = $1 AND office = $2 AND (state = 'active') <> $3 RETURNING true
            """,
            endpoint_,
            office,
            active,
        )
    )


async def of_office(conn: Connection, endpoint_: UUID, office: str) -> asyncpg.Record | None:
    """Lock and return one's own webhook."""
    return await conn.fetchrow(
        """
        SELECT endpoint_id, url, state, organisation FROM webhook_endpoint
        WHERE endpoint_id = $1 AND office = $2 FOR UPDATE
        """,
        endpoint_,
        office,
    )
