"""Reads and writes deliveries.

Every write to a claimed delivery is filtered by its lease token; all times are the database's.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.runtime.data.db import Connection


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to an office about an alert; each step of an alert is told once."""

    alert: UUID
    organisation: str
    office: str
    step: str


async def add_to_offices(conn: Connection, notices: Sequence[Notice], now: datetime) -> None:
    """Add messages to offices: to each of their webhooks at once, and by mail unless they want none beside.

    Mails are held until somebody looks whether they may go out. Ids are random and stay: they make the
    Message-ID and the webhook-id.
    """
    await conn.execute(
        """
        WITH notice AS (SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
            AS n (alert, organisation, office, step)),
        hooked AS (SELECT n.alert, n.step, e.endpoint_id FROM notice AS n JOIN webhook_endpoint AS e
            ON e.office = n.office AND e.organisation = n.organisation AND e.state = 'active'),
        by_hook AS (
            INSERT INTO delivery (alert_id, organisation, office, recipient, channel, step, created_at)
            SELECT n.alert, n.organisation, n.office, 'webhook:' || h.endpoint_id, 'webhook', n.step, $5
            FROM notice AS n JOIN hooked AS h USING (alert, step)
            ON CONFLICT (alert_id, recipient, channel, step) DO NOTHING)
        INSERT INTO delivery (alert_id, organisation, office, recipient, channel, step, created_at,
            state, release_at, held_for)
        SELECT n.alert, n.organisation, n.office, 'office:' || n.office, 'email', n.step, $5,
            'held', $5, 'new'
        FROM notice AS n LEFT JOIN office_telling AS t ON t.office = n.office
        WHERE t.by_mail IS NOT FALSE OR NOT EXISTS (
            SELECT FROM hooked AS h WHERE h.alert = n.alert AND h.step = n.step)
        ON CONFLICT (alert_id, recipient, channel, step) DO NOTHING
        """,
        *zip(*map(astuple, notices), strict=True),
        now,
    )


async def add_mail(
    conn: Connection, alert: UUID, organisation: str, office: str, *, recipient: str, step: str, now: datetime
) -> None:
    """Add an e-mail about an alert, once for each recipient and step."""
    await conn.execute(
        """
        INSERT INTO delivery (alert_id, organisation, office, recipient, channel, step, created_at,
        state, release_at, held_for)
        VALUES ($1, $2, $3, $4, 'email', $5, $6, 'held', $6, 'new')
        ON CONFLICT (alert_id, recipient, channel, step) DO NOTHING
        """,
        alert,
        organisation,
        office,
        recipient,
        step,
        now,
    )


async def cancel_unsent(conn: Connection, alert: UUID) -> bool:
    """Cancel the alert's messages that nobody has begun to send; mails that carried others are replaced.

    Returns True if the office has, or may have, heard of the alert.
    """
    cancelled = await conn.fetch(
        """
        UPDATE delivery AS d SET state = 'cancelled', held_for = NULL WHERE d.alert_id = $1
        AND d.attempts = 0 AND d.lease_token IS NULL AND (d.state IN ('pending', 'held')
            OR d.state = 'carried' AND EXISTS (SELECT FROM delivery AS c WHERE c.delivery_id = d.carried_by
                AND c.attempts = 0 AND c.lease_token IS NULL))
        RETURNING d.delivery_id
        """,
        alert,
    )
    await _hold_again(conn, [row["delivery_id"] for row in cancelled])
    return bool(
        await conn.fetchval(
            """
            SELECT EXISTS (SELECT FROM delivery WHERE alert_id = $1
            AND (state <> 'cancelled' OR problem = 'answered')
            AND (recipient LIKE 'office:%' OR channel = 'webhook'))
            """,
            alert,
        )
    )


async def _hold_again(conn: Connection, carriers: Sequence[UUID]) -> None:
    """Hold again what mails would have told that do not go out: another one will carry it."""
    await conn.execute(
        """
        UPDATE delivery SET state = 'held', carried_by = NULL, release_at = created_at, held_for = 'new'
        WHERE carried_by = ANY($1::uuid[]) AND state = 'carried'
        """,
        list(carriers),
    )


async def told_by(conn: Connection, delivery: UUID) -> list[asyncpg.Record]:
    """Return what a mail tells: its own delivery, then those that ride along."""
    return await conn.fetch(
        """
        SELECT delivery_id, alert_id, step FROM delivery
        WHERE delivery_id = $1 OR carried_by = $1 AND state = 'carried'
        ORDER BY delivery_id <> $1, created_at, delivery_id
        """,
        delivery,
    )


