"""Erases people everywhere once nobody has needed to know them for a long time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg

from schemas.days import local_day
from services.allocation.erasure import store
from services.allocation.erasure.acknowledgement import publish
from services.runtime.base.identity_key import IdentityKey
from services.runtime.bookkeeping import erased
from services.runtime.data.db import transaction
from services.runtime.data.retention import days_of

REGISTRY = Path(__file__).parents[1] / "retention.yaml"
AT_ONCE = 20
"""People of one transaction."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """Has people erased whose period is over, at each step of a timer."""

    pool: asyncpg.Pool
    key: IdentityKey
    prefix: str
    days: int

    @classmethod
    def registered(cls, pool: asyncpg.Pool, key: IdentityKey, prefix: str) -> Expiry:
        """Take the period from the registry."""
        return cls(pool, key, prefix, days_of(REGISTRY, "people_after_end"))

    async def erase_expired(self, now: datetime) -> int:
        """Begin the erasure of some people; return of how many."""
        before = local_day(now) - timedelta(days=self.days)
        async with transaction(self.pool) as conn:
            if not await _expired(conn, before, 1):
                return 0
            await erased.lock_for_erasing(conn)
            found = await _expired(conn, before, AT_ONCE)
            people = await store.same_people(conn, [participant for participant, _ in found])
            for participant, office in found:
                ids, erasure = people[participant], uuid4()
                await erased.add(conn, [self.key.tombstone(one) for one in ids], erasure, local_day(now))
                await store.add_task(conn, erasure, ids, now)
                await publish(conn, self.key, self.prefix, erasure=erasure, ids=ids, office=office, now=now)
        return len(found)


async def _expired(conn: asyncpg.Connection, before: date, limit: int) -> list[tuple[UUID, str]]:
    """Return people who have gone, with nothing about them since a day; those being erased are left out."""
    rows = await conn.fetch(
        """
        SELECT p.participant, p.office FROM participant AS p
        WHERE p.status IN ('withdrawn', 'left', 'completed') AND p.reference <> 'erased'
            AND greatest(p.registered_on, p.withdrawn_on) < $1
            AND NOT EXISTS (SELECT FROM placement AS s WHERE s.participant = p.participant
                AND (coalesce(s.ended_on, s.changed_at::date) >= $1 OR s.state IN ('proposed',
                    'sent_to_authority', 'reserved', 'accepted', 'confirmed', 'started', 'interrupted')))
            AND NOT EXISTS (SELECT FROM erasure_task AS t WHERE p.participant = ANY (t.participants))
        ORDER BY p.participant LIMIT $2
        """,
        before,
        limit,
    )
    return [(row["participant"], row["office"]) for row in rows]
