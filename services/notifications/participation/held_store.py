"""Holds marks of people of whom no place in the course is known yet, under keyed hashes of their ids."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from services.notifications.participation.store import MarkRow
from services.runtime.data.db import Connection

MOST = 500
"""Marks held of one course; further ones are dropped."""


async def hold(conn: Connection, rows: Sequence[MarkRow]) -> None:
    """Hold marks until a place is known, at most MOST of a course."""
    await conn.execute(
        """
        INSERT INTO held_mark (course_id, day, person, mark, ue)
        SELECT n.c, n.d, n.p, n.m, n.u
        FROM (SELECT *, row_number() OVER (PARTITION BY c ORDER BY d, p) AS place
            FROM unnest($1::uuid[], $2::date[], $3::uuid[], $4::text[], $5::real[]) AS u (c, d, p, m, u)) AS n
        WHERE n.place <= $6 - (SELECT count(*) FROM held_mark AS h WHERE h.course_id = n.c)
        ON CONFLICT (course_id, day, person) DO NOTHING
        """,
        [row[0] for row in rows],
        [row[1] for row in rows],
        [row[2] for row in rows],
        [row[3] for row in rows],
        [row[4] for row in rows],
        MOST,
    )


async def courses_with_held(conn: Connection, after: UUID, limit: int) -> list[UUID]:
    """Return the next courses of which marks are held, in the order of their ids."""
    rows = await conn.fetch(
        """
        SELECT DISTINCT course_id FROM held_mark WHERE course_id > $1 ORDER BY course_id LIMIT $2
        """,
        after,
        limit,
    )
    return [row["course_id"] for row in rows]


async def lock(conn: Connection, courses: Sequence[UUID]) -> list[asyncpg.Record]:
    """Lock and return what is held of courses."""
    return await conn.fetch(
        """
        SELECT course_id, day, person, mark, ue FROM held_mark WHERE course_id = ANY($1::uuid[])
        ORDER BY course_id, day, person FOR UPDATE
        """,
        list(courses),
    )


async def drop(conn: Connection, rows: Sequence[asyncpg.Record]) -> None:
    """Delete held marks."""
    await conn.execute(
        """
        DELETE FROM held_mark AS h USING unnest($1::uuid[], $2::date[], $3::uuid[]) AS gone (c, d, p)
        WHERE h.course_id = gone.c AND h.day = gone.d AND h.person = gone.p
        """,
        [row["course_id"] for row in rows],
        [row["day"] for row in rows],
        [row["person"] for row in rows],
    )


async def forget(conn: Connection, people: Sequence[UUID]) -> int:
    """Delete what is held under these stand-ins; return how many marks."""
    return len(
        await conn.fetch("DELETE FROM held_mark WHERE person = ANY($1::uuid[]) RETURNING 1", list(people))
    )


async def drop_older(conn: Connection, seconds: float) -> int:
    """Delete what was held longer than so many seconds of technical time; return how many marks."""
    return len(
        await conn.fetch(
            "DELETE FROM held_mark WHERE held_at < now() - make_interval(secs => $1) RETURNING 1", seconds
        )
    )
