"""Reads and writes rulings of coordinators in PostgreSQL: each is added, and lifted once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid4

import asyncpg

from services.allocation.placements.results import DecidedBy
from services.allocation.placements.rulings import (
    Deviate,
    Exclude,
    ExcludeCourse,
    ExcludeProvider,
    Exclusions,
    Hold,
)


async def in_force(
    conn: asyncpg.Connection, people: Sequence[UUID], courses: Sequence[UUID], today: date
) -> Exclusions:
    """Read what exclusions these people and courses; call it after their rows were locked."""
    rows = await conn.fetch(
        """
        SELECT 'held' AS bar, participant, NULL::uuid AS course, NULL::text AS provider FROM steering_hold
        WHERE lifted_at IS NULL AND participant = ANY($1::uuid[]) AND (until IS NULL OR until > $3)
        UNION ALL
        SELECT 'excluded', participant, course, provider FROM steering_exclusion
        WHERE lifted_at IS NULL AND participant = ANY($1::uuid[])
        UNION ALL
        SELECT 'closed', NULL, course, NULL FROM course_decision
        WHERE lifted_at IS NULL AND decision = 'close' AND course = ANY($2::uuid[])
        """,
        people,
        courses,
        today,
    )
    excluded = [row for row in rows if row["bar"] == "excluded"]
    return Exclusions(
        held=frozenset(row["participant"] for row in rows if row["bar"] == "held"),
        courses=frozenset((row["participant"], row["course"]) for row in excluded if row["course"]),
        providers=frozenset((row["participant"], row["provider"]) for row in excluded if row["provider"]),
        closed=frozenset(row["course"] for row in rows if row["bar"] == "closed"),
    )


@dataclass(frozen=True, slots=True)
class Signed:
    """Who rules, why and when: the part that all rulings share; `ruling` is its id."""

    ruling: UUID
    kreis: str
    reason: str
    actor: str
    now: datetime

    def values(self) -> tuple[object, ...]:
        """Return the columns id, kreis, reason, actor and decided_at of a ruling."""
        return self.ruling, self.kreis, self.reason, self.actor, self.now

    @classmethod
    def of(cls, kreis: str, by: DecidedBy) -> "Signed":
        """Sign a new ruling about somebody or something of a Kreis."""
        return cls(uuid4(), kreis, by.note or "", by.actor, by.now)


async def add_hold(conn: asyncpg.Connection, participant: UUID, hold: Hold, signed: Signed) -> None:
    """Put somebody on hold."""
    await conn.execute(
        """
        INSERT INTO steering_hold (id, kreis, reason, actor, decided_at, participant, until)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        *signed.values(),
        participant,
        hold.until,
    )


async def lift_hold(conn: asyncpg.Connection, participant: UUID, actor: str, now: datetime) -> bool:
    """End somebody's hold; False: there was none."""
    row = await conn.fetchrow(
        """
        UPDATE steering_hold SET lifted_at = greatest(decided_at, $3), lifted_by = $2
        WHERE participant = $1 AND lifted_at IS NULL RETURNING id
        """,
        participant,
        actor,
        now,
    )
    return row is not None


async def lift_ended_holds(conn: asyncpg.Connection, today: date, now: datetime) -> list[str]:
    """End the holds whose day has come; return the Kreise, one for each hold."""
    rows = await conn.fetch(
        """
        UPDATE steering_hold SET lifted_at = greatest(decided_at, $2), lifted_by = 'timer'
        WHERE lifted_at IS NULL AND until <= $1 RETURNING kreis
        """,
        today,
        now,
    )
    return [row["kreis"] for row in rows]


async def add_exclusion(
    conn: asyncpg.Connection, participant: UUID, exclude: Exclude, signed: Signed
) -> bool:
    """Exclude a course or a provider for somebody; False: it is excluded already."""
    row = await conn.fetchrow(
        """
        INSERT INTO steering_exclusion (id, kreis, reason, actor, decided_at, participant, course, provider)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (participant, course, provider) WHERE lifted_at IS NULL DO NOTHING RETURNING id
        """,
        *signed.values(),
        participant,
        exclude.course if isinstance(exclude, ExcludeCourse) else None,
        exclude.provider if isinstance(exclude, ExcludeProvider) else None,
    )
    return row is not None


async def person_of_exclusion(conn: asyncpg.Connection, exclusion: UUID) -> UUID | None:
    """Return whose exclusion it is; None: there is none in the visitor's Kreise."""
    participant: UUID | None = await conn.fetchval(
        "SELECT participant FROM steering_exclusion WHERE id = $1", exclusion
    )
    return participant


