"""Reads and writes the directory of counselling offices."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any
from uuid import UUID

import asyncpg

from services.notifications.offices.directory_file import StoredOffice
from services.notifications.offices.domain import (
    USUAL,
    WEEKDAYS,
    Agreed,
    Agreement,
    CounsellingOffice,
    OfficeHours,
    merged,
)
from services.places.public_holidays import holidays_of, land_of
from services.runtime.data.db import Connection


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """An office of the directory with its hours."""

    office: CounsellingOffice
    hours: OfficeHours


async def directory(conn: Connection) -> dict[str, DirectoryEntry]:
    """Return all offices."""
    rows = await conn.fetch(
        """
        SELECT slug, organisation, kind, age_from, age_below, asylum_phases, catchment, languages, capacity,
        stand_in, active, hours, closed_days, seat, phases, agreements, target_groups
        FROM office ORDER BY slug
        """
    )
    return {row["slug"]: _entry(row) for row in rows}


async def office_hours(conn: Connection) -> dict[str, OfficeHours]:
    """Return the hours of all offices."""
    return {slug: entry.hours for slug, entry in (await directory(conn)).items()}


def _entry(row: asyncpg.Record) -> DirectoryEntry:
    return DirectoryEntry(
        CounsellingOffice(
            row["slug"],
            row["organisation"],
            row["kind"],
            row["age_from"],
            row["age_below"],
            frozenset(row["asylum_phases"]),
            frozenset(row["catchment"]),
            frozenset(row["languages"]),
            row["capacity"],
            row["stand_in"],
            row["active"],
            frozenset(row["phases"]),
            tuple(agreement_of(one) for one in row["agreements"]),
            frozenset(row["target_groups"]),
        ),
        hours_by_row(row),
    )


def hours_by_row(row: asyncpg.Record) -> OfficeHours:
    """Return when an office works, by its row."""
    return OfficeHours(
        hours_of(row["hours"]),
        frozenset(row["closed_days"]),
        holidays_of(land_of(row["seat"], row["catchment"])),
    )


def agreement_of(stored: Mapping[str, Any]) -> Agreement:
    """Read an agreement as it is stored."""
    until = stored["valid_until"]
    return Agreement(
        Agreed(stored["what"]),
        date.fromisoformat(stored["valid_from"]),
        None if until is None else date.fromisoformat(until),
        stored["place"] or "",
    )


def agreements_to_store(listed: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return agreements of an entry as they are stored: days as texts."""
    return [
        {name: value.isoformat() if isinstance(value, date) else value for name, value in one.items()}
        for one in listed
    ]


async def stand_ins(conn: Connection) -> dict[str, StoredOffice]:
    """Return of each stored office who stands in for it, and whether it is active."""
    rows = await conn.fetch("SELECT slug, stand_in, active FROM office")
    return {row["slug"]: StoredOffice(row["stand_in"], row["active"]) for row in rows}


def hours_of(stored: dict[str, Any]) -> dict[str, tuple[tuple[time, time], ...]]:
    """Read hours as stored, weekday -> list of [from, to]; an empty object means the usual hours."""
    if not stored:
        return dict(USUAL)
    return {
        day: tuple(merged([(time.fromisoformat(a), time.fromisoformat(b)) for a, b in stored.get(day, ())]))
        for day in WEEKDAYS
    }


