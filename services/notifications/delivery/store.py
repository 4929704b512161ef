"""Reads and writes deliveries.

Every write to a claimed delivery is filtered by its lease token; all times are the database's.
"""

from datetime import datetime
from uuid import UUID

import asyncpg

from services.runtime.data.db import Connection


async def add(
    conn: Connection, alert: UUID, organisation: str, office: str, *, recipient: str, step: str, now: datetime
) -> None:
    """Add an e-mail about an alert, once for each recipient (`office:SLUG` or `lead:SLUG`) and step.

    Its id is random and stays: it makes the mail's Message-ID.
    """
    await conn.execute(
        """
        INSERT INTO delivery (alert_id, organisation, office, recipient, channel, step, created_at)
        VALUES ($1, $2, $3, $4, 'email', $5, $6)
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
    """Cancel the alert's mails that nobody has begun to send.

    Returns True if the office has, or may have, heard of the alert.
    """
    await conn.execute(
        """
        UPDATE delivery SET state = 'cancelled' WHERE alert_id = $1 AND state = 'pending'
        AND attempts = 0 AND lease_token IS NULL
        """,
        alert,
    )
    return bool(
        await conn.fetchval(
            """
            SELECT EXISTS (SELECT FROM delivery WHERE alert_id = $1 AND state <> 'cancelled'
            AND recipient LIKE 'office:%')
            """,
            alert,
        )
    )


async def claim(conn: Connection, lease_seconds: float, limit: int) -> list[asyncpg.Record]:
    """Claim deliveries that are due and that nobody holds."""
    return await conn.fetch(
        """
        UPDATE delivery AS d SET lease_token = gen_random_uuid(),
        lease_until = clock_timestamp() + make_interval(secs => $1)
        FROM (SELECT delivery_id FROM delivery WHERE state = 'pending' AND next_at <= clock_timestamp()
            AND (lease_until IS NULL OR lease_until < clock_timestamp())
            ORDER BY next_at LIMIT $2 FOR UPDATE SKIP LOCKED) AS due
        WHERE d.delivery_id = due.delivery_id
        RETURNING d.delivery_id, d.alert_id, d.office, d.recipient, d.step, d.attempts, d.in_doubt,
            d.lease_token
        """,
        lease_seconds,
        limit,
    )


async def close_lost_attempt(conn: Connection, delivery: UUID, token: UUID) -> bool:
    """Mark the unfinished attempt of an earlier holder as in doubt; return whether there was one."""
    found = await conn.fetchval(
        """
        UPDATE delivery_attempt SET ended_at = clock_timestamp(), outcome = 'in_doubt'
        WHERE delivery_id = $1 AND outcome IS NULL RETURNING true
        """,
        delivery,
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
    """Settle a delivery that the server took."""
    await conn.execute(
        """
        UPDATE delivery SET state = 'sent', sent_at = clock_timestamp(), lease_token = NULL,
        lease_until = NULL, problem = NULL WHERE delivery_id = $1 AND lease_token = $2
        """,
        delivery,
        token,
    )


async def own_faults(conn: Connection, delivery: UUID) -> int:
    """Count the attempts of a delivery that failed by a fault of ours."""
    return int(
        await conn.fetchval(
            "SELECT count(*) FROM delivery_attempt WHERE delivery_id = $1 AND outcome = 'own_fault'",
            delivery,
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


async def give_up(conn: Connection, delivery: UUID, token: UUID, problem: str) -> None:
    """Settle a delivery that will not be tried again by itself."""
    await conn.execute(
        """
        UPDATE delivery SET state = 'failed', problem = $3, lease_token = NULL, lease_until = NULL
        WHERE delivery_id = $1 AND lease_token = $2
        """,
        delivery,
        token,
        problem,
    )


async def notify_lead(conn: Connection, delivery: UUID) -> None:
    """Add a mail to the office's lead if the notice could not be delivered to the office itself."""
    row = await conn.fetchrow(
        """
        SELECT alert_id, organisation, office, step, created_at FROM delivery
        WHERE delivery_id = $1 AND recipient LIKE 'office:%' AND step LIKE 'notice-%'
        """,
        delivery,
    )
    if row is None:
        return
    await add(
        conn,
        row["alert_id"],
        row["organisation"],
        row["office"],
        recipient=f"lead:{row['office']}",
        step=f"undelivered-{row['step']}",
        now=row["created_at"],
    )


async def address_of(conn: Connection, recipient: str) -> str | None:
    """Look up the mail address of `office:<slug>` or `lead:<slug>`; None if the directory has none."""
    kind, _, slug = recipient.partition(":")
    address: str | None = await conn.fetchval(
        "SELECT CASE WHEN $2 = 'lead' THEN lead_mail ELSE mail END FROM office WHERE slug = $1",
        slug,
        kind,
    )
    return address


async def resend(conn: Connection, delivery: UUID) -> bool:
    """Have a failed delivery tried again, as an operator decided; return False if there is none."""
    return bool(
        await conn.fetchval(
            """
            UPDATE delivery SET state = 'pending', next_at = clock_timestamp(), in_doubt = 0
            WHERE delivery_id = $1 AND state = 'failed' RETURNING true
            """,
            delivery,
        )
    )
