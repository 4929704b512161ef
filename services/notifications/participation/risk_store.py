"""Reads the course days that risks are assessed from, and writes risks."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.notifications.consents import store as consents
from services.notifications.participation.domain import Episode
from services.runtime.bookkeeping.work import Taking
from services.runtime.data.db import Connection


@dataclass(frozen=True, slots=True)
class Participation:
    """From when, and until when, somebody takes part in a course; `over`: course or placement has ended."""

    joined_on: date | None
    left_on: date | None
    over: bool


@dataclass(slots=True)
class RiskChanges:
    """The rows that an assessment writes, and the people concerned."""

    raised: list[tuple[UUID, UUID, Episode, date]] = field(default_factory=list)
    kept: list[tuple[UUID, dict[str, Any], date]] = field(default_factory=list)
    ended: list[tuple[UUID, str]] = field(default_factory=list)
    concerned: set[UUID] = field(default_factory=set)


async def take_unassessed(conn: Connection, taking: Taking, after: UUID) -> list[UUID]:
    """Claim for this transaction the next courses after `after` that have days not yet assessed."""
    rows = await conn.fetch(
        """
        WITH waiting AS (SELECT DISTINCT course_id FROM course_day WHERE NOT assessed AND course_id > $2
            AND course_id <> ALL($3::uuid[]) AND ($4::uuid IS NULL OR course_id = $4)
            ORDER BY course_id LIMIT $1)
        SELECT course_id FROM waiting WHERE pg_try_advisory_xact_lock(hashtextextended(course_id::text, 3))
        ORDER BY course_id
        """,
        taking.limit,
        after,
        list(taking.skip),
        taking.only,
    )
    courses = [row["course_id"] for row in rows]
    if courses:
        await conn.execute(
            # A day that is being reported anew just now is skipped, stays unassessed and is taken next time.
            """
            UPDATE course_day AS d SET assessed = true FROM (
                SELECT course_id, day FROM course_day WHERE course_id = ANY($1::uuid[]) AND NOT assessed
                ORDER BY course_id, day FOR UPDATE SKIP LOCKED) AS taken
            WHERE d.course_id = taken.course_id AND d.day = taken.day
            """,
            courses,
        )
    return courses


async def unassessed_generations(conn: Connection, items: Sequence[str]) -> dict[str, str]:
    """Name which reports of each of these courses are to be assessed."""
    rows = await conn.fetch(
        """
        SELECT course_id::text AS item, md5(string_agg(day::text || event_id, ' ' ORDER BY day)) AS generation
        FROM course_day WHERE course_id = ANY($1::uuid[]) AND NOT assessed GROUP BY course_id
        """,
        list(items),
    )
    return {row["item"]: row["generation"] for row in rows}


async def marks(conn: Connection, courses: Sequence[UUID], look_back_days: int) -> list[asyncpg.Record]:
    """Return the marks of people who missed something in the last days, or who have an open risk.

    Most people missed nothing and cannot be at risk. An open risk needs the days since it began.
    """
    return await conn.fetch(
        """
        WITH span AS (
            SELECT d.course_id, least(max(d.day) - $2::integer, (SELECT min(r.since) FROM risk AS r
                WHERE r.course_id = d.course_id AND r.state = 'open')) AS from_day
            FROM course_day AS d WHERE d.course_id = ANY($1::uuid[]) GROUP BY d.course_id),
        found AS (
            SELECT a.course_id, a.participant_id, a.day, a.mark, a.ue, d.ue_held,
                bool_or(a.mark <> 'X' OR (a.ue > 0 AND a.ue < d.ue_held))
                    OVER (PARTITION BY a.course_id, a.participant_id) AS missed
            FROM span AS s JOIN attendance AS a ON a.course_id = s.course_id AND a.day >= s.from_day
            JOIN course_day AS d ON d.course_id = a.course_id AND d.day = a.day)
        SELECT course_id, participant_id, day, mark, ue, ue_held FROM found AS f
        WHERE missed OR EXISTS (SELECT FROM risk AS r WHERE r.course_id = f.course_id
            AND r.participant_id = f.participant_id AND r.state = 'open')
        """,
        list(courses),
        look_back_days,
    )


async def reported(conn: Connection, courses: Sequence[UUID]) -> dict[UUID, list[date]]:
    """Return the days reported of each course, in order (retracted days list nobody)."""
    rows = await conn.fetch(
        """
        SELECT course_id,
        coalesce(array_agg(day ORDER BY day) FILTER (WHERE listed > 0), array[max(day)]) AS days
        FROM course_day WHERE course_id = ANY($1::uuid[]) GROUP BY course_id
        """,
        list(courses),
    )
    return {row["course_id"]: row["days"] for row in rows}


async def participations(conn: Connection, courses: Sequence[UUID]) -> dict[tuple[UUID, UUID], Participation]:
    """Return from when, and until when, people take part in these courses, by course and person.

    A merged person takes part under each of their ids, for marks may name any of them.
    """
    rows = await conn.fetch(
        """
        SELECT DISTINCT ON (p.course_id, p.participant_id) p.course_id, p.participant_id, p.starts_on,
        p.ended_on, p.state NOT IN ('accepted', 'confirmed', 'started', 'interrupted') AS over,
        c.cancelled_on IS NOT NULL OR c.completed_on IS NOT NULL AS course_over
        FROM placement AS p LEFT JOIN course AS c USING (course_id)
        WHERE p.course_id = ANY($1::uuid[]) AND p.released
        ORDER BY p.course_id, p.participant_id, p.decided_at DESC, p.placement_id
        """,
        list(courses),
    )
    others = await consents.other_ids(conn, sorted({row["participant_id"] for row in rows}))
    found: dict[tuple[UUID, UUID], Participation] = {}
    for row in rows:
        part = Participation(row["starts_on"], row["ended_on"], row["over"] or bool(row["course_over"]))
        found[row["course_id"], row["participant_id"]] = part
        for other in others.get(row["participant_id"], ()):
            found.setdefault((row["course_id"], other), part)
    return found


async def open_risks(
    conn: Connection, courses: Sequence[UUID]
) -> dict[tuple[UUID, UUID], dict[str, asyncpg.Record]]:
    """Lock and return the open risks of these courses, by course and person, then by rule."""
    found: dict[tuple[UUID, UUID], dict[str, asyncpg.Record]] = defaultdict(dict)
    for row in await conn.fetch(
        """
        SELECT risk_id, participant_id, course_id, rule, since FROM risk
        WHERE course_id = ANY($1::uuid[]) AND state = 'open' ORDER BY risk_id FOR UPDATE
        """,
        list(courses),
    ):
        found[row["course_id"], row["participant_id"]][row["rule"]] = row
    return found


async def write(conn: Connection, changes: RiskChanges, now: datetime) -> None:
    """Write risks that were raised, kept and ended."""
    if changes.ended:
        await conn.execute(
            """
            UPDATE risk AS r SET state = e.state, ended_at = $3
            FROM unnest($1::uuid[], $2::text[]) AS e (id, state)
            WHERE r.risk_id = e.id AND r.state = 'open'
            """,
            *zip(*changes.ended, strict=True),
            now,
        )
    if changes.kept:
        await conn.execute(
            """
            UPDATE risk AS r SET params = k.params, reported_until = k.until
            FROM unnest($1::uuid[], $2::jsonb[], $3::date[]) AS k (id, params, until)
            WHERE r.risk_id = k.id
            """,
            *zip(*changes.kept, strict=True),
        )
    if changes.raised:
        people, courses, episodes, untils = zip(*changes.raised, strict=True)
        await conn.execute(
            # The same rule for the same person, course and first day is the same risk; its id is random.
            """
            INSERT INTO risk (participant_id, course_id, rule, since, params, reported_until, state,
            raised_at)
            SELECT p, c, r, s, x, u, 'open', $7
            FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::date[], $5::jsonb[], $6::date[])
                AS new (p, c, r, s, x, u)
            ON CONFLICT (participant_id, course_id, rule, since) DO UPDATE SET state = 'open',
                ended_at = NULL, params = EXCLUDED.params,
                reported_until = EXCLUDED.reported_until
            """,
            people,
            courses,
            [episode.rule for episode in episodes],
            [episode.since for episode in episodes],
            [dict(episode.params) for episode in episodes],
            untils,
            now,
        )
