"""Reads an office's alerts for its people; row level security admits no others."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.notifications.pages.inbox.filters import AlertFilter


async def alerts(
    conn: asyncpg.Connection,
    organisation: str,
    office: str,
    wanted: AlertFilter,
    *,
    taken_by: str | None,
    now: datetime,
) -> Sequence[asyncpg.Record]:
    """List an office's alerts, one more than a page has room for.

    The most urgent first: unanswered ones before those at work, what has gone to the head of the office
    before the rest, then by severity, and what waits longest. `taken_by`: only what this person has.
    What is put off beyond `now` is listed only if it is asked for.
    """
    return await conn.fetch(
        """
        SELECT a.alert_id, a.kind, a.purpose, a.state, a.severity, a.reason, a.raised_at, a.escalated_at,
            a.ended_at, a.answered_at, a.taken_by, a.withdrawn_for, a.office, a.participant_id,
            a.snoozed_until, c.title AS course_title
        FROM alert AS a LEFT JOIN course AS c ON c.course_id = a.course_id
        WHERE a.organisation = $1 AND a.office = $2
            AND ($3 = 'all' OR a.state = ANY (CASE $3
                WHEN 'unanswered' THEN ARRAY['new', 'seen']
                WHEN 'work' THEN ARRAY['accepted', 'handed_over']
                ELSE ARRAY['new', 'seen', 'accepted', 'handed_over'] END))
            AND ($3 = 'all' OR ($3 = 'off') =
                (a.state IN ('new', 'seen') AND coalesce(a.snoozed_until > $10, false)))
            AND ($4 = '' OR a.kind = $4) AND ($5 = '' OR a.severity = $5)
            AND ($6::text IS NULL OR a.taken_by = $6)
        ORDER BY CASE WHEN $7 = '' THEN CASE
                WHEN a.state IN ('new', 'seen') THEN 0 WHEN a.state IN ('accepted', 'handed_over') THEN 1
                WHEN a.state = 'declined' THEN 2 ELSE 3 END END,
            CASE WHEN $7 = '' AND a.state IN ('new', 'seen') THEN a.escalated_at IS NULL END,
            CASE WHEN $7 = '' AND a.ended_at IS NULL
                THEN array_position(ARRAY['high', 'medium', 'low'], a.severity) END,
            CASE WHEN $7 = 'oldest' OR ($7 = '' AND a.ended_at IS NULL) THEN a.raised_at END,
            a.raised_at DESC, a.alert_id
        LIMIT $8 OFFSET $9
        """,
        organisation,
        office,
        wanted.state,
        wanted.kind,
        wanted.severity,
        taken_by,
        wanted.sort,
        wanted.size + 1,
        wanted.offset,
        now,
    )


async def put_off(conn: asyncpg.Connection, organisation: str, office: str, now: datetime) -> int:
    """Count an office's unanswered alerts that are put off."""
    found: int = await conn.fetchval(
        """
        SELECT count(*) FROM alert WHERE organisation = $1 AND office = $2 AND state IN ('new', 'seen')
            AND snoozed_until > $3
        """,
        organisation,
        office,
        now,
    )
    return found


async def found(
    conn: asyncpg.Connection, organisation: str, office: str, participants: Sequence[UUID], reference: str
) -> Sequence[asyncpg.Record]:
    """List an office's alerts about these people, and those whose reference begins with a text."""
    return await conn.fetch(
        """
        SELECT a.alert_id, a.kind, a.purpose, a.state, a.severity, a.reason, a.raised_at, a.escalated_at,
            a.ended_at, a.answered_at, a.taken_by, a.withdrawn_for, a.office, a.participant_id,
            a.snoozed_until, c.title AS course_title
        FROM alert AS a LEFT JOIN course AS c ON c.course_id = a.course_id
        WHERE a.organisation = $1 AND a.office = $2 AND (a.participant_id = ANY ($3::uuid[])
            OR ($4 <> '' AND starts_with('KL-' || upper(left(a.alert_id::text, 8)), $4)))
        ORDER BY array_position($3::uuid[], a.participant_id) NULLS FIRST, a.ended_at DESC NULLS FIRST,
            a.raised_at DESC, a.alert_id
        LIMIT 100
        """,
        organisation,
        office,
        list(participants),
        reference,
    )


async def sealed_names(
    conn: asyncpg.Connection, organisation: str, office: str, most: int
) -> Sequence[asyncpg.Record]:
    """Read the sealed names of people about whom an office has alerts and may know; without references."""
    return await conn.fetch(
        """
        SELECT p.participant_id, '' AS reference, p.sealed, k.wrapped FROM person AS p
        JOIN person_key AS k ON k.participant_id = p.participant_id AND k.organisation = $1
        WHERE EXISTS (SELECT FROM disclosure AS d JOIN alert AS a ON a.alert_id = d.basis
            WHERE d.participant_id = p.participant_id AND d.organisation = $1 AND d.office = $2
                AND d.ended_at IS NULL AND a.office = $2 AND a.participant_id = p.participant_id)
        ORDER BY p.kept_at DESC, p.participant_id LIMIT $3
        """,
        organisation,
        office,
        most,
    )


