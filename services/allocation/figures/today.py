"""Counts the named figures of one moment: one query, so that all of them are of the same state."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import asyncpg

from services.allocation.courses.minimums import Minimums, seats_of_courses
from services.allocation.participants.waiting import WHO_WAITS, Entitlements

Key = tuple[str, str]
"""The name of a figure and what it is of; empty: the whole."""

# Joined by grouping: a join of what a run has just written, planned before it was analysed, is slow.
_COUNTED = f"""
    WITH {WHO_WAITS}, {seats_of_courses(5, 6, 7)}, person AS (
        SELECT participant, max(deadline) AS deadline, max(code) AS code, bool_or(proposed) AS proposed
        FROM (
            SELECT participant, true AS waits, deadline, NULL AS code, false AS proposed FROM waits
            UNION ALL SELECT participant, false, NULL, code, false FROM main_reason WHERE NOT placed
            UNION ALL SELECT participant, false, NULL, NULL, true FROM placement
                WHERE state IN ('proposed', 'sent_to_authority')) AS known
        GROUP BY participant HAVING bool_or(waits)
    ), reasons AS (
        SELECT code, count(*)::int AS n FROM person WHERE NOT proposed AND code IS NOT NULL GROUP BY code
    ), helps AS (
        SELECT code, count(*)::int AS n FROM remedy WHERE code <> 'none' GROUP BY code
    ), people AS (
        SELECT count(*) AS waiting, count(*) FILTER (WHERE proposed) AS waiting_with_proposal,
            count(*) FILTER (WHERE deadline BETWEEN $5 AND $6) AS deadline_within_four_weeks,
            count(*) FILTER (WHERE deadline < $5) AS deadline_over,
            count(*) FILTER (WHERE NOT proposed AND code IS NULL) AS not_steered_yet
        FROM person
    ), past AS (
        SELECT count(*) AS expired, count(*) FILTER (WHERE EXISTS (
            SELECT FROM entitlement_followup AS e WHERE e.participant = l.participant
                AND e.kind = 'extension_asked' AND e.noted_on > l.deadline)) AS expired_asked
        FROM lapsed AS l
    ), places AS (
        SELECT count(*) FILTER (WHERE state = 'proposed') AS proposals_to_check,
            count(*) FILTER (WHERE state = 'sent_to_authority') AS proposals_with_bamf,
            count(*) FILTER (WHERE state = 'reserved') AS reservations_unanswered,
            count(*) FILTER (WHERE state = 'reserved' AND expires_at < $5 + interval '4 days')
                AS reservations_ending,
            count(*) FILTER (WHERE state = 'accepted') AS reservations_accepted,
            count(*) FILTER (WHERE state = 'confirmed') AS places_confirmed,
            count(*) FILTER (WHERE state = 'started') AS in_course,
            count(*) FILTER (WHERE state = 'interrupted') AS interrupted,
            count(*) FILTER (WHERE state = 'completed') AS completed
        FROM placement WHERE state IN ('proposed', 'sent_to_authority', 'reserved', 'accepted', 'confirmed',
            'started', 'interrupted', 'completed')
    ), ended AS (
        SELECT coalesce(sum(finished), 0) AS finished_by_report FROM outcome
    ), courses AS (
        SELECT count(*) FILTER (WHERE below_minimum) AS courses_below_minimum,
            count(*) FILTER (WHERE starts_on <= $5) AS courses_running,
            count(*) FILTER (WHERE starts_on > $5) AS courses_to_come,
            coalesce(sum(section_capacity), 0) AS seats, coalesce(sum(section_taken), 0) AS seats_taken,
            coalesce(sum(free), 0) AS seats_free
        FROM seats WHERE state = 'announced' AND ends_on >= $5
    )
    SELECT people.*, past.*, places.*, ended.*, courses.*,
        ARRAY(SELECT (code, n) FROM reasons ORDER BY n DESC, code) AS main_reason,
        ARRAY(SELECT (code, n) FROM helps ORDER BY n DESC, code) AS would_help
    FROM people, past, places, ended, courses
"""


@dataclass(frozen=True, slots=True)
class Day:
    """What the figures of a day depend on besides rows; `soon`: the last day of the four weeks ahead."""

    entitlements: Entitlements
    minimums: Minimums
    soon: date

    def columns(self) -> tuple[object, ...]:
        """Return the parameters of queries on who waits and on seats, in this order."""
        return *self.entitlements.columns(), self.soon, *self.minimums.columns()


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one moment, as far as the transaction may see the rows."""

    values: Mapping[str, int]
    main_reason: Mapping[str, int]
    """The commonest first."""
    would_help: Mapping[str, int]

    def __getitem__(self, name: str) -> int:
        """Return a figure of the whole."""
        return self.values[name]

    def told(self) -> Mapping[Key, int]:
        """Return all of them by name and what they are of."""
        return (
            {(name, ""): value for name, value in self.values.items()}
            | {("main_reason", code): n for code, n in self.main_reason.items()}
            | {("would_help", code): n for code, n in self.would_help.items()}
        )


async def figures_of(conn: asyncpg.Connection, day: Day) -> Figures:
    """Count the figures of the whole, of reasons and of remedies."""
    row = await conn.fetchrow(_COUNTED, *day.columns())
    if row is None:
        raise LookupError("the figures returned no row")
    values = dict(row)
    reasons, helps = values.pop("main_reason"), values.pop("would_help")
    return Figures({name: int(value) for name, value in values.items()}, dict(reasons), dict(helps))


async def seats_by_provider(
    conn: asyncpg.Connection,
    day: Day,
    *,
    course_type: str | None = None,
    town: str | None = None,
    order: str = "name, f.provider",
) -> list[asyncpg.Record]:
    """Sum courses and seats of courses that run or are to come by provider, in the order of their names.

    They are the named figures only without a type or a town. `order`: constant text of the caller.
    """
    return await conn.fetch(
        f"""
        WITH {seats_of_courses(1, 2, 3)}
        SELECT f.provider, coalesce(b.name, f.provider) AS name, count(*) AS courses,
            sum(f.section_capacity) AS seats, sum(f.section_taken) AS taken, sum(f.free) AS free
        FROM seats AS f LEFT JOIN runtime.publisher AS b ON b.slug = f.provider
        WHERE f.state = 'announced' AND f.ends_on >= $1 AND ($9::text IS NULL OR f.course_type = $9)
            AND ($10::text IS NULL OR f.town = $10)
        GROUP BY f.provider, b.name ORDER BY {order}
        """,
        day.entitlements.day,
        day.soon,
        *day.minimums.columns(),
        course_type,
        town,
    )
