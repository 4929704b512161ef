"""Reads and writes courses, facts of registered people, and exits from courses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson

from services.runtime.data.db import Connection


@dataclass(frozen=True, slots=True)
class CourseRow:
    """A row of `course`: what the support side needs of an announced course."""

    course_id: UUID
    provider: str
    own_id: str
    title: str
    kreis: str
    town: str | None
    starts_on: date
    ends_on: date
    sections: list[dict[str, Any]]
    cancelled_on: date | None
    completed_on: date | None


@dataclass(frozen=True, slots=True)
class FactRow:
    """A row of `participant_fact`: what decides which counselling office is responsible for a person."""

    participant_id: UUID
    office: str
    organisation: str
    kreis: str
    town: str
    youth_until: str | None
    asylum_phase: str
    registered_on: date
    withdrawn_on: date | None


@dataclass(frozen=True, slots=True)
class ExitRow:
    """A row of `course_exit`: somebody left a course."""

    participant_id: UUID
    course_id: UUID
    kind: str
    left_on: date
    event_id: str


async def courses(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, CourseRow]:
    """Lock and return courses."""
    if not ids:
        return {}
    rows = await conn.fetch(
        """
        SELECT course_id, provider, own_id, title, kreis, town, starts_on, ends_on, sections, cancelled_on,
        completed_on FROM course WHERE course_id = ANY($1::uuid[]) ORDER BY course_id FOR UPDATE
        """,
        list(ids),
    )
    return {row["course_id"]: CourseRow(*row.values()) for row in rows}


async def facts(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, FactRow]:
    """Lock and return the facts of people."""
    if not ids:
        return {}
    rows = await conn.fetch(
        """
        SELECT participant_id, office, organisation, kreis, town, youth_until, asylum_phase, registered_on,
        withdrawn_on FROM participant_fact WHERE participant_id = ANY($1::uuid[])
        ORDER BY participant_id FOR UPDATE
        """,
        list(ids),
    )
    return {row["participant_id"]: FactRow(*row.values()) for row in rows}


async def put_courses(conn: Connection, rows: Sequence[CourseRow]) -> None:
    """Insert or replace courses."""
    await conn.execute(
        """
        INSERT INTO course (course_id, provider, own_id, title, kreis, town, starts_on, ends_on, sections,
        cancelled_on, completed_on)
        SELECT c, p, o, t, k, w, s, e, x::jsonb, g, d
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
            $7::date[], $8::date[], $9::text[], $10::date[], $11::date[])
            AS new (c, p, o, t, k, w, s, e, x, g, d)
        ON CONFLICT (course_id) DO UPDATE SET title = EXCLUDED.title, kreis = EXCLUDED.kreis,
            town = EXCLUDED.town, starts_on = EXCLUDED.starts_on, ends_on = EXCLUDED.ends_on,
            sections = EXCLUDED.sections, cancelled_on = EXCLUDED.cancelled_on,
            completed_on = EXCLUDED.completed_on
        """,
        [row.course_id for row in rows],
        [row.provider for row in rows],
        [row.own_id for row in rows],
        [row.title for row in rows],
        [row.kreis for row in rows],
        [row.town for row in rows],
        [row.starts_on for row in rows],
        [row.ends_on for row in rows],
        # As text: asyncpg would read a list of lists as an array of two dimensions.
        [orjson.dumps(row.sections).decode() for row in rows],
        [row.cancelled_on for row in rows],
        [row.completed_on for row in rows],
    )


async def put_facts(conn: Connection, rows: Sequence[FactRow]) -> None:
    """Insert or replace the facts of people."""
    await conn.execute(
        """
        INSERT INTO participant_fact (participant_id, office, organisation, kreis, town, youth_until,
        asylum_phase, registered_on, withdrawn_on)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
            $7::text[], $8::date[], $9::date[])
        ON CONFLICT (participant_id) DO UPDATE SET kreis = EXCLUDED.kreis, town = EXCLUDED.town,
            youth_until = EXCLUDED.youth_until, asylum_phase = EXCLUDED.asylum_phase,
            registered_on = EXCLUDED.registered_on, withdrawn_on = EXCLUDED.withdrawn_on
        """,
        [row.participant_id for row in rows],
        [row.office for row in rows],
        [row.organisation for row in rows],
        [row.kreis for row in rows],
        [row.town for row in rows],
        [row.youth_until for row in rows],
        [row.asylum_phase for row in rows],
        [row.registered_on for row in rows],
        [row.withdrawn_on for row in rows],
    )


async def put_exits(conn: Connection, rows: Sequence[ExitRow]) -> None:
    """Insert or replace exits."""
    if not rows:
        return
    await conn.execute(
        """
        INSERT INTO course_exit (participant_id, course_id, kind, left_on, event_id)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::date[], $5::text[])
        ON CONFLICT (participant_id, course_id) DO UPDATE SET kind = EXCLUDED.kind,
            left_on = EXCLUDED.left_on, event_id = EXCLUDED.event_id
        """,
        [row.participant_id for row in rows],
        [row.course_id for row in rows],
        [row.kind for row in rows],
        [row.left_on for row in rows],
        [row.event_id for row in rows],
    )


async def drop_exits(conn: Connection, keys: Sequence[tuple[UUID, UUID]]) -> None:
    """Delete exits that were retracted."""
    if not keys:
        return
    await conn.execute(
        """
        DELETE FROM course_exit AS x USING unnest($1::uuid[], $2::uuid[]) AS gone (p, c)
        WHERE x.participant_id = gone.p AND x.course_id = gone.c
        """,
        [key[0] for key in keys],
        [key[1] for key in keys],
    )


async def assess_again(conn: Connection, courses: Sequence[UUID]) -> None:
    """Have courses assessed again, by marking their last reported day."""
    await conn.execute(
        """
        UPDATE course_day AS d SET assessed = false FROM (
            SELECT course_id, max(day) AS day FROM course_day WHERE course_id = ANY($1::uuid[])
            GROUP BY course_id) AS last
        WHERE d.course_id = last.course_id AND d.day = last.day AND d.assessed
        """,
        list(courses),
    )


async def inhibit_risks(conn: Connection, courses: Sequence[UUID], now: datetime) -> list[UUID]:
    """End the open risks of cancelled courses; return the people concerned."""
    return [
        row["participant_id"]
        for row in await conn.fetch(
            """
            UPDATE risk SET state = 'inhibited', ended_at = $2
            WHERE course_id = ANY($1::uuid[]) AND state = 'open' RETURNING participant_id
            """,
            list(courses),
            now,
        )
    ]