async def earlier_mails(conn: Connection, alerts: Sequence[UUID], office: str, limit: int) -> list[UUID]:
    """Return the deliveries whose mails told this office of these alerts before, the oldest first.

    Message-IDs of mails to other offices are secret: whoever knows one can forge a report that it came back.
    """
    rows = await conn.fetch(
        """
        SELECT mail FROM (SELECT coalesce(carried_by, delivery_id) AS mail, min(sent_at) AS at FROM delivery
            WHERE alert_id = ANY($1::uuid[]) AND office = $2 AND channel = 'email'
            AND state IN ('sent', 'bounced')
            GROUP BY 1 ORDER BY at DESC LIMIT $3) AS latest ORDER BY at, mail
        """,
        list(alerts),
        office,
        limit,
    )
    return [row["mail"] for row in rows]


async def claim(
    conn: Connection, lease_seconds: float, limit: int, channel: str = "email"
) -> list[asyncpg.Record]:
    """Claim deliveries of a channel that are due and that nobody holds."""
    return await conn.fetch(
        """
        UPDATE delivery AS d SET lease_token = gen_random_uuid(),
        lease_until = clock_timestamp() + make_interval(secs => $1)
        FROM (SELECT delivery_id FROM delivery WHERE state = 'pending' AND next_at <= clock_timestamp()
            AND channel = $3 AND (lease_until IS NULL OR lease_until < clock_timestamp())
            ORDER BY next_at LIMIT $2 FOR UPDATE SKIP LOCKED) AS due
        WHERE d.delivery_id = due.delivery_id
        RETURNING d.delivery_id, d.alert_id, d.office, d.recipient, d.step, d.attempts, d.in_doubt,
            d.lease_token, d.organisation, d.created_at
        """,
        lease_seconds,
        limit,
        channel,
    )


async def close_lost_attempt(conn: Connection, delivery: UUID, token: UUID) -> bool:
    """Mark the unfinished attempt of an earlier holder as in doubt; return whether there was one.

    Whoever has lost the lease leaves the attempt of its new holder alone.
    """
    found = await conn.fetchval(
        """
        WITH held AS (SELECT delivery_id FROM delivery
            WHERE delivery_id = $1 AND lease_token = $2 FOR UPDATE)
        UPDATE delivery_attempt AS t SET ended_at = clock_timestamp(), outcome = 'in_doubt'
        FROM held WHERE t.delivery_id = held.delivery_id AND t.token <> $2 AND t.outcome IS NULL
        RETURNING true
        """,
        delivery,
        token,
    )
    if found:
        await count_doubt(conn, delivery, token)
    return bool(found)


async def count_doubt(conn: Connection, delivery: UUID, token: UUID) -> None:
    """Count an attempt without a known end: the recipient may get the mail twice."""
    await conn.execute(
        "UPDATE delivery SET in_doubt = in_doubt + 1 WHERE delivery_id = $1 AND lease_token = $2",
        delivery,
        token,
    )


async def begin_attempt(conn: Connection, delivery: UUID, token: UUID, lease_seconds: float) -> int | None:
    """Store that an attempt begins; return its number, or None if the lease or the delivery is gone."""
    attempt: int | None = await conn.fetchval(
        """
        UPDATE delivery SET attempts = attempts + 1,
        lease_until = clock_timestamp() + make_interval(secs => $3)
        WHERE delivery_id = $1 AND lease_token = $2 AND state = 'pending' RETURNING attempts
        """,
        delivery,
        token,
        lease_seconds,
    )
    if attempt is not None:
        await conn.execute(
            "INSERT INTO delivery_attempt (delivery_id, attempt, token) VALUES ($1, $2, $3)",
            delivery,
            attempt,
            token,
        )
    return attempt


async def end_attempt(
    conn: Connection, delivery: UUID, attempt: int, token: UUID, *, outcome: str, code: int | None
) -> None:
    """Store how an attempt ended."""
    await conn.execute(
        """
        UPDATE delivery_attempt SET ended_at = clock_timestamp(), outcome = $4, code = $5
        WHERE delivery_id = $1 AND attempt = $2 AND token = $3 AND outcome IS NULL
        """,
        delivery,
        attempt,
        token,
        outcome,
        code,
    )


