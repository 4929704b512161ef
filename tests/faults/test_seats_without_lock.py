"""Tests that the last seat is given once, and that readers without locks are caught."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import asyncpg
import pytest

from services.allocation.acts.placements import Done, NotDone, Result
from services.allocation.courses import store as courses_store
from services.allocation.placements.results import DecidedBy
from services.runtime.data.db import transaction
from tests.allocation.builders import NOW, OFFICE, PROVIDER, announced, course, registered
from tests.allocation.world import World, world_on
from tests.conftest import MakeDatabase
from tests.waiting import wait_until


async def _courses_unlocked(conn: asyncpg.Connection, ids: Sequence[UUID]) -> Sequence[asyncpg.Record]:
    return await conn.fetch(
        """
        SELECT course, kreis, provider, own_course, own_number, title, course_type, course_kind, town,
               capacity, minimum, taken_elsewhere, target_level, lessons::text AS lessons,
               venue::text AS venue, online, childcare, women_only, registration_until, state,
               cancel_reason, ended_on, version, stated, stated_as
        FROM course WHERE course = ANY($1::uuid[]) ORDER BY course
        """,
        ids,
    )


async def _sections_unlocked(conn: asyncpg.Connection, ids: Sequence[UUID]) -> Sequence[asyncpg.Record]:
    return await conn.fetch(
        """
        SELECT course, number, starts_on, ends_on, ue, capacity, taken, removed, completed_on
        FROM course_section WHERE course = ANY($1::uuid[]) ORDER BY course, number
        """,
        ids,
    )


@contextmanager
def without_locks() -> Iterator[None]:
    """Let courses and their sections be read without row locks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(courses_store, "lock", _courses_unlocked)
        patch.setattr(courses_store, "lock_sections", _sections_unlocked)
        yield


async def _two_at_once(world: World) -> tuple[Result, Result]:
    """Release two proposals for one seat; the first commits only once the second has read or waits."""
    await world.must(PROVIDER, announced(capacity=1))
    for reference in ("p1", "p2"):
        await world.must(OFFICE, registered(reference))
    first, second = await world.propose("p1", "p2")
    decided = asyncio.Event()

    async def late() -> Result:
        async with transaction(world.pool) as conn:
            outcome = await world.placements.approve_proposal(conn, DecidedBy("peter", NOW), second)
            decided.set()
            return outcome

    async def waits_or_decided() -> bool:
        waiting = await world.rows(
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return decided.is_set() or bool(waiting)

    async with transaction(world.pool) as conn:
        outcome = await world.placements.approve_proposal(conn, DecidedBy("jana", NOW), first)
        task = asyncio.create_task(late())
        await wait_until(waits_or_decided, what="the second release reads or waits")
    return outcome, await task


async def _people_in_the_course(world: World) -> int:
    rows = await world.rows("SELECT FROM placement WHERE course = $1 AND state = 'reserved'", course())
    return len(rows)


async def test_the_second_waits_and_finds_no_seat(database: MakeDatabase, prefix: str) -> None:
    async with world_on(await database("allocation"), prefix) as world:
        first, second = await _two_at_once(world)
        assert isinstance(first, Done)
        assert isinstance(second, NotDone)
        assert second.refusal.code == "no_seat"
        assert await _people_in_the_course(world) == 1
        await world.check()


async def test_without_locks_it_is_noticed(database: MakeDatabase, prefix: str) -> None:
    async with world_on(await database("allocation"), prefix) as world:
        with without_locks():
            first, second = await _two_at_once(world)
        assert isinstance(first, Done)
        assert isinstance(second, Done)
        assert await _people_in_the_course(world) == 2
        with pytest.raises(AssertionError, match="I2"):
            await world.check()
