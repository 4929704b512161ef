"""Reads and writes how offices are told, their silences, and the mails that are held."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.notifications.delivery.holding.domain import (
    Enrolments,
    HeldFor,
    Hold,
    Needless,
    Silence,
    Telling,
)
from services.notifications.settings import TellingPolicy
from services.runtime.bookkeeping.work import Taking
from services.runtime.data.db import Connection


def usual(policy: TellingPolicy) -> Telling:
    """Return how offices are told that have chosen nothing."""
    return Telling(
        Enrolments(policy.enrolments),
        policy.digest_at,
        Hold(policy.hold) if policy.quiet_from != policy.quiet_to else Hold.NEVER,
        policy.quiet_from,
        policy.quiet_to,
        policy.repeat_hours,
    )


async def tellings(conn: Connection, offices: Sequence[str]) -> dict[str, Telling]:
    """Return what these offices have chosen; those that have chosen nothing are missing."""
    rows = await conn.fetch(
        """
        SELECT office, enrolments, digest_at, hold, quiet_from, quiet_to, repeat_hours, by_mail
        FROM office_telling WHERE office = ANY($1::text[])
        """,
        list(offices),
    )
    return {row["office"]: telling_of(dict(row)) for row in rows}


def telling_of(row: Mapping[str, Any]) -> Telling:
    """Read what an office has chosen."""
    return Telling(
        Enrolments(row["enrolments"]),
        row["digest_at"],
        Hold(row["hold"]),
        row["quiet_from"],
        row["quiet_to"],
        row["repeat_hours"],
        row["by_mail"],
    )


async def silences(conn: Connection, offices: Sequence[str], now: datetime) -> dict[str, list[Silence]]:
    """Return the silences of these offices that last."""
    rows = await conn.fetch(
        """
        SELECT office, starts_at, ends_at, about FROM silence
        WHERE office = ANY($1::text[]) AND ended_at IS NULL AND ends_at > $2 ORDER BY ends_at
        """,
        list(offices),
        now,
    )
    found: dict[str, list[Silence]] = {}
    for row in rows:
        found.setdefault(row["office"], []).append(Silence(row["starts_at"], row["ends_at"], row["about"]))
    return found


async def due(conn: Connection, now: datetime, taking: Taking) -> list[asyncpg.Record]:
    """Lock and return held mails at which somebody has to look; `item` names each in the queue."""
    return await conn.fetch(
        """
        SELECT d.delivery_id, d.delivery_id::text AS item, d.office, d.recipient, d.step, d.created_at,
        a.kind, a.state, a.office AS asked, a.opening, a.snoozed_until
        FROM delivery AS d JOIN alert AS a USING (alert_id)
        WHERE d.state = 'held' AND d.release_at <= $1
        AND d.delivery_id <> ALL($3::uuid[]) AND ($4::uuid IS NULL OR d.delivery_id = $4)
        ORDER BY d.release_at, d.delivery_id LIMIT $2 FOR UPDATE OF d SKIP LOCKED
        """,
        now,
        taking.limit,
        list(taking.skip),
        taking.only,
    )


async def hold(conn: Connection, held: Sequence[tuple[UUID, datetime, HeldFor]]) -> None:
    """Hold mails until later."""
    await conn.execute(
        """
        UPDATE delivery AS d SET release_at = h.until, held_for = h.why
        FROM unnest($1::uuid[], $2::timestamptz[], $3::text[]) AS h (id, until, why)
        WHERE d.delivery_id = h.id AND d.state = 'held'
        """,
        [one[0] for one in held],
        [one[1] for one in held],
        [one[2] for one in held],
    )


async def release(conn: Connection, carriers: Sequence[UUID]) -> None:
    """Let mails go out."""
    await conn.execute(
        """
        UPDATE delivery SET state = 'pending', next_at = clock_timestamp(), held_for = NULL
        WHERE delivery_id = ANY($1::uuid[]) AND state = 'held'
        """,
        list(carriers),
    )


async def carry(conn: Connection, carried: Sequence[tuple[UUID, UUID]]) -> None:
    """Have mails told of by others: pairs of a delivery and the one that carries it."""
    await conn.execute(
        """
        UPDATE delivery AS d SET state = 'carried', carried_by = c.by, held_for = NULL,
        next_at = clock_timestamp()
        FROM unnest($1::uuid[], $2::uuid[]) AS c (id, by) WHERE d.delivery_id = c.id AND d.state = 'held'
        """,
        [one[0] for one in carried],
        [one[1] for one in carried],
    )


async def needless(conn: Connection, deliveries: Mapping[UUID, Needless]) -> None:
    """Cancel held mails that say what is no longer so, each with the reason."""
    await conn.execute(
        """
        UPDATE delivery AS d SET state = 'cancelled', problem = n.why, held_for = NULL
        FROM unnest($1::uuid[], $2::text[]) AS n (id, why) WHERE d.delivery_id = n.id AND d.state = 'held'
        """,
        list(deliveries),
        list(deliveries.values()),
    )


async def look_again(conn: Connection, office: str, now: datetime) -> None:
    """Have it decided anew when the held mails of an office go out."""
    await conn.execute(
        "UPDATE delivery SET release_at = $2 WHERE office = $1 AND state = 'held' AND release_at > $2",
        office,
        now,
    )


async def levels(conn: Connection, office: str) -> dict[str, str | None]:
    """Return the mailboxes to which an office's unanswered alerts go; those that came back are missing."""
    rows = await conn.fetch(
        """
        SELECT l.role, l.address FROM office AS o LEFT JOIN office_telling AS t ON t.office = o.slug
        CROSS JOIN LATERAL (VALUES ('lead', o.lead_mail), ('head', t.head_mail), ('last', t.last_mail))
            AS l (role, address)
        WHERE o.slug = $1 AND NOT EXISTS (SELECT FROM suppression AS s
            WHERE s.office = o.slug AND s.role = l.role AND s.address = l.address)
        """,
        office,
    )
    return {row["role"]: row["address"] for row in rows}
