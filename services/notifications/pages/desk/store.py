"""Reads how an office's people stand now, and its open offers; row level security limits both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import asyncpg

from services.notifications.pages.desk.filters import OfferFilter, PeopleFilter


async def people(
    conn: asyncpg.Connection, office: str, wanted: PeopleFilter, *, only: Sequence[UUID] | None = None
) -> Sequence[asyncpg.Record]:
    """List people of an office as they stand now, one more than a page has room for.

    `situation` is said by what holds last: a place that is held, else that the person was taken off the list,
    left or completed a course, else whether the registration is saved, else that the person waits. `since` is
    the day from which it holds: of who waits the registration, or the end of a course in which the person had
    sat. `past_state` and `past_on` tell of the latest place that came to nothing. With `only`, of
    these alone. Places are looked up person by person: row level security hides from the planner how many
    there are, and joined as sets it would compare each person with each place. For the same reason the
    statement is planned for its parameters each time.
    """
    await conn.execute("SET LOCAL plan_cache_mode = force_custom_plan")
    return await conn.fetch(
        """
        WITH own AS (
            SELECT h.participant_id, h.reference, h.kept_at, f.registered_on, f.town, f.withdrawn_on,
                f.youth_until, f.asylum_phase
            FROM person AS h LEFT JOIN participant_fact AS f ON f.participant_id = h.participant_id
            WHERE h.office = $1 AND ($2::uuid[] IS NULL OR h.participant_id = ANY($2))
                AND ($4 = '' OR f.town = $4)
        ), stood AS (
            SELECT o.*, held.placement_id, held.starts_on, held.expires_at, held.decided_on,
                history.past_state, history.past_on, c.title, c.town AS course_town,
                b.name AS provider_name,
                CASE
                    WHEN held.state IS NOT NULL THEN held.state
                    WHEN o.withdrawn_on IS NOT NULL THEN 'withdrawn'
                    WHEN history.gone_on >= o.registered_on THEN history.gone
                    WHEN o.registered_on IS NOT NULL THEN 'waiting'
                    WHEN saved.state = 'refused' THEN 'not_taken'
                    ELSE 'being_saved'
                END AS situation,
                CASE
                    WHEN held.state = 'started' THEN held.starts_on
                    WHEN held.state IS NOT NULL THEN held.decided_on
                    WHEN o.withdrawn_on IS NOT NULL THEN o.withdrawn_on
                    WHEN history.gone_on >= o.registered_on THEN history.gone_on
                    ELSE greatest(o.registered_on, history.ended_on)
                END AS since
            FROM own AS o
            LEFT JOIN LATERAL (
                SELECT p.placement_id, p.course_id, p.state, p.starts_on, p.expires_at,
                    (p.decided_at AT TIME ZONE 'Europe/Berlin')::date AS decided_on
                FROM placement AS p
                WHERE p.participant_id = o.participant_id AND p.office = $1
                    AND p.state IN ('reserved', 'accepted', 'confirmed', 'started', 'interrupted')
                ORDER BY array_position(
                    ARRAY['started', 'interrupted', 'confirmed', 'accepted', 'reserved'], p.state),
                    p.decided_at DESC
                LIMIT 1) AS held ON true
            CROSS JOIN LATERAL (
                SELECT (array_agg(p.state ORDER BY p.decided_at DESC, p.placement_id))[1] AS past_state,
                    (array_agg(coalesce(p.ended_on, (p.decided_at AT TIME ZONE 'Europe/Berlin')::date)
                        ORDER BY p.decided_at DESC, p.placement_id))[1] AS past_on,
                    max(p.ended_on) FILTER (WHERE p.state IN ('left', 'completed')
                        OR p.state IN ('transferred', 'course_cancelled') AND p.starts_on <= p.ended_on)
                        AS ended_on,
                    max(p.ended_on) FILTER (WHERE p.state IN ('left', 'completed')) AS gone_on,
                    (array_agg(p.state ORDER BY p.ended_on DESC, p.decided_at DESC)
                        FILTER (WHERE p.state IN ('left', 'completed')))[1] AS gone
                FROM placement AS p
                WHERE p.participant_id = o.participant_id AND p.office = $1
                    AND p.state NOT IN ('reserved', 'accepted', 'confirmed', 'started', 'interrupted')
                ) AS history
            LEFT JOIN LATERAL (
                SELECT r.state FROM registration AS r
                WHERE r.participant_id = o.participant_id AND r.office = $1
                ORDER BY r.begun_at DESC LIMIT 1) AS saved ON true
            LEFT JOIN course AS c ON c.course_id = held.course_id
            LEFT JOIN runtime.publisher AS b ON b.slug = c.provider
        )
        SELECT * FROM stood
        WHERE $3 = '' OR situation = $3
        ORDER BY
            CASE WHEN $5 = 'deadline' THEN expires_at END NULLS LAST,
            CASE WHEN $5 = 'start' THEN starts_on END NULLS LAST,
            CASE WHEN $5 = 'waiting' AND situation = 'waiting' THEN since END NULLS LAST,
            CASE WHEN $5 = 'reference' THEN lower(reference) END NULLS LAST,
            kept_at DESC, reference
        LIMIT $6 OFFSET $7
        """,
        office,
        None if only is None else list(only),
        wanted.state,
        wanted.town,
        wanted.sort,
        wanted.size + 1,
        wanted.offset,
    )


async def towns_of_people(conn: asyncpg.Connection, office: str) -> Sequence[str]:
    """List the towns in which an office's people live."""
    rows = await conn.fetch(
        """
        SELECT DISTINCT f.town FROM participant_fact AS f JOIN person AS h ON h.participant_id =
        f.participant_id
        WHERE h.office = $1 ORDER BY f.town
        """,
        office,
    )
    return [row["town"] for row in rows]


