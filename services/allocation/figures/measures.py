"""Keeps what was agreed so that a reported need is met, and tells it to the support side."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import asyncpg

from schemas.measures import MeasureStated
from services.allocation.placements.messages import outgoing
from services.runtime.data.db import Pool, transaction
from services.runtime.send.outbox import put

AT_ONCE = 100
"""Measures that are told in one transaction."""


async def add(
    conn: asyncpg.Connection,
    kreis: str,
    *,
    need: str,
    agreed: str,
    course: UUID | None,
    begins_on: date,
    by: str,
    now: datetime,
) -> None:
    """Store a measure."""
    await conn.execute(
        "INSERT INTO measure (kreis, need, agreed, course, begins_on, decided_by, decided_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        kreis,
        need,
        agreed,
        course,
        begins_on,
        by,
        now,
    )


async def end(conn: asyncpg.Connection, measure: UUID, *, by: str, today: date) -> bool:
    """End a measure; return whether it was still running."""
    ended = await conn.fetchval(
        "UPDATE measure SET ended_on = greatest($3, begins_on), ended_by = $2"
        " WHERE measure = $1 AND ended_on IS NULL RETURNING true",
        measure,
        by,
        today,
    )
    return bool(ended)


async def listed(conn: asyncpg.Connection, kreis: str) -> Sequence[asyncpg.Record]:
    """List the measures of a Kreis, running ones first, then the latest."""
    return await conn.fetch(
        """
        SELECT m.measure, m.need, m.agreed, m.begins_on, m.decided_by, m.decided_at, m.ended_on, m.course,
            c.title AS course_title, c.own_course FROM measure AS m LEFT JOIN course AS c USING (course)
        WHERE m.kreis = $1 ORDER BY m.ended_on IS NOT NULL, m.begins_on DESC, m.measure LIMIT 100
        """,
        kreis,
    )


async def courses(conn: asyncpg.Connection, kreis: str, today: date) -> Sequence[asyncpg.Record]:
    """List the courses of a Kreis that run or are to come: a measure may be done in one of them."""
    return await conn.fetch(
        """
        SELECT course, title, own_course FROM course AS c
        WHERE kreis = $1 AND state = 'announced' AND EXISTS (SELECT FROM course_section AS s
            WHERE s.course = c.course AND NOT s.removed AND s.ends_on >= $2)
        ORDER BY title, own_course, course LIMIT 500
        """,
        kreis,
        today,
    )


@dataclass(frozen=True, slots=True)
class MeasureTeller:
    """Tells the support side each measure when it is recorded and when it has ended."""

    pool: Pool
    prefix: str

    async def tell(self, now: datetime) -> int:
        """Tell what is not told yet; return how many measures that were."""
        async with transaction(self.pool) as conn:
            rows = await conn.fetch(
                """
                UPDATE measure SET told = version FROM (
                    SELECT measure AS told_now, CASE WHEN ended_on IS NULL THEN 1 ELSE 2 END AS version
                    FROM measure WHERE told < CASE WHEN ended_on IS NULL THEN 1 ELSE 2 END
                    ORDER BY measure LIMIT $1 FOR UPDATE SKIP LOCKED) AS untold
                WHERE measure = told_now
                RETURNING measure, version, kreis, need, agreed, course, begins_on, ended_on
                """,
                AT_ONCE,
            )
            stated = [MeasureStated(**dict(row)) for row in rows]
            await put(
                conn,
                [
                    outgoing(self.prefix, one, one.measure, str(one.version), now, audience=())
                    for one in stated
                ],
            )
            return len(rows)
