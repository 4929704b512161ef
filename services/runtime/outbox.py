"""Rows that become records on Kafka once their transaction has committed."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from schemas.envelope import Event
from schemas.identity import effect_id

__all__ = ["Outgoing", "OutboxConflictError", "effect_id", "put"]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to send: `topic` is the full name, `id` is deterministic (see effect_id).

    `key` is usually `event.data.subject_key(publisher)`; `event.id` is usually `str(id)`.
    """

    id: UUID
    topic: str
    key: str
    event: Event


class OutboxConflictError(Exception):
    """An id was put twice with different content: a bug in how effects are named."""


async def put(conn: asyncpg.Connection, rows: Sequence[Outgoing]) -> None:
    """Add rows in the caller's transaction and wake the relay once; the same row twice is one row."""
    raise NotImplementedError
