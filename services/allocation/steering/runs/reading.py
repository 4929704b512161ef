"""Reads what a snapshot is made of: people who wait, free seats, decisions, travel times."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID, uuid5

import asyncpg

from schemas.identity import NAMESPACE
from services.allocation.law.rulebook import Rules
from services.allocation.steering.matching.domain import Course, Deviation, EntryKey, Offer, Person, Section

_PERSON = """
    SELECT p.participant, p.version, p.kreis, p.office, p.town, p.standing, p.route, p.registered_on,
           p.course_types, p.granted_on, p.valid_until, p.cooperation_plan, p.hours_left, p.available,
           p.available_days, p.earliest_start, p.needs_childcare, p.needs_women_only,
           p.needs_barrier_free, p.max_travel_minutes, p.family, p.level, p.section,
           o.placement, o.version AS offer_version, o.course, o.entry_section, x.excluded, x.seats,
           d.section AS other_section, d.level AS other_level, d.id IS NOT NULL AS deviates,
           EXISTS (
               SELECT FROM placement s
               JOIN course_section e ON e.course = s.course AND e.number = s.entry_section
               WHERE s.participant = p.participant AND (s.state IN ('started', 'interrupted')
                   OR s.state = 'confirmed' AND e.starts_on <= $2)) AS sits,
           h.id IS NOT NULL AS held, b.courses AS barred_courses, b.providers AS barred_providers,
           CASE WHEN t.after_course THEN t.last_course_ended_on END AS last_course_ended_on
    FROM participant p
    JOIN waiting_since t ON t.participant = p.participant
    LEFT JOIN placement o ON o.participant = p.participant AND o.state = 'proposed'
    LEFT JOIN level_deviation d ON d.participant = p.participant AND d.lifted_at IS NULL
    LEFT JOIN steering_hold h ON h.participant = p.participant AND h.lifted_at IS NULL
                              AND (h.until IS NULL OR h.until > $2)
    LEFT JOIN (
        SELECT participant,
               array_agg(course ORDER BY course) FILTER (WHERE course IS NOT NULL) AS courses,
               array_agg(provider ORDER BY provider) FILTER (WHERE provider IS NOT NULL) AS providers
        FROM steering_exclusion WHERE lifted_at IS NULL GROUP BY participant
    ) b ON b.participant = p.participant
    LEFT JOIN (
        SELECT participant,
               array_agg(DISTINCT course ORDER BY course) FILTER (WHERE state IN
                   ('declined', 'expired', 'refused', 'released', 'left', 'transferred', 'completed',
                    'course_cancelled')) AS excluded,
               array_agg(course ORDER BY course) FILTER (WHERE state IN
                   ('sent_to_authority', 'reserved', 'accepted', 'confirmed', 'started', 'interrupted'))
                   AS seats
        FROM placement GROUP BY participant
    ) x ON x.participant = p.participant
