"""Reads what a question needs: the snapshot of the region, and what some kinds need beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from schemas.days import local_day
from services.allocation.law.rulebook import RuleBook
from services.allocation.policy.current import CurrentPolicies
from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.entries import begins_on
from services.allocation.steering.matching.snapshot import Snapshot
from services.allocation.steering.questions.changes import (
    TEMPLATE_DAYS,
    CourseCancelled,
    MoreArrivals,
    neighbours_named,
    parse_all,
)
from services.allocation.steering.runs import reading
from services.allocation.steering.runs.regions import region_of
from services.allocation.steering.runs.service import snapshot_now

SnapshotSource = Callable[[asyncpg.Connection, str, datetime], Awaitable[Snapshot]]
"""Takes the snapshot of a Kreis's region; a LookupError says that no policy holds for it."""

BALANCE_DAYS = 365
"""Who hosted and who gave up is balanced over a year."""


@dataclass(frozen=True, slots=True)
class ReadContext:
    """Everything that material of a question may be read with, on a connection that only reads."""

    conn: asyncpg.Connection
    kreis: str
    question: Mapping[str, Any]
    now: datetime
    snapshot_of: SnapshotSource
    snapshot: Snapshot
    """The snapshot for the question, taken on the same connection."""


def snapshot_source(policies: CurrentPolicies, rules: RuleBook) -> SnapshotSource:
    """Return what takes the snapshot that a run would take now, on a connection in REPEATABLE READ."""

    async def snapshot_of(conn: asyncpg.Connection, kreis: str, now: datetime) -> Snapshot:
        day, known = local_day(now), await policies.seen_by(conn)
        return await snapshot_now(conn, region_of(kreis, day, known), day, known, rules)

    return snapshot_of


Material = Callable[[ReadContext], Awaitable[dict[str, Any]]]


async def changed(context: ReadContext) -> dict[str, Any]:
    """Read what changes may need beside the snapshot.

    Snapshots of the Kreise that are to join (one without a policy or people is left out); who sits in the
    courses that are to be cancelled; who registered in the last weeks; ways to towns without a course yet.
    """
    changes = parse_all(context.question.get("changes"))
    found = {}
    for kreis in neighbours_named(changes):
        try:
            seen = await context.snapshot_of(context.conn, kreis, context.now)
        except LookupError:
            continue
        if seen.people or seen.courses:
            found[kreis] = snapshot.encode(seen).decode()
    kreise, day = [*_kreise(context), *found], context.snapshot.day
    cancelled = [change.course for change in changes if isinstance(change, CourseCancelled)]
    seated = await reading.read_seated(context.conn, _kreise(context), day, cancelled) if cancelled else {}
    recent = None
    if any(isinstance(change, MoreArrivals) for change in changes):
        people = await reading.read_recent(context.conn, [context.kreis], day, TEMPLATE_DAYS)
        recent = snapshot.written_people(people)
    return {
        "neighbours": found,
        "seated": {str(course): snapshot.written_people(people) for course, people in seated.items()},
        "recent": recent,
        **await _ways(context, kreise),
    }


async def ways(context: ReadContext) -> dict[str, Any]:
    """Read all ways that the region's tables know: a new course may be where there was none."""
    return await _ways(context, _kreise(context))


async def _ways(context: ReadContext, kreise: Sequence[str]) -> dict[str, Any]:
    known = await reading.read_travel(context.conn, kreise)
    return {"travel": [[*way, minutes] for way, minutes in sorted(known.items())]}


def _kreise(context: ReadContext) -> list[str]:
    return context.snapshot.region.split("+")


async def poolable(context: ReadContext) -> dict[str, Any]:
    """Read how often each provider hosted, who can be moved out of courses to come, and their seats."""
    seen = context.snapshot
    to_come = [one.id for one in seen.courses if begins_on(one) > seen.day]
    movable = await reading.read_movable(context.conn, context.kreis, seen.day, to_come)
    taken = await reading.read_taken(context.conn, to_come)
    return {
        "balance": await past_pooling(context),
        "seated": {str(course): snapshot.written_people(people) for course, people in movable.items()},
        "taken": {str(course): seats for course, seats in taken.items()},
    }


async def past_pooling(context: ReadContext) -> dict[str, int]:
    """Sum by provider how often it hosted less how often it gave up in the last year; undone ones apart."""
    rows = await context.conn.fetch(
        """
        SELECT host_provider, gave_up FROM pooling_decision AS p WHERE kreis = $1 AND decided_at > $2
            AND NOT EXISTS (SELECT FROM course_decision AS d WHERE d.course = ANY(p.closed)
                AND d.decided_at = p.decided_at AND d.decision = 'close' AND d.lifted_at IS NOT NULL)
        """,
        context.kreis,
        context.now - timedelta(days=BALANCE_DAYS),
    )
    hosted = Counter(row["host_provider"] for row in rows)
    gave_up = Counter(provider for row in rows for provider in row["gave_up"])
    return {provider: hosted[provider] - gave_up[provider] for provider in {*hosted, *gave_up}}
