"""Reads people and their placements for the console; row level security limits it to the Kreise."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import asyncpg

from schemas.codes import PlacementState
from services.allocation.law.entries import Deadline


@dataclass(frozen=True, slots=True)
class Clocks:
    """The law's clocks that run from a grant, after which it lapses (rule book of the day)."""

    lapsing: tuple[Deadline, ...]

    def columns(self) -> tuple[list[str], list[int], list[int]]:
        """Return routes, months and days, one row for each route of each clock."""
        rows = [(route, one.months or 0, one.days or 0) for one in self.lapsing for route in one.routes]
        routes, months, days = zip(*rows, strict=True) if rows else ((), (), ())
        return list(routes), list(months), list(days)


_WAITING = """
    WITH clock AS (
        SELECT * FROM unnest($1::text[], $2::integer[], $3::integer[]) AS c (route, months, days)
    ), waits AS (
        SELECT w.participant, w.kreis, w.office, w.reference, w.town, w.standing, w.route, w.cooperation_plan,
            w.course_types, w.registered_on, w.first_registered_on, w.returns, w.granted_on, w.valid_until,
            w.level, w.section, w.tested_on,
            coalesce(w.valid_until, (
                SELECT least('9999-12-31', min(
                    (w.granted_on + make_interval(months => c.months, days => c.days))::date))
                FROM clock AS c WHERE c.route = w.route)) AS deadline
        FROM waiting_people(0, 0, 0) AS w
    )
"""
"""Who waits, with the earliest clock that is known to run; a certificate's own date goes before all."""


async def figures(conn: asyncpg.Connection, clocks: Clocks, today: date, soon: date) -> asyncpg.Record | None:
    """Count what the first page says; `soon` is the last day of the four weeks ahead."""
    return await conn.fetchrow(
        _WAITING
        + """
        SELECT
            (SELECT count(*) FROM waits) AS waiting,
            (SELECT count(*) FROM waits WHERE deadline BETWEEN $4 AND $5) AS deadline_within_four_weeks,
            (SELECT count(*) FROM waits WHERE deadline < $4) AS deadline_over,
            (SELECT count(*) FROM course_fill WHERE state = 'announced' AND starts_on BETWEEN $4 AND $5
                AND first_taken + proposed < minimum) AS courses_below_minimum,
            (SELECT count(*) FROM placement WHERE state = 'proposed') AS proposals_open,
            (SELECT count(*) FROM placement WHERE state = 'reserved') AS reserved,
            (SELECT count(*) FROM placement WHERE state = 'accepted') AS accepted,
            (SELECT count(*) FROM placement WHERE state = 'reserved'
                AND expires_at < $4::date + interval '4 days') AS expiring,
            (SELECT count(*) FROM placement
                WHERE state IN ('confirmed', 'started', 'interrupted')) AS enrolled
        """,
        *clocks.columns(),
        today,
        soon,
    )


async def waiting(
    conn: asyncpg.Connection,
    clocks: Clocks,
    *,
    since: date | None,
    until: date | None,
    reason: str | None,
    limit: int,
    offset: int,
) -> Sequence[asyncpg.Record]:
    """List who waits, the nearest deadline first, then the longest wait.

    `since`, `until`: with a deadline between these days; `reason`: with this main reason.
    """
    return await conn.fetch(
        _WAITING
        + """
        SELECT w.*, t.since AS waiting_since, t.after_course, m.code AS reason_code,
            m.params AS reason_params, m.since AS reason_since, o.name AS office_name,
            q.placement AS proposal
        FROM waits AS w
        JOIN waiting_since AS t ON t.participant = w.participant
        LEFT JOIN main_reason AS m ON m.participant = w.participant
        LEFT JOIN runtime.publisher AS o ON o.slug = w.office
        LEFT JOIN placement AS q
            ON q.participant = w.participant AND q.state IN ('proposed', 'sent_to_authority')
        WHERE ($4::date IS NULL OR w.deadline >= $4) AND ($5::date IS NULL OR w.deadline <= $5)
            AND ($6::text IS NULL OR m.code = $6)
        ORDER BY w.deadline NULLS LAST, t.since, w.participant
        LIMIT $7 OFFSET $8
        """,
        *clocks.columns(),
        since,
        until,
        reason,
        limit,
        offset,
    )


async def binding_reasons(conn: asyncpg.Connection) -> Sequence[asyncpg.Record]:
    """Count the main reasons of people without a place, the commonest first."""
    return await conn.fetch(
        "SELECT code, count(*) AS n FROM main_reason WHERE NOT placed GROUP BY code ORDER BY n DESC, code"
    )


async def person(conn: asyncpg.Connection, participant: UUID) -> asyncpg.Record | None:
    """Return the facts about one person by reference."""
    return await conn.fetchrow(
        """
        SELECT p.*, m.code AS reason_code, m.params AS reason_params, m.since AS reason_since,
            m.suitable, m.eligible, o.name AS office_name, t.since AS waiting_since, t.after_course, t.sits
        FROM participant AS p
        JOIN waiting_since AS t ON t.participant = p.participant
        LEFT JOIN main_reason AS m ON m.participant = p.participant
        LEFT JOIN runtime.publisher AS o ON o.slug = p.office
        WHERE p.participant = $1
        """,
        participant,
    )