async def lock(conn: Connection) -> None:
    """Let nobody else change the directory until the transaction ends: its offices are checked together."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('office', 0))")


async def put(conn: Connection, row: dict[str, Any]) -> None:
    """Insert or replace an office of the directory; the same again changes nothing."""
    await conn.execute(
        """
        INSERT INTO office (slug, organisation, name, kind, age_from, age_below, asylum_phases, catchment,
        languages, capacity, stand_in, mail, lead_mail, hours, closed_days, active, seat, phone, phases,
        agreements, target_groups)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
            $21)
        ON CONFLICT (slug) DO UPDATE SET organisation = EXCLUDED.organisation, name = EXCLUDED.name,
            kind = EXCLUDED.kind, age_from = EXCLUDED.age_from, age_below = EXCLUDED.age_below,
            asylum_phases = EXCLUDED.asylum_phases, catchment = EXCLUDED.catchment,
            languages = EXCLUDED.languages, capacity = EXCLUDED.capacity, stand_in = EXCLUDED.stand_in,
            mail = EXCLUDED.mail, lead_mail = EXCLUDED.lead_mail, hours = EXCLUDED.hours,
            closed_days = EXCLUDED.closed_days, active = EXCLUDED.active, seat = EXCLUDED.seat,
            phone = EXCLUDED.phone, phases = EXCLUDED.phases, agreements = EXCLUDED.agreements,
            target_groups = EXCLUDED.target_groups, version = office.version + 1
        WHERE (
            office.organisation, office.name, office.kind, office.age_from, office.age_below,
            office.asylum_phases, office.catchment, office.languages, office.capacity,
            office.stand_in, office.mail, office.lead_mail, office.hours, office.closed_days,
            office.active, office.seat, office.phone, office.phases, office.agreements,
            office.target_groups
        ) IS DISTINCT FROM (
            EXCLUDED.organisation, EXCLUDED.name, EXCLUDED.kind, EXCLUDED.age_from,
            EXCLUDED.age_below, EXCLUDED.asylum_phases, EXCLUDED.catchment,
            EXCLUDED.languages, EXCLUDED.capacity, EXCLUDED.stand_in, EXCLUDED.mail,
            EXCLUDED.lead_mail, EXCLUDED.hours, EXCLUDED.closed_days, EXCLUDED.active,
            EXCLUDED.seat, EXCLUDED.phone, EXCLUDED.phases, EXCLUDED.agreements,
            EXCLUDED.target_groups)
        """,
        row["slug"],
        row["organisation"],
        row["name"],
        row["kind"],
        row["age_from"],
        row["age_below"],
        row["asylum_phases"],
        row["catchment"],
        row["languages"],
        row["capacity"],
        row["stand_in"],
        row["mail"],
        row["lead_mail"],
        row["hours"],
        row["closed_days"],
        row["active"],
        row["seat"],
        row["phone"],
        row["phases"],
        agreements_to_store(row["agreements"]),
        row["target_groups"],
    )


async def course_types(conn: Connection, courses: Collection[UUID]) -> dict[UUID | None, str | None]:
    """Return the types of courses; None: it is not known."""
    rows = await conn.fetch(
        "SELECT course_id, course_type FROM course WHERE course_id = ANY($1)", list(courses)
    )
    return {row["course_id"]: row["course_type"] for row in rows}


async def reconcile_everybody_consenting(conn: Connection) -> int:
    """Have the alerts of everybody with an open consent reconciled; return how many people they are."""
    return len(
        await conn.fetch(
            """
            INSERT INTO reconsider (participant_id, asked_at)
            SELECT DISTINCT participant_id, NULL::timestamptz FROM consent WHERE ended_at IS NULL
            ORDER BY participant_id
            ON CONFLICT (participant_id) DO UPDATE SET generation = reconsider.generation + 1 RETURNING 1
            """
        )
    )


async def facts(conn: Connection, participants: Sequence[Any]) -> list[asyncpg.Record]:
    """Return what decides about responsibility, except the birth date, which is sealed."""
    return await conn.fetch(
        """
        SELECT i AS participant_id, f.town, f.youth_until, f.asylum_phase,
        coalesce(p.languages, '{}') AS languages, p.organisation AS registering
        FROM unnest($1::uuid[]) AS i LEFT JOIN participant_fact AS f ON f.participant_id = i
        LEFT JOIN person AS p ON p.participant_id = i
        """,
        list(participants),
    )