async def offers(conn: asyncpg.Connection, office: str, wanted: OfferFilter) -> Sequence[asyncpg.Record]:
    """List the offers of an office that wait for the person's answer, one more than a page has room for."""
    return await conn.fetch(
        """
        SELECT p.placement_id, p.participant_id, p.course_id, p.provider, p.starts_on, p.ends_on, p.state,
            p.expires_at, p.entry_section, c.title, c.town, b.name AS provider_name, h.reference
        FROM placement AS p
        LEFT JOIN course AS c ON c.course_id = p.course_id
        LEFT JOIN runtime.publisher AS b ON b.slug = p.provider
        LEFT JOIN person AS h ON h.participant_id = p.participant_id
        WHERE p.office = $1 AND p.state = 'reserved' AND ($2 = '' OR p.provider = $2)
            AND ($3 = '' OR c.town = $3) AND ($4::date IS NULL OR p.expires_at < ($4::date + 1)::timestamp
                AT TIME ZONE 'Europe/Berlin')
        ORDER BY CASE WHEN $5 = 'start' THEN p.starts_on END NULLS LAST,
            CASE WHEN $5 = 'course' THEN c.title END NULLS LAST,
            p.expires_at NULLS LAST, p.starts_on, p.placement_id
        LIMIT $6 OFFSET $7
        """,
        office,
        wanted.provider,
        wanted.town,
        wanted.until,
        wanted.sort,
        wanted.size + 1,
        wanted.offset,
    )


async def choices_of_offers(conn: asyncpg.Connection, office: str) -> Sequence[asyncpg.Record]:
    """List the providers and towns of an office's open offers."""
    return await conn.fetch(
        """
        SELECT DISTINCT p.provider, coalesce(b.name, p.provider) AS provider_name, c.town
        FROM placement AS p
        LEFT JOIN course AS c ON c.course_id = p.course_id
        LEFT JOIN runtime.publisher AS b ON b.slug = p.provider
        WHERE p.office = $1 AND p.state = 'reserved' ORDER BY provider_name, c.town
        """,
        office,
    )


async def day_of_state(conn: asyncpg.Connection, placement: UUID) -> date | None:
    """Return the day since which a placement stands as it does."""
    found: date | None = await conn.fetchval(
        """
        SELECT coalesce(ended_on, (decided_at AT TIME ZONE 'Europe/Berlin')::date) FROM placement
        WHERE placement_id = $1
        """,
        placement,
    )
    return found
