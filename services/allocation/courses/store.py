"""Reads and writes courses and their sections in PostgreSQL."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import time
from uuid import UUID

import asyncpg
import orjson

from schemas.codes import CourseKind
from services.allocation.courses.domain import Course, CourseFacts, Lesson, Section, Venue, times_of_day


async def lock_with_sections(conn: asyncpg.Connection, ids: Sequence[UUID]) -> list[Course]:
    """Lock courses, then their sections."""
    rows = await lock(conn, ids)
    sections: dict[UUID, list[Section]] = defaultdict(list)
    for row in await lock_sections(conn, ids):
        section = dict(row)
        sections[section.pop("course")].append(Section(**section))
    return [_course(row, sections[row["course"]]) for row in rows]


async def lock(conn: asyncpg.Connection, ids: Sequence[UUID]) -> Sequence[asyncpg.Record]:
    """Lock courses in id order."""
    return await conn.fetch(
        """
        SELECT course, kreis, provider, own_course, own_number, title, course_type, course_kind, town,
            capacity, minimum, taken_elsewhere, target_level, lessons::text AS lessons, venue::text AS venue,
            online, childcare, women_only, registration_until, state, cancel_reason, ended_on, version,
            stated, stated_as
        FROM course WHERE course = ANY($1::uuid[]) ORDER BY course FOR NO KEY UPDATE
        """,
        ids,
    )


async def lock_sections(conn: asyncpg.Connection, ids: Sequence[UUID]) -> Sequence[asyncpg.Record]:
    """Lock the sections of courses in (course, number) order: whoever takes a seat waits here."""
    return await conn.fetch(
        """
        SELECT course, number, starts_on, ends_on, ue, capacity, taken, removed, completed_on
        FROM course_section WHERE course = ANY($1::uuid[]) ORDER BY course, number FOR NO KEY UPDATE
        """,
        ids,
    )


def _course(row: asyncpg.Record, sections: Iterable[Section]) -> Course:
    return Course(
        course=row["course"],
        kreis=row["kreis"],
        provider=row["provider"],
        own_course=row["own_course"],
        facts=CourseFacts(
            title=row["title"],
            course_type=row["course_type"],
            kind=CourseKind(row["course_kind"]),
            capacity=row["capacity"],
            taken_elsewhere=row["taken_elsewhere"],
            minimum=row["minimum"],
            town=row["town"],
            target_level=row["target_level"],
            lessons=tuple(_lesson(lesson) for lesson in orjson.loads(row["lessons"])),
            venue=None if row["venue"] is None else Venue(**orjson.loads(row["venue"])),
            online=row["online"],
            childcare=row["childcare"],
            women_only=row["women_only"],
            registration_until=row["registration_until"],
            own_number=row["own_number"],
        ),
        sections=tuple(sections),
        state=row["state"],
        cancel_reason=row["cancel_reason"],
        ended_on=row["ended_on"],
        version=row["version"],
        stated=row["stated"],
        stated_as=row["stated_as"],
    )


def _lesson(raw: dict[str, str]) -> Lesson:
    return Lesson(raw["weekday"], time.fromisoformat(raw["starts_at"]), time.fromisoformat(raw["ends_at"]))


def _rows(courses: Iterable[Course]) -> str:
    return orjson.dumps(
        [
            {
                **asdict(course.facts),
                "course": course.course,
                "kreis": course.kreis,
                "provider": course.provider,
                "own_course": course.own_course,
                "course_kind": course.facts.kind,
                "times_of_day": times_of_day(course.facts.lessons),
                "barrier_free": course.facts.venue.barrier_free if course.facts.venue else None,
                "state": course.state,
                "cancel_reason": course.cancel_reason,
                "ended_on": course.ended_on,
                "version": course.version,
                "stated": course.stated,
                "stated_as": course.stated_as,
            }
            for course in courses
        ],
        default=str,
    ).decode()


def _section_rows(courses: Iterable[Course]) -> str:
    return orjson.dumps(
        [
            {**asdict(section), "course": course.course, "kreis": course.kreis}
            for course in courses
            for section in course.sections
        ],
        default=str,
    ).decode()


async def insert(conn: asyncpg.Connection, courses: Sequence[Course]) -> None:
    """Add courses."""
    await conn.execute(
        """
        INSERT INTO course (course, kreis, provider, own_course, own_number, title, course_type, course_kind,
            town, capacity, minimum, taken_elsewhere, target_level, lessons, times_of_day, venue,
            barrier_free, online, childcare, women_only, registration_until, state, cancel_reason, ended_on,
            version, stated, stated_as)
        SELECT course, kreis, provider, own_course, own_number, title, course_type, course_kind,
            town, capacity, minimum, taken_elsewhere, target_level, lessons, times_of_day, venue,
            barrier_free, online, childcare, women_only, registration_until, state, cancel_reason, ended_on,
            version, stated, stated_as
        FROM jsonb_populate_recordset(NULL::course, $1::text::jsonb)
        """,
        _rows(courses),
    )


async def update(conn: asyncpg.Connection, courses: Sequence[Course]) -> None:
    """Write courses that were locked; provider and own id never change."""
    await conn.execute(
        """
        UPDATE course AS c SET kreis = n.kreis, own_number = n.own_number, title = n.title,
            course_type = n.course_type, course_kind = n.course_kind, town = n.town, capacity = n.capacity,
            minimum = n.minimum, taken_elsewhere = n.taken_elsewhere, target_level = n.target_level,
            lessons = n.lessons, times_of_day = n.times_of_day, venue = n.venue,
            barrier_free = n.barrier_free, online = n.online, childcare = n.childcare,
            women_only = n.women_only,
            registration_until = n.registration_until, state = n.state, cancel_reason = n.cancel_reason,
            ended_on = n.ended_on, version = n.version, stated = n.stated,
            stated_as = n.stated_as
        FROM jsonb_populate_recordset(NULL::course, $1::text::jsonb) AS n WHERE n.course = c.course
        """,
        _rows(courses),
    )


async def write_sections(conn: asyncpg.Connection, courses: Sequence[Course]) -> None:
    """Add or replace the sections of courses that were locked."""
    await conn.execute(
        """
        INSERT INTO course_section (course, number, kreis, starts_on, ends_on, ue, capacity, taken, removed,
            completed_on)
        SELECT course, number, kreis, starts_on, ends_on, ue, capacity, taken, removed, completed_on
        FROM jsonb_populate_recordset(NULL::course_section, $1::text::jsonb)
        ON CONFLICT (course, number) DO UPDATE SET kreis = excluded.kreis, starts_on = excluded.starts_on,
            ends_on = excluded.ends_on, ue = excluded.ue, capacity = excluded.capacity,
            taken = excluded.taken, removed = excluded.removed, completed_on = excluded.completed_on
        """,
        _section_rows(courses),
    )


async def write_seats(conn: asyncpg.Connection, courses: Sequence[Course]) -> None:
    """Write only what is taken in sections that were locked."""
    await conn.execute(
        """
        UPDATE course_section AS s SET capacity = n.capacity, taken = n.taken
        FROM jsonb_populate_recordset(NULL::course_section, $1::text::jsonb) AS n
        WHERE n.course = s.course AND n.number = s.number AND (n.capacity, n.taken) <> (s.capacity, s.taken)
        """,
        _section_rows(courses),
    )


async def not_stated(conn: asyncpg.Connection, facts: int, limit: int) -> list[UUID]:
    """Return courses of which the support side was never told, or not yet with all of these facts."""
    rows = await conn.fetch(
        "SELECT course FROM course WHERE stated = 0 OR stated_as < $1 ORDER BY course LIMIT $2", facts, limit
    )
    return [row["course"] for row in rows]
