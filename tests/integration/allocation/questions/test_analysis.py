"""Questions to the engine: answered one by one, taken over from the dead, never in each other's way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.allocation.law.rulebook import load_rulebook
from services.allocation.policy.current import CurrentPolicies
from services.allocation.policy.domain import load_policies
from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.snapshot import Snapshot
from services.allocation.steering.questions import queue as tasks
from services.allocation.steering.questions import what_if
from services.allocation.steering.questions.material import snapshot_source
from services.allocation.steering.questions.queue import Answer, answer_of, ask
from services.allocation.steering.questions.runner import MOST_ATTEMPTS, Analyses
from services.allocation.steering.questions.worker import (
    KINDS,
    Answered,
    Kind,
    NotAnswered,
    Process,
    Solve,
    solve,
)
from services.runtime.base.subprocesses import ProcessDiedError
from services.runtime.data.db import connect, open_pool, web_transaction
from services.simulator.comparison.extension import EXTENSION
from tests.conftest import MakeDatabase
from tests.databases import Database
from tests.integration.allocation.rows import fill
from tests.unit.allocation.regions.crowd import TOWNS
from tests.unit.allocation.regions.region import a_region

NOON = datetime(2026, 3, 2, 11, tzinfo=UTC)
KREIS = "99001"
IN_THE_DEMO = {**KINDS, **EXTENSION.kinds}
WHAT_IF: dict[str, Any] = {
    "changes": [
        {
            "kind": "course_added",
            "course_type": "integration_general",
            "starts_on": "2026-04-06",
            "town": TOWNS[0],
            "times_of_day": ["morning"],
            "seats": 20,
        }
    ]
}


async def nothing() -> None:
    """Let nothing happen in the meantime."""


@dataclass
class Here:
    """Answers in this process; something may happen meanwhile."""

    meanwhile: Callable[[], Awaitable[None]] = field(default=nothing)
    asked: list[str] = field(default_factory=list)

    async def answer(
        self, solver: Solve, question: Mapping[str, Any], raw: bytes, limit_seconds: float
    ) -> Answered | NotAnswered:
        assert limit_seconds > 0
        self.asked.append(next(kind for kind, known in IN_THE_DEMO.items() if known.solve == solver))
        await self.meanwhile()
        return solve(solver, question, raw)


@dataclass
class QuestionStand:
    """A database with a region in it, and what answers questions about it."""

    database: Database
    pool: asyncpg.Pool
    conn: asyncpg.Connection
    process: Here
    analyses: Analyses

    async def ask(
        self, kind: str = "what_if", question: Mapping[str, Any] = WHAT_IF, kreis: str = KREIS
    ) -> UUID:
        async with self.conn.transaction():
            return await ask(self.conn, kreis, kind, question, "jana-vogt", NOON)

    async def answer(self, task: UUID) -> Answer:
        found = await answer_of(self.conn, task)
        assert found is not None
        return found

    async def rows(self) -> list[tuple[str, int]]:
        """Count the rows of every table of the service but the tasks."""
        names = await self.conn.fetch(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " AND relname <> 'analysis_task' ORDER BY relname"
        )
        return [(name, await self.conn.fetchval(f'SELECT count(*) FROM "{name}"')) for (name,) in names]


@pytest.fixture
async def stand(database: MakeDatabase) -> AsyncIterator[QuestionStand]:
    made = await database("allocation")
    pool = await open_pool(made.worker, name="analysis-test", max_size=4)
    conn = await connect(made.worker, name="analysis-test-looking")
    await fill(conn, a_region(3, 200, 12))
    here = Here()
    look = snapshot_source(CurrentPolicies(load_policies()), load_rulebook())
    yield QuestionStand(made, pool, conn, here, Analyses(pool, here, look))
    await conn.close()
    await pool.close()


async def test_a_question_is_answered_and_nothing_else_is_written(stand: QuestionStand) -> None:
    before = await stand.rows()
    task = await stand.ask()
    assert (await stand.answer(task)).under_way
    assert await stand.analyses.run_waiting(NOON) == 1
    answer = await stand.answer(task)
    assert (answer.state, answer.failed_code, answer.finished_at) == ("done", None, NOON)
    assert answer.result is not None
    assert answer.result["after"]["placed"] > answer.result["before"]["placed"] > 0
    assert answer.snapshot is not None
    assert await stand.rows() == before
    assert await stand.analyses.run_waiting(NOON) == 0


async def test_every_kind_is_answered_by_its_own_process(stand: QuestionStand) -> None:
    analyses = Analyses(stand.pool, Process(), stand.analyses.snapshot_of)
    questions: dict[str, dict[str, Any]] = {"what_if": WHAT_IF, "next_course": {"solve": 3}, "pooling": {}}
    asked = {kind: await stand.ask(kind, question) for kind, question in questions.items()}
    assert await analyses.run_waiting(NOON) == 3
    for kind, task in asked.items():
        answer = await stand.answer(task)
        assert (kind, answer.state, answer.failed_code) == (kind, "done", None)
    async with stand.conn.transaction(isolation="repeatable_read"):
        seen = await stand.analyses.snapshot_of(stand.conn, KREIS, NOON)
    told = solve(
        what_if.answer, {**WHAT_IF, "kreis": KREIS, "material": {"neighbours": {}}}, snapshot.encode(seen)
    )
    assert isinstance(told, Answered)
    assert (await stand.answer(asked["what_if"])).result == told.result


async def test_questions_are_answered_in_their_order_whoever_fails(stand: QuestionStand) -> None:
    wrong = {"changes": [{"kind": "childcare", "course": str(uuid4())}]}
    asked = [
        await stand.ask("what_if", wrong),
        await stand.ask("no_such_kind"),
        await stand.ask("pooling", {}),
    ]
    assert await stand.analyses.run_waiting(NOON) == 3
    answers = [await stand.answer(task) for task in asked]
    assert [(one.state, one.failed_code) for one in answers] == [
        ("failed", "question_wrong"),
        ("failed", "kind_unknown"),
        ("done", None),
    ]
    assert answers[0].result is not None
    assert (answers[0].result["code"], answers[0].result["at"]) == ("course_unknown", 0)
    assert stand.process.asked == ["what_if", "pooling"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ProcessDiedError("killed"), "worker_died"),
        (TimeoutError(), "too_long"),
        (ZeroDivisionError("a mistake"), "not_computed"),
    ],
)
async def test_a_failure_is_said_and_blocks_nobody(stand: QuestionStand, error: Exception, code: str) -> None:
    async def fails_once() -> None:
        if len(stand.process.asked) == 1:
            raise error

    stand.process.meanwhile = fails_once
    first, second = await stand.ask(), await stand.ask()
    assert await stand.analyses.run_waiting(NOON) == 2
    answer = await stand.answer(first)
    assert (answer.state, answer.failed_code, answer.result) == ("failed", code, None)
    assert (await stand.answer(second)).state == "done"


async def test_a_kreis_without_a_policy_gets_an_answer(stand: QuestionStand) -> None:
    async def look(_conn: asyncpg.Connection, _kreis: str, _now: datetime) -> Snapshot:
        raise LookupError("no policy holds")

    task = await stand.ask()
    assert await Analyses(stand.pool, stand.process, look).run_waiting(NOON) == 1
    assert (await stand.answer(task)).failed_code == "not_computed"


async def test_a_passing_failure_gives_the_question_back(stand: QuestionStand) -> None:
    async def look(_conn: asyncpg.Connection, _kreis: str, _now: datetime) -> Snapshot:
        raise ConnectionResetError("the database went away")

    task = await stand.ask()
    with pytest.raises(ConnectionResetError):
        await Analyses(stand.pool, stand.process, look).run_waiting(NOON)
    assert (await stand.answer(task)).state == "waiting"
    assert await stand.analyses.run_waiting(NOON) == 1
    assert (await stand.answer(task)).state == "done"


async def test_a_stopping_service_gives_the_question_back(stand: QuestionStand) -> None:
    begun = asyncio.Event()

    async def meanwhile() -> None:
        begun.set()
        await asyncio.Event().wait()

    stand.process.meanwhile = meanwhile
    task = await stand.ask()
    running = asyncio.create_task(stand.analyses.run_waiting(NOON))
    await begun.wait()
    assert (await stand.answer(task)).state == "running"
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await stand.answer(task)).state == "waiting"


async def test_the_task_of_a_dead_process_is_taken_over(stand: QuestionStand) -> None:
    task, dead = await stand.ask(), uuid4()
    taken = await tasks.claim(stand.conn, dead, 60)
    assert taken is not None
    assert taken.id == task
    assert await stand.analyses.run_waiting(NOON) == 0  # its lease still holds
    await stand.conn.execute("UPDATE analysis_task SET held_until = clock_timestamp() - interval '1 second'")
    assert await stand.analyses.run_waiting(NOON) == 1
    assert (await stand.answer(task)).state == "done"
    late = await tasks.finish(stand.conn, task, dead, snapshot=bytes(32), result={}, now=NOON)
    assert not late
    assert (await stand.answer(task)).result != {}


async def test_who_lost_the_lease_writes_nothing(stand: QuestionStand) -> None:
    async def meanwhile() -> None:
        await stand.conn.execute("UPDATE analysis_task SET token = $1", uuid4())

    stand.process.meanwhile = meanwhile
    task = await stand.ask()
    await stand.analyses.run_waiting(NOON)
    answer = await stand.answer(task)
    assert (answer.state, answer.result) == ("running", None)


async def test_a_question_that_ends_every_process_is_given_up(stand: QuestionStand) -> None:
    task = await stand.ask()
    for _ in range(MOST_ATTEMPTS):
        assert await tasks.claim(stand.conn, uuid4(), -1) is not None
    assert await stand.analyses.run_waiting(NOON) == 1
    assert (await stand.answer(task)).failed_code == "given_up"
    assert stand.process.asked == []


async def test_two_services_never_answer_the_same_question(stand: QuestionStand) -> None:
    for _ in range(6):
        await stand.ask("pooling", {})
    other = Analyses(stand.pool, stand.process, stand.analyses.snapshot_of)
    done = await asyncio.gather(stand.analyses.run_waiting(NOON), other.run_waiting(NOON))
    assert sum(done) == 6
    assert len(stand.process.asked) == 6
    assert await stand.conn.fetchval("SELECT count(*) FROM analysis_task WHERE state = 'done'") == 6
    assert await stand.conn.fetchval("SELECT max(attempts) FROM analysis_task") == 1


async def test_only_the_latest_answers_are_kept(stand: QuestionStand) -> None:
    quick = Analyses(
        stand.pool, stand.process, stand.analyses.snapshot_of, {"no_such_kind": Kind(KINDS["pooling"].solve)}
    )
    first = await stand.ask("no_such_kind", {})
    await stand.ask("another", {})
    waiting = [await stand.ask("no_such_kind", {}) for _ in range(tasks.KEPT)]
    assert await quick.run_waiting(NOON) == tasks.KEPT + 2
    assert await answer_of(stand.conn, first) is None
    assert await answer_of(stand.conn, waiting[0]) is not None
    assert await stand.conn.fetchval("SELECT count(*) FROM analysis_task WHERE kind = 'another'") == 1


async def test_questions_are_never_due(stand: QuestionStand) -> None:
    await stand.ask()
    status = await connect(stand.database.status, name="analysis-test-status")
    views = await status.fetch(
        "SELECT relname FROM pg_class WHERE relname LIKE 'analysis%' AND relkind = 'v'"
    )
    assert views == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await status.fetch("SELECT * FROM analysis_task")
    await status.close()


async def test_a_page_asks_and_reads_for_its_own_kreis_only(stand: QuestionStand) -> None:
    web = await open_pool(stand.database.web, name="analysis-test-web", max_size=1)
    async with web_transaction(web, kreise=[KREIS]) as conn:
        task = await ask(conn, KREIS, "what_if", WHAT_IF, "jana-vogt", NOON)
    async with web_transaction(web, kreise=["99002"]) as conn:
        assert await answer_of(conn, task) is None
        assert await tasks.latest(conn, "what_if", 10) == []
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with conn.transaction():
                await ask(conn, KREIS, "what_if", {}, "somebody", NOON)
    await stand.analyses.run_waiting(NOON)
    async with web_transaction(web, kreise=[KREIS]) as conn:
        (latest,) = await tasks.latest(conn, "what_if", 10)
        assert (latest.id, latest.state) == (task, "done")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with conn.transaction():
                await conn.execute("UPDATE analysis_task SET state = 'waiting'")
        assert await conn.execute("DELETE FROM analysis_task") == "DELETE 0"  # none of them is saved
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with conn.transaction():
                await conn.execute(
                    "INSERT INTO analysis_task (id, kreis, kind, question, asked_by, asked_at, result)"
                    " VALUES (gen_random_uuid(), '99001', 'what_if', '{}', 'a', now(), '{}')"
                )
    await web.close()


async def test_business_time_passes_while_questions_wait(stand: QuestionStand) -> None:
    class Passing:
        days = 0

        def now(self) -> datetime:
            self.days += 1
            return NOON + timedelta(days=self.days)

    asked = [await stand.ask(), await stand.ask()]
    await replace(stand.analyses, clock=Passing()).run_waiting(NOON)
    first, second = [await stand.answer(one) for one in asked]
    assert first.result is not None
    assert second.result is not None
    assert first.result["day"] < second.result["day"]
    assert NOON < (first.finished_at or NOON) < (second.finished_at or NOON)


async def test_a_comparison_lets_the_others_pass(stand: QuestionStand) -> None:
    for kind in ("compare", "pooling", "what_if"):
        await stand.ask(kind, WHAT_IF)
    await replace(stand.analyses, kinds=IN_THE_DEMO).run_waiting(NOON)
    assert stand.process.asked == ["pooling", "what_if", "compare"]


async def test_business_time_is_the_askers(stand: QuestionStand) -> None:
    task = await stand.ask()
    later = NOON + timedelta(days=1)
    await stand.analyses.run_waiting(later)
    answer = await stand.answer(task)
    assert (answer.asked_at, answer.finished_at) == (NOON, later)
    assert answer.result is not None
    assert answer.result["day"] == "2026-03-03"
