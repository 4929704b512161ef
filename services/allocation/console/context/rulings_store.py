"""Reads rulings of coordinators and proposals that go to BAMF for the console."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.allocation.console.lists.listing import ordered


async def rulings_of(conn: asyncpg.Connection, participant: UUID) -> Sequence[asyncpg.Record]:
    """List holds, exclusions and deviations about a person, those in force first, then the latest."""
    return await conn.fetch(
        """
        WITH ruling AS (
            SELECT 'hold' AS kind, id, participant, until, NULL::uuid AS course, NULL::text AS provider,
                NULL::integer AS section, NULL::text AS level, reason, actor, decided_at, lifted_at, lifted_by
            FROM steering_hold
            UNION ALL
            SELECT 'exclusion', id, participant, NULL, course, provider, NULL, NULL, reason, actor,
                decided_at, lifted_at, lifted_by
            FROM steering_exclusion
            UNION ALL
            SELECT 'deviation', id, participant, NULL, NULL, NULL, section, level, reason, actor,
                decided_at, lifted_at, lifted_by
            FROM level_deviation)
        SELECT r.*, c.title, coalesce(c.own_number, c.own_course) AS course_number,
            coalesce(b.name, r.provider) AS provider_name
        FROM ruling AS r
        LEFT JOIN course AS c ON c.course = r.course
        LEFT JOIN runtime.publisher AS b ON b.slug = coalesce(r.provider, c.provider)
        WHERE r.participant = $1
        ORDER BY r.lifted_at IS NOT NULL, r.decided_at DESC, r.id
        """,
        participant,
    )


async def course_rulings(conn: asyncpg.Connection, course: UUID) -> Sequence[asyncpg.Record]:
    """List what was ruled about a course, the ruling in force first, then the latest."""
    return await conn.fetch(
        """
        SELECT id, decision, reason, actor, decided_at, lifted_at, lifted_by FROM course_decision
        WHERE course = $1 ORDER BY lifted_at IS NOT NULL, decided_at DESC, id
        """,
        course,
    )


async def providers(conn: asyncpg.Connection) -> Sequence[asyncpg.Record]:
    """List the providers of the visitor's Kreise by name."""
    return await conn.fetch(
        """
        SELECT b.slug, b.name FROM runtime.publisher AS b
        WHERE EXISTS (SELECT FROM course AS c WHERE c.provider = b.slug) ORDER BY b.name
        """
    )


_LINE = """
    SELECT p.placement, p.kreis, p.participant, p.entry_section, w.reference, w.standing, w.route, p.state,
        o.name AS office_name, p.office, c.title, coalesce(c.own_number, c.own_course) AS course_number,
        p.course, p.provider, b.name AS provider_name, s.starts_on, p.changed_at AS sent_at, e.exported_at,
        count(*) OVER () AS total
    FROM placement AS p
    JOIN participant AS w ON w.participant = p.participant
    JOIN course AS c ON c.course = p.course
    JOIN course_section AS s ON s.course = p.course AND s.number = p.entry_section
    LEFT JOIN runtime.publisher AS o ON o.slug = p.office
    LEFT JOIN runtime.publisher AS b ON b.slug = p.provider
    LEFT JOIN LATERAL (
        SELECT max(exported_at) AS exported_at FROM authority_export WHERE placement = p.placement
    ) AS e ON true
"""
"""A line of a list for BAMF."""


SENT_ORDERS: Mapping[str, str] = {
    "reference": "w.reference",
    "office": "coalesce(o.name, p.office)",
    "number": "coalesce(c.own_number, c.own_course)",
    "provider": "coalesce(b.name, p.provider)",
    "start": "s.starts_on",
    "sent": "p.changed_at",
    "listed": "e.exported_at",
}


async def sent(
    conn: asyncpg.Connection, wanted: Mapping[str, str], sort: str = "", *, limit: int, offset: int = 0
) -> Sequence[asyncpg.Record]:
    """List the proposals that are with BAMF, usually those that start soonest first; `total` match.

    `listed` is `no`: those that are in no list yet.
    """
    usual = "s.starts_on, w.reference, p.placement"
    return await conn.fetch(
        _LINE
        + f"""
        WHERE p.state = 'sent_to_authority'
            AND ($1::text IS NULL OR $1 = CASE WHEN e.exported_at IS NULL THEN 'no' ELSE 'yes' END)
            AND ($2::text IS NULL OR c.course_type = $2)
            AND ($3::text IS NULL OR c.town = $3)
            AND ($4::text IS NULL OR p.office = $4)
            AND ($5::text IS NULL OR p.provider = $5)
            AND ($6::text IS NULL OR $6 = ANY(c.times_of_day))
        ORDER BY {ordered(SENT_ORDERS, sort, usual)} LIMIT $7 OFFSET $8
        """,
        wanted.get("listed"),
        wanted.get("type"),
        wanted.get("town"),
        wanted.get("office"),
        wanted.get("provider"),
        wanted.get("time"),
        limit,
        offset,
    )


async def in_list(conn: asyncpg.Connection, export: UUID) -> Sequence[asyncpg.Record]:
    """List the proposals that were in a list, whatever has become of them since."""
    return await conn.fetch(
        _LINE
        + """
        JOIN authority_export AS x ON x.placement = p.placement AND x.export = $1
        ORDER BY s.starts_on, w.reference, p.placement
        """,
        export,
    )


async def one_list_at_a_time(conn: asyncpg.Connection) -> None:
    """Wait until nobody else takes out a list: what is new goes into one list only."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('authority_export', 0))")


async def exports(conn: asyncpg.Connection, limit: int) -> Sequence[asyncpg.Record]:
    """List which lists were taken out when and by whom, the latest first."""
    return await conn.fetch(
        """
        SELECT export, format, actor, exported_at, count(*) AS n FROM authority_export
        GROUP BY export, format, actor, exported_at ORDER BY exported_at DESC, export LIMIT $1
        """,
        limit,
    )


async def note_export(  # noqa: PLR0917 - who took what out, when and how
    conn: asyncpg.Connection,
    export: UUID,
    rows: Sequence[asyncpg.Record],
    form: str,
    actor: str,
    now: datetime,
) -> None:
    """Note which proposals were in a list."""
    await conn.execute(
        """
        INSERT INTO authority_export (export, placement, kreis, format, actor, exported_at)
        SELECT $1, placement, kreis, $4, $5, $6 FROM unnest($2::uuid[], $3::text[]) AS n (placement, kreis)
        """,
        export,
        [row["placement"] for row in rows],
        [row["kreis"] for row in rows],
        form,
        actor,
        now,
    )