async def lift_exclusion(conn: asyncpg.Connection, exclusion: UUID, actor: str, now: datetime) -> bool:
    """End an exclusion; False: it has ended already."""
    row = await conn.fetchrow(
        """
        UPDATE steering_exclusion SET lifted_at = greatest(decided_at, $3), lifted_by = $2
        WHERE id = $1 AND lifted_at IS NULL RETURNING id
        """,
        exclusion,
        actor,
        now,
    )
    return row is not None


async def add_deviation(
    conn: asyncpg.Connection, participant: UUID, deviate: Deviate, signed: Signed
) -> None:
    """Let something else count instead of somebody's placement test."""
    await conn.execute(
        """
        INSERT INTO level_deviation (id, kreis, reason, actor, decided_at, participant, section, level)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        *signed.values(),
        participant,
        deviate.section,
        deviate.level,
    )


async def lift_deviation(conn: asyncpg.Connection, participant: UUID, actor: str, now: datetime) -> bool:
    """Let the placement test count again; False: it does."""
    row = await conn.fetchrow(
        """
        UPDATE level_deviation SET lifted_at = greatest(decided_at, $3), lifted_by = $2
        WHERE participant = $1 AND lifted_at IS NULL RETURNING id
        """,
        participant,
        actor,
        now,
    )
    return row is not None


async def is_own(conn: asyncpg.Connection, kreis: str) -> bool:
    """Return whether the transaction acts for this Kreis; of neighbours that pool it only sees courses."""
    acts_for: str | None = await conn.fetchval("SELECT current_setting('kurslotse.kreise', true)")
    return not acts_for or kreis in acts_for.split(",")


async def add_course_ruling(conn: asyncpg.Connection, course: UUID, verdict: str, signed: Signed) -> None:
    """Say that a course starts below its minimum (`start`) or does not start (`close`)."""
    await conn.execute(
        """
        INSERT INTO course_decision (id, kreis, reason, actor, decided_at, course, decision)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        *signed.values(),
        course,
        verdict,
    )


async def lift_course_ruling(conn: asyncpg.Connection, course: UUID, actor: str, now: datetime) -> str | None:
    """Take back what was ruled about a course; return what it was, None: nothing."""
    verdict: str | None = await conn.fetchval(
        """
        UPDATE course_decision SET lifted_at = greatest(decided_at, $3), lifted_by = $2
        WHERE course = $1 AND lifted_at IS NULL RETURNING decision
        """,
        course,
        actor,
        now,
    )
    return verdict


async def carry_over(
    conn: asyncpg.Connection, merged: UUID, into: tuple[UUID, str], actor: str, now: datetime
) -> None:
    """Let the rulings about somebody who was merged hold for whom they live on as (id, Kreis)."""
    for carry in _CARRY:
        await conn.execute(carry, merged, *into, actor, now)


_CARRY = (
    """
    WITH gone AS (
        UPDATE steering_hold SET lifted_at = greatest(decided_at, $5), lifted_by = $4
        WHERE participant = $1 AND lifted_at IS NULL RETURNING until, reason, actor, decided_at)
    INSERT INTO steering_hold (id, kreis, participant, until, reason, actor, decided_at)
    SELECT gen_random_uuid(), $3, $2, until, reason, actor, decided_at FROM gone ON CONFLICT DO NOTHING
    """,
    """
    WITH gone AS (
        UPDATE steering_exclusion SET lifted_at = greatest(decided_at, $5), lifted_by = $4
        WHERE participant = $1 AND lifted_at IS NULL
        RETURNING course, provider, reason, actor, decided_at)
    INSERT INTO steering_exclusion (id, kreis, participant, course, provider, reason, actor, decided_at)
    SELECT gen_random_uuid(), $3, $2, course, provider, reason, actor, decided_at FROM gone
    ON CONFLICT DO NOTHING
    """,
    """
    WITH gone AS (
        UPDATE level_deviation SET lifted_at = greatest(decided_at, $5), lifted_by = $4
        WHERE participant = $1 AND lifted_at IS NULL RETURNING section, level, reason, actor, decided_at)
    INSERT INTO level_deviation (id, kreis, participant, section, level, reason, actor, decided_at)
    SELECT gen_random_uuid(), $3, $2, section, level, reason, actor, decided_at FROM gone
    ON CONFLICT DO NOTHING
    """,
)
