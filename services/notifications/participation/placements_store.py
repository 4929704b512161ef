"""Writes placements, the offers that the registering office shows, and merges of participant ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from schemas.placements import PlaceProposed
from services.runtime.data.db import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementRow:
    """A row of `placement` as it now stands."""

    placement: UUID
    version: int
    participant: UUID
    course: UUID
    provider: str
    provider_organisation: str
    own_course: str
    office: str
    office_organisation: str
    kreis: str
    entry_section: int
    starts_on: date
    ends_on: date
    state: str
    released: bool
    reason: dict[str, Any]
    expires_at: datetime | None
    own_number: str | None
    ended_on: date | None
    decided_at: datetime


async def versions(conn: Connection, placements: Sequence[UUID]) -> dict[UUID, int]:
    """Lock and return the known versions of placements."""
    rows = await conn.fetch(
        """
        SELECT placement_id, version FROM placement WHERE placement_id = ANY($1::uuid[])
        ORDER BY placement_id FOR UPDATE
        """,
        list(placements),
    )
    return {row["placement_id"]: row["version"] for row in rows}


async def put(conn: Connection, rows: Sequence[PlacementRow]) -> None:
    """Insert or replace placements."""
    await conn.execute(
        """
        INSERT INTO placement AS p (placement_id, version, participant_id, course_id, provider,
        provider_organisation, own_course, office, office_organisation, kreis, entry_section, starts_on,
        ends_on, state, released, reason, expires_at, own_number, ended_on, decided_at)
        SELECT * FROM unnest($1::uuid[], $2::integer[], $3::uuid[], $4::uuid[], $5::text[], $6::text[],
            $7::text[], $8::text[], $9::text[], $10::text[], $11::integer[], $12::date[], $13::date[],
            $14::text[], $15::boolean[], $16::jsonb[], $17::timestamptz[], $18::text[], $19::date[],
            $20::timestamptz[])
        ON CONFLICT (placement_id) DO UPDATE SET version = EXCLUDED.version,
            participant_id = EXCLUDED.participant_id, course_id = EXCLUDED.course_id,
            provider = EXCLUDED.provider, provider_organisation = EXCLUDED.provider_organisation,
            own_course = EXCLUDED.own_course, entry_section = EXCLUDED.entry_section,
            starts_on = EXCLUDED.starts_on, ends_on = EXCLUDED.ends_on, state = EXCLUDED.state,
            released = p.released OR EXCLUDED.released, reason = EXCLUDED.reason,
            expires_at = coalesce(EXCLUDED.expires_at, p.expires_at),
            own_number = coalesce(EXCLUDED.own_number, p.own_number),
            ended_on = EXCLUDED.ended_on, decided_at = EXCLUDED.decided_at
        WHERE p.version < EXCLUDED.version
        """,
        [row.placement for row in rows],
        [row.version for row in rows],
        [row.participant for row in rows],
        [row.course for row in rows],
        [row.provider for row in rows],
        [row.provider_organisation for row in rows],
        [row.own_course for row in rows],
        [row.office for row in rows],
        [row.office_organisation for row in rows],
        [row.kreis for row in rows],
        [row.entry_section for row in rows],
        [row.starts_on for row in rows],
        [row.ends_on for row in rows],
        [row.state for row in rows],
        [row.released for row in rows],
        [row.reason for row in rows],
        [row.expires_at for row in rows],
        [row.own_number for row in rows],
        [row.ended_on for row in rows],
        [row.decided_at for row in rows],
    )


async def put_offer(conn: Connection, proposed: PlaceProposed, organisation: str) -> None:
    """Store reasons and alternatives of a proposal for the offer sheet of the registering office."""
    await conn.execute(
        """
        INSERT INTO placement_offer (placement_id, organisation, reasons, alternatives)
        VALUES ($1, $2, $3, $4) ON CONFLICT (placement_id) DO UPDATE
        SET reasons = EXCLUDED.reasons, alternatives = EXCLUDED.alternatives
        """,
        proposed.placement,
        organisation,
        [reason.model_dump() for reason in proposed.reasons],
        [alternative.model_dump(mode="json") for alternative in proposed.alternatives],
    )


async def merge(conn: Connection, merged: UUID, into: UUID) -> None:
    """Store that two participant ids are one person.

    No row moves to the other id: a consent covers what is known under the id it was given under. But
    whoever revokes it under one id revokes it under both (events/consents.py).
    """
    await conn.execute(
        """
        INSERT INTO participant_merge (merged, into_participant) VALUES ($1, $2)
        ON CONFLICT (merged) DO UPDATE SET into_participant = EXCLUDED.into_participant
        """,
        merged,
        into,
    )
