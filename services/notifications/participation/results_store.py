"""Keeps the results that a risk rule reads: those below the aim, and later ones that settle them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from schemas.codes import ExamResult
from services.runtime.data.db import Connection

REACHED = frozenset({ExamResult.B1, ExamResult.B2, ExamResult.C1, ExamResult.PASSED})
"""Results of a final examination that reach its aim."""


@dataclass(frozen=True, slots=True)
class SectionResult:
    """The result of a section test; `below`: under what is expected after the section."""

    cause: UUID
    participant: UUID
    course: UUID
    section: int
    day: date
    grade: str
    below: bool


@dataclass(frozen=True, slots=True)
class FinalResult:
    """The result of a final examination; `missed`: the aim was not reached, or the person did not sit."""

    cause: UUID
    participant: UUID
    course: UUID
    exam: str
    day: date
    result: str
    missed: bool


async def drop(conn: Connection, causes: Sequence[UUID]) -> list[UUID]:
    """Delete results that were corrected or retracted; return whose they were."""
    rows = await conn.fetch(
        """
        WITH sections AS (DELETE FROM section_result WHERE cause = ANY($1::uuid[]) RETURNING participant_id),
        exams AS (DELETE FROM exam_result WHERE cause = ANY($1::uuid[]) RETURNING participant_id)
        SELECT participant_id FROM sections UNION SELECT participant_id FROM exams
        """,
        list(causes),
    )
    return [row["participant_id"] for row in rows]


async def put_section(conn: Connection, one: SectionResult) -> bool:
    """Keep a result if it is below, or if there is one below that it follows; return whether it was kept."""
    return bool(
        await conn.fetchval(
            """
            INSERT INTO section_result (participant_id, course_id, section, grade, tested_on, cause)
            SELECT $1, $2, $3, $4, $5, $6 WHERE $7 OR EXISTS (
                SELECT FROM section_result WHERE participant_id = $1 AND course_id = $2)
            ON CONFLICT (participant_id, course_id, section) DO UPDATE SET grade = EXCLUDED.grade,
                tested_on = EXCLUDED.tested_on, cause = EXCLUDED.cause
            RETURNING true
            """,
            one.participant,
            one.course,
            one.section,
            one.grade,
            one.day,
            one.cause,
            one.below,
        )
    )


async def put_final(conn: Connection, one: FinalResult) -> bool:
    """Keep a result if the aim was missed, or if it was before; return whether it was kept."""
    return bool(
        await conn.fetchval(
            """
            INSERT INTO exam_result (participant_id, course_id, exam, result, taken_on, cause)
            SELECT $1, $2, $3, $4, $5, $6 WHERE $7 OR EXISTS (
                SELECT FROM exam_result WHERE participant_id = $1 AND course_id = $2 AND exam = $3)
            ON CONFLICT (participant_id, course_id, exam, taken_on) DO UPDATE SET result = EXCLUDED.result,
                cause = EXCLUDED.cause
            RETURNING true
            """,
            one.participant,
            one.course,
            one.exam,
            one.result,
            one.day,
            one.cause,
            one.missed,
        )
    )


async def erase(conn: Connection, participants: Sequence[UUID], *, sections: bool, finals: bool) -> None:
    """Erase results of people: of section tests, of final examinations, or both."""
    people = list(participants)
    if sections:
        await conn.execute("DELETE FROM section_result WHERE participant_id = ANY($1::uuid[])", people)
    if finals:
        await conn.execute("DELETE FROM exam_result WHERE participant_id = ANY($1::uuid[])", people)
