"""Reads and writes questions and their answers: asked by a page, answered one by one under a lease."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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
    saved_as: str | None = None
    """Name under which it is kept; None: it goes once enough others were asked."""
    saved_by: str | None = None
    saved_at: datetime | None = None

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
    SELECT id, kreis, kind, question, asked_by, asked_at, state, result, failed_code, finished_at, snapshot,
        saved_as, saved_by, saved_at
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


@dataclass(frozen=True, slots=True)
class Durations:
    """How long the last answers of a kind took: their number, the middle and the longest one in seconds."""

    number: int
    middle: float
    longest: float


MEASURED = 20
"""So many answers say how long the next one may take."""


async def durations(conn: asyncpg.Connection, kind: str) -> Durations | None:
    """Return how long the last answers of a kind took in the visible Kreise; None: none was measured yet."""
    row = await conn.fetchrow(
        """
        SELECT count(*) AS number, percentile_cont(0.5) WITHIN GROUP (ORDER BY took_seconds) AS middle,
            max(took_seconds)::float8 AS longest
        FROM (SELECT took_seconds FROM analysis_task WHERE kind = $1 AND took_seconds IS NOT NULL
            ORDER BY place DESC LIMIT $2) AS last
        """,
        kind,
        MEASURED,
    )
    return None if row is None or not row["number"] else Durations(**dict(row))


MOST_SAVED = 100
"""Saved answers of a Kreis; whoever wants another one deletes one first."""


async def saved(conn: asyncpg.Connection) -> Sequence[Answer]:
    """List the saved answers of the visible Kreise, the last saved one first."""
    rows = await conn.fetch(
        _ANSWER + " WHERE saved_as IS NOT NULL ORDER BY saved_at DESC, place DESC LIMIT $1", 10 * MOST_SAVED
    )
    return [Answer(**dict(row)) for row in rows]


async def save(conn: asyncpg.Connection, task: UUID, name: str, actor: str, now: datetime) -> bool:
    """Keep an answer under a name, or name it anew; False: there is no answer of the visible Kreise."""
    row = await conn.fetchrow(
        """
        UPDATE analysis_task SET saved_as = $2, saved_by = $3, saved_at = $4
        WHERE id = $1 AND state = 'done' RETURNING id
        """,
        task,
        name,
        actor,
        now,
    )
    return row is not None


async def delete(conn: asyncpg.Connection, task: UUID) -> bool:
    """Delete a saved answer; False: there is none."""
    row = await conn.fetchrow(
        "DELETE FROM analysis_task WHERE id = $1 AND saved_as IS NOT NULL RETURNING id", task
    )
    return row is not None


async def claim(conn: asyncpg.Connection, token: UUID, seconds: float) -> Task | None:
    """Take the oldest question that nobody works on, also one whose worker is gone.

    A comparison takes minutes, everything else seconds: it lets the others pass.
    """
    row = await conn.fetchrow(
        """
        UPDATE analysis_task SET state = 'running', token = $1, attempts = attempts + 1,
            begun_at = clock_timestamp(),
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
            finished_at = $5, took_seconds = extract(epoch FROM clock_timestamp() - begun_at)
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


SAVED_DAYS = 365
"""So long a saved answer is kept: the courses and people of which it speaks have moved on by then."""


async def forget_old(conn: asyncpg.Connection, kreis: str, kind: str, now: datetime, kept: int = KEPT) -> int:
    """Delete answers beyond the latest of a Kreis and kind, and saved ones after a year; return how many."""
    gone = await conn.fetch(
        """
        DELETE FROM analysis_task WHERE state IN ('done', 'failed') AND id IN (
            SELECT id FROM analysis_task WHERE kreis = $1 AND kind = $2 AND saved_as IS NULL
            ORDER BY place DESC OFFSET $3
        ) OR kreis = $1 AND saved_at < $4
        RETURNING id
        """,
        kreis,
        kind,
        kept,
        now - timedelta(days=SAVED_DAYS),
    )
    return len(gone)