async def settle_as_sent(conn: Connection, delivery: UUID, token: UUID) -> None:
    """Settle a delivery that was taken, and those that rode along."""
    settled = await conn.fetchval(
        """
        UPDATE delivery SET state = 'sent', sent_at = clock_timestamp(), lease_token = NULL,
        lease_until = NULL, problem = NULL WHERE delivery_id = $1 AND lease_token = $2 RETURNING true
        """,
        delivery,
        token,
    )
    if settled:
        await conn.execute(
            """
            UPDATE delivery SET state = 'sent', sent_at = clock_timestamp()
            WHERE carried_by = $1 AND state = 'carried'
            """,
            delivery,
        )


async def not_counted(conn: Connection, delivery: UUID, *, own_faults: bool) -> int:
    """Count the attempts from before somebody had it sent again, and with `own_faults` our own later ones."""
    return int(
        await conn.fetchval(
            """
            SELECT d.attempts_before + (SELECT count(*) FROM delivery_attempt AS t
                WHERE t.delivery_id = d.delivery_id AND t.attempt > d.attempts_before
                AND t.outcome = 'own_fault' AND $2)
            FROM delivery AS d WHERE d.delivery_id = $1
            """,
            delivery,
            own_faults,
        )
    )


async def retry_after(
    conn: Connection, delivery: UUID, token: UUID, seconds: float, problem: str | None
) -> None:
    """Give a delivery back, to be tried again after so many seconds."""
    await conn.execute(
        """
        UPDATE delivery SET next_at = clock_timestamp() + make_interval(secs => $3), lease_token = NULL,
        lease_until = NULL, problem = $4 WHERE delivery_id = $1 AND lease_token = $2
        """,
        delivery,
        token,
        seconds,
        problem,
    )


async def give_up(conn: Connection, delivery: UUID, token: UUID, problem: str) -> list[UUID]:
    """Settle a delivery that will not be tried again by itself, and those that rode along; return them."""
    settled = await conn.fetchval(
        """
        UPDATE delivery SET state = 'failed', problem = $3, lease_token = NULL, lease_until = NULL
        WHERE delivery_id = $1 AND lease_token = $2 RETURNING true
        """,
        delivery,
        token,
        problem,
    )
    if not settled:
        return []
    rows = await conn.fetch(
        """
        UPDATE delivery SET state = 'failed', problem = $2 WHERE carried_by = $1 AND state = 'carried'
        RETURNING delivery_id
        """,
        delivery,
        problem,
    )
    return [delivery, *(row["delivery_id"] for row in rows)]


async def failed_row(conn: Connection, delivery: UUID) -> asyncpg.Record | None:
    """Return what is known of a delivery, to tell somebody else instead."""
    return await conn.fetchrow(
        """
        SELECT delivery_id, alert_id, organisation, office, recipient, channel, step, created_at
        FROM delivery WHERE delivery_id = $1
        """,
        delivery,
    )


async def address_of(conn: Connection, recipient: str) -> asyncpg.Record | None:
    """Look up the mailbox of `ROLE:SLUG`, and whether it came back as not existing; None if there is none."""
    role, _, slug = recipient.partition(":")
    return await conn.fetchrow(
        """
        SELECT m.address, EXISTS (SELECT FROM suppression AS s
            WHERE s.office = o.slug AND s.role = $2 AND s.address = m.address) AS suppressed
        FROM office AS o LEFT JOIN office_telling AS t ON t.office = o.slug
        CROSS JOIN LATERAL (SELECT CASE $2 WHEN 'lead' THEN o.lead_mail WHEN 'head' THEN t.head_mail
            WHEN 'last' THEN t.last_mail ELSE o.mail END AS address) AS m
        WHERE o.slug = $1 AND m.address IS NOT NULL
        """,
        slug,
        role,
    )


async def failed(conn: Connection) -> list[asyncpg.Record]:
    """List deliveries that failed or came back, the latest first, without their alerts."""
    return await conn.fetch(
        """
        SELECT delivery_id, office, channel, problem FROM delivery WHERE state IN ('failed', 'bounced')
        ORDER BY created_at DESC, delivery_id LIMIT 500
        """
    )


async def resend(conn: Connection, delivery: UUID) -> bool:
    """Have a delivery that failed or came back tried as often as a new one; False: it did neither."""
    return bool(
        await conn.fetchval(
            """
            UPDATE delivery SET state = 'pending', next_at = clock_timestamp(), in_doubt = 0,
            carried_by = NULL, attempts_before = attempts, sent_at = NULL
            WHERE delivery_id = $1 AND state IN ('failed', 'bounced') RETURNING true
            """,
            delivery,
        )
    )
