"""Reads and writes facts about people in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from services.allocation.participants.domain import Participant, ParticipantFacts, PlacementTest


async def merged_into(conn: asyncpg.Connection, ids: Sequence[UUID]) -> Sequence[UUID]:
    """Return into whom any of these people were merged."""
    rows = await conn.fetch(
        "SELECT merged_into FROM participant WHERE participant = ANY($1::uuid[]) AND merged_into IS NOT NULL",
        ids,
    )
    return [row["merged_into"] for row in rows]


async def lock(conn: asyncpg.Connection, ids: Sequence[UUID]) -> list[Participant]:
    """Lock people in id order."""
    rows = await conn.fetch(
        """
        SELECT participant, kreis, office, reference, status, registered_on, first_registered_on, returns,
            town, standing, route, granted_on, valid_until, cooperation_plan, hours_left, course_types,
            available, earliest_start, needs_childcare, needs_women_only, needs_barrier_free, youth_until,
            asylum_phase, max_travel_minutes, available_days, family, tested_on, level, section, tested_type,
            withdrawn_on, withdraw_reason, merged_into, registered_again_on, version, stated, stated_as
        FROM participant WHERE participant = ANY($1::uuid[]) ORDER BY participant FOR NO KEY UPDATE
        """,
        ids,
    )
    return [_participant(row) for row in rows]


def _participant(row: asyncpg.Record) -> Participant:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in row.items()
    }
    facts = ParticipantFacts(**{one.name: values.pop(one.name) for one in fields(ParticipantFacts)})
    return Participant(facts=facts, **values)


def _rows(people: Sequence[Participant]) -> str:
    rows = []
    for person in people:
        row = asdict(person)
        rows.append({**row.pop("facts"), **row})
    return orjson.dumps(rows, default=str).decode()


async def insert(conn: asyncpg.Connection, people: Sequence[Participant]) -> None:
    """Add people."""
    await conn.execute(
        """
        INSERT INTO participant (participant, kreis, office, reference, status, registered_on,
            first_registered_on, returns, town, standing, route, granted_on, valid_until, cooperation_plan,
            hours_left, course_types, available, earliest_start, needs_childcare, needs_women_only,
            needs_barrier_free, youth_until, asylum_phase, max_travel_minutes, available_days, family,
            tested_on, level, section, tested_type, withdrawn_on, withdraw_reason, merged_into,
            registered_again_on, version, stated, stated_as)
        SELECT participant, kreis, office, reference, status, registered_on,
            first_registered_on, returns, town, standing, route, granted_on, valid_until, cooperation_plan,
            hours_left, course_types, available, earliest_start, needs_childcare, needs_women_only,
            needs_barrier_free, youth_until, asylum_phase, max_travel_minutes, available_days, family,
            tested_on, level, section, tested_type, withdrawn_on, withdraw_reason, merged_into,
            registered_again_on, version, stated, stated_as
        FROM jsonb_populate_recordset(NULL::participant, $1::text::jsonb)
        """,
        _rows(people),
    )


async def update(conn: asyncpg.Connection, people: Sequence[Participant]) -> None:
    """Write people who were locked; the office never changes."""
    await conn.execute(
        """
        UPDATE participant AS p SET kreis = n.kreis, reference = n.reference, status = n.status,
            registered_on = n.registered_on, first_registered_on = n.first_registered_on,
            returns = n.returns, town = n.town, standing = n.standing, route = n.route,
            granted_on = n.granted_on, valid_until = n.valid_until, cooperation_plan = n.cooperation_plan,
            hours_left = n.hours_left, course_types = n.course_types, available = n.available,
            earliest_start = n.earliest_start, needs_childcare = n.needs_childcare,
            needs_women_only = n.needs_women_only, needs_barrier_free = n.needs_barrier_free,
            youth_until = n.youth_until, asylum_phase = n.asylum_phase,
            max_travel_minutes = n.max_travel_minutes,
            available_days = n.available_days, family = n.family, tested_on = n.tested_on, level = n.level,
            section = n.section, tested_type = n.tested_type, withdrawn_on = n.withdrawn_on,
            withdraw_reason = n.withdraw_reason, merged_into = n.merged_into,
            registered_again_on = n.registered_again_on, version = n.version, stated = n.stated,
            stated_as = n.stated_as
        FROM jsonb_populate_recordset(NULL::participant, $1::text::jsonb) AS n
        WHERE n.participant = p.participant
        """,
        _rows(people),
    )


async def tests_of(conn: asyncpg.Connection, ids: Sequence[UUID]) -> list[PlacementTest]:
    """Read the placement tests of people who were locked, in the order they were reported."""
    rows = await conn.fetch(
        """
        SELECT event, participant, tested_on, level, section, course_type, stands
        FROM placement_test WHERE participant = ANY($1::uuid[]) ORDER BY participant, place
        """,
        ids,
    )
    return [PlacementTest(**dict(row)) for row in rows]


async def write_tests(conn: asyncpg.Connection, tests: Sequence[tuple[str, PlacementTest]]) -> None:
    """Add tests, each with its Kreis, or say that one no longer stands."""
    await conn.execute(
        """
        INSERT INTO placement_test (event, kreis, participant, tested_on, level, section, course_type, stands)
        SELECT event, kreis, participant, tested_on, level, section, course_type, stands
        FROM jsonb_populate_recordset(NULL::placement_test, $1::text::jsonb)
        ON CONFLICT (event) DO UPDATE SET stands = excluded.stands
        """,
        orjson.dumps([{**asdict(test), "kreis": kreis} for kreis, test in tests], default=str).decode(),
    )


async def not_stated(conn: asyncpg.Connection, facts: int, limit: int) -> list[UUID]:
    """Return people of whom the support side was never told, or with fewer facts than there are."""
    rows = await conn.fetch(
        "SELECT participant FROM participant WHERE stated = 0 OR stated_as < $1"
        " ORDER BY participant LIMIT $2",
        facts,
        limit,
    )
    return [row["participant"] for row in rows]
