"""An invented region written into allocation's tables."""

from __future__ import annotations

import asyncpg

from services.allocation.steering.matching.snapshot import Snapshot


async def fill(conn: asyncpg.Connection, region: Snapshot, capacity: int = 20) -> None:
    """Write courses, sections and people; offers and exclusions are left out."""
    await conn.executemany(
        """
        INSERT INTO course (course, kreis, provider, own_course, title, course_type, course_kind, town,
            capacity, target_level, times_of_day, barrier_free, childcare, women_only, registration_until)
        VALUES ($1, $2, $3, $4, 'a course', $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        """,
        [
            (
                course.id,
                region.region,
                course.provider,
                str(course.id),
                course.course_type,
                course.kind,
                course.town,
                capacity,
                course.target_level,
                list(course.times_of_day),
                course.barrier_free,
                course.childcare,
                course.women_only,
                course.registration_until,
            )
            for course in region.courses
        ],
    )
    await conn.executemany(
        """
        INSERT INTO course_section (course, number, kreis, starts_on, ends_on, ue, capacity, taken)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        [
            (
                course.id,
                section.number,
                region.region,
                section.starts_on,
                section.ends_on,
                section.ue,
                capacity,
                capacity - section.free,
            )
            for course in region.courses
            for section in course.sections
        ],
    )
    await conn.executemany(
        """
        INSERT INTO participant (participant, kreis, office, reference, registered_on, first_registered_on,
            town, standing, route, granted_on, valid_until, cooperation_plan, course_types, available,
            earliest_start, needs_childcare, needs_women_only, needs_barrier_free, tested_on, level, section)
        VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
        """,
        [
            (
                person.id,
                region.region,
                person.office,
                f"r-{number}",
                person.registered_on,
                person.town,
                person.standing,
                person.route,
                person.granted_on,
                person.valid_until,
                person.cooperation_plan,
                list(person.course_types),
                list(person.available),
                person.earliest_start,
                person.needs_childcare,
                person.needs_women_only,
                person.needs_barrier_free,
                person.registered_on if person.level else None,
                person.level,
                person.section,
            )
            for number, person in enumerate(region.people)
        ],
    )
