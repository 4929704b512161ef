"""Old runs are forgotten with what only they refer to; never what is open, contested, shown or in use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from typer.testing import CliRunner

from services.allocation.acts.placements import Placements
from services.allocation.law.rulebook import load_rulebook
from services.allocation.policy.current import CurrentPolicies
from services.allocation.policy.domain import load_policies
from services.allocation.policy.terms import PolicyTerms
from services.allocation.rerun import request_rerun
from services.allocation.steering.commands import app
from services.allocation.steering.explain import store as explanation_store
from services.allocation.steering.runs import retention, store
from services.allocation.steering.runs.audit import verify
from services.allocation.steering.runs.retention import Retention
from services.allocation.steering.runs.service import Steering
from services.runtime.data.db import connect, open_pool, transaction, web_transaction
from tests.conftest import MakeDatabase
from tests.databases import Database
from tests.integration.allocation.rows import fill
from tests.integration.allocation.runs.test_runs import Solver
from tests.unit.allocation.regions.region import a_region

NOON = datetime(2026, 3, 2, 11, tzinfo=UTC)
LATER = NOON + timedelta(days=7)
KREIS = "99001"
POLICIES = load_policies()
DAYS = POLICIES.at(KREIS, NOON).explained_days
FORGOTTEN = NOON + timedelta(days=DAYS, seconds=1)


@dataclass
class Place:
    """A database with two runs."""

    database: Database
    pool: asyncpg.Pool
    conn: asyncpg.Connection
    old: UUID
    new: UUID

    async def forget(self, now: datetime) -> int:
        return await Retention(self.pool, POLICIES).forget(now)

    async def runs(self) -> set[UUID]:
        return set(await explanation_store.all_runs(self.conn))

    async def contents(self) -> set[bytes]:
        return {row["sha256"] for row in await self.conn.fetch("SELECT sha256 FROM steering_content")}

    async def close_all(self) -> None:
        """Let no place be open and no reason of the old run be shown."""
        await self.conn.execute("UPDATE placement SET state = 'declined'")
        await self.conn.execute("UPDATE main_reason SET run = $1", self.new)


@pytest.fixture
async def place(database: MakeDatabase, prefix: str) -> AsyncIterator[Place]:
    made = await database("allocation")
    pool = await open_pool(made.worker, name="retention-test", max_size=4)
    conn = await connect(made.worker, name="retention-test-looking")
    await fill(conn, a_region(3, 40, 4))
    placements = Placements(prefix, PolicyTerms(POLICIES))
    steering = Steering(pool, Solver(), placements, CurrentPolicies(POLICIES), load_rulebook(), prefix)
    for now in (NOON, LATER):
        async with conn.transaction():
            await request_rerun(conn, KREIS, "a_test", True, now)  # noqa: FBT003 -- urgent
        assert await steering.run_due(now) == 1
    old, new = await explanation_store.all_runs(conn)
    assert old != new
    yield Place(made, pool, conn, old, new)
    await conn.close()
    await pool.close()


async def test_only_what_is_old_over_and_not_shown_is_forgotten(place: Place) -> None:
    both, all_contents = {place.old, place.new}, await place.contents()
    assert await place.forget(FORGOTTEN) == 0  # places are open, reasons are shown
    await place.conn.execute("UPDATE placement SET state = 'declined'")
    assert await place.forget(FORGOTTEN) == 0  # reasons are shown
    await place.conn.execute("UPDATE main_reason SET run = $1", place.new)
    assert await place.forget(NOON + timedelta(days=DAYS)) == 0  # it is not older yet
    await place.conn.execute(
        "UPDATE placement SET state = 'proposed'"
        " WHERE placement = (SELECT min(placement::text)::uuid FROM placement)"
    )
    assert await place.forget(FORGOTTEN) == 0  # one place is open
    assert (await place.runs(), await place.contents()) == (both, all_contents)
    await place.close_all()
    assert await place.forget(FORGOTTEN) == 1
    assert await place.runs() == {place.new}
    names = await explanation_store.contents_of(place.conn, place.new)
    assert await place.contents() == {names.snapshot, names.result, names.certificate}
    assert (await verify(place.conn, place.new)).findings == ()
    assert await place.forget(FORGOTTEN + timedelta(days=3000)) == 0  # the latest one stays


async def test_what_somebody_keeps_stays_until_it_is_lifted(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KURSLOTSE_DB_WORKER", place.database.worker)

    async def said(*words: str) -> tuple[int, str]:
        ended = await asyncio.to_thread(CliRunner().invoke, app, ["keep", *words])
        return ended.exit_code, ended.output

    await place.close_all()
    run, who = str(place.old), ("--by", "jana-vogt")
    assert await said(run, *who, "--reason", "an objection of 3 March") == (0, f"{run} is kept\n")
    assert (await said(run, *who, "--reason", "another objection"))[0] == 1
    assert (await said(run, *who))[0] == 2  # a reason is needed
    assert (await said(str(UUID(int=0)), *who, "--reason", "an objection of 3 March"))[0] == 1
    assert await place.forget(FORGOTTEN) == 0
    assert await said(run, *who, "--lift") == (0, f"{run} is kept no longer than others\n")
    assert (await said(run, *who, "--lift"))[0] == 1
    assert await place.forget(FORGOTTEN) == 1
    row = await place.conn.fetchrow("SELECT actor, reason, lifted_by FROM steering_kept")
    assert row is not None
    assert tuple(row) == ("jana-vogt", "an objection of 3 March", "jana-vogt")


async def test_contents_of_a_run_that_is_being_written_stay(place: Place) -> None:
    """Its result can be the same bytes as that of an old run."""
    await place.close_all()
    shared = (await explanation_store.contents_of(place.conn, place.old)).result
    packed = await explanation_store.content(place.conn, shared)
    async with transaction(place.pool) as writing:
        await explanation_store.put_content(writing, KREIS, shared, packed)
        forgetting = asyncio.create_task(place.forget(FORGOTTEN))
        async with asyncio.timeout(20):
            while not await place.conn.fetchval(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND application_name = 'retention-test')"
            ):
                assert not forgetting.done()
        await writing.execute("UPDATE steering_run SET result = $2 WHERE run = $1", place.new, shared)
    assert await forgetting == 1
    assert shared in await place.contents()
    assert await place.runs() == {place.new}


async def test_nothing_is_forgotten_where_nobody_has_decided(place: Place) -> None:
    await place.close_all()
    await place.conn.execute("UPDATE steering_run SET decided_at = '1999-01-01' WHERE run = $1", place.old)
    before = datetime(1999, 12, 31, tzinfo=UTC)  # the packaged policy begins in 2000
    assert await place.forget(before) == 0
    assert await place.forget(NOON) == 1


async def test_a_kreis_sees_bytes_that_another_one_stored_first(place: Place) -> None:
    names = await explanation_store.contents_of(place.conn, place.new)
    await place.conn.execute("UPDATE steering_content SET kreis = '99002' WHERE sha256 = $1", names.result)
    pool = await open_pool(place.database.web, name="retention-test-web", max_size=1)
    for kreis, seen in ((KREIS, True), ("99003", False)):
        async with web_transaction(pool, kreise=(kreis,)) as conn:
            found = await conn.fetchval(
                "SELECT count(*) FROM steering_content WHERE sha256 = $1", names.result
            )
            assert found == seen
    await pool.close()


async def test_forgetting_goes_on_in_steps(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    await place.close_all()
    columns = ", ".join(store.RUN_COLUMNS[1:])
    await place.conn.execute(
        f"INSERT INTO steering_run (run, {columns}) SELECT gen_random_uuid(), {columns} FROM steering_run"
        " CROSS JOIN generate_series(1, 6) WHERE run = $1",
        place.old,
    )
    monkeypatch.setattr(retention, "AT_ONCE", 3)
    assert await place.forget(FORGOTTEN) == 1 + 6
    assert await place.runs() == {place.new}
