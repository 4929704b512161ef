"""Reads and writes placements and their history in PostgreSQL."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from schemas.codes import SEATED, CourseKind, PlacementState
from services.allocation.placements.domain import Alternative, Placement, Reason


@dataclass(frozen=True, slots=True)
class History:
    """One step that was taken, and by whom."""

    placement: UUID
    version: int
    kreis: str
    from_state: str
    to_state: str
    reason: str
    params: dict[str, str | int]
    actor: str
    note: str | None
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Link:
    """Whom and which course a placement joins."""

    participant: UUID
    course: UUID
    live: bool


async def find(
    conn: asyncpg.Connection, ids: Sequence[UUID], people: Sequence[UUID], courses: Sequence[UUID]
) -> list[Link]:
    """Find out, without locking, which rows have to be locked together with these."""
    rows = await conn.fetch(
        """
        SELECT participant, course, state IN ('proposed', 'sent_to_authority', 'reserved', 'accepted',
        'confirmed',
               'started', 'interrupted') AS live
        FROM placement
        WHERE placement = ANY($1::uuid[]) OR (participant = ANY($2::uuid[]) AND state <> 'superseded')
           OR (course = ANY($3::uuid[]) AND (ended_on IS NOT NULL OR state IN ('proposed',
               'sent_to_authority', 'reserved', 'accepted', 'confirmed', 'started', 'interrupted')))
        """,
        ids,
        people,
        courses,
    )
    return [Link(**dict(row)) for row in rows]


async def lock(
    conn: asyncpg.Connection, ids: Sequence[UUID], people: Sequence[UUID], courses: Sequence[UUID]
) -> list[Placement]:
    """Lock placements by id, by person (superseded apart) and the live ones of courses, in id order."""
    rows = await conn.fetch(
        """
        SELECT placement, kreis, participant, course, provider, office, course_kind, entry_section,
        seats, state,
               version, published, run, reason::text AS reason, reasons::text AS reasons,
               alternatives::text AS alternatives, proposed_at, expires_at, own_number, started_on,
               ended_on,
               exit_kind, exit_event, past_exits, changed_at
        FROM placement
        WHERE placement = ANY($1::uuid[]) OR (participant = ANY($2::uuid[]) AND state <> 'superseded')
           OR (course = ANY($3::uuid[]) AND (ended_on IS NOT NULL OR state IN ('proposed',
               'sent_to_authority', 'reserved', 'accepted', 'confirmed', 'started', 'interrupted')))
        ORDER BY placement FOR NO KEY UPDATE
        """,
        ids,
        people,
        courses,
    )
    return [_placement(row) for row in rows]


def _placement(row: asyncpg.Record) -> Placement:
    values = dict(row)
    values["course_kind"] = CourseKind(values["course_kind"])
    values["state"] = PlacementState(values["state"])
    values["seats"] = tuple(values["seats"])
    values["past_exits"] = tuple(values["past_exits"])
    values["reason"] = Reason(**orjson.loads(values["reason"]))
    values["reasons"] = tuple(Reason(**raw) for raw in orjson.loads(values["reasons"]))
    values["alternatives"] = tuple(_alternative(raw) for raw in orjson.loads(values["alternatives"]))
    return Placement(**values)


def _alternative(raw: dict[str, Any]) -> Alternative:
    return Alternative(
        UUID(raw["course"]),
        raw["provider"],
        raw["section"],
        date.fromisoformat(raw["starts_on"]),
        Reason(**raw["reason"]),
    )


def _rows(placements: Iterable[Placement]) -> str:
    return orjson.dumps([asdict(placement) for placement in placements], default=str).decode()


async def insert(conn: asyncpg.Connection, placements: Sequence[Placement]) -> None:
    """Add placements."""
    await conn.execute(
        """
        INSERT INTO placement (placement, kreis, participant, course, provider, office, course_kind,
        entry_section,
            seats, state, version, published, run, reason, reasons, alternatives, proposed_at, expires_at,
            own_number, started_on, ended_on, exit_kind, exit_event, past_exits, changed_at)
        SELECT placement, kreis, participant, course, provider, office, course_kind, entry_section,
            seats, state, version, published, run, reason, reasons, alternatives, proposed_at, expires_at,
            own_number, started_on, ended_on, exit_kind, exit_event, past_exits, changed_at
        FROM jsonb_populate_recordset(NULL::placement, $1::text::jsonb)
        """,
        _rows(placements),
    )


async def update(conn: asyncpg.Connection, placements: Sequence[Placement]) -> None:
    """Write placements that were locked, those that give up a seat before those that take one."""
    giving = [placement for placement in placements if placement.state not in SEATED]
    taking = [placement for placement in placements if placement.state in SEATED]
    for part in (giving, taking):
        if part:
            await _update(conn, part)


async def _update(conn: asyncpg.Connection, placements: Sequence[Placement]) -> None:
    await conn.execute(
        """
        UPDATE placement AS p SET participant = n.participant, seats = n.seats, state = n.state,
            version = n.version, published = n.published, run = n.run, reason = n.reason,
            reasons = n.reasons,
            alternatives = n.alternatives, expires_at = n.expires_at, own_number = n.own_number,
            started_on = n.started_on, ended_on = n.ended_on, exit_kind = n.exit_kind,
            exit_event = n.exit_event, past_exits = n.past_exits,
            changed_at = n.changed_at
        FROM jsonb_populate_recordset(NULL::placement, $1::text::jsonb) AS n WHERE n.placement = p.placement
        """,
        _rows(placements),
    )


async def add_history(conn: asyncpg.Connection, steps: Sequence[History]) -> None:
    """Add steps to the history, which only grows."""
    await conn.execute(
        """
        INSERT INTO placement_step (placement, version, kreis, from_state, to_state, reason, params, actor,
            note, decided_at)
        SELECT placement, version, kreis, from_state, to_state, reason, params, actor, note, decided_at
        FROM jsonb_populate_recordset(NULL::placement_step, $1::text::jsonb)
        """,
        orjson.dumps([asdict(step) for step in steps], default=str).decode(),
    )
