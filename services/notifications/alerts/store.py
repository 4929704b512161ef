"""Reads and writes alerts, their steps, their escalations and the queue of people to reconcile."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.runtime.bookkeeping.work import Taking
from services.runtime.data.db import Connection

_OF_A_ROUND = 25


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert to be opened, opened again or passed on; a cause has at most one for a purpose."""

    kind: str
    cause: UUID
    purpose: str
    participant: UUID
    course: UUID | None
    organisation: str
    office: str
    chain: list[str]
    routing: Mapping[str, Any]
    reason: Mapping[str, Any]
    severity: str


async def open_alert(conn: Connection, row: AlertRow, now: datetime) -> asyncpg.Record | None:
    """Open an alert, or a withdrawn one again; return None if it is open or done already.

    A new alert's id is random: mails and links carry it, and it must tell nothing.
    """
    return await conn.fetchrow(
        """
        INSERT INTO alert AS a (kind, matter, purpose, participant_id, course_id, organisation, office,
        chain, routing, reason, state, raised_at, severity)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'new', $11, $12)
        ON CONFLICT (matter, purpose) DO UPDATE SET participant_id = EXCLUDED.participant_id,
            organisation = EXCLUDED.organisation, office = EXCLUDED.office, chain = EXCLUDED.chain,
            routing = EXCLUDED.routing, reason = EXCLUDED.reason, state = 'new', opening = a.opening + 1,
            version = a.version + 1, raised_at = EXCLUDED.raised_at, seen_at = NULL, answered_at = NULL,
            escalated_at = NULL, ended_at = NULL, withdrawn_for = NULL, taken_by = NULL,
            snoozed_until = NULL, snoozed_by = NULL,
            severity = EXCLUDED.severity, verdict = NULL
        WHERE a.state = 'withdrawn'
        RETURNING alert_id, opening, version
        """,
        row.kind,
        row.cause,
        row.purpose,
        row.participant,
        row.course,
        row.organisation,
        row.office,
        row.chain,
        dict(row.routing),
        dict(row.reason),
        now,
        row.severity,
    )


async def pass_on(conn: Connection, row: AlertRow, *, reopen: bool) -> asyncpg.Record | None:
    """Give a declined alert to the next office; with `reopen` one that nobody answered, as a new opening."""
    return await conn.fetchrow(
        """
        UPDATE alert SET organisation = $2, office = $3, chain = $4, routing = $5, reason = $6,
        state = 'new', version = version + 1, seen_at = NULL, answered_at = NULL, escalated_at = NULL,
        taken_by = NULL, snoozed_until = NULL, snoozed_by = NULL, severity = $8,
        opening = opening + CASE WHEN $9 THEN 1 ELSE 0 END
        WHERE matter = $1 AND purpose = $7
            AND (state = 'declined' OR ($9 AND state IN ('new', 'seen') AND answered_at IS NULL))
        RETURNING alert_id, opening, version
        """,
        row.cause,
        row.organisation,
        row.office,
        row.chain,
        dict(row.routing),
        dict(row.reason),
        row.purpose,
        row.severity,
        reopen,
    )


async def refresh(conn: Connection, alert: UUID, reason: Mapping[str, Any], severity: str) -> None:
    """Bring reason and severity of an open alert up to date."""
    await conn.execute(
        "UPDATE alert SET reason = $2, severity = $3"
        " WHERE alert_id = $1 AND ended_at IS NULL AND (reason, severity) <> ($2, $3)",
        alert,
        dict(reason),
        severity,
    )


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an alert's log; `put_off`: it was put off, whatever reason anybody types."""

    alert: UUID
    version: int
    organisation: str
    office: str
    from_state: str
    to_state: str
    reason: str
    at: datetime
    put_off: bool = False