"""
"""What steering knows of somebody; $2 is the day."""
_FACTS = (
    "version", "kreis", "office", "town", "standing", "route", "registered_on", "course_types", "granted_on",
    "valid_until", "cooperation_plan", "hours_left", "available", "available_days", "earliest_start",
    "needs_childcare", "needs_women_only", "needs_barrier_free", "max_travel_minutes", "level", "section",
    "held", "last_course_ended_on",
)  # fmt: skip
"""Columns that are fields of a `Person` as they stand."""


async def read_people(conn: asyncpg.Connection, kreise: Sequence[str], day: date) -> list[Person]:
    """Read the people who wait: active, without a seat, and not with the authority; on hold or not."""
    rows = await conn.fetch(
        _PERSON
        + """
        WHERE p.kreis = ANY($1) AND p.status = 'active' AND x.seats IS NULL ORDER BY p.participant
        """,
        kreise,
        day,
    )
    return [_person(row) for row in rows]


async def read_person(conn: asyncpg.Connection, participant: UUID, day: date) -> Person | None:
    """Read one of the people who wait, as `read_people` does."""
    row = await conn.fetchrow(
        _PERSON + "WHERE p.participant = $1 AND p.status = 'active' AND x.seats IS NULL", participant, day
    )
    return None if row is None else _person(row)


async def read_seated(
    conn: asyncpg.Connection, kreise: Sequence[str], day: date, courses: Sequence[UUID]
) -> dict[UUID, list[Person]]:
    """Read who would wait again if courses were cancelled: all who have a seat there, and nowhere else.

    Whoever sits in one that has begun would wait from the day on.
    """
    rows = await conn.fetch(
        _PERSON
        + """
        WHERE p.kreis = ANY($1) AND p.status = 'active' AND x.seats <@ $3::uuid[] ORDER BY p.participant
        """,
        kreise,
        day,
        courses,
    )
    found: dict[UUID, list[Person]] = defaultdict(list)
    for row in rows:
        person = _person(row)
        found[row["seats"][-1]].append(replace(person, last_course_ended_on=day) if row["sits"] else person)
    return found


async def read_movable(
    conn: asyncpg.Connection, kreis: str, day: date, courses: Sequence[UUID]
) -> dict[UUID, list[Person]]:
    """Read by course whom a coordinator of a Kreis can move: who has a seat there and has not begun."""
    pairs = await conn.fetch(
        """
        SELECT s.course, s.participant FROM placement s
        JOIN participant p ON p.participant = s.participant AND p.kreis = s.kreis
        WHERE s.kreis = $1 AND s.course = ANY($2::uuid[]) AND s.state IN ('reserved', 'accepted', 'confirmed')
        ORDER BY s.course, s.participant
        """,
        kreis,
        courses,
    )
    rows = await conn.fetch(
        _PERSON + "WHERE p.participant = ANY($1::uuid[])", [row["participant"] for row in pairs], day
    )
    people = {row["participant"]: _person(row) for row in rows}
    found: dict[UUID, list[Person]] = defaultdict(list)
    for row in pairs:
        found[row["course"]].append(people[row["participant"]])
    return found


async def read_taken(conn: asyncpg.Connection, courses: Sequence[UUID]) -> dict[UUID, int]:
    """Read how many seats are taken in the first section of courses, whoever sits there."""
    rows = await conn.fetch(
        """
        SELECT DISTINCT ON (course) course, taken FROM course_section
        WHERE course = ANY($1::uuid[]) AND NOT removed ORDER BY course, number
        """,
        courses,
    )
    return {row["course"]: row["taken"] for row in rows}


async def read_recent(conn: asyncpg.Connection, kreise: Sequence[str], day: date, days: int) -> list[Person]:
    """Read who registered in the last days, whatever has become of them; who withdrew is left out."""
    rows = await conn.fetch(
        _PERSON
        + """
        WHERE p.kreis = ANY($1) AND p.status <> 'merged' AND p.status <> 'withdrawn'
            AND p.registered_on > $2::date - $3::int AND p.registered_on <= $2
        ORDER BY p.participant
        """,
        kreise,
        day,
        days,
    )
    return [_person(row) for row in rows]


def _values(row: asyncpg.Record) -> dict[str, Any]:
    """Return the columns of a row by name, arrays as tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}


def _person(row: asyncpg.Record) -> Person:
    values = _values(row)
    offer = None
    if row["placement"] is not None:
        entry = EntryKey(row["course"], row["entry_section"])
        offer = Offer(row["placement"], row["offer_version"], entry)
    family = row["family"]
    return Person(
        **{name: values[name] for name in _FACTS},
        id=row["participant"],
        excluded=tuple(row["excluded"] or ()),
        offer=offer,
        family=None if family is None else uuid5(NAMESPACE, f"family/{row['office']}/{family}"),
        deviation=Deviation(row["other_section"], row["other_level"]) if row["deviates"] else None,
        barred_courses=tuple(row["barred_courses"] or ()),
        barred_providers=tuple(row["barred_providers"] or ()),
    )


