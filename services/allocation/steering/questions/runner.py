"""Works off questions one after the other: reads, has them answered, writes the answer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID, uuid4

import asyncpg

from services.allocation.steering.matching import snapshot
from services.allocation.steering.questions import queue as tasks
from services.allocation.steering.questions.changes import ChangeError
from services.allocation.steering.questions.material import ReadContext, SnapshotSource
from services.allocation.steering.questions.queue import Task
from services.allocation.steering.questions.worker import KINDS, Answered, Kind, NotAnswered, Solve
from services.runtime.base.clock import Clock
from services.runtime.base.failures import Meaning, meaning_of, name_of
from services.runtime.base.subprocesses import ProcessDiedError
from services.runtime.data.db import acquire, transaction
from services.runtime.data.leases import Lease, held

log = logging.getLogger(__name__)

LEASE_SECONDS = 15.0
"""A process that died keeps its task for so long."""
MOST_ATTEMPTS = 3
"""A question that has ended so many processes is given up."""


class Answers(Protocol):
    """Answers a question about a snapshot (worker.Process)."""

    async def answer(
        self, solver: Solve, question: Mapping[str, Any], raw: bytes, limit_seconds: float
    ) -> Answered | NotAnswered:
        """Answer one question with a kind's function."""
        ...


class LeaseLostError(Exception):
    """The lease of a question went to another process."""


@dataclass(frozen=True, slots=True)
class Analyses:
    """Answers the questions that wait; each is a timer's step, none is ever due."""

    pool: asyncpg.Pool
    process: Answers
    snapshot_of: SnapshotSource
    kinds: Mapping[str, Kind] = field(default_factory=lambda: KINDS)
    clock: Clock | None = None
    """Business time may pass while questions wait behind each other; None: it stands still."""

    async def run_waiting(self, now: datetime) -> int:
        """Answer every question that waits; return how many. One that fails says so and stops no other."""
        done = 0
        while await self._next(self._now(now)):
            done += 1
        return done

    def _now(self, now: datetime) -> datetime:
        return now if self.clock is None else self.clock.now()

    async def _next(self, now: datetime) -> bool:
        token = uuid4()
        async with transaction(self.pool) as conn:
            task = await tasks.claim(conn, token, LEASE_SECONDS)
        if task is None:
            return False
        lease = Lease(
            LEASE_SECONDS,
            renew=lambda conn: tasks.renew(conn, task.id, token, LEASE_SECONDS),
            release=lambda conn: tasks.give_back(conn, task.id, token),
        )
        try:
            async with held(self.pool, lease):
                await self._work(task, token, now)
        except LeaseLostError:
            log.info("analysis: somebody else has taken over", extra={"task": str(task.id)})
        return True

    async def _work(self, task: Task, token: UUID, now: datetime) -> None:
        address, outcome = await self._outcome(task, now)
        done = self._now(now)
        async with transaction(self.pool) as conn:
            match outcome:
                case Answered(result):
                    keep = self.kinds[task.kind].keep
                    if keep is not None:
                        result = await keep(conn, task.kreis, result, now)
                    ours = await tasks.finish(conn, task.id, token, snapshot=address, result=result, now=done)
                case NotAnswered(code, wrong):
                    ours = await tasks.fail(conn, task.id, token, code, now=done, wrong=wrong)
            if not ours:
                raise LeaseLostError
            await tasks.forget_old(conn, task.kreis, task.kind, done)

    async def _outcome(self, task: Task, now: datetime) -> tuple[bytes, Answered | NotAnswered]:
        if task.attempts > MOST_ATTEMPTS:
            return b"", NotAnswered("given_up")
        try:
            return await self._answer(task, now)
        except Exception as error:  # noqa: BLE001 - judged one by one there; it must stop no other task
            return b"", self._failed(task, error)

    async def _answer(self, task: Task, now: datetime) -> tuple[bytes, Answered | NotAnswered]:
        kind = self.kinds.get(task.kind)
        if kind is None:
            return b"", NotAnswered("kind_unknown")
        async with (
            acquire(self.pool) as conn,
            conn.transaction(isolation="repeatable_read", readonly=True),
        ):
            seen = await self.snapshot_of(conn, task.kreis, now)
            question = {**task.question, "kreis": task.kreis}
            if kind.material is not None:
                context = ReadContext(conn, task.kreis, task.question, now, self.snapshot_of, seen)
                question["material"] = await kind.material(context)
        raw = snapshot.encode(seen)
        answered = await self.process.answer(kind.solve, question, raw, kind.limit_seconds)
        return snapshot.address(raw), answered

    def _failed(self, task: Task, error: Exception) -> NotAnswered:
        """Return what a failure means for the task; raise it if another attempt of the timer may help."""
        match error:
            case ChangeError():
                wrong = {"code": error.code, "at": error.at, "params": error.params}
                return NotAnswered("question_wrong", wrong)
            case ProcessDiedError():
                code = "worker_died"
            case TimeoutError():
                code = "too_long"
            case _ if meaning_of(error, connection_dead=False) is Meaning.TRANSIENT:
                raise error
            case _:
                code = "not_computed"
        log.error(
            "analysis: no answer",
            extra={"task": str(task.id), "kind": task.kind, "code": code, "error": name_of(error)},
            exc_info=error if code == "not_computed" else None,
        )
        return NotAnswered(code)
