"""What is read for a question: the snapshot of the region, and what some kinds need beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

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

Look = Callable[[asyncpg.Connection, str, datetime], Awaitable[Snapshot]]
"""Takes the snapshot of a Kreis's region; a LookupError says that no policy holds for it."""

BALANCE_DAYS = 365
"""Who hosted and who gave up is balanced over a year."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What may be looked at: a connection that only reads, the Kreis, the question, the business time."""

    conn: asyncpg.Connection
    kreis: str
    question: Mapping[str, Any]
    now: datetime
    look: Look
    seen: Snapshot
    """What was seen for the question, on the same connection."""


Material = Callable[[Sight], Awaitable[dict[str, Any]]]


async def changed(sight: Sight) -> dict[str, Any]:
    """Read what changes may need beside the snapshot.

    Snapshots of the Kreise that are to join (one without a policy or people is left out); who sits in the
    courses that are to be cancelled; who registered in the last weeks; ways to towns without a course yet.
    """
    changes = parse_all(sight.question.get("changes"))
    found = {}
    for kreis in neighbours_named(changes):
        try:
            seen = await sight.look(sight.conn, kreis, sight.now)
        except LookupError:
            continue
        if seen.people or seen.courses:
            found[kreis] = snapshot.encode(seen).decode()
    kreise, day = [*_kreise(sight), *found], sight.seen.day
    cancelled = [change.course for change in changes if isinstance(change, CourseCancelled)]
    seated = await reading.read_seated(sight.conn, _kreise(sight), day, cancelled) if cancelled else {}
    arrivals = any(isinstance(change, MoreArrivals) for change in changes)
    recent = await reading.read_recent(sight.conn, [sight.kreis], day, TEMPLATE_DAYS) if arrivals else []
    return {
        "neighbours": found,
        "seated": {str(course): snapshot.written_people(people) for course, people in seated.items()},
        "recent": snapshot.written_people(recent) if arrivals else None,
        **await _ways(sight, kreise),
    }


async def ways(sight: Sight) -> dict[str, Any]:
    """Read all ways that the region's tables know: a new course may be where there was none."""
    return await _ways(sight, _kreise(sight))


async def _ways(sight: Sight, kreise: Sequence[str]) -> dict[str, Any]:
    known = await reading.read_travel(sight.conn, kreise)
    return {"travel": [[*way, minutes] for way, minutes in sorted(known.items())]}


def _kreise(sight: Sight) -> list[str]:
    return sight.seen.region.split("+")


async def poolable(sight: Sight) -> dict[str, Any]:
    """Read how often each provider hosted, who sits in courses to come, and the ways that are known."""
    seen = sight.seen
    to_come = [one.id for one in seen.courses if begins_on(one) > seen.day and one.seated]
    seated = await reading.read_seated(sight.conn, _kreise(sight), seen.day, to_come)
    return {
        "balance": await past_pooling(sight),
        "seated": {str(course): snapshot.written_people(people) for course, people in seated.items()},
    }


async def past_pooling(sight: Sight) -> dict[str, int]:
    """Sum by provider how often it hosted less how often it gave up in the last year; undone ones apart."""
    rows = await sight.conn.fetch(
        """
        SELECT host_provider, gave_up FROM pooling_decision AS p WHERE kreis = $1 AND decided_at > $2
            AND NOT EXISTS (SELECT FROM course_decision AS d WHERE d.course = ANY(p.closed)
                AND d.decided_at = p.decided_at AND d.decision = 'close' AND d.lifted_at IS NOT NULL)
        """,
        sight.kreis,
        sight.now - timedelta(days=BALANCE_DAYS),
    )
    hosted = Counter(row["host_provider"] for row in rows)
    gave_up = Counter(provider for row in rows for provider in row["gave_up"])
    return {provider: hosted[provider] - gave_up[provider] for provider in {*hosted, *gave_up}}
