"""Reads and writes questions and their answers: asked by a page, answered one by one under a lease."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

import asyncpg

KEPT = 50
"""Answers of a Kreis and kind that are kept; a task is not a record, a decision that rests on it is."""

State = Literal["waiting", "running", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Task:
    """A question under way: what was asked by whom, and how often somebody has begun to answer it."""

    id: UUID
    kreis: str
    kind: str
    question: Mapping[str, Any]
    asked_by: str
    asked_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A question and its answer, if there is one; with `failed`, `result` says what was wrong."""

    id: UUID
    kreis: str
    kind: str
    question: Mapping[str, Any]
    asked_by: str
    asked_at: datetime
    state: State
    result: Mapping[str, Any] | None
    failed_code: str | None
    finished_at: datetime | None
    snapshot: bytes | None

    @property
    def under_way(self) -> bool:
        """Return whether the answer is still to come."""
        return self.state in {"waiting", "running"}


async def ask(  # noqa: PLR0917 - as pages call it
    conn: asyncpg.Connection, kreis: str, kind: str, question: Mapping[str, Any], actor: str, now: datetime
) -> UUID:
    """Put a question; the web role may, for its own Kreise. The commit is the caller's."""
    task = uuid4()
    await conn.execute(
        """
        INSERT INTO analysis_task (id, kreis, kind, question, asked_by, asked_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        task,
        kreis,
        kind,
        dict(question),
        actor,
        now,
    )
    return task


_ANSWER = """
    SELECT id, kreis, kind, question, asked_by, asked_at, state, result, failed_code, finished_at, snapshot
    FROM analysis_task
"""


async def answer_of(conn: asyncpg.Connection, task: UUID) -> Answer | None:
    """Read what has become of a question; None: not known, or another Kreis's."""
    row = await conn.fetchrow(_ANSWER + " WHERE id = $1", task)
    return None if row is None else Answer(**dict(row))


async def latest(conn: asyncpg.Connection, kind: str, limit: int) -> Sequence[Answer]:
    """List the latest questions of a kind in the visible Kreise, the last one first."""
    rows = await conn.fetch(_ANSWER + " WHERE kind = $1 ORDER BY place DESC LIMIT $2", kind, limit)
    return [Answer(**dict(row)) for row in rows]


async def claim(conn: asyncpg.Connection, token: UUID, seconds: float) -> Task | None:
    """Take the oldest question that nobody works on, also one whose worker is gone.

    A comparison takes minutes, everything else seconds: it lets the others pass.
    """
    row = await conn.fetchrow(
        """
        UPDATE analysis_task SET state = 'running', token = $1, attempts = attempts + 1,
            held_until = clock_timestamp() + make_interval(secs => $2)
        WHERE id = (
            SELECT id FROM analysis_task
            WHERE state = 'waiting' OR state = 'running' AND held_until < clock_timestamp()
            ORDER BY kind = 'compare', place LIMIT 1 FOR UPDATE SKIP LOCKED
        )
        RETURNING id, kreis, kind, question, asked_by, asked_at, attempts
        """,
        token,
        seconds,
    )
    return None if row is None else Task(**dict(row))


async def renew(conn: asyncpg.Connection, task: UUID, token: UUID, seconds: float) -> bool:
    """Hold a task for longer; False: it is no longer ours."""
    row = await conn.fetchrow(
        """
        UPDATE analysis_task SET held_until = clock_timestamp() + make_interval(secs => $3)
        WHERE id = $1 AND token = $2 RETURNING id
        """,
        task,
        token,
        seconds,
    )
    return row is not None


async def finish(
    conn: asyncpg.Connection,
    task: UUID,
    token: UUID,
    *,
    snapshot: bytes,
    result: Mapping[str, Any],
    now: datetime,
) -> bool:
    """Write the answer; False: the task is no longer ours."""
    row = await conn.fetchrow(
        """
        UPDATE analysis_task SET state = 'done', token = NULL, held_until = NULL, snapshot = $3, result = $4,
            finished_at = $5
        WHERE id = $1 AND token = $2 RETURNING id
        """,
        task,
        token,
        snapshot,
        dict(result),
        now,
    )
    return row is not None


async def fail(
    conn: asyncpg.Connection,
    task: UUID,
    token: UUID,
    code: str,
    *,
    now: datetime,
    wrong: Mapping[str, Any] | None = None,
) -> bool:
    """Write why there is no answer, and what was wrong with the question; False: no longer ours."""
    row = await conn.fetchrow(
        """
        UPDATE analysis_task SET state = 'failed', token = NULL, held_until = NULL, failed_code = $3,
            result = $4, finished_at = $5
        WHERE id = $1 AND token = $2 RETURNING id
        """,
        task,
        token,
        code,
        None if wrong is None else dict(wrong),
        now,
    )
    return row is not None


async def give_back(conn: asyncpg.Connection, task: UUID, token: UUID) -> None:
    """Let somebody else answer, at once."""
    await conn.execute(
        """
        UPDATE analysis_task SET state = 'waiting', token = NULL, held_until = NULL
        WHERE id = $1 AND token = $2
        """,
        task,
        token,
    )


async def forget_old(conn: asyncpg.Connection, kreis: str, kind: str, kept: int = KEPT) -> int:
    """Delete answers beyond the latest ones of a Kreis and kind; return how many."""
    gone = await conn.fetch(
        """
        DELETE FROM analysis_task WHERE state IN ('done', 'failed') AND id IN (
            SELECT id FROM analysis_task WHERE kreis = $1 AND kind = $2 ORDER BY place DESC OFFSET $3
        ) RETURNING id
        """,
        kreis,
        kind,
        kept,
    )
    return len(gone)
