"""Reads and writes courses and facts of registered people, as allocation states them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson

from services.runtime.data.db import Connection

LOOK_BACK_DAYS = 60
"""Longer than any window of the rules about attendance."""


@dataclass(frozen=True, slots=True)
class CourseRow:
    """A row of `course`: what the support side needs of it; `stated` is the version of the state."""

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
    stated: int
    venue: dict[str, Any] | None
    lessons: list[dict[str, Any]]
    childcare: bool | None
    online: bool | None
    course_type: str | None = None


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
    stated: int
    right_until: date | None = None


async def courses(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, CourseRow]:
    """Lock and return courses."""
    if not ids:
        return {}
    rows = await conn.fetch(
        """
        SELECT course_id, provider, own_id, title, kreis, town, starts_on, ends_on, sections, cancelled_on,
        completed_on, stated, venue, lessons, childcare, online, course_type
        FROM course WHERE course_id = ANY($1::uuid[]) ORDER BY course_id FOR UPDATE
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
        withdrawn_on, stated, right_until FROM participant_fact WHERE participant_id = ANY($1::uuid[])
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
        cancelled_on, completed_on, stated, venue, lessons, childcare, online, course_type)
        SELECT c, p, o, t, k, w, s, e, x::jsonb, g, d, v, a::jsonb, l::jsonb, i, n, y
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
            $7::date[], $8::date[], $9::text[], $10::date[], $11::date[], $12::integer[], $13::text[],
            $14::text[], $15::boolean[], $16::boolean[], $17::text[])
            AS new (c, p, o, t, k, w, s, e, x, g, d, v, a, l, i, n, y)
        ON CONFLICT (course_id) DO UPDATE SET title = EXCLUDED.title, kreis = EXCLUDED.kreis,
            town = EXCLUDED.town, starts_on = EXCLUDED.starts_on, ends_on = EXCLUDED.ends_on,
            sections = EXCLUDED.sections, cancelled_on = EXCLUDED.cancelled_on,
            completed_on = EXCLUDED.completed_on, stated = EXCLUDED.stated, venue = EXCLUDED.venue,
            lessons = EXCLUDED.lessons, childcare = EXCLUDED.childcare, online = EXCLUDED.online,
            course_type = coalesce(EXCLUDED.course_type, course.course_type)
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
        [row.stated for row in rows],
        [None if row.venue is None else orjson.dumps(row.venue).decode() for row in rows],
        [orjson.dumps(row.lessons).decode() for row in rows],
        [row.childcare for row in rows],
        [row.online for row in rows],
        [row.course_type for row in rows],
    )


async def put_facts(conn: Connection, rows: Sequence[FactRow]) -> None:
    """Insert or replace the facts of people."""
    await conn.execute(
        """
        INSERT INTO participant_fact (participant_id, office, organisation, kreis, town, youth_until,
        asylum_phase, registered_on, withdrawn_on, stated, right_until)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
            $7::text[], $8::date[], $9::date[], $10::integer[], $11::date[])
        ON CONFLICT (participant_id) DO UPDATE SET kreis = EXCLUDED.kreis, town = EXCLUDED.town,
            youth_until = EXCLUDED.youth_until, asylum_phase = EXCLUDED.asylum_phase,
            registered_on = EXCLUDED.registered_on, withdrawn_on = EXCLUDED.withdrawn_on,
            stated = EXCLUDED.stated, right_until = EXCLUDED.right_until
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
        [row.stated for row in rows],
        [row.right_until for row in rows],
    )


async def assess_again(conn: Connection, courses: Sequence[UUID], latest: date) -> None:
    """Have courses assessed again, with all the days until `latest` that any rule looks at."""
    if not courses:
        return
    await conn.execute(
        """
        UPDATE course_day AS d SET assessed = false FROM (
            SELECT course_id, max(day) - $2::integer AS day FROM course_day
            WHERE course_id = ANY($1::uuid[]) AND day <= $3 GROUP BY course_id) AS first
        WHERE d.course_id = first.course_id AND d.day >= first.day AND d.assessed
        """,
        list(courses),
        LOOK_BACK_DAYS,
        latest,
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
