"""Reads people and their placements for the console; row level security limits it to the Kreise."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from schemas.codes import PlacementState
from services.allocation.console.lists.listing import NOTHING, ordered


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
            s.note, s.decided_at, p.course, p.entry_section, c.title,
            coalesce(c.own_number, c.own_course) AS course_number, b.name AS provider_name
        FROM placement AS p
        JOIN placement_step AS s ON s.placement = p.placement
        LEFT JOIN course AS c ON c.course = p.course
        LEFT JOIN runtime.publisher AS b ON b.slug = p.provider
        WHERE p.participant = $1
        ORDER BY s.decided_at DESC, s.placement, s.version DESC
        """,
        participant,
    )


PLACEMENT_ORDERS: Mapping[str, str] = {
    "reference": "w.reference",
    "office": "coalesce(o.name, p.office)",
    "course": "c.title",
    "provider": "coalesce(b.name, p.provider)",
    "start": "s.starts_on",
    "state": "p.state",
    "until": "p.expires_at",
    "proposed": "p.proposed_at",
}


async def placements(
    conn: asyncpg.Connection,
    states: Sequence[str],
    wanted: Mapping[str, str] = NOTHING,
    sort: str = "",
    *,
    by_id: bool = False,
    after: UUID | None = None,
    limit: int,
    offset: int = 0,
    course: UUID | None = None,
    placement: UUID | None = None,
    ending: datetime | None = None,
) -> Sequence[asyncpg.Record]:
    """List placements in some states; by id (and `after` an id), or the most pressing first.

    `total` is how many match; `ending`: the moment before which a reservation ends that is `ending`.
    """
    usual = "p.placement" if by_id else "p.expires_at NULLS LAST, s.starts_on, p.placement"
    return await conn.fetch(
        f"""
        WITH matching AS (
            SELECT p.placement, count(*) OVER () AS total,
                row_number() OVER (ORDER BY {ordered(PLACEMENT_ORDERS, sort, usual)}) AS place
            FROM placement AS p
            JOIN course AS c ON c.course = p.course
            JOIN course_section AS s ON s.course = p.course AND s.number = p.entry_section
            JOIN participant AS w ON w.participant = p.participant
            LEFT JOIN runtime.publisher AS o ON o.slug = p.office
            LEFT JOIN runtime.publisher AS b ON b.slug = p.provider
            WHERE p.state = ANY($1) AND ($2::uuid IS NULL OR p.placement > $2)
                AND ($3::uuid IS NULL OR p.course = $3) AND ($4::uuid IS NULL OR p.placement = $4)
                AND ($7::text IS NULL OR p.state = $7
                    OR $7 = 'ending' AND p.state = 'reserved' AND p.expires_at < $8)
                AND ($9::text IS NULL OR c.course_type = $9)
                AND ($10::text IS NULL OR coalesce(w.level, 'untested') = $10)
                AND ($11::text IS NULL OR c.town = $11)
                AND ($12::text IS NULL OR p.office = $12)
                AND ($13::text IS NULL OR p.provider = $13)
                AND ($14::text IS NULL OR $14 = ANY(c.times_of_day))
            ORDER BY place LIMIT $5 OFFSET $6
        )
        SELECT p.placement, p.kreis, p.version, p.state, p.participant, p.course, p.provider, p.office,
            p.entry_section, p.reason, p.reasons, p.alternatives, p.proposed_at, p.expires_at, p.changed_at,
            p.run, p.own_number, c.own_course, coalesce(c.own_number, c.own_course) AS course_number,
            c.title, c.course_type, c.town AS course_town, c.times_of_day,
            c.minimum, c.capacity, c.childcare, s.starts_on, l.ends_on, s.taken AS section_taken,
            s.number AS section, s.capacity AS section_capacity, s.starts_on AS section_starts_on,
            false AS section_over, f.number AS fullest, f.taken AS fullest_taken,
            f.capacity AS fullest_capacity, f.capacity - f.taken AS free,
            w.reference, w.standing, w.cooperation_plan, w.registered_on, w.town, w.valid_until,
            o.name AS office_name, b.name AS provider_name, g.host AS merged_into, g.host_title,
            coalesce(h.name, g.host_provider) AS host_provider, x.total
        FROM matching AS x
        JOIN placement AS p ON p.placement = x.placement
        LEFT JOIN course_merged AS g ON g.course = p.course
        LEFT JOIN runtime.publisher AS h ON h.slug = g.host_provider
        JOIN course AS c ON c.course = p.course
        JOIN course_section AS s ON s.course = p.course AND s.number = p.entry_section
        JOIN participant AS w ON w.participant = p.participant
        JOIN LATERAL (SELECT max(x.ends_on) AS ends_on FROM course_section AS x
            WHERE x.course = p.course AND NOT x.removed) AS l ON true
        LEFT JOIN LATERAL fullest_section(p.course, p.entry_section) AS f ON true
        LEFT JOIN runtime.publisher AS o ON o.slug = p.office
        LEFT JOIN runtime.publisher AS b ON b.slug = p.provider
        ORDER BY x.place
        """,
        list(states),
        after,
        course,
        placement,
        limit,
        offset,
        wanted.get("status"),
        ending,
        wanted.get("type"),
        wanted.get("level"),
        wanted.get("town"),
        wanted.get("office"),
        wanted.get("provider"),
        wanted.get("time"),
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


async def place_of(
    conn: asyncpg.Connection, participant: UUID, placement: UUID | None = None
) -> asyncpg.Record | None:
    """Return the placement that was decided for somebody, held seats first, with its run and course.

    `placement`: that one.

    Of people who are off the list the latest one counts; who waits without a proposal has none.
    """
    return await conn.fetchrow(
        """
        SELECT p.placement, p.kreis, p.state, p.course, p.run, p.reason, p.reasons, p.proposed_at,
            r.decided_at AS run_at, p.expires_at, p.entry_section, p.provider, c.title AS course_title,
            coalesce(c.own_number, c.own_course) AS course_number, c.state AS course_state,
            b.name AS provider_name, s.starts_on, l.ends_on, g.host AS merged_into, g.host_title
        FROM placement AS p JOIN participant AS w USING (participant)
        LEFT JOIN steering_run AS r ON r.run = p.run
        LEFT JOIN course AS c ON c.course = p.course
        LEFT JOIN course_section AS s ON s.course = p.course AND s.number = p.entry_section
        LEFT JOIN LATERAL (SELECT max(x.ends_on) AS ends_on FROM course_section AS x
            WHERE x.course = p.course AND NOT x.removed) AS l ON true
        LEFT JOIN course_merged AS g ON g.course = p.course
        LEFT JOIN runtime.publisher AS b ON b.slug = p.provider
        WHERE p.participant = $1 AND ($2::uuid IS NULL OR p.placement = $2)
            AND (p.state IN ('proposed', 'sent_to_authority', 'reserved', 'accepted', 'confirmed', 'started',
                'interrupted')
            OR w.status IN ('completed', 'left') AND p.state IN ('completed', 'left', 'transferred'))
        ORDER BY p.state IN ('proposed', 'sent_to_authority'), p.proposed_at DESC, p.placement LIMIT 1
        """,
        participant,
        placement,
    )


async def publisher_names(conn: asyncpg.Connection) -> dict[str, str]:
    """Return the names of all publishers by slug."""
    return {row["slug"]: row["name"] for row in await conn.fetch("SELECT slug, name FROM runtime.publisher")}


async def references_of(conn: asyncpg.Connection, placements_: Sequence[UUID]) -> dict[UUID, str]:
    """Return whose some placements of the visible Kreise are, by reference."""
    rows = await conn.fetch(
        """
        SELECT p.placement, w.reference FROM placement AS p JOIN participant AS w USING (participant)
        WHERE p.placement = ANY($1::uuid[])
        """,
        placements_,
    )
    return {row["placement"]: row["reference"] for row in rows}


async def references(conn: asyncpg.Connection, participants: Sequence[UUID]) -> dict[UUID, str]:
    """Return the references of people of the visible Kreise."""
    rows = await conn.fetch(
        "SELECT participant, reference FROM participant WHERE participant = ANY($1::uuid[])", participants
    )
    return {row["participant"]: row["reference"] for row in rows}
