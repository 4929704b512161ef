"""What is read for a question: the snapshot of the region, and what some kinds need beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from services.allocation.steering import snapshot
from services.allocation.steering.analysis.changes import neighbours_named, parse_all
from services.allocation.steering.snapshot import Snapshot

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


Material = Callable[[Sight], Awaitable[dict[str, Any]]]


async def neighbours(sight: Sight) -> dict[str, Any]:
    """Take the snapshots of the Kreise that are to join; one without a policy or people is left out."""
    found = {}
    for kreis in neighbours_named(parse_all(sight.question.get("changes"))):
        try:
            seen = await sight.look(sight.conn, kreis, sight.now)
        except LookupError:
            continue
        if seen.people or seen.courses:
            found[kreis] = snapshot.encode(seen).decode()
    return {"neighbours": found}


async def past_pooling(sight: Sight) -> dict[str, Any]:
    """Sum by provider how often it hosted and how often it gave up in the last year."""
    rows = await sight.conn.fetch(
        """
        SELECT host_provider, gave_up FROM pooling_decision WHERE kreis = $1 AND decided_at > $2
        """,
        sight.kreis,
        sight.now - timedelta(days=BALANCE_DAYS),
    )
    hosted = Counter(row["host_provider"] for row in rows)
    gave_up = Counter(provider for row in rows for provider in row["gave_up"])
    return {"balance": {provider: hosted[provider] - gave_up[provider] for provider in {*hosted, *gave_up}}}