async def steps_of(conn: asyncpg.Connection, participant: UUID) -> Sequence[asyncpg.Record]:
    """List every step of a person's placements, the latest first."""
    return await conn.fetch(
        """
        SELECT s.placement, s.version, s.from_state, s.to_state, s.reason, s.params, s.actor,
            s.note, s.decided_at, p.course, p.entry_section, c.title, b.name AS provider_name
        FROM placement AS p
        JOIN placement_step AS s ON s.placement = p.placement
        JOIN course AS c ON c.course = p.course
        LEFT JOIN runtime.publisher AS b ON b.slug = p.provider
        WHERE p.participant = $1
        ORDER BY s.decided_at DESC, s.placement, s.version DESC
        """,
        participant,
    )


async def placements(
    conn: asyncpg.Connection,
    states: Sequence[str],
    *,
    by_id: bool = False,
    after: UUID | None = None,
    limit: int,
    offset: int = 0,
    course: UUID | None = None,
    placement: UUID | None = None,
) -> Sequence[asyncpg.Record]:
    """List placements in some states; by id (and `after` an id), or the most pressing first."""
    return await conn.fetch(
        """
        SELECT p.placement, p.kreis, p.version, p.state, p.participant, p.course, p.provider, p.office,
            p.entry_section, p.reason, p.reasons, p.alternatives, p.proposed_at, p.expires_at, p.changed_at,
            p.run, p.own_number, f.own_course, f.title, f.course_type, f.town AS course_town, f.times_of_day,
            f.minimum, f.capacity, f.childcare, s.starts_on, f.ends_on, s.taken,
            s.capacity AS section_capacity,
            w.reference, w.standing, w.cooperation_plan, w.registered_on, w.town, w.valid_until,
            o.name AS office_name, b.name AS provider_name, g.host AS merged_into, g.host_title,
            coalesce(h.name, g.host_provider) AS host_provider
        FROM placement AS p
        LEFT JOIN course_merged AS g ON g.course = p.course
        LEFT JOIN runtime.publisher AS h ON h.slug = g.host_provider
        JOIN course_fill AS f ON f.course = p.course
        JOIN course_section AS s ON s.course = p.course AND s.number = p.entry_section
        JOIN participant AS w ON w.participant = p.participant
        LEFT JOIN runtime.publisher AS o ON o.slug = p.office
        LEFT JOIN runtime.publisher AS b ON b.slug = p.provider
        WHERE p.state = ANY($1) AND ($2::uuid IS NULL OR p.placement > $2)
            AND ($3::uuid IS NULL OR p.course = $3) AND ($4::uuid IS NULL OR p.placement = $4)
        ORDER BY CASE WHEN $7 THEN NULL ELSE p.expires_at END NULLS LAST,
            CASE WHEN $7 THEN NULL ELSE s.starts_on END, p.placement
        LIMIT $5 OFFSET $6
        """,
        list(states),
        after,
        course,
        placement,
        limit,
        offset,
        by_id,
    )


async def placement(conn: asyncpg.Connection, id_: UUID) -> asyncpg.Record | None:
    """Return one placement of the visitor's Kreise, in whatever state."""
    rows = await placements(conn, list(PlacementState), placement=id_, limit=1)
    return rows[0] if rows else None


async def live_placements(conn: asyncpg.Connection, participant: UUID) -> Sequence[asyncpg.Record]:
    """List a person's placements that can still become something else."""
    return await conn.fetch(
        """
        SELECT placement, state, course FROM placement WHERE participant = $1
            AND state IN ('proposed', 'sent_to_authority', 'reserved', 'accepted', 'confirmed', 'started',
                'interrupted')
        ORDER BY placement
        """,
        participant,
    )


async def publisher_names(conn: asyncpg.Connection) -> dict[str, str]:
    """Return the names of all publishers by slug."""
    return {row["slug"]: row["name"] for row in await conn.fetch("SELECT slug, name FROM runtime.publisher")}


async def free_entries(conn: asyncpg.Connection, participant: UUID, today: date) -> Sequence[asyncpg.Record]:
    """List sections with a free seat that somebody could enter; the types the person wants come first."""
    return await conn.fetch(
        """
        SELECT s.course, s.number, s.starts_on, c.title, c.course_type, c.town, c.times_of_day, c.childcare,
            b.name AS provider_name, c.course_type = ANY(p.course_types) AS wanted,
            (SELECT min(l.capacity - l.taken) FROM course_section AS l
                WHERE l.course = s.course AND l.number >= s.number AND NOT l.removed) AS free
        FROM participant AS p
        JOIN course AS c ON c.kreis = p.kreis AND c.state = 'announced'
        JOIN course_section AS s ON s.course = c.course AND NOT s.removed AND s.ends_on >= $2
        LEFT JOIN runtime.publisher AS b ON b.slug = c.provider
        WHERE p.participant = $1 AND s.starts_on <= $2 + 182
            AND NOT EXISTS (SELECT FROM course_section AS l WHERE l.course = s.course
                AND l.number >= s.number AND NOT l.removed AND l.taken >= l.capacity)
        ORDER BY c.course_type = ANY(p.course_types) DESC, s.number = p.section DESC NULLS LAST,
            s.starts_on, c.title
        LIMIT 200
        """,
        participant,
        today,
    )


async def references(conn: asyncpg.Connection, participants: Sequence[UUID]) -> dict[UUID, str]:
    """Return the references of people of the visible Kreise."""
    rows = await conn.fetch(
        "SELECT participant, reference FROM participant WHERE participant = ANY($1::uuid[])", participants
    )
    return {row["participant"]: row["reference"] for row in rows}
