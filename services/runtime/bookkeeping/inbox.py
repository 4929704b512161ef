"""Recognises events by identity: the same again is a duplicate, other content under its id is refused."""

from collections.abc import Sequence
from enum import StrEnum
from operator import attrgetter
from uuid import UUID

import asyncpg

from services.runtime.base.identity_key import IdentityKey
from services.runtime.events.records import Readable


class InboxStatus(StrEnum):
    """Whether an event was there before."""

    NEW = "new"
    DUPLICATE = "duplicate"
    REUSED = "reused"  # other content was sent under its id


async def remember(
    conn: asyncpg.Connection, reader: str, events: Sequence[Readable], key: IdentityKey
) -> list[InboxStatus]:
    """Store the events that are new, as applied; return the status of each.

    What is stored of an event's content is the HMAC of its hash: the hash alone would tell a guess from
    the truth.
    """
    hashes = [key.of_event(event.hash) for event in events]
    first: dict[UUID, bytes] = {}
    for event, hash_ in zip(events, hashes, strict=True):
        first.setdefault(event.incoming.cause, hash_)
    causes = sorted(first, key=attrgetter("int"))  # UUID compares in Python, integers do not
    added = {
        row["identity"]
        for row in await conn.fetch(
            "INSERT INTO runtime.inbox (identity, reader, hash, keyed)"
            " SELECT identity, $1, hash, true FROM unnest($2::uuid[], $3::bytea[]) AS new (identity, hash)"
            " ON CONFLICT (identity, reader) DO NOTHING RETURNING identity",
            reader,
            causes,
            [first[cause] for cause in causes],
        )
    }
    known: dict[UUID, bytes] = {}
    if len(added) != len(causes):
        known = await _known(conn, reader, [cause for cause in causes if cause not in added], key)
    statuses = []
    for event, hash_ in zip(events, hashes, strict=True):
        cause = event.incoming.cause
        if cause in added:
            added.discard(cause)
            known[cause] = hash_
            statuses.append(InboxStatus.NEW)
        else:
            statuses.append(InboxStatus.DUPLICATE if known.get(cause) == hash_ else InboxStatus.REUSED)
    return statuses


async def set_states(conn: asyncpg.Connection, reader: str, states: Sequence[tuple[UUID, str]]) -> None:
    """Change the state of events: parked, refused, skipped, or applied after all."""
    if states:
        await conn.execute(
            "UPDATE runtime.inbox AS i SET state = new.state"
            " FROM unnest($2::uuid[], $3::text[]) AS new (identity, state)"
            " WHERE i.identity = new.identity AND i.reader = $1",
            reader,
            [identity for identity, _ in states],
            [state for _, state in states],
        )


async def was_refused(conn: asyncpg.Connection, reader: str, identity: UUID) -> bool:
    """Return whether an event is known and had no effect."""
    return bool(
        await conn.fetchval(
            "SELECT true FROM runtime.inbox"
            " WHERE identity = $1 AND reader = $2 AND state IN ('refused', 'skipped')",
            identity,
            reader,
        )
    )


async def prune(conn: asyncpg.Connection, days: int, limit: int = 20_000) -> int:
    """Delete events so old that no topic holds them any more; return how many."""
    rows = await conn.fetch(
        "DELETE FROM runtime.inbox WHERE (identity, reader) IN ("
        " SELECT identity, reader FROM runtime.inbox"
        " WHERE seen_at < now() - make_interval(days => $1) AND state IN ('applied', 'skipped') LIMIT $2)"
        " RETURNING 1",
        days,
        limit,
    )
    return len(rows)


async def key_hashes(conn: asyncpg.Connection, key: IdentityKey, limit: int) -> int:
    """Put plain hashes, as they were stored once, under the key; return how many."""
    rows = await conn.fetch(
        "SELECT identity, reader, hash FROM runtime.inbox WHERE NOT keyed LIMIT $1 FOR UPDATE", limit
    )
    await conn.executemany(
        "UPDATE runtime.inbox SET hash = $3, keyed = true WHERE identity = $1 AND reader = $2",
        [(row["identity"], row["reader"], key.of_event(row["hash"])) for row in rows],
    )
    return len(rows)


async def _known(
    conn: asyncpg.Connection, reader: str, causes: Sequence[UUID], key: IdentityKey
) -> dict[UUID, bytes]:
    rows = await conn.fetch(
        "SELECT identity, hash, keyed FROM runtime.inbox WHERE reader = $1 AND identity = ANY($2::uuid[])",
        reader,
        causes,
    )
    return {row["identity"]: row["hash"] if row["keyed"] else key.of_event(row["hash"]) for row in rows}
