"""Writes outbox rows, which become Kafka records once their transaction has committed."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from schemas.envelope import Event, encode_data, encode_headers
from schemas.identity import effect_id

__all__ = ["OutboxConflictError", "Outgoing", "effect_id", "put"]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to send: `topic` is the full name, `id` is deterministic (see effect_id).

    `key` is usually `event.data.subject_key(publisher)`; `event.id` is usually `str(id)`.
    `data` is the JSON of the record where it was not written here: what a publisher sent.
    """

    id: UUID
    topic: str
    key: str
    event: Event
    data: bytes | None = None


class OutboxConflictError(Exception):
    """An id was put twice with different content: a bug in how effects are named."""


async def put(conn: asyncpg.Connection, rows: Sequence[Outgoing]) -> None:
    """Add rows in the caller's transaction and wake the relay once; the same row twice is one row."""
    if not rows:
        return
    payloads = [encode_data(row.event.data) if row.data is None else row.data for row in rows]
    added = await conn.fetch(
        "INSERT INTO runtime.outbox (id, aggregatetype, aggregateid, type, payload, headers)"
        " SELECT id, topic, key, type, payload, headers"
        " FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::jsonb[])"
        " AS new (id, topic, key, type, payload, headers)"
        " ON CONFLICT (id) DO NOTHING RETURNING id",
        [row.id for row in rows],
        [row.topic for row in rows],
        [row.key for row in rows],
        [row.event.type for row in rows],
        payloads,
        [{name: value.decode() for name, value in encode_headers(row.event)} for row in rows],
    )
    if len(added) != len(rows):
        await _refuse_other_content(conn, rows, payloads)


async def _refuse_other_content(
    conn: asyncpg.Connection, rows: Sequence[Outgoing], payloads: Sequence[bytes]
) -> None:
    """Raise OutboxConflictError if other content is stored under one of these ids."""
    stored = {
        row["id"]: (row["aggregatetype"], row["aggregateid"], row["type"], row["payload"])
        for row in await conn.fetch(
            "SELECT id, aggregatetype, aggregateid, type, payload FROM runtime.outbox"
            " WHERE id = ANY($1::uuid[])",
            [row.id for row in rows],
        )
    }
    for row, payload in zip(rows, payloads, strict=True):
        # A row that is gone was sent between the two statements: the same id, so the readers' inbox decides.
        if stored.get(row.id, content := (row.topic, row.key, row.event.type, payload)) != content:
            msg = f"two different contents for the effect {row.id} ({row.event.type})"
            raise OutboxConflictError(msg)
