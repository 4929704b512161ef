"""Reads and writes totals of completed courses in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

import asyncpg
import orjson

from services.allocation.outcomes.domain import CourseOutcome


async def read(conn: asyncpg.Connection, courses: Sequence[UUID]) -> dict[UUID, CourseOutcome]:
    """Read what is known about completed courses."""
    rows = await conn.fetch(
        """
        SELECT course, kreis, completed_on, started, finished, sat, b1, a2, below, lid, qualified, version
        FROM outcome WHERE course = ANY($1::uuid[])
        """,
        courses,
    )
    return {row["course"]: CourseOutcome(**dict(row)) for row in rows}


async def write(conn: asyncpg.Connection, outcomes: Sequence[CourseOutcome]) -> None:
    """Add or replace totals; their course is locked."""
    await conn.execute(
        """
        INSERT INTO outcome (course, kreis, completed_on, started, finished, sat, b1, a2, below, lid,
        qualified,
            version)
        SELECT course, kreis, completed_on, started, finished, sat, b1, a2, below, lid, qualified, version
        FROM jsonb_populate_recordset(NULL::outcome, $1::text::jsonb)
        ON CONFLICT (course) DO UPDATE SET completed_on = excluded.completed_on, started = excluded.started,
            finished = excluded.finished, sat = excluded.sat, b1 = excluded.b1, a2 = excluded.a2,
            below = excluded.below, lid = excluded.lid, qualified = excluded.qualified,
            version = excluded.version
        """,
        orjson.dumps([asdict(outcome) for outcome in outcomes], default=str).decode(),
    )
