"""Reads and writes course days, attendance marks, results and needs; whole batches in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID, uuid4

import asyncpg

from services.runtime.data.db import Connection


@dataclass(slots=True)
class DayRows:
    """Rows of `course_day` to be written, column by column."""

    courses: list[UUID] = field(default_factory=list)
    days: list[date] = field(default_factory=list)
    event_ids: list[str] = field(default_factory=list)
    ue_held: list[float] = field(default_factory=list)
    listed: list[int] = field(default_factory=list)
    present: list[int | None] = field(default_factory=list)
    excused: list[int | None] = field(default_factory=list)
    unexcused: list[int | None] = field(default_factory=list)
    ue_attended: list[float | None] = field(default_factory=list)


MarkRow = tuple[UUID, date, UUID, str, float]
"""Course, day, participant, mark, UE."""


async def known_courses(conn: Connection, courses: Sequence[UUID]) -> frozenset[UUID]:
    """Return which of these courses have been announced."""
    rows = await conn.fetch("SELECT course_id FROM course WHERE course_id = ANY($1::uuid[])", list(courses))
    return frozenset(row["course_id"] for row in rows)


async def put_days(conn: Connection, rows: DayRows) -> list[tuple[UUID, date]]:
    """Write course days, not yet assessed; return those that replaced an earlier report."""
    return [
        (row["course_id"], row["day"])
        for row in await conn.fetch(
            """
            WITH put AS (INSERT INTO course_day AS d
            (course_id, day, event_id, ue_held, listed, present, excused, unexcused, ue_attended)
            SELECT * FROM unnest($1::uuid[], $2::date[], $3::text[], $4::real[], $5::smallint[],
                $6::smallint[], $7::smallint[], $8::smallint[], $9::real[])
            ON CONFLICT (course_id, day) DO UPDATE SET event_id = EXCLUDED.event_id,
                ue_held = EXCLUDED.ue_held, listed = EXCLUDED.listed, present = EXCLUDED.present,
                excused = EXCLUDED.excused, unexcused = EXCLUDED.unexcused,
                ue_attended = EXCLUDED.ue_attended, assessed = false
            RETURNING old.course_id AS replaced, new.course_id, new.day)
            SELECT course_id, day FROM put WHERE replaced IS NOT NULL
            """,
            rows.courses,
            rows.days,
            rows.event_ids,
            rows.ue_held,
            rows.listed,
            rows.present,
            rows.excused,
            rows.unexcused,
            rows.ue_attended,
        )
    ]


async def drop_marks(conn: Connection, keys: Sequence[tuple[UUID, date]]) -> None:
    """Delete the marks of course days that are reported anew."""
    await conn.execute(
        """
        DELETE FROM attendance AS a USING unnest($1::uuid[], $2::date[]) AS gone (c, d)
        WHERE a.course_id = gone.c AND a.day = gone.d
        """,
        [key[0] for key in keys],
        [key[1] for key in keys],
    )


async def drop_days(conn: Connection, keys: Sequence[tuple[UUID, date]]) -> None:
    """Empty retracted course days; the row stays until the course has been assessed without them."""
    await drop_marks(conn, keys)
    await conn.execute(
        """
        UPDATE course_day AS d SET ue_held = 0, listed = 0, present = NULL, excused = NULL,
        unexcused = NULL, ue_attended = NULL, assessed = false
        FROM unnest($1::uuid[], $2::date[]) AS gone (c, d) WHERE d.course_id = gone.c AND d.day = gone.d
        """,
        [key[0] for key in keys],
        [key[1] for key in keys],
    )


async def drop_corrected_days(conn: Connection, corrected: Sequence[tuple[UUID, str]]) -> None:
    """Empty the days that corrected events had reported: the correction may be about another day."""
    rows = await conn.fetch(
        """
        SELECT d.course_id, d.day FROM course_day AS d
        JOIN unnest($1::uuid[], $2::text[]) AS c (course, event) ON d.course_id = c.course
            AND d.event_id = c.event ORDER BY 1, 2
        """,
        [course for course, _ in corrected],
        [event for _, event in corrected],
    )
    if rows:
        await drop_days(conn, [(row["course_id"], row["day"]) for row in rows])


async def add_marks(conn: Connection, rows: Sequence[MarkRow]) -> None:
    """Copy in the marks of days that hold none (twice as fast as arrays, which asyncpg looks into)."""
    await conn.copy_records_to_table(
        "attendance", records=rows, columns=("course_id", "day", "participant_id", "mark", "ue")
    )


async def put_section_result(
    conn: Connection, participant: UUID, course: UUID, section: int, *, grade: str, tested_on: date
) -> None:
    """Store the result of a section test; the latest report wins."""
    await conn.execute(
        """
        INSERT INTO section_result (participant_id, course_id, section, grade, tested_on)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (participant_id, course_id, section)
        DO UPDATE SET grade = EXCLUDED.grade, tested_on = EXCLUDED.tested_on
        """,
        participant,
        course,
        section,
        grade,
        tested_on,
    )


async def drop_section_result(conn: Connection, participant: UUID, course: UUID, section: int) -> None:
    """Delete the result of a section test."""
    await conn.execute(
        "DELETE FROM section_result WHERE participant_id = $1 AND course_id = $2 AND section = $3",
        participant,
        course,
        section,
    )


async def put_exam_result(
    conn: Connection, participant: UUID, course: UUID, *, exam: str, taken_on: date, result: str
) -> None:
    """Store the result of an examination; the latest report wins."""
    await conn.execute(
        """
        INSERT INTO exam_result (participant_id, course_id, exam, taken_on, result)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (participant_id, course_id, exam, taken_on)
        DO UPDATE SET result = EXCLUDED.result
        """,
        participant,
        course,
        exam,
        taken_on,
        result,
    )


async def drop_exam_result(
    conn: Connection, participant: UUID, course: UUID, *, exam: str, taken_on: date
) -> None:
    """Delete the result of an examination."""
    await conn.execute(
        """
        DELETE FROM exam_result WHERE participant_id = $1 AND course_id = $2 AND exam = $3
        AND taken_on = $4
        """,
        participant,
        course,
        exam,
        taken_on,
    )


async def add_need(
    conn: Connection, cause: UUID, *, event_id: str, office: str, need: str, town: str, month: str
) -> None:
    """Store a reported need."""
    await conn.execute(
        """
        INSERT INTO need_report (cause, event_id, office, need, town, month)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (cause) DO NOTHING
        """,
        cause,
        event_id,
        office,
        need,
        town,
        month,
    )


async def drop_need(conn: Connection, office: str, event_id: str) -> None:
    """Delete a reported need."""
    await conn.execute("DELETE FROM need_report WHERE office = $1 AND event_id = $2", office, event_id)


async def erase_participation(conn: Connection, participants: Sequence[UUID]) -> None:
    """Erase attendance, results and risks of people, and replace their ids in parked course days."""
    people = list(participants)
    await conn.execute("DELETE FROM attendance WHERE participant_id = ANY($1::uuid[])", people)
    await conn.execute("DELETE FROM section_result WHERE participant_id = ANY($1::uuid[])", people)
    await conn.execute("DELETE FROM exam_result WHERE participant_id = ANY($1::uuid[])", people)
    await conn.execute("DELETE FROM risk WHERE participant_id = ANY($1::uuid[])", people)
    for row in await _parked_with(conn, people):
        data = row["data"].decode()
        for person in people:
            data = data.replace(str(person), str(uuid4()))
        await conn.execute("UPDATE runtime.parked SET data = $2 WHERE id = $1", row["id"], data.encode())


async def _parked_with(conn: Connection, people: Sequence[UUID]) -> list[asyncpg.Record]:
    return await conn.fetch(
        """
        SELECT k.id, k.data FROM runtime.parked AS k
        WHERE k.attributes ->> 'type' = 'de.kurslotse.attendance-recorded.v1'
        AND EXISTS (SELECT FROM unnest($1::uuid[]) AS p
            WHERE position(convert_to(p::text, 'UTF8') IN k.data) > 0)
        ORDER BY k.id FOR UPDATE
        """,
        people,
    )
