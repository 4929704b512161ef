"""Reads what the pages show; row level security limits it to the visitor's organisation."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

import asyncpg

from services.notifications.pages.desk.filters import CourseFilter
from services.notifications.participation.signals import CourseTotals


async def publisher(conn: asyncpg.Connection, slug: str) -> asyncpg.Record | None:
    """Return a publisher's name, organisation and Kreise, and whether it is an authority."""
    return await conn.fetchrow(
        "SELECT slug, name, organisation, authority, kreise FROM runtime.publisher WHERE slug = $1", slug
    )


async def offer(conn: asyncpg.Connection, placement: UUID, office: str) -> asyncpg.Record | None:
    """Return one offer with its reasons and alternatives."""
    return await conn.fetchrow(
        """
        SELECT p.placement_id, p.participant_id, p.course_id, p.provider, p.starts_on, p.ends_on, p.state,
            p.expires_at, p.entry_section, p.reason, p.office, o.reasons, o.alternatives, c.title, c.own_id,
            c.town, c.sections, c.venue, c.lessons, c.childcare, c.online, b.name AS provider_name,
            h.reference
        FROM placement AS p
        LEFT JOIN placement_offer AS o ON o.placement_id = p.placement_id
        LEFT JOIN course AS c ON c.course_id = p.course_id
        LEFT JOIN runtime.publisher AS b ON b.slug = p.provider
        LEFT JOIN person AS h ON h.participant_id = p.participant_id
        WHERE p.placement_id = $1 AND p.office = $2
        """,
        placement,
        office,
    )


async def courses_named(conn: asyncpg.Connection, ids: Sequence[UUID]) -> Sequence[asyncpg.Record]:
    """Return title, number and town of some courses."""
    return await conn.fetch(
        """
        SELECT c.course_id, c.title, c.own_id, c.town, b.name AS provider_name FROM course AS c
        LEFT JOIN runtime.publisher AS b ON b.slug = c.provider WHERE c.course_id = ANY($1)
        """,
        list(ids),
    )


async def own_person(conn: asyncpg.Connection, participant: UUID, office: str) -> asyncpg.Record | None:
    """Return one person of an office."""
    return await conn.fetchrow(
        """
        SELECT h.participant_id, h.reference, h.office, f.registered_on, f.town, f.withdrawn_on,
            f.youth_until, f.asylum_phase
        FROM person AS h LEFT JOIN participant_fact AS f ON f.participant_id = h.participant_id
        WHERE h.participant_id = $1 AND h.office = $2
        """,
        participant,
        office,
    )


async def registration(conn: asyncpg.Connection, event: UUID) -> asyncpg.Record | None:
    """Return what became of a registration entered at the desk."""
    return await conn.fetchrow("SELECT state, problem FROM registration WHERE id = $1", event)


async def placements_of(conn: asyncpg.Connection, participant: UUID) -> Sequence[asyncpg.Record]:
    """List a person's placements as far as the visitor may see them, the latest first."""
    return await conn.fetch(
        """
        SELECT p.placement_id, p.state, p.starts_on, p.ends_on, p.expires_at, p.decided_at, p.reason, c.title,
            coalesce(p.ended_on, (p.decided_at AT TIME ZONE 'Europe/Berlin')::date) AS since,
            p.state IN ('reserved', 'accepted', 'confirmed', 'started', 'interrupted') AS held,
            b.name AS provider_name
        FROM placement AS p
        LEFT JOIN course AS c ON c.course_id = p.course_id
        LEFT JOIN runtime.publisher AS b ON b.slug = p.provider
        WHERE p.participant_id = $1 ORDER BY held DESC, p.decided_at DESC, p.placement_id
        """,
        participant,
    )


async def consents_of(conn: asyncpg.Connection, participant: UUID) -> Sequence[asyncpg.Record]:
    """List consents that the visitor may read: an authority reads none."""
    return await conn.fetch(
        """
        SELECT c.office, c.purpose, c.given_on, c.valid_until, c.revoked_on, c.ended_at, o.name AS office_name
        FROM consent AS c LEFT JOIN office AS o ON o.slug = c.office
        WHERE c.participant_id = $1 ORDER BY c.ended_at NULLS FIRST, c.given_on DESC, c.purpose
        """,
        participant,
    )


async def own_reports(conn: asyncpg.Connection, since: date) -> dict[UUID, list[CourseTotals]]:
    """Return the totals of the course days of the visitor's own courses that go on, by course."""
    found: dict[UUID, list[CourseTotals]] = defaultdict(list)
    for row in await conn.fetch(
        "SELECT course_id, day, reported_on, ue_held, listed, ue_attended FROM own_course_reports($1)", since
    ):
        found[row["course_id"]].append(
            CourseTotals(row["day"], row["reported_on"], row["ue_held"], row["listed"], row["ue_attended"])
        )
    return found


