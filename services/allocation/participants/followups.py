"""Reads and writes what was done about people whose entitlement has expired."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

import asyncpg

from services.allocation.participants.waiting import WHO_WAITS, Entitlements

ASKED_SINCE = """
    LEFT JOIN LATERAL (
        SELECT e.noted_on AS asked_on, e.reason AS asked_reason, e.actor AS asked_by
        FROM entitlement_followup AS e
        WHERE e.participant = l.participant AND e.kind = 'extension_asked' AND e.noted_on > l.deadline
        ORDER BY e.decided_at DESC LIMIT 1
    ) AS a ON true
"""
"""When, why and by whom it was last asked to extend since the expiry, for `lapsed AS l`."""


@dataclass(frozen=True, slots=True)
class Followup:
    """One thing that somebody has done about an expired entitlement, and why."""

    id: UUID
    kreis: str
    participant: UUID
    kind: Literal["extension_asked", "closed"]
    reason: str
    actor: str


async def add(conn: asyncpg.Connection, noted: Followup, day: date, now: datetime) -> None:
    """Note it."""
    await conn.execute(
        """
        INSERT INTO entitlement_followup (id, kreis, participant, kind, reason, actor, noted_on, decided_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        noted.id,
        noted.kreis,
        noted.participant,
        noted.kind,
        noted.reason,
        noted.actor,
        day,
        now,
    )


async def of_person(conn: asyncpg.Connection, participant: UUID) -> Sequence[asyncpg.Record]:
    """List what was done about somebody, the latest first."""
    return await conn.fetch(
        """
        SELECT kind, reason, actor, noted_on, decided_at FROM entitlement_followup
        WHERE participant = $1 ORDER BY decided_at DESC, id
        """,
        participant,
    )


async def has_lapsed(conn: asyncpg.Connection, participant: UUID, entitlements: Entitlements) -> bool:
    """Return whether somebody is on the list with an expired entitlement and cannot be placed any more."""
    return bool(
        await conn.fetchval(
            f"WITH {WHO_WAITS} SELECT EXISTS (SELECT FROM lapsed WHERE participant = $6)",
            *entitlements.columns(),
            participant,
        )
    )
