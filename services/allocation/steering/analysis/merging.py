"""Merging weak courses into one: the coordinator's decision about a suggestion, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from services.allocation.placements.domain import Refuse
from services.allocation.placements.handlers import NotDone
from services.allocation.placements.overrides import Overrides, Ruled
from services.allocation.placements.rulings_store import in_force
from services.allocation.steering.analysis.tasks import Answer
from services.allocation.steering.policy import local_day
from services.allocation.steering.requests import request


@dataclass(frozen=True, slots=True)
class Merger:
    """What is merged: the course that stays and those that do not start, with their providers."""

    kreis: str
    host: UUID
    host_provider: str
    closed: tuple[tuple[UUID, str], ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """It is decided."""

    decision: UUID


class NotMergedError(Exception):
    """Nothing of it is decided; the caller's transaction is rolled back."""

    def __init__(self, refusal: Refuse) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


def suggested(answer: Answer, number: int, now: datetime) -> Merger | Refuse:
    """Return the suggestion of an answer; it holds for the day on which it was asked for."""
    found: list[Mapping[str, Any]] = list((answer.result or {}).get("suggestions", ()))
    if answer.kind != "pooling" or not 0 <= number < len(found):
        return Refuse("suggestion_unknown")
    if local_day(answer.asked_at) != local_day(now):
        return Refuse("suggestion_old")
    one = found[number]
    return Merger(
        answer.kreis,
        UUID(one["host"]["course"]),
        one["host"]["provider"],
        tuple((UUID(course["course"]), course["provider"]) for course in one["closed"]),
    )


async def merge(  # noqa: PLR0917 - as the console calls it
    overrides: Overrides, conn: asyncpg.Connection, merger: Merger, actor: str, reason: str, now: datetime
) -> Merged:
    """Close the weak courses, note who hosts, and ask for steering; the transaction is the caller's.

    The host is not forced to start: the people who are proposed to it decide that.

    Raises:
        NotMergedError: one of the courses has started, is over, or is closed already.
    """
    courses, today = [merger.host, *(course for course, _ in merger.closed)], local_day(now)
    if not await _to_come(conn, merger.host, courses, today):
        raise NotMergedError(Refuse("course_over"))
    bars = await in_force(conn, [], courses, today)
    if bars.closed:
        raise NotMergedError(Refuse("course_closed"))
    for course, _ in sorted(merger.closed):
        ruled = await overrides.rule_course(conn, course, "close", actor, reason, now)
        match ruled:
            case NotDone(refusal=refusal):
                raise NotMergedError(refusal)
            case Ruled():
                continue
    decision = uuid4()
    await _put(conn, decision, merger, actor, reason, now)
    await request(conn, merger.kreis, "pooling", urgent=True, now=now)
    return Merged(decision)


async def _to_come(conn: asyncpg.Connection, host: UUID, courses: Sequence[UUID], today: date) -> bool:
    """Lock the courses in the order in which everybody does; say whether the host is still to start."""
    rows = await conn.fetch(
        """
        SELECT c.course, c.state = 'announced' AND (
            SELECT min(s.starts_on) FROM course_section s WHERE s.course = c.course AND NOT s.removed
        ) > $2 AS to_come
        FROM course c WHERE c.course = ANY($1::uuid[]) ORDER BY c.course FOR NO KEY UPDATE OF c
        """,
        list(courses),
        today,
    )
    return any(row["course"] == host and row["to_come"] for row in rows)


async def _put(  # noqa: PLR0917 - the columns
    conn: asyncpg.Connection, decision: UUID, merger: Merger, actor: str, reason: str, now: datetime
) -> None:
    await conn.execute(
        """
        INSERT INTO pooling_decision
            (id, kreis, host, host_provider, closed, gave_up, reason, actor, decided_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        decision,
        merger.kreis,
        merger.host,
        merger.host_provider,
        [course for course, _ in merger.closed],
        [provider for _, provider in merger.closed],
        reason,
        actor,
        now,
    )
