"""Keeps the results that a risk rule reads: those below the aim, and those that settle them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from schemas.codes import Exam, ExamResult, SectionGrade
from services.runtime.data.db import Connection

REACHED = frozenset({ExamResult.B1, ExamResult.B2, ExamResult.C1, ExamResult.PASSED})
"""Results of a final examination that reach its aim."""


@dataclass(frozen=True, slots=True)
class SectionResult:
    """The result of a section test."""

    cause: UUID
    participant: UUID
    course: UUID
    section: int
    day: date
    grade: str


@dataclass(frozen=True, slots=True)
class FinalResult:
    """The result of a final examination."""

    cause: UUID
    participant: UUID
    course: UUID
    exam: str
    day: date
    result: str


async def drop(conn: Connection, causes: Sequence[UUID]) -> list[UUID]:
    """Delete results that were corrected or retracted; return whose they were."""
    rows = await conn.fetch(
        """
        WITH sections AS (
            DELETE FROM section_result WHERE cause = ANY($1::uuid[]) RETURNING participant_id, course_id),
        exams AS (
            DELETE FROM exam_result WHERE cause = ANY($1::uuid[]) RETURNING participant_id, course_id)
        SELECT participant_id, course_id FROM sections UNION SELECT participant_id, course_id FROM exams
        """,
        list(causes),
    )
    for row in rows:
        await _prune(conn, row["participant_id"], row["course_id"])
    return [row["participant_id"] for row in rows]


async def put_section(conn: Connection, one: SectionResult) -> bool:
    """Keep a result unless a later one of the section is known; return whether it was kept."""
    kept = await conn.fetchval(
        """
        INSERT INTO section_result AS s (participant_id, course_id, section, grade, tested_on, cause)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (participant_id, course_id, section) DO UPDATE SET grade = EXCLUDED.grade,
            tested_on = EXCLUDED.tested_on, cause = EXCLUDED.cause WHERE s.tested_on <= EXCLUDED.tested_on
        RETURNING true
        """,
        one.participant,
        one.course,
        one.section,
        one.grade,
        one.day,
        one.cause,
    )
    await _prune(conn, one.participant, one.course)
    return bool(kept)


async def put_final(conn: Connection, one: FinalResult) -> None:
    """Keep the result of an examination; of two of the same day the one that is told later counts."""
    await conn.execute(
        """
        INSERT INTO exam_result (participant_id, course_id, exam, result, taken_on, cause)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (participant_id, course_id, exam, taken_on) DO UPDATE SET result = EXCLUDED.result,
            cause = EXCLUDED.cause
        """,
        one.participant,
        one.course,
        one.exam,
        one.result,
        one.day,
        one.cause,
    )
    await _prune(conn, one.participant, one.course)


async def _prune(conn: Connection, participant: UUID, course: UUID) -> None:
    """Delete what no rule reads: results that reached the aim before a later one, where none missed it.

    Where one missed it, all that reached it stay: each may be the one that settles the matter.
    """
    await conn.execute(
        """
        WITH here AS (
            SELECT section, tested_on, grade = $3 AS missed FROM section_result
            WHERE participant_id = $1 AND course_id = $2)
        DELETE FROM section_result AS s WHERE s.participant_id = $1 AND s.course_id = $2
            AND NOT EXISTS (SELECT FROM here WHERE missed)
            AND EXISTS (SELECT FROM here WHERE (here.tested_on, here.section) > (s.tested_on, s.section))
        """,
        participant,
        course,
        SectionGrade.BELOW,
    )
    await conn.execute(
        """
        WITH here AS (
            SELECT exam, taken_on, exam = $3 AS lid, result <> ALL($4::text[]) AS missed FROM exam_result
            WHERE participant_id = $1 AND course_id = $2)
        DELETE FROM exam_result AS e WHERE e.participant_id = $1 AND e.course_id = $2
            AND NOT EXISTS (SELECT FROM here WHERE missed AND lid = (e.exam = $3))
            AND EXISTS (SELECT FROM here WHERE lid = (e.exam = $3)
                AND (here.taken_on, here.exam) > (e.taken_on, e.exam))
        """,
        participant,
        course,
        Exam.LID,
        list(REACHED),
    )


async def erase(conn: Connection, participants: Sequence[UUID], *, sections: bool, finals: bool) -> None:
    """Erase results of people: of section tests, of final examinations, or both."""
    people = list(participants)
    if sections:
        await conn.execute("DELETE FROM section_result WHERE participant_id = ANY($1::uuid[])", people)
    if finals:
        await conn.execute("DELETE FROM exam_result WHERE participant_id = ANY($1::uuid[])", people)
