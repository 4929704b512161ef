"""Forgets what old runs rest on after the time the policy names, never while it is open or contested."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import asyncpg

from services.allocation.policy.terms import PoliciesAt
from services.runtime.data.db import transaction

log = logging.getLogger(__name__)

AT_ONCE = 200
"""Runs of one transaction."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Forgets what old runs rest on, at each step of a timer."""

    pool: asyncpg.Pool
    policies: PoliciesAt

    async def forget(self, now: datetime) -> int:
        """Delete runs that are older than their Kreis keeps them, and their contents; return how many."""
        async with transaction(self.pool) as conn:
            oldest = await oldest_runs(conn)
        gone = 0
        for kreis, decided_at in oldest.items():
            before = self._before(kreis, now)
            while before is not None and decided_at < before:
                async with transaction(self.pool) as conn:
                    step = await forget_some(conn, kreis, before)
                gone += step
                if step < AT_ONCE:
                    break
        return gone

    def _before(self, kreis: str, now: datetime) -> datetime | None:
        try:
            return now - timedelta(days=self.policies.at(kreis, now).explained_days)
        except LookupError:  # nobody has decided how long
            log.warning("retention: no policy holds", extra={"kreis": kreis})
            return None


async def oldest_runs(conn: asyncpg.Connection) -> dict[str, datetime]:
    """Return when the oldest run of each Kreis was."""
    rows = await conn.fetch("SELECT kreis, min(decided_at) AS oldest FROM steering_run GROUP BY kreis")
    return {row["kreis"]: row["oldest"] for row in rows}


async def forget_some(conn: asyncpg.Connection, kreis: str, before: datetime) -> int:
    """Delete some runs from before a business time with what only they refer to; return how many runs."""
    rows = await delete_runs(conn, kreis, before, AT_ONCE)
    contents = {name for row in rows for name in tuple(row) if name is not None}
    await lock_contents(conn, sorted(contents))
    await delete_contents(conn, sorted(contents))
    return len(rows)


async def delete_runs(
    conn: asyncpg.Connection, kreis: str, before: datetime, most: int
) -> Sequence[asyncpg.Record]:
    """Delete old runs of a Kreis; return what each of them referred to.

    The latest one stays, and those that somebody keeps, whose reasons or remedies are still shown, or whose
    places are still open.
    """
    rows: Sequence[asyncpg.Record] = await conn.fetch(
        """
        WITH old AS (
            SELECT r.run FROM steering_run AS r
            WHERE r.kreis = $1 AND r.decided_at < $2
                AND r.decided_at < (SELECT max(l.decided_at) FROM steering_run AS l WHERE l.kreis = $1)
                AND NOT EXISTS (SELECT FROM main_reason AS m WHERE m.run = r.run)
                AND NOT EXISTS (SELECT FROM remedy AS m WHERE m.run = r.run)
                AND NOT EXISTS (SELECT FROM remedy_sum AS m WHERE m.run = r.run)
                AND NOT EXISTS (SELECT FROM steering_kept AS k WHERE k.run = r.run AND k.lifted_at IS NULL)
                AND NOT EXISTS (SELECT FROM placement AS p WHERE p.run = r.run AND p.state IN (
                    'proposed', 'sent_to_authority', 'reserved', 'accepted', 'confirmed', 'started',
                    'interrupted'))
            ORDER BY r.decided_at LIMIT $3 FOR UPDATE OF r SKIP LOCKED
        )
        DELETE FROM steering_run AS r USING old WHERE r.run = old.run
        RETURNING r.snapshot, r.result, r.certificate, r.remedies
        """,
        kreis,
        before,
        most,
    )
    return rows


async def lock_contents(conn: asyncpg.Connection, names: Sequence[bytes]) -> None:
    """Wait for runs that are being written and came to the same bytes; the next statement sees them."""
    await conn.execute(
        "SELECT FROM steering_content WHERE sha256 = ANY($1::bytea[]) ORDER BY sha256 FOR UPDATE", names
    )


async def delete_contents(conn: asyncpg.Connection, locked: Sequence[bytes]) -> None:
    """Delete contents to which no run refers; all of them are locked."""
    await conn.execute(
        """
        DELETE FROM steering_content AS c WHERE c.sha256 = ANY($1::bytea[])
            AND NOT EXISTS (SELECT FROM steering_run AS r WHERE r.snapshot = c.sha256)
            AND NOT EXISTS (SELECT FROM steering_run AS r WHERE r.result = c.sha256)
            AND NOT EXISTS (SELECT FROM steering_run AS r WHERE r.certificate = c.sha256)
            AND NOT EXISTS (SELECT FROM steering_run AS r WHERE r.remedies = c.sha256)
        """,
        locked,
    )


async def keep(conn: asyncpg.Connection, run: UUID, reason: str, actor: str, now: datetime) -> bool:
    """Keep a run for as long as something contested rests on it; False: it is kept already.

    Raises:
        LookupError: there is no such run.
    """
    kreis = await conn.fetchval("SELECT kreis FROM steering_run WHERE run = $1 FOR KEY SHARE", run)
    if kreis is None:
        raise LookupError("no such run")
    row = await conn.fetchrow(
        """
        INSERT INTO steering_kept (id, run, kreis, reason, actor, kept_at) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (run) WHERE lifted_at IS NULL DO NOTHING RETURNING id
        """,
        uuid4(),
        run,
        kreis,
        reason,
        actor,
        now,
    )
    return row is not None


async def lift(conn: asyncpg.Connection, run: UUID, actor: str, now: datetime) -> bool:
    """Keep a run no longer than others; False: nobody kept it."""
    row = await conn.fetchrow(
        """
        UPDATE steering_kept SET lifted_at = $2, lifted_by = $3 WHERE run = $1 AND lifted_at IS NULL
        RETURNING id
        """,
        run,
        now,
        actor,
    )
    return row is not None