async def alert(conn: asyncpg.Connection, alert_id: UUID) -> asyncpg.Record | None:
    """Return one alert of the visitor's organisation."""
    return await conn.fetchrow(
        """
        SELECT a.alert_id, a.kind, a.purpose, a.state, a.severity, a.verdict, a.reason, a.routing, a.chain,
            a.raised_at, a.escalated_at, a.ended_at, a.taken_by, a.snoozed_until, a.snoozed_by,
            a.withdrawn_for, a.office, a.organisation,
            a.participant_id, a.course_id, c.title AS course_title, c.provider, b.name AS provider_name,
            c.starts_on, c.ends_on
        FROM alert AS a
        LEFT JOIN course AS c ON c.course_id = a.course_id
        LEFT JOIN runtime.publisher AS b ON b.slug = c.provider
        WHERE a.alert_id = $1
        """,
        alert_id,
    )


async def allowed_here(conn: asyncpg.Connection, participant: UUID, office: str) -> Sequence[asyncpg.Record]:
    """List what a person allows one of the visitor's own offices now."""
    return await conn.fetch(
        """
        SELECT purpose, given_on FROM consent
        WHERE participant_id = $1 AND office = $2 AND ended_at IS NULL ORDER BY purpose
        """,
        participant,
        office,
    )


async def alert_steps(conn: asyncpg.Connection, alert_id: UUID) -> Sequence[asyncpg.Record]:
    """List an alert's steps, the latest first."""
    return await conn.fetch(
        """
        SELECT version, office, from_state, to_state, reason, put_off, at FROM alert_step
        WHERE alert_id = $1 ORDER BY version DESC
        """,
        alert_id,
    )


async def counsellors(conn: asyncpg.Connection, organisation: str, office: str) -> Sequence[asyncpg.Record]:
    """List who counsels for an office now, by key and name."""
    return await conn.fetch(
        """
        SELECT DISTINCT p.name, p.key FROM accounts.given_role AS r
        JOIN accounts.person AS p ON p.person = r.person
        JOIN accounts.organisation AS o ON o.slug = r.organisation
        WHERE o.tenant = $1 AND o.publisher = $2 AND r.role IN ('counsellor', 'team_lead')
            AND r.ended_at IS NULL AND p.active
        ORDER BY p.name, p.key
        """,
        organisation,
        office,
    )


async def caseload(
    conn: asyncpg.Connection, organisation: str, office: str, now: datetime
) -> Sequence[asyncpg.Record]:
    """Count an office's open alerts by who has them; None: nobody in particular.

    What is put off is counted apart, as the list leaves it out.
    """
    return await conn.fetch(
        """
        SELECT taken_by, count(*) FILTER (WHERE NOT off) AS open, count(*) FILTER (WHERE off) AS put_off,
            count(*) FILTER (WHERE severity = 'high' AND NOT off) AS urgent,
            min(raised_at) FILTER (WHERE NOT off) AS oldest
        FROM (SELECT taken_by, severity, raised_at,
                state IN ('new', 'seen') AND coalesce(snoozed_until > $3, false) AS off
            FROM alert WHERE organisation = $1 AND office = $2
                AND state IN ('new', 'seen', 'accepted', 'handed_over')) AS open
        GROUP BY taken_by
        """,
        organisation,
        office,
        now,
    )


async def verdicts(
    conn: asyncpg.Connection, organisation: str, office: str, since: datetime
) -> Sequence[asyncpg.Record]:
    """Count what an office thought of the risk alerts that it ended, by rule."""
    return await conn.fetch(
        """
        SELECT reason ->> 'code' AS rule, count(*) AS ended,
            count(*) FILTER (WHERE verdict = 'useful') AS useful,
            count(*) FILTER (WHERE verdict = 'not_needed') AS not_needed,
            count(*) FILTER (WHERE verdict = 'false_alarm') AS false_alarm
        FROM alert WHERE organisation = $1 AND office = $2 AND kind <> 'enrolment' AND state = 'done'
            AND ended_at >= $3
        GROUP BY reason ->> 'code' ORDER BY reason ->> 'code'
        """,
        organisation,
        office,
        since,
    )


async def answers(
    conn: asyncpg.Connection, organisation: str, office: str, since: datetime
) -> Sequence[asyncpg.Record]:
    """List when an office got its alerts and answered them, without who did; the latest 5000.

    An alert that another office had first is counted from the day on which this one got it.
    """
    return await conn.fetch(
        """
        SELECT kind, answered_at, escalated_at,
            coalesce((SELECT max(s.at) FROM alert_step AS s WHERE s.alert_id = a.alert_id
                AND s.office = $2 AND s.to_state = 'new'), raised_at) AS got_at
        FROM alert AS a WHERE organisation = $1 AND office = $2 AND raised_at >= $3 AND state <> 'withdrawn'
        ORDER BY raised_at DESC LIMIT 5000
        """,
        organisation,
        office,
        since,
    )


async def own_needs(conn: asyncpg.Connection, office: str) -> Sequence[asyncpg.Record]:
    """List the needs that an office has reported, the latest months first."""
    return await conn.fetch(
        "SELECT month, need, town FROM need_report WHERE office = $1"
        " ORDER BY month DESC, need, town LIMIT 100",
        office,
    )
