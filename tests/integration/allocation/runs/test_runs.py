"""Runs on a real database: due in time, written once, dropped where overtaken, kept to replay."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.allocation.acts.placements import Done, Placements
from services.allocation.law.rulebook import load_rulebook
from services.allocation.placements.results import DecidedBy
from services.allocation.policy.current import CurrentPolicies
from services.allocation.policy.domain import load_policies
from services.allocation.policy.terms import PolicyTerms
from services.allocation.rerun import Rerun, request_rerun, request_reruns
from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.match import ENGINE
from services.allocation.steering.runs.replay import Different, Same, replay
from services.allocation.steering.runs.service import Steering
from services.allocation.steering.runs.worker import SolvedRun, solve
from services.runtime.data.db import connect, open_pool, web_transaction
from tests.conftest import MakeDatabase
from tests.databases import Database
from tests.integration.allocation.rows import fill
from tests.unit.allocation.regions.region import a_region

NOON = datetime(2026, 3, 2, 11, tzinfo=UTC)
KREIS = "99001"


async def nothing() -> None:
    """Let nothing happen in the meantime."""


@dataclass
class Solver:
    """Solves in this process; something may happen meanwhile."""

    meanwhile: Callable[[], Awaitable[None]] = field(default=nothing)
    solved: int = 0

    async def solve(self, raw: bytes) -> SolvedRun:
        self.solved += 1
        await self.meanwhile()
        return solve(raw)


@dataclass
class Place:
    """A database with a region in it, and what steers it."""

    database: Database
    pool: asyncpg.Pool
    conn: asyncpg.Connection
    solver: Solver
    steering: Steering

    async def ask(self, *, urgent: bool = True, now: datetime = NOON) -> None:
        async with self.conn.transaction():
            await request_rerun(self.conn, KREIS, "a_test", urgent, now)

    async def value(self, sql: str, *args: object) -> int:
        found: int = await self.conn.fetchval(sql, *args)
        return found

    async def open(self) -> int:
        return await self.value("SELECT count(*) FROM steering_request WHERE generation > done_generation")

    async def proposed(self) -> int:
        return await self.value("SELECT count(*) FROM placement WHERE state = 'proposed'")

    async def told(self) -> int:
        return await self.value(
            "SELECT count(*) FROM runtime.outbox WHERE type LIKE '%participant-unplaced%'"
        )


@pytest.fixture
async def place(database: MakeDatabase, prefix: str) -> AsyncIterator[Place]:
    made = await database("allocation")
    pool = await open_pool(made.worker, name="steering-test", max_size=4)
    conn = await connect(made.worker, name="steering-test-looking")
    await fill(conn, a_region(3, 200, 12))
    solver, policies = Solver(), load_policies()
    placements = Placements(prefix, PolicyTerms(policies))
    yield Place(
        made,
        pool,
        conn,
        solver,
        Steering(pool, solver, placements, CurrentPolicies(policies), load_rulebook(), prefix),
    )
    await conn.close()
    await pool.close()


async def test_a_run_proposes_explains_and_is_kept(place: Place) -> None:
    await place.ask()
    assert await place.steering.run_due(NOON) == 1
    run = await place.conn.fetchrow("SELECT * FROM steering_run")
    assert run is not None
    assert run["people"] == 200
    assert 0 < run["placed"] == run["proposed"] == await place.proposed()
    assert [tier["name"] for tier in run["tiers"]][:4] == ["urgent_duty", "other_duty", "others", "waiting"]
    assert await place.value("SELECT count(*) FROM main_reason") == 200
    assert await place.value("SELECT count(*) FROM main_reason WHERE placed") == run["placed"]
    assert await place.told() == 200 - run["placed"]
    assert await place.value("SELECT count(*) FROM steering_lease") == 0
    assert await place.open() == 0
    assert isinstance(await replay(place.conn, run["run"]), Same)


async def test_what_is_proposed_already_is_not_proposed_again(place: Place) -> None:
    await place.ask()
    await place.steering.run_due(NOON)
    before = await place.conn.fetch("SELECT placement, version FROM placement ORDER BY placement")
    told = await place.told()
    await place.ask()
    assert await place.steering.run_due(NOON) == 1
    assert await place.conn.fetch("SELECT placement, version FROM placement ORDER BY placement") == before
    assert await place.told() == told
    assert await place.value("SELECT sum(proposed + withdrawn) FROM steering_run WHERE generation = 2") == 0


async def test_requests_wait_for_the_hour_and_are_one_run(place: Place) -> None:
    for _ in range(20):
        await place.ask(urgent=False)
    status = await connect(place.database.status, name="steering-test-status")
    assert await place.steering.run_due(NOON) == 0
    assert await place.steering.due(status, NOON) == 0
    morning = NOON + timedelta(hours=18)
    assert await place.steering.due(status, morning) == 1
    assert await place.steering.run_due(morning) == 1
    assert await place.steering.run_due(morning) == 0
    assert await place.steering.due(status, morning) == 0
    assert place.solver.solved == 1
    await status.close()


async def test_many_wishes_of_one_transaction_are_one_request_for_each_kreis(place: Place) -> None:
    reruns = [Rerun("99002", "b"), Rerun(KREIS, "a"), Rerun("99002", "a", urgent=True)]
    async with place.conn.transaction():
        await request_reruns(place.conn, reruns, NOON)
        await request_reruns(place.conn, reruns, NOON)
    rows = await place.conn.fetch("SELECT region, generation, reasons, urgent_since FROM steering_request")
    assert {tuple(row) for row in ((r[0], r[1], tuple(r[2]), r[3]) for r in rows)} == {
        (KREIS, 2, ("a",), None),
        ("99002", 2, ("a", "b"), NOON),
    }


async def test_a_request_during_a_run_stays_open(place: Place) -> None:
    later = NOON + timedelta(minutes=5)

    async def meanwhile() -> None:
        await place.ask(urgent=False, now=later)

    await place.ask()
    place.solver.meanwhile = meanwhile
    assert await place.steering.run_due(NOON) == 1
    place.solver.meanwhile = nothing
    row = await place.conn.fetchrow("SELECT * FROM steering_request")
    assert row is not None
    assert (row["generation"], row["done_generation"]) == (2, 1)
    assert (row["waiting_since"], row["urgent_since"]) == (later, None)
    assert await place.steering.run_due(later) == 0
    assert await place.steering.run_due(NOON + timedelta(days=1)) == 1


async def test_what_was_overtaken_is_dropped_and_asked_for_again(place: Place) -> None:
    async def meanwhile() -> None:
        await place.conn.execute("UPDATE course SET version = version + 1")

    await place.ask()
    place.solver.meanwhile = meanwhile
    await place.steering.run_due(NOON)
    place.solver.meanwhile = nothing
    assert await place.proposed() == 0
    stale = await place.value("SELECT stale FROM steering_run")
    assert stale > 0
    assert await place.open() == 1
    assert await place.steering.run_due(NOON) == 1
    assert await place.proposed() == stale
    assert await place.open() == 0


async def test_a_person_who_changed_meanwhile_is_not_proposed(place: Place) -> None:
    async def meanwhile() -> None:
        await place.conn.execute("UPDATE participant SET version = version + 1, needs_childcare = true")

    await place.ask()
    place.solver.meanwhile = meanwhile
    await place.steering.run_due(NOON)
    assert await place.proposed() == 0


async def test_one_run_at_a_time(place: Place) -> None:
    both = asyncio.Event()

    async def meanwhile() -> None:
        await asyncio.wait_for(both.wait(), 10)

    await place.ask()
    place.solver.meanwhile = meanwhile
    first = asyncio.create_task(place.steering.run_due(NOON))
    while place.solver.solved == 0:  # noqa: ASYNC110 - bounded by the test's timeout
        await asyncio.sleep(0.01)
    assert await place.steering.run_due(NOON) == 0
    both.set()
    assert await first == 1
    assert place.solver.solved == 1


async def test_who_lost_the_lease_writes_nothing(place: Place) -> None:
    async def meanwhile() -> None:
        await place.conn.execute("UPDATE steering_lease SET token = $1", uuid4())

    await place.ask()
    place.solver.meanwhile = meanwhile
    assert await place.steering.run_due(NOON) == 0
    assert await place.proposed() == 0
    assert await place.value("SELECT count(*) FROM steering_run") == 0
    assert await place.open() == 1


async def test_a_failure_leaves_the_region_due_and_free(place: Place) -> None:
    async def meanwhile() -> None:
        raise OSError("the worker died")

    await place.ask()
    place.solver.meanwhile = meanwhile
    with pytest.raises(OSError, match="died"):
        await place.steering.run_due(NOON)
    assert await place.value("SELECT count(*) FROM steering_lease") == 0
    place.solver.meanwhile = nothing
    assert await place.steering.run_due(NOON) == 1


async def test_a_reserved_person_and_seat_are_out_of_the_next_run(place: Place) -> None:
    await place.ask()
    await place.steering.run_due(NOON)
    row = await place.conn.fetchrow("SELECT placement, participant, course FROM placement ORDER BY placement")
    assert row is not None
    placements = place.steering.placements
    assert isinstance(placements, Placements)
    async with place.conn.transaction():
        assert isinstance(
            await placements.approve_proposal(place.conn, DecidedBy("a coordinator", NOON), row["placement"]),
            Done,
        )
    await place.ask()
    await place.steering.run_due(NOON)
    people = await place.value("SELECT people FROM steering_run ORDER BY recorded_at DESC")
    assert people == 199
    assert await place.value("SELECT count(*) FROM main_reason WHERE participant = $1", row[1]) == 0


async def test_a_place_that_no_longer_fits_is_taken_back_and_told(place: Place) -> None:
    await place.ask()
    await place.steering.run_due(NOON)
    offered = await place.conn.fetchrow("SELECT participant, course FROM placement ORDER BY placement")
    assert offered is not None
    told = await place.told()
    await place.conn.execute(
        "UPDATE participant SET version = version + 1, level = NULL, section = NULL, tested_on = NULL"
        " WHERE participant = $1",
        offered["participant"],
    )
    await place.ask()
    await place.steering.run_due(NOON)
    states = [
        row["state"]
        for row in await place.conn.fetch(
            "SELECT state FROM placement WHERE participant = $1", offered["participant"]
        )
    ]
    assert states == ["superseded"]
    assert await place.told() > told
    reason = await place.conn.fetchrow(
        "SELECT placed, code FROM main_reason WHERE participant = $1", offered["participant"]
    )
    assert reason is not None
    assert tuple(reason) == (False, "blocked_placement_test")


async def test_a_forged_result_is_told_apart(place: Place) -> None:
    await place.ask()
    await place.steering.run_due(NOON)
    run: UUID = await place.conn.fetchval("SELECT run FROM steering_run")
    admin = await asyncpg.connect(place.database.admin)
    await admin.execute(
        "INSERT INTO steering_content (sha256, kreis, content) VALUES (sha256('forged'), '99001', 'forged')"
    )
    await admin.execute("UPDATE steering_run SET result = sha256('forged')")
    await admin.close()
    told = await replay(place.conn, run)
    assert isinstance(told, Different)
    assert told.findings
    assert not told.harmless
    with pytest.raises(LookupError):
        await replay(place.conn, uuid4())


async def test_another_engines_result_is_checked_instead(place: Place) -> None:
    await place.ask()
    await place.steering.run_due(NOON)
    run: UUID = await place.conn.fetchval("SELECT run FROM steering_run")
    admin = await asyncpg.connect(place.database.admin)
    stored: bytes = await admin.fetchval(
        "SELECT content FROM steering_content JOIN steering_run ON result = sha256"
    )
    raw = zlib.decompress(stored).replace(ENGINE.encode(), b"flow 0")
    await admin.execute(
        "INSERT INTO steering_content (sha256, kreis, content) VALUES ($1, '99001', $2)",
        snapshot.address(raw),
        snapshot.pack(raw),
    )
    await admin.execute(
        "UPDATE steering_run SET result = $1, engine_version = 'flow 0', certificate = NULL",
        snapshot.address(raw),
    )
    await admin.close()
    told = await replay(place.conn, run)
    assert isinstance(told, Different)
    assert (told.why, told.findings) == ("flow 0", ())
    assert told.harmless


async def test_pages_see_their_own_kreis_only(place: Place) -> None:
    await place.ask()
    await place.steering.run_due(NOON)
    web = await open_pool(place.database.web, name="steering-test-web", max_size=1)
    for kreis, people in (("99001", 200), ("99002", 0)):
        async with web_transaction(web, kreise=[kreis]) as conn:
            assert await conn.fetchval("SELECT count(*) FROM main_reason") == people
            assert (await conn.fetchval("SELECT count(*) FROM steering_run") > 0) == (people > 0)
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with conn.transaction():
                    await conn.execute("DELETE FROM steering_run")
    await web.close()
