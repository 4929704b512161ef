"""Reads the course days that risks are assessed from, and writes risks."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

import asyncpg

from schemas.codes import ConsentPurpose
from services.notifications.consents import store as consents
from services.notifications.risk.domain import Finding, Matter, OpenRisk, Rule, matter_of, severity_of
from services.runtime.bookkeeping.work import Taking
from services.runtime.data.db import Connection


@dataclass(frozen=True, slots=True)
class Participation:
    """From when, and until when, somebody takes part in a course; `over`: course or placement has ended."""

    joined_on: date | None
    left_on: date | None
    over: bool
    settled: bool = False
    """The person finished the course, or goes on in another one: missing from it means nothing any more."""


@dataclass(frozen=True, slots=True)
class RiskRow:
    """A risk on record."""

    id: UUID
    open: OpenRisk


@dataclass(slots=True)
class RiskChanges:
    """The rows that an assessment writes, and the people concerned."""

    raised: list[tuple[UUID, UUID | None, Finding, date]] = field(default_factory=list)
    """Person, course, what was found, and until when was reported."""
    kept: list[tuple[UUID, Finding, date]] = field(default_factory=list)
    ended: list[tuple[UUID, str]] = field(default_factory=list)
    concerned: set[UUID] = field(default_factory=set)


async def take_unassessed(conn: Connection, taking: Taking, after: UUID) -> list[tuple[UUID, date]]:
    """Claim for this transaction the days not yet assessed of the next courses after `after`."""
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
    if not rows:
        return []
    taken = await conn.fetch(
        # A day that is being reported anew just now is skipped, stays unassessed and is taken next time.
        """
        UPDATE course_day AS d SET assessed = true FROM (
            SELECT course_id, day FROM course_day WHERE course_id = ANY($1::uuid[]) AND NOT assessed
            ORDER BY course_id, day FOR UPDATE SKIP LOCKED) AS taken
        WHERE d.course_id = taken.course_id AND d.day = taken.day
        RETURNING d.course_id, d.day
        """,
        [row["course_id"] for row in rows],
    )
    return sorted((row["course_id"], row["day"]) for row in taken)


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


async def marks(
    conn: Connection, taken: Sequence[tuple[UUID, date]], look_back_days: int, latest: date
) -> list[asyncpg.Record]:
    """Return the last days of the people whom the days just taken may put at risk, or who have an open one.

    A day that somebody attended wholly raises no risk, so most of a class need not be looked at. An open
    risk needs the days since it began. Days after `latest` count for nothing.
    """
    return await conn.fetch(
        """
        WITH taken AS (SELECT * FROM unnest($1::uuid[], $2::date[]) AS t (course_id, day)),
        concerned AS (
            SELECT a.course_id, a.participant_id, NULL::date AS since FROM taken AS t
            JOIN attendance AS a ON a.course_id = t.course_id AND a.day = t.day
            JOIN course_day AS d ON d.course_id = t.course_id AND d.day = t.day
            WHERE a.mark NOT IN ('X', 'P') OR (a.ue > 0 AND a.ue < d.ue_held)
            UNION ALL
            SELECT r.course_id, r.participant_id, r.since FROM risk AS r
            WHERE r.state = 'open' AND r.course_id IN (SELECT t.course_id FROM taken AS t)),
        span AS (
            SELECT c.course_id, c.participant_id, least(min(c.since), (
                SELECT max(d.day) FROM course_day AS d
                WHERE d.course_id = c.course_id AND d.day <= $4) - $3::integer) AS from_day
            FROM concerned AS c GROUP BY c.course_id, c.participant_id)
        SELECT a.course_id, a.participant_id, a.day, a.mark, a.ue, d.ue_held
        FROM span AS s JOIN attendance AS a ON a.course_id = s.course_id
            AND a.participant_id = s.participant_id AND a.day BETWEEN s.from_day AND $4
        JOIN course_day AS d ON d.course_id = a.course_id AND d.day = a.day
        """,
        [course for course, _ in taken],
        [day for _, day in taken],
        look_back_days,
        latest,
    )


async def reported(conn: Connection, courses: Sequence[UUID], latest: date) -> dict[UUID, list[date]]:
    """Return the days until `latest` that were reported of each course, in order.

    Retracted days list nobody.
    """
    rows = await conn.fetch(
        """
        SELECT course_id,
        coalesce(array_agg(day ORDER BY day) FILTER (WHERE listed > 0), array[max(day)]) AS days
        FROM course_day WHERE course_id = ANY($1::uuid[]) AND day <= $2 GROUP BY course_id
        """,
        list(courses),
        latest,
    )
    return {row["course_id"]: row["days"] for row in rows}


async def participations(
    conn: Connection, courses: Sequence[UUID], people: Sequence[UUID]
) -> dict[tuple[UUID, UUID], Participation]:
    """Return from when, and until when, these people take part in these courses, by course and person.

    A merged person takes part under each of their ids, for marks may name any of them.
    """
    seated_as: dict[UUID, list[UUID]] = {person: [person] for person in people}
    for person, others in (await consents.other_ids(conn, people)).items():
        for other in others:
            seated_as.setdefault(other, []).append(person)
    found: dict[tuple[UUID, UUID], Participation] = {}
    for row in await conn.fetch(
        """
        SELECT DISTINCT ON (p.course_id, p.participant_id) p.course_id, p.participant_id, p.starts_on,
        p.ended_on, p.state NOT IN ('accepted', 'confirmed', 'started', 'interrupted') AS over,
        p.state IN ('completed', 'transferred') AS settled,
        c.cancelled_on IS NOT NULL OR c.completed_on IS NOT NULL AS course_over
        FROM placement AS p LEFT JOIN course AS c USING (course_id)
        WHERE p.course_id = ANY($1::uuid[]) AND p.participant_id = ANY($2::uuid[]) AND p.released
        ORDER BY p.course_id, p.participant_id, p.decided_at DESC, p.placement_id
        """,
        list(courses),
        list(seated_as),
    ):
        over = row["over"] or bool(row["course_over"])
        part = Participation(row["starts_on"], row["ended_on"], over, row["settled"])
        for person in seated_as[row["participant_id"]]:
            key = (row["course_id"], person)
            found[key] = part if person == row["participant_id"] else found.get(key, part)
    return found


async def open_risks(
    conn: Connection, courses: Sequence[UUID], matter: Matter
) -> dict[tuple[UUID, UUID], list[RiskRow]]:
    """Lock and return the open risks of these courses about a matter, by course and person."""
    found: dict[tuple[UUID, UUID], list[RiskRow]] = defaultdict(list)
    for row in await conn.fetch(
        """
        SELECT risk_id, participant_id, course_id, rule, since FROM risk
        WHERE course_id = ANY($1::uuid[]) AND matter = $2 AND state = 'open' ORDER BY risk_id FOR UPDATE
        """,
        list(courses),
        matter,
    ):
        known = OpenRisk(matter, Rule(row["rule"]), row["since"])
        found[row["course_id"], row["participant_id"]].append(RiskRow(row["risk_id"], known))
    return found


def purpose_of(matter: Matter) -> ConsentPurpose:
    """Return the consent under which a matter is told."""
    return ConsentPurpose.AFTER_COURSE if matter is Matter.AFTERWARDS else ConsentPurpose.DROPOUT_SUPPORT


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
        ids, findings, untils = zip(*changes.kept, strict=True)
        await conn.execute(
            """
            UPDATE risk AS r SET rule = k.rule, severity = k.severity, params = k.params,
            also = string_to_array(k.also, ' '), reported_until = k.until
            FROM unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::text[], $6::date[])
                AS k (id, rule, severity, params, also, until)
            WHERE r.risk_id = k.id
            """,
            ids,
            [finding.rule for finding in findings],
            [severity_of(finding.rule) for finding in findings],
            [dict(finding.params) for finding in findings],
            [" ".join(finding.also) for finding in findings],
            untils,
        )
    if changes.raised:
        people, courses, findings, untils = zip(*changes.raised, strict=True)
        await conn.execute(
            # The same matter of a person and course since the same day is the same risk; its id is random.
            """
            INSERT INTO risk (participant_id, course_id, matter, rule, severity, purpose, since, params, also,
            reported_until, state, raised_at)
            SELECT p, c, m, r, v, o, s, x, string_to_array(a, ' '), u, 'open', $11
            FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::date[],
                $8::jsonb[], $9::text[], $10::date[]) AS new (p, c, m, r, v, o, s, x, a, u)
            ON CONFLICT (participant_id, course_id, matter, since) DO UPDATE SET state = 'open',
                ended_at = NULL, rule = EXCLUDED.rule, severity = EXCLUDED.severity,
                params = EXCLUDED.params, also = EXCLUDED.also, reported_until = EXCLUDED.reported_until
            """,
            people,
            courses,
            [matter_of(finding.rule) for finding in findings],
            [finding.rule for finding in findings],
            [severity_of(finding.rule) for finding in findings],
            [purpose_of(finding.matter) for finding in findings],
            [finding.since for finding in findings],
            [dict(finding.params) for finding in findings],
            [" ".join(finding.also) for finding in findings],
            untils,
            now,
        )
