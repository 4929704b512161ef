"""Knows whose ids were erased, as HMACs, and keeps whatever is read later from bringing them back."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import asyncpg

from services.runtime.base.identity_key import IdentityKey
from services.runtime.events.subscription import Handler, Incoming, Verdict

_LOCK = 4_075_716_004


async def lock_for_writing(conn: asyncpg.Connection) -> None:
    """Wait for erasures, and keep new ones waiting until the commit: who is erased is looked up after it."""
    await conn.execute("SELECT pg_advisory_xact_lock_shared($1)", _LOCK)


async def lock_for_erasing(conn: asyncpg.Connection) -> None:
    """Wait for all transactions that write about people: what they write must be visible to the erasure."""
    await conn.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)


async def add(
    conn: asyncpg.Connection, tombstones: Sequence[bytes], erasure: UUID, erased_on: date
) -> frozenset[bytes]:
    """Store tombstones; return those that are new."""
    rows = await conn.fetch(
        "INSERT INTO runtime.erased (tombstone, erasure, erased_on)"
        " SELECT t, $2, $3 FROM unnest($1::bytea[]) AS t ORDER BY t"
        " ON CONFLICT DO NOTHING RETURNING tombstone",
        list(tombstones),
        erasure,
        erased_on,
    )
    return frozenset(row["tombstone"] for row in rows)


async def among(conn: asyncpg.Connection, key: IdentityKey, ids: Iterable[UUID]) -> frozenset[UUID]:
    """Return which of these ids were erased."""
    here = by_tombstone(key, ids)
    rows = await conn.fetch(
        "SELECT tombstone FROM runtime.erased WHERE tombstone = ANY($1::bytea[])", list(here)
    )
    return frozenset(here[row["tombstone"]] for row in rows)


async def erasures_of(
    conn: asyncpg.Connection, key: IdentityKey, ids: Iterable[UUID]
) -> dict[UUID, list[UUID]]:
    """Return the erasures of which ids are here, with these ids."""
    here = by_tombstone(key, ids)
    rows = await conn.fetch(
        "SELECT tombstone, erasure FROM runtime.erased WHERE tombstone = ANY($1::bytea[])",
        list(here),
    )
    found: dict[UUID, list[UUID]] = {}
    for row in rows:
        found.setdefault(row["erasure"], []).append(here[row["tombstone"]])
    return found


def by_tombstone(key: IdentityKey, ids: Iterable[UUID]) -> dict[bytes, UUID]:
    """Return ids by their tombstones."""
    return {key.tombstone(id_): id_ for id_ in ids}


async def take(
    conn: asyncpg.Connection,
    tombstones: Sequence[str],
    erasure: UUID,
    erased_on: date,
    here: Mapping[bytes, UUID],
) -> frozenset[UUID]:
    """Store tombstones as events carry them (hexadecimal); return which ids here they stand for."""
    found = [bytes.fromhex(text) for text in tombstones]
    await add(conn, found, erasure, erased_on)
    return frozenset(here[tombstone] for tombstone in found if tombstone in here)


async def prune(conn: asyncpg.Connection, days: int) -> int:
    """Delete tombstones older than any backup and topic that could bring somebody back; return how many."""
    rows = await conn.fetch(
        "DELETE FROM runtime.erased WHERE erased_on < current_date - $1::integer RETURNING 1", days
    )
    return len(rows)


def subject_of(event: Incoming) -> UUID | None:
    """Return the id of what an event is about, None if it has none."""
    try:
        return UUID(event.subject)
    except ValueError:
        return None


def erases_nobody(_event: Incoming) -> bool:
    """Return that an event erases nobody."""
    return False


@dataclass(frozen=True, slots=True)
class WithoutErased:
    """A handler that is not told what concerns erased people.

    `verdict` is the verdict on an event about somebody who was erased; `about` says whom an event is
    about, None for nobody. `erases` marks the events that erase somebody themselves.
    """

    handler: Handler
    key: IdentityKey
    verdict: Callable[[Incoming], Verdict]
    about: Callable[[Incoming], UUID | None] = subject_of
    erases: Callable[[Incoming], bool] = erases_nobody

    async def __call__(
        self, conn: asyncpg.Connection, batch: Sequence[Incoming], now: datetime
    ) -> Sequence[Verdict]:
        """Return one verdict for each event."""
        erasing = any(self.erases(event) for event in batch)
        await (lock_for_erasing if erasing else lock_for_writing)(conn)
        concerned = [self.about(event) for event in batch]
        gone = await among(conn, self.key, {id_ for id_ in concerned if id_ is not None})
        told = [event for event, id_ in zip(batch, concerned, strict=True) if id_ not in gone]
        verdicts = iter(await self.handler(conn, told, now) if told else ())
        return [
            self.verdict(event) if id_ in gone else next(verdicts)
            for event, id_ in zip(batch, concerned, strict=True)
        ]
