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
    differing = await conn.fetch(
        "SELECT id FROM runtime.put_outbox($1, $2, $3, $4, $5, $6) AS other (id)",
        [row.id for row in rows],
        [row.topic for row in rows],
        [row.key for row in rows],
        [row.event.type for row in rows],
        [encode_data(row.event.data) if row.data is None else row.data for row in rows],
        [{name: value.decode() for name, value in encode_headers(row.event)} for row in rows],
    )
    # A row that was sent and deleted meanwhile differs from nothing: the readers' inbox decides.
    if differing:
        raise OutboxConflictError(f"two different contents for the effect {differing[0]['id']}")
