"""Reads the lists of people: who waits, and whose entitlement has expired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import asyncpg

from services.allocation.console.lists.listing import ordered
from services.allocation.participants.followups import ASKED_SINCE
from services.allocation.participants.waiting import WHO_WAITS, Entitlements

WAITING_ORDERS: Mapping[str, str] = {
    "reference": "w.reference",
    "office": "coalesce(o.name, w.office)",
    "since": "t.since",
    "deadline": "w.deadline",
    "level": "w.level",
    "reason": "CASE WHEN q.placement IS NULL THEN m.code END",
}
LAPSED_ORDERS: Mapping[str, str] = {
    "reference": "l.reference",
    "office": "coalesce(o.name, l.office)",
    "since": "t.since",
    "deadline": "l.deadline",
    "asked": "a.asked_on",
}


async def waiting(
    conn: asyncpg.Connection,
    entitlements: Entitlements,
    soon: date,
    wanted: Mapping[str, str],
    sort: str = "",
    *,
    limit: int,
    offset: int = 0,
) -> Sequence[asyncpg.Record]:
    """List who waits; usually the nearest deadline first, passed ones last, then the longest wait.

    `total` is how many match. A reason is that of people without a proposal.
    """
    usual = "w.deadline < $5, w.deadline NULLS LAST, t.since, w.participant"
    return await conn.fetch(
        f"""
        WITH {WHO_WAITS}, matching AS (
            SELECT w.participant, t.since, t.after_course, count(*) OVER () AS total,
                row_number() OVER (ORDER BY {ordered(WAITING_ORDERS, sort, usual)}) AS place
            FROM waits AS w
            JOIN waiting_since AS t ON t.participant = w.participant
            LEFT JOIN main_reason AS m ON m.participant = w.participant AND NOT m.placed
            LEFT JOIN runtime.publisher AS o ON o.slug = w.office
            LEFT JOIN placement AS q
                ON q.participant = w.participant AND q.state IN ('proposed', 'sent_to_authority')
            WHERE ($6::text IS NULL OR $6 = CASE WHEN w.deadline < $5 THEN 'over'
                    WHEN w.deadline <= $7::date THEN '1' END)
                AND ($8::text IS NULL OR (m.code = $8 AND q.placement IS NULL))
                AND ($9::text IS NULL OR $9 = ANY(w.course_types))
                AND ($10::text IS NULL OR coalesce(w.level, 'untested') = $10)
                AND ($11::text IS NULL OR w.town = $11)
                AND ($12::text IS NULL OR w.office = $12)
                AND ($13::text IS NULL OR $13 = ANY(w.available))
                AND ($14::text IS NULL OR coalesce(q.state, 'none') = $14)
            ORDER BY place LIMIT $15 OFFSET $16
        )
        SELECT w.*, x.since AS waiting_since, x.after_course, m.code AS reason_code,
            m.params AS reason_params, m.since AS reason_since, o.name AS office_name,
            q.placement AS proposal, q.state AS proposal_state, x.total
        FROM matching AS x
        JOIN listed AS w ON w.participant = x.participant
        LEFT JOIN main_reason AS m ON m.participant = w.participant AND NOT m.placed
        LEFT JOIN runtime.publisher AS o ON o.slug = w.office
        LEFT JOIN placement AS q
            ON q.participant = w.participant AND q.state IN ('proposed', 'sent_to_authority')
        ORDER BY x.place
        """,
        *entitlements.columns(),
        wanted.get("deadline"),
        soon,
        wanted.get("reason"),
        wanted.get("type"),
        wanted.get("level"),
        wanted.get("town"),
        wanted.get("office"),
        wanted.get("time"),
        wanted.get("status"),
        limit,
        offset,
    )


async def lapsed(
    conn: asyncpg.Connection,
    entitlements: Entitlements,
    wanted: Mapping[str, str],
    sort: str = "",
    *,
    limit: int,
    offset: int = 0,
) -> Sequence[asyncpg.Record]:
    """List people whose entitlement has expired, usually the latest expiry first; `total` match.

    `asked`: for whom an extension was asked for since then (`yes`), or only the others (`no`).
    """
    usual = "l.deadline DESC, t.since, l.participant"
    return await conn.fetch(
        f"""
        WITH {WHO_WAITS}
        SELECT l.*, t.since AS waiting_since, o.name AS office_name, a.asked_on, a.asked_reason, a.asked_by,
            count(*) OVER () AS total
        FROM lapsed AS l
        JOIN waiting_since AS t ON t.participant = l.participant
        LEFT JOIN runtime.publisher AS o ON o.slug = l.office
        {ASKED_SINCE}
        WHERE ($6::text IS NULL OR $6 = CASE WHEN a.asked_on IS NULL THEN 'no' ELSE 'yes' END)
            AND ($7::text IS NULL OR $7 = ANY(l.course_types))
            AND ($8::text IS NULL OR coalesce(l.level, 'untested') = $8)
            AND ($9::text IS NULL OR l.town = $9)
            AND ($10::text IS NULL OR l.office = $10)
        ORDER BY {ordered(LAPSED_ORDERS, sort, usual)} LIMIT $11 OFFSET $12
        """,
        *entitlements.columns(),
        wanted.get("asked"),
        wanted.get("type"),
        wanted.get("level"),
        wanted.get("town"),
        wanted.get("office"),
        limit,
        offset,
    )
