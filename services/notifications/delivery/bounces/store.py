"""Reads and writes how far the sender's mailbox was read, and which mails and mailboxes came back."""

from datetime import datetime
from uuid import UUID

import asyncpg

from services.notifications.delivery.bounces.imap import Position
from services.runtime.data.db import Connection


async def position(conn: Connection) -> Position:
    """Return how far the mailbox was read."""
    row = await conn.fetchrow("SELECT generation, last FROM bounce_position")
    return Position() if row is None else Position(row["generation"], row["last"])


async def move(conn: Connection, before: Position, after: Position) -> bool:
    """Write down how far the mailbox was read; False if somebody else has read on meanwhile."""
    return bool(
        await conn.fetchval(
            """
            INSERT INTO bounce_position AS p (generation, last) VALUES ($3, $4)
            ON CONFLICT (one) DO UPDATE SET generation = $3, last = $4
            WHERE p.generation = $1 AND p.last = $2 RETURNING true
            """,
            before.generation,
            before.last,
            after.generation,
            after.last,
        )
    )


async def lock_sent(conn: Connection, delivery: UUID) -> asyncpg.Record | None:
    """Lock and return a mail that was sent by itself."""
    return await conn.fetchrow(
        """
        SELECT office, organisation, recipient FROM delivery
        WHERE delivery_id = $1 AND state = 'sent' AND channel = 'email' AND carried_by IS NULL FOR UPDATE
        """,
        delivery,
    )


async def mark(conn: Connection, delivery: UUID) -> list[UUID]:
    """Mark a mail and those that rode along as come back; return them."""
    rows = await conn.fetch(
        """
        UPDATE delivery SET state = 'bounced', problem = 'bounced'
        WHERE (delivery_id = $1 OR carried_by = $1) AND state = 'sent' RETURNING delivery_id
        """,
        delivery,
    )
    return [row["delivery_id"] for row in rows]


async def suppress(conn: Connection, row: asyncpg.Record, address: str, status: str, now: datetime) -> None:
    """Send no more mails to a mailbox that does not exist; `row` is the delivery that came back."""
    await conn.execute(
        """
        INSERT INTO suppression (office, role, address, organisation, since, status)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
        """,
        row["office"],
        str(row["recipient"]).partition(":")[0],
        address,
        row["organisation"],
        now,
        status,
    )
