"""Reads and writes course days, attendance marks and needs; whole batches in one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

import asyncpg

from services.notifications.participation import stand_ins
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


async def put_days(conn: Connection, rows: DayRows, today: date) -> list[tuple[UUID, date]]:
    """Write course days reported today, not yet assessed; return those that replaced an earlier report."""
    return [
        (row["course_id"], row["day"])
        for row in await conn.fetch(
            """
            WITH put AS (INSERT INTO course_day AS d
            (course_id, day, event_id, ue_held, listed, present, excused, unexcused, ue_attended, reported_on)
            SELECT *, $10::date FROM unnest($1::uuid[], $2::date[], $3::text[], $4::real[], $5::smallint[],
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
            today,
        )
    ]


async def drop_marks(conn: Connection, keys: Sequence[tuple[UUID, date]]) -> None:
    """Delete the marks of course days that are reported anew, held ones too."""
    await conn.execute(
        """
        WITH gone AS (SELECT * FROM unnest($1::uuid[], $2::date[]) AS gone (c, d)),
        held AS (DELETE FROM held_mark AS h USING gone WHERE h.course_id = gone.c AND h.day = gone.d)
        DELETE FROM attendance AS a USING gone WHERE a.course_id = gone.c AND a.day = gone.d
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


async def add_marks(conn: Connection, rows: Sequence[MarkRow]) -> None:
    """Copy in the marks of days that hold none (twice as fast as arrays, which asyncpg looks into)."""
    await conn.copy_records_to_table(
        "attendance", records=rows, columns=("course_id", "day", "participant_id", "mark", "ue")
    )


async def add_late_marks(conn: Connection, rows: Sequence[MarkRow]) -> None:
    """Add marks to days that were read already, and have their courses assessed again."""
    if not rows:
        return
    await conn.execute(
        """
        WITH late AS (
            INSERT INTO attendance (course_id, day, participant_id, mark, ue)
            SELECT * FROM unnest($1::uuid[], $2::date[], $3::uuid[], $4::text[], $5::real[])
            ON CONFLICT (course_id, day, participant_id) DO NOTHING RETURNING course_id, day)
        UPDATE course_day AS d SET assessed = false FROM late WHERE d.course_id = late.course_id
            AND d.day = late.day
        """,
        [row[0] for row in rows],
        [row[1] for row in rows],
        [row[2] for row in rows],
        [row[3] for row in rows],
        [row[4] for row in rows],
    )


async def add_need(conn: Connection, cause: UUID, *, office: str, need: str, town: str, month: str) -> None:
    """Store a reported need."""
    await conn.execute(
        """
        INSERT INTO need_report (cause, event_id, office, need, town, month)
        VALUES ($1::uuid, $1::uuid::text, $2, $3, $4, $5) ON CONFLICT (cause) DO NOTHING
        """,
        cause,
        office,
        need,
        town,
        month,
    )


async def drop_need(conn: Connection, cause: UUID) -> bool:
    """Delete a reported need; return False if there is none."""
    return bool(await conn.fetchval("DELETE FROM need_report WHERE cause = $1 RETURNING true", cause))


async def erase_participation(
    conn: Connection, participants: Sequence[UUID], held_under: Mapping[UUID, UUID]
) -> None:
    """Erase attendance, and risks that rested on it, and replace their ids in what waits.

    `held_under` maps each person to the stand-in their marks are kept under until their place is known.
    """
    people = list(participants)
    ids = [*people, *(held_under[person] for person in people)]
    await conn.execute("DELETE FROM attendance WHERE participant_id = ANY($1::uuid[])", people)
    await conn.execute(
        "DELETE FROM risk WHERE participant_id = ANY($1::uuid[]) AND purpose = 'dropout_support'", people
    )
    await conn.execute("DELETE FROM held_mark WHERE person = ANY($1::uuid[])", ids)
    for row in await _parked_with(conn, ids):
        data = row["data"].decode()
        for one in ids:
            data = data.replace(str(one), str(stand_ins.nobody()))
        await conn.execute("UPDATE runtime.parked SET data = $2 WHERE id = $1", row["id"], data.encode())


async def erase_risks_afterwards(conn: Connection, participants: Sequence[UUID]) -> None:
    """Erase the risks about what follows a course."""
    await conn.execute(
        "DELETE FROM risk WHERE participant_id = ANY($1::uuid[]) AND purpose = 'after_course'",
        list(participants),
    )


async def _parked_with(conn: Connection, ids: Sequence[UUID]) -> list[asyncpg.Record]:
    return await conn.fetch(
        """
        SELECT k.id, k.data FROM runtime.parked AS k
        WHERE k.attributes ->> 'type' = 'de.kurslotse.attendance-recorded.v1'
        AND EXISTS (SELECT FROM unnest($1::uuid[]) AS p
            WHERE position(convert_to(p::text, 'UTF8') IN k.data) > 0)
        ORDER BY k.id FOR UPDATE
        """,
        ids,
    )