async def add_steps(conn: Connection, steps: Sequence[Step]) -> None:
    """Add steps to the logs of alerts."""
    await conn.executemany(
        """
        INSERT INTO alert_step
            (alert_id, version, organisation, office, from_state, to_state, reason, at, put_off)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        [astuple(step) for step in steps],
    )


async def add_escalations(
    conn: Connection, rows: Sequence[tuple[UUID, int, str, str, list[datetime]]]
) -> None:
    """Store when unanswered alerts go up: each alert, its opening, office, organisation, and the times."""
    await conn.executemany(
        """
        INSERT INTO escalation (alert_id, opening, office, organisation, step, due_at)
        SELECT $1, $2, $3, $4, n, at FROM unnest($5::timestamptz[]) WITH ORDINALITY AS due (at, n)
        ON CONFLICT DO NOTHING
        """,
        rows,
    )


async def lock_alert(conn: Connection, alert: UUID) -> asyncpg.Record | None:
    """Lock and return one alert."""
    return await conn.fetchrow(
        """
        SELECT alert_id, organisation, office, state, version, opening, chain, participant_id, purpose,
        raised_at FROM alert WHERE alert_id = $1 FOR UPDATE
        """,
        alert,
    )


async def answer(
    conn: Connection, alert: UUID, *, before: str, after: str, chain: Sequence[str], now: datetime
) -> int | None:
    """Move an alert from one state to another; return its version, or None if it had left the first."""
    version: int | None = await conn.fetchval(
        """
        UPDATE alert SET state = $3, version = version + 1, chain = $4,
        seen_at = coalesce(seen_at, $5),
        answered_at = CASE WHEN $3 IN ('accepted', 'declined', 'handed_over')
            THEN coalesce(answered_at, greatest($5, escalated_at)) ELSE answered_at END,
        ended_at = CASE WHEN $3 = 'done' THEN $5::timestamptz END
        WHERE alert_id = $1 AND state = $2 RETURNING version
        """,
        alert,
        before,
        after,
        list(chain),
        now,
    )
    return version


async def take(conn: Connection, alert: UUID, person: str | None) -> None:
    """Write down which counsellor has an alert; None: nobody in particular."""
    await conn.execute("UPDATE alert SET taken_by = $2 WHERE alert_id = $1", alert, person)


async def withdraw(conn: Connection, alert: UUID, why: str, now: datetime, *, forget: bool) -> int | None:
    """Withdraw an open alert; with `forget` also delete whom it was about."""
    version: int | None = await conn.fetchval(
        """
        UPDATE alert SET state = 'withdrawn', version = version + 1, ended_at = $3, withdrawn_for = $2,
        participant_id = CASE WHEN $4 THEN NULL ELSE participant_id END,
        taken_by = CASE WHEN $4 THEN NULL ELSE taken_by END,
        snoozed_by = CASE WHEN $4 THEN NULL ELSE snoozed_by END,
        routing = CASE WHEN $4 THEN '{}' ELSE routing END, chain = CASE WHEN $4 THEN '{}' ELSE chain END,
        reason = CASE WHEN $4 THEN jsonb_build_object('code', reason ->> 'code', 'params', '{}'::jsonb)
            ELSE reason END
        WHERE alert_id = $1 AND ended_at IS NULL RETURNING version
        """,
        alert,
        why,
        now,
        forget,
    )
    return version


async def open_under_consent(conn: Connection, keys: Sequence[tuple[UUID, str, str]]) -> list[asyncpg.Record]:
    """Lock and return the open alerts under these consents (participant, office, purpose)."""
    return await conn.fetch(
        """
        SELECT a.alert_id, a.organisation, a.office, a.state, a.opening FROM alert AS a
        JOIN unnest($1::uuid[], $2::text[], $3::text[]) AS gone (p, o, u)
            ON a.participant_id = gone.p AND a.office = gone.o AND a.purpose = gone.u
        WHERE a.ended_at IS NULL ORDER BY a.alert_id FOR UPDATE OF a
        """,
        [key[0] for key in keys],
        [key[1] for key in keys],
        [key[2] for key in keys],
    )


async def drop_escalations(conn: Connection, alert: UUID, outcome: str, now: datetime) -> None:
    """Close the open escalations of an alert."""
    await conn.execute(
        "UPDATE escalation SET done_at = $3, outcome = $2 WHERE alert_id = $1 AND done_at IS NULL",
        alert,
        outcome,
        now,
    )


async def due_escalations(conn: Connection, now: datetime, taking: Taking) -> list[asyncpg.Record]:
    """Lock and return escalations that are due, with their alerts; `item` names each in the queue.

    It waits for nobody: whoever acts on an alert holds it and goes on to its escalations.
    """
    return await conn.fetch(
        """
        SELECT e.alert_id, e.opening, e.office, e.organisation, e.step, item
        FROM escalation AS e JOIN alert AS a USING (alert_id)
        CROSS JOIN LATERAL concat_ws('/', e.alert_id, e.opening, e.office, e.step) AS item
        WHERE e.done_at IS NULL AND e.due_at <= $1
        AND item <> ALL($3::text[]) AND ($4::text IS NULL OR item = $4)
        ORDER BY e.due_at, e.alert_id, e.step LIMIT $2 FOR UPDATE OF a, e SKIP LOCKED
        """,
        now,
        taking.limit,
        list(taking.skip),
        taking.only,
    )


async def escalate(conn: Connection, alert: UUID, opening: int, office: str, now: datetime) -> bool:
    """Mark an alert as escalated and return True, unless somebody answered: this update decides the race."""
    return bool(
        await conn.fetchval(
            """
            UPDATE alert SET escalated_at = $4 WHERE alert_id = $1 AND opening = $2 AND office = $3
            AND state IN ('new', 'seen') AND answered_at IS NULL RETURNING true
            """,
            alert,
            opening,
            office,
            now,
        )
    )


async def close_escalation(conn: Connection, row: asyncpg.Record, outcome: str, now: datetime) -> None:
    """Store what became of one escalation."""
    await conn.execute(
        """
        UPDATE escalation SET done_at = $5, outcome = $6
        WHERE alert_id = $1 AND opening = $2 AND office = $3 AND step = $4 AND done_at IS NULL
        """,
        row["alert_id"],
        row["opening"],
        row["office"],
        row["step"],
        now,
        outcome,
    )


async def take_reconsider(conn: Connection, taking: Taking) -> list[UUID]:
    """Take people out of the queue of those whose alerts are to be reconciled.

    Whom events concern comes first. Rounds queue everybody: of those a few are taken at a time, so that
    an event waits for no more than a few.
    """
    rows = await conn.fetch(
        """
        WITH asked AS (
            SELECT participant_id FROM reconsider WHERE asked_at IS NOT NULL
            AND participant_id <> ALL($2::uuid[]) AND ($3::uuid IS NULL OR participant_id = $3)
            ORDER BY asked_at, participant_id LIMIT $1 FOR UPDATE SKIP LOCKED),
        rest AS (
            SELECT participant_id FROM reconsider WHERE asked_at IS NULL AND NOT EXISTS (SELECT FROM asked)
            AND participant_id <> ALL($2::uuid[]) AND ($3::uuid IS NULL OR participant_id = $3)
            ORDER BY participant_id LIMIT least($1, $4::integer) FOR UPDATE SKIP LOCKED)
        DELETE FROM reconsider WHERE participant_id IN (
            SELECT participant_id FROM asked UNION ALL SELECT participant_id FROM rest)
        RETURNING participant_id
        """,
        taking.limit,
        list(taking.skip),
        taking.only,
        _OF_A_ROUND,
    )
    return [row["participant_id"] for row in rows]


async def reconsider_generations(conn: Connection, items: Sequence[str]) -> dict[str, str]:
    """Return the latest request for each of these people who are in the queue."""
    rows = await conn.fetch(
        "SELECT participant_id::text AS item, generation::text FROM reconsider"
        " WHERE participant_id = ANY($1::uuid[])",
        list(items),
    )
    return {row["item"]: row["generation"] for row in rows}


async def causes(conn: Connection, participants: Sequence[UUID]) -> list[asyncpg.Record]:
    """Return open enrolments and risks of people, and those that are over but still have an open alert."""
    return await conn.fetch(
        """
        SELECT p.placement_id AS matter, 'enrolment' AS kind, 'enrolment_notice' AS purpose,
        p.participant_id, p.course_id, p.state, 'enrolment' AS rule, NULL::jsonb AS params,
        p.starts_on, p.ends_on, NULL::date AS reported_until, c.title, 'low' AS severity
        FROM placement AS p LEFT JOIN course AS c USING (course_id)
        WHERE p.participant_id = ANY($1::uuid[]) AND (p.state IN ('confirmed', 'started')
            OR EXISTS (SELECT FROM alert AS a WHERE a.matter = p.placement_id AND a.ended_at IS NULL))
        UNION ALL
        SELECT r.risk_id, 'risk', r.purpose, r.participant_id, r.course_id, r.state, r.rule,
        r.params, c.starts_on, c.ends_on, CASE WHEN r.matter = 'attendance' THEN r.reported_until END,
        c.title, r.severity
        FROM risk AS r LEFT JOIN course AS c USING (course_id)
        WHERE r.participant_id = ANY($1::uuid[]) AND (r.state = 'open'
            OR EXISTS (SELECT FROM alert AS a WHERE a.matter = r.risk_id AND a.ended_at IS NULL))
        ORDER BY matter
        """,
        list(participants),
    )


async def existing(conn: Connection, causes_: Sequence[UUID]) -> list[asyncpg.Record]:
    """Lock and return the alerts on record for these causes."""
    return await conn.fetch(
        """
        SELECT alert_id, matter, organisation, office, state, version, opening, chain, routing, snoozed_until
        FROM alert WHERE matter = ANY($1::uuid[]) ORDER BY alert_id FOR UPDATE
        """,
        list(causes_),
    )


async def relations(conn: Connection, participants: Sequence[UUID]) -> list[asyncpg.Record]:
    """Return which offices work, or worked, with people: they accepted an alert about them."""
    return await conn.fetch(
        """
        SELECT DISTINCT participant_id, office FROM alert WHERE participant_id = ANY($1::uuid[])
        AND state IN ('accepted', 'done')
        """,
        list(participants),
    )


async def load(conn: Connection) -> dict[str, int]:
    """Count the open alerts of each office; of what it has declined it has nothing to do."""
    rows = await conn.fetch(
        "SELECT office, count(*) AS n FROM alert WHERE ended_at IS NULL AND state <> 'declined'"
        " GROUP BY office"
    )
    return {row["office"]: row["n"] for row in rows}