async def offices(conn: asyncpg.Connection) -> Sequence[asyncpg.Record]:
    """List the counselling offices of the directory."""
    return await conn.fetch(
        "SELECT slug, name, kind, organisation FROM office WHERE active ORDER BY name, slug"
    )


async def provider_courses(
    conn: asyncpg.Connection, provider: str, today: date, wanted: CourseFilter
) -> Sequence[asyncpg.Record]:
    """List a provider's courses with how many people stand where, one more than a page has room for."""
    return await conn.fetch(
        """
        SELECT c.course_id, c.title, c.own_id, c.starts_on, c.ends_on, c.cancelled_on, c.completed_on,
            count(p.*) FILTER (WHERE p.state = 'reserved') AS reserved,
            count(p.*) FILTER (WHERE p.state = 'accepted') AS accepted,
            count(p.*) FILTER (WHERE p.state IN ('confirmed', 'started', 'interrupted')
                AND p.starts_on <= $2) AS attending,
            count(p.*) FILTER (WHERE p.state IN ('confirmed', 'started', 'interrupted')
                AND p.starts_on > $2) AS coming
        FROM course AS c
        LEFT JOIN placement AS p ON p.course_id = c.course_id AND p.provider = $1 AND p.released
        WHERE c.provider = $1 AND c.cancelled_on IS NULL AND c.completed_on IS NULL
            AND ($3 <> 'running' OR c.starts_on <= $2) AND ($3 <> 'coming' OR c.starts_on > $2)
        GROUP BY c.course_id
        HAVING $3 <> 'todo' OR count(p.*) FILTER (WHERE p.state = 'accepted') > 0
        ORDER BY CASE WHEN $4 = '' THEN count(p.*) FILTER (WHERE p.state = 'accepted') END DESC NULLS LAST,
            CASE WHEN $4 = 'course' THEN lower(c.title) END NULLS LAST, c.starts_on, c.title, c.course_id
        LIMIT $5 OFFSET $6
        """,
        provider,
        today,
        wanted.show,
        wanted.sort,
        wanted.size + 1,
        wanted.offset,
    )


async def course_days(conn: asyncpg.Connection, course: UUID, most: int) -> Sequence[asyncpg.Record]:
    """List the reported days of one of the visitor's own courses, the latest first."""
    return await conn.fetch(
        "SELECT day, ue_held, listed, present, excused, unexcused FROM own_course_days($1)"
        " ORDER BY day DESC LIMIT $2",
        course,
        most,
    )


async def course_day(conn: asyncpg.Connection, course: UUID, day: date) -> asyncpg.Record | None:
    """Return a reported day with its totals."""
    return await conn.fetchrow(
        "SELECT day, ue_held, listed, present, excused, unexcused FROM own_course_days($1) WHERE day = $2",
        course,
        day,
    )


async def course_marks(conn: asyncpg.Connection, course: UUID, day: date) -> Mapping[UUID, str]:
    """Return the marks that are kept of a reported day: those of people with consent."""
    rows = await conn.fetch("SELECT participant_id, mark FROM own_course_marks($1, $2)", course, day)
    return {row["participant_id"]: row["mark"] for row in rows}


async def provider_course(conn: asyncpg.Connection, course: UUID, provider: str) -> asyncpg.Record | None:
    """Return one of a provider's courses."""
    return await conn.fetchrow(
        """
        SELECT course_id, own_id, title, town, kreis, starts_on, ends_on, sections, cancelled_on, completed_on
        FROM course
        WHERE course_id = $1 AND provider = $2
        """,
        course,
        provider,
    )


async def roster(conn: asyncpg.Connection, course: UUID, provider: str) -> Sequence[asyncpg.Record]:
    """List everybody for whom a seat in a course is or was held."""
    return await conn.fetch(
        """
        SELECT placement_id, participant_id, state, starts_on, entry_section, own_number, expires_at, ended_on
        FROM placement
        WHERE course_id = $1 AND provider = $2 AND released
            AND state IN
                ('reserved', 'accepted', 'confirmed', 'started', 'interrupted', 'left', 'transferred')
        ORDER BY array_position(
            ARRAY['accepted', 'reserved', 'started', 'confirmed', 'interrupted', 'left', 'transferred'],
            state),
            starts_on, placement_id
        """,
        course,
        provider,
    )