async def _sections(
    conn: asyncpg.Connection, kreise: Sequence[str], day: date, only: Sequence[UUID] | None
) -> tuple[dict[UUID, list[Section]], dict[UUID, int]]:
    """Read the sections to come with the seats that nobody holds or may yet be assigned, and who sits."""
    sections: dict[UUID, list[Section]] = defaultdict(list)
    seated: dict[UUID, int] = {}
    for row in await conn.fetch(
        """
        SELECT s.course, s.number, s.starts_on, s.ends_on, s.ue, s.taken + count(a.placement) AS taken,
               s.capacity
        FROM course_section s
        JOIN course c ON c.course = s.course AND c.state = 'announced'
        LEFT JOIN placement a ON a.course = s.course AND a.entry_section <= s.number
                              AND a.state = 'sent_to_authority'
        WHERE s.kreis = ANY($1) AND s.ends_on >= $2 AND NOT s.removed AND s.completed_on IS NULL
            AND ($3::uuid[] IS NULL OR s.course = ANY($3))
        GROUP BY s.course, s.number
        ORDER BY s.course, s.number
        """,
        kreise,
        day,
        only,
    ):
        seated.setdefault(row["course"], row["taken"])
        sections[row["course"]].append(
            Section(
                row["number"], row["starts_on"], row["ends_on"], row["ue"], row["capacity"] - row["taken"]
            )
        )
    return sections, seated


async def read_seated_by(
    conn: asyncpg.Connection, courses: Sequence[UUID]
) -> Sequence[tuple[UUID, str, bool, int]]:
    """Count who sits in courses through steering, by standing and Kooperationsplan."""
    rows = await conn.fetch(
        """
        SELECT s.course, p.standing, p.cooperation_plan, count(*) AS n
        FROM placement s JOIN participant p ON p.participant = s.participant
        WHERE s.course = ANY($1::uuid[]) AND s.state IN
            ('sent_to_authority', 'reserved', 'accepted', 'confirmed', 'started', 'interrupted')
        GROUP BY s.course, p.standing, p.cooperation_plan ORDER BY s.course, p.standing, p.cooperation_plan
        """,
        courses,
    )
    return [(row["course"], row["standing"], row["cooperation_plan"], row["n"]) for row in rows]


async def read_courses(
    conn: asyncpg.Connection,
    kreise: Sequence[str],
    day: date,
    rules: Rules,
    only: Sequence[UUID] | None = None,
) -> list[Course]:
    """Read the courses that have not ended, with their free seats and what has been decided about them.

    `only`: no others than these.
    """
    sections, seated = await _sections(conn, kreise, day, only)
    rows = await conn.fetch(
        """
        SELECT c.course AS id, c.version, c.kreis, c.provider, c.course_type, c.course_kind AS kind, c.town,
               c.times_of_day, c.target_level, c.childcare, c.women_only, c.barrier_free, c.online,
               c.registration_until, c.capacity, c.minimum, d.decision,
               (SELECT min(s.starts_on) FROM course_section s WHERE s.course = c.course AND NOT s.removed)
                   AS begins_on,
               (c.venue->>'latitude')::float8 AS latitude, (c.venue->>'longitude')::float8 AS longitude,
               ARRAY(SELECT DISTINCT lesson->>'weekday' FROM jsonb_array_elements(c.lessons) AS lesson
                     ORDER BY 1) AS weekdays
        FROM course c
        LEFT JOIN course_decision d ON d.course = c.course AND d.lifted_at IS NULL
        WHERE c.kreis = ANY($1) AND c.state = 'announced' AND c.course = ANY($2::uuid[]) ORDER BY c.course
        """,
        kreise,
        list(sections),
    )
    classes: dict[UUID, Counter[str]] = defaultdict(Counter)
    for course, standing, plan, count in await read_seated_by(conn, list(sections)):
        classes[course][rules.priorities.code_of(standing, cooperation_plan=plan)] += count
    return [
        Course(
            **_values(row),
            sections=tuple(sections[row["id"]]),
            seated=seated[row["id"]],
            seated_by=tuple(sorted(classes[row["id"]].items())),
        )
        for row in rows
    ]


async def read_travel(conn: asyncpg.Connection, kreise: Sequence[str]) -> dict[tuple[str, str], int]:
    """Read the municipalities' tables in force: minutes from town to town."""
    rows = await conn.fetch(
        """
        SELECT from_town, to_town, min(minutes) AS minutes
        FROM travel_time WHERE kreis = ANY($1) GROUP BY from_town, to_town
        """,
        kreise,
    )
    return {(row["from_town"], row["to_town"]): row["minutes"] for row in rows}
