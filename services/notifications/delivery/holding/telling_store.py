"""Reads and writes, for pages, how one's own office is told: row level security admits no other office."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.notifications.delivery.holding.domain import Telling
from services.runtime.data.db import Connection


@dataclass(frozen=True, slots=True)
class Choice:
    """What an office chooses: when it is told, and who hears further up."""

    telling: Telling
    head_mail: str | None = None
    last_mail: str | None = None


async def chosen(conn: Connection, office: str) -> asyncpg.Record | None:
    """Return what one's own office has chosen; None: nothing."""
    return await conn.fetchrow(
        """
        SELECT enrolments, digest_at, hold, quiet_from, quiet_to, repeat_hours, by_mail, head_mail,
        last_mail, version FROM office_telling WHERE office = $1
        """,
        office,
    )


async def choose(
    conn: Connection, office: str, organisation: str, choice: Choice, expected: int
) -> int | None:
    """Store a choice, of which `expected` is the version that was opened (0: none); None: it has changed."""
    telling = choice.telling
    version: int | None = await conn.fetchval(
        """
        INSERT INTO office_telling AS t (office, organisation, enrolments, digest_at, hold, quiet_from,
        quiet_to, repeat_hours, by_mail, head_mail, last_mail)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
        WHERE $12 = 0 OR EXISTS (SELECT FROM office_telling WHERE office = $1)
        ON CONFLICT (office) DO UPDATE SET enrolments = EXCLUDED.enrolments,
            digest_at = EXCLUDED.digest_at, hold = EXCLUDED.hold, quiet_from = EXCLUDED.quiet_from,
            quiet_to = EXCLUDED.quiet_to, repeat_hours = EXCLUDED.repeat_hours, by_mail = EXCLUDED.by_mail,
            head_mail = EXCLUDED.head_mail, last_mail = EXCLUDED.last_mail, version = t.version + 1
        WHERE t.version = $12 RETURNING version
        """,
        office,
        organisation,
        telling.enrolments,
        telling.digest_at,
        telling.hold,
        telling.quiet_from,
        telling.quiet_to,
        telling.repeat_hours,
        telling.by_mail,
        choice.head_mail,
        choice.last_mail,
        expected,
    )
    return version


async def record(
    conn: Connection, office: str, organisation: str, *, by: str, changed: Mapping[str, Any], now: datetime
) -> None:
    """Write down who changed what about how an office is told."""
    await conn.execute(
        """
        INSERT INTO telling_change (office, organisation, changed_at, changed_by, changed)
        VALUES ($1, $2, $3, $4, $5)
        """,
        office,
        organisation,
        now,
        by,
        dict(changed),
    )


async def changes(conn: Connection, office: str, limit: int) -> Sequence[asyncpg.Record]:
    """List the latest changes."""
    return await conn.fetch(
        "SELECT changed_at, changed_by, changed FROM telling_change WHERE office = $1"
        " ORDER BY change_id DESC LIMIT $2",
        office,
        limit,
    )


async def suppressed(conn: Connection, office: str) -> Sequence[asyncpg.Record]:
    """List the mailboxes of one's own office that came back as not existing."""
    return await conn.fetch(
        "SELECT role, address, since, status FROM suppression WHERE office = $1 ORDER BY since, role",
        office,
    )


async def lift(conn: Connection, office: str, role: str, address: str) -> bool:
    """Let mails go to a mailbox again that came back; return False if it is none of these."""
    return bool(
        await conn.fetchval(
            "DELETE FROM suppression WHERE office = $1 AND role = $2 AND address = $3 RETURNING true",
            office,
            role,
            address,
        )
    )


async def sent(conn: Connection, office: str, limit: int, skip: int) -> Sequence[asyncpg.Record]:
    """List what was sent to and about one's own office, the latest first."""
    return await conn.fetch(
        """
        SELECT d.delivery_id, d.alert_id, d.recipient, d.channel, d.step, d.state, d.created_at, d.sent_at,
        d.release_at, d.held_for, d.problem, d.attempts, d.in_doubt, e.url,
        (SELECT r.reason FROM delivery_resend AS r WHERE r.delivery_id = d.delivery_id
            ORDER BY r.resent_at DESC LIMIT 1) AS resent_for
        FROM delivery AS d LEFT JOIN webhook_endpoint AS e
            ON d.channel = 'webhook' AND 'webhook:' || e.endpoint_id = d.recipient
        WHERE d.office = $1 ORDER BY d.created_at DESC, d.delivery_id LIMIT $2 OFFSET $3
        """,
        office,
        limit,
        skip,
    )


async def record_resend(conn: Connection, delivery: UUID, *, by: str, reason: str, now: datetime) -> None:
    """Write down who has a delivery of one's own office sent again, and why."""
    await conn.execute(
        """
        INSERT INTO delivery_resend (delivery_id, resent_at, organisation, office, resent_by, reason)
        SELECT delivery_id, $2, organisation, office, $3, $4 FROM delivery WHERE delivery_id = $1
        ON CONFLICT DO NOTHING
        """,
        delivery,
        now,
        by,
        reason,
    )


async def forget_acts(conn: Connection, before: datetime) -> int:
    """Delete changes and resends that are older than they may be kept; return how many. For the worker."""
    gone = await conn.fetch("DELETE FROM telling_change WHERE changed_at < $1 RETURNING 1", before)
    return len(gone) + len(
        await conn.fetch("DELETE FROM delivery_resend WHERE resent_at < $1 RETURNING 1", before)
    )
