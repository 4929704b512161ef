"""Reads and writes reminders: when an office is told again of an alert that nobody has answered."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.runtime.bookkeeping.work import Taking
from services.runtime.data.db import Connection


async def add(conn: Connection, rows: Sequence[tuple[UUID, int, str, str, list[datetime]]]) -> None:
    """Store when offices are reminded until somebody looks: alert, opening, office, organisation, times."""
    await conn.executemany(
        """
        INSERT INTO reminder (alert_id, opening, office, organisation, kind, step, due_at)
        SELECT $1, $2, $3, $4, 'repeat', n, at FROM unnest($5::timestamptz[]) WITH ORDINALITY AS due (at, n)
        ON CONFLICT DO NOTHING
        """,
        rows,
    )


async def add_snooze(conn: Connection, row: asyncpg.Record, step: int, until: datetime) -> None:
    """Store that an office is reminded of an alert that it has put off; `row` is the alert."""
    await conn.execute(
        """
        INSERT INTO reminder (alert_id, opening, office, organisation, kind, step, due_at)
        VALUES ($1, $2, $3, $4, 'snooze', $5, $6)
        """,
        row["alert_id"],
        row["opening"],
        row["office"],
        row["organisation"],
        step,
        until,
    )


async def drop(conn: Connection, alert: UUID, outcome: str, now: datetime, kind: str | None = None) -> None:
    """Close the open reminders of an alert, all or those of one kind."""
    await conn.execute(
        """
        UPDATE reminder SET done_at = $3, outcome = $2
        WHERE alert_id = $1 AND done_at IS NULL AND ($4::text IS NULL OR kind = $4)
        """,
        alert,
        outcome,
        now,
        kind,
    )


async def due(conn: Connection, now: datetime, taking: Taking) -> list[asyncpg.Record]:
    """Lock and return reminders that are due, with their alerts; `item` names each in the queue.

    It waits for nobody: whoever acts on an alert holds it and goes on to its reminders.
    """
    return await conn.fetch(
        """
        SELECT r.alert_id, r.opening, r.office, r.organisation, r.kind, r.step, item
        FROM reminder AS r JOIN alert AS a USING (alert_id)
        CROSS JOIN LATERAL concat_ws('/', r.alert_id, r.opening, r.office, r.kind, r.step) AS item
        WHERE r.done_at IS NULL AND r.due_at <= $1
        AND item <> ALL($3::text[]) AND ($4::text IS NULL OR item = $4)
        ORDER BY r.due_at, r.alert_id, r.step LIMIT $2 FOR UPDATE OF a, r SKIP LOCKED
        """,
        now,
        taking.limit,
        list(taking.skip),
        taking.only,
    )


async def still_open(conn: Connection, row: asyncpg.Record) -> bool:
    """Return whether the office still has to look (`repeat`) or to answer (`snooze`); locks the alert."""
    return bool(
        await conn.fetchval(
            """
            SELECT true FROM alert WHERE alert_id = $1 AND opening = $2 AND office = $3
            AND (state = 'new' OR state = 'seen' AND $4 = 'snooze') FOR SHARE
            """,
            row["alert_id"],
            row["opening"],
            row["office"],
            row["kind"],
        )
    )


async def close(conn: Connection, row: asyncpg.Record, outcome: str, now: datetime) -> None:
    """Store what became of one reminder."""
    await conn.execute(
        """
        UPDATE reminder SET done_at = $6, outcome = $7
        WHERE alert_id = $1 AND opening = $2 AND office = $3 AND kind = $4 AND step = $5 AND done_at IS NULL
        """,
        row["alert_id"],
        row["opening"],
        row["office"],
        row["kind"],
        row["step"],
        now,
        outcome,
    )


async def snooze(conn: Connection, alert: UUID, until: datetime, person: str, now: datetime) -> int | None:
    """Put an unanswered alert off; return its version, or None if somebody has answered it."""
    version: int | None = await conn.fetchval(
        """
        UPDATE alert SET state = 'seen', version = version + 1, seen_at = coalesce(seen_at, $4),
        snoozed_until = $2, snoozed_by = $3
        WHERE alert_id = $1 AND state IN ('new', 'seen') RETURNING version
        """,
        alert,
        until,
        person,
        now,
    )
    return version


async def open_escalations(conn: Connection, alert: UUID) -> dict[int, datetime]:
    """Lock the open escalations of an alert as it stands; return their steps, and when each is due."""
    rows = await conn.fetch(
        """
        SELECT e.step, e.due_at FROM escalation AS e JOIN alert AS a USING (alert_id, opening, office)
        WHERE e.alert_id = $1 AND e.done_at IS NULL ORDER BY e.step FOR UPDATE OF e
        """,
        alert,
    )
    return {row["step"]: row["due_at"] for row in rows}


async def postpone(conn: Connection, row: asyncpg.Record, due_: Mapping[int, datetime]) -> None:
    """Have escalations of an alert, named by their steps, wait until later."""
    await conn.execute(
        """
        UPDATE escalation AS e SET due_at = d.at FROM unnest($4::integer[], $5::timestamptz[]) AS d (step, at)
        WHERE e.alert_id = $1 AND e.opening = $2 AND e.office = $3 AND e.step = d.step AND e.done_at IS NULL
        """,
        row["alert_id"],
        row["opening"],
        row["office"],
        list(due_),
        list(due_.values()),
    )
