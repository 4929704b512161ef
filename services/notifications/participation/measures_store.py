"""Keeps what the steering side agreed about reported needs (table `measure`)."""

from collections.abc import Sequence

import asyncpg

from schemas.measures import MeasureStated
from services.runtime.data.db import Connection


async def put(conn: Connection, stated: Sequence[MeasureStated]) -> None:
    """Store measures; an older state than the known one changes nothing."""
    latest = {one.measure: one for one in sorted(stated, key=lambda one: one.version)}
    await conn.executemany(
        """
        INSERT INTO measure (measure, version, kreis, need, agreed, course_id, begins_on, ended_on)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (measure) DO UPDATE SET version = excluded.version, kreis = excluded.kreis,
            need = excluded.need, agreed = excluded.agreed, course_id = excluded.course_id,
            begins_on = excluded.begins_on, ended_on = excluded.ended_on
        WHERE measure.version < excluded.version
        """,
        [
            (
                one.measure,
                one.version,
                one.kreis,
                one.need,
                one.agreed,
                one.course,
                one.begins_on,
                one.ended_on,
            )
            for _, one in sorted(latest.items())
        ],
    )


async def of_kreise(conn: asyncpg.Connection, kreise: Sequence[str]) -> Sequence[asyncpg.Record]:
    """List the measures of some Kreise, running ones first, then the latest."""
    return await conn.fetch(
        """
        SELECT m.measure, m.kreis, m.need, m.agreed, m.begins_on, m.ended_on, c.title, b.name AS provider
        FROM measure AS m LEFT JOIN course AS c USING (course_id)
        LEFT JOIN runtime.publisher AS b ON b.slug = c.provider
        WHERE m.kreis = ANY($1) ORDER BY m.ended_on IS NOT NULL, m.begins_on DESC, m.measure LIMIT 100
        """,
        kreise,
    )
