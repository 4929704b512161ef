"""Clicks that meet workers who lock the same rows the other way round: nobody is turned away or waits."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from services.notifications.alerts import snoozing
from services.runtime.data.collisions import repeated
from services.runtime.data.db import transaction
from tests.notifications.pages import Pages
from tests.notifications.world import MBE, NOW, World
from tests.waiting import wait_until

LOCK_ALERT = "SELECT state FROM alert WHERE alert_id = $1 FOR UPDATE"
LOCK_ESCALATIONS = "SELECT step FROM escalation WHERE alert_id = $1 ORDER BY step FOR UPDATE"
LOCK_REQUEST = "SELECT generation FROM reconsider WHERE participant_id = $1 FOR UPDATE"


@pytest.fixture
async def other(world: World) -> AsyncIterator[asyncpg.Connection]:
    """Somebody who is not the first to be stopped by a deadlock."""
    conn = await asyncpg.connect(world.database.admin)
    await conn.execute("SET deadlock_timeout = '20s'")
    try:
        yield conn
    finally:
        await conn.close()


async def somebody_waits(world: World) -> None:
    await wait_until(
        lambda: world.value(
            "SELECT EXISTS (SELECT FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)"
            " WHERE NOT l.granted AND a.datname = current_database())"
        ),
        what="somebody waits for a row",
    )


async def test_who_collides_acts_once_more(world: World, alerts: list[UUID]) -> None:
    first, second, _ = alerts
    held: set[UUID] = set()
    both = asyncio.Event()
    tries: list[UUID] = []

    async def in_order(conn: asyncpg.Connection, one: UUID, then: UUID) -> str:
        tries.append(one)
        await conn.execute(LOCK_ALERT, one)
        held.add(one)
        if len(held) == 2:
            both.set()
        await both.wait()
        await conn.execute(LOCK_ALERT, then)
        return "done"

    ends = await asyncio.gather(
        repeated(lambda: transaction(world.worker), lambda conn: in_order(conn, first, second)),
        repeated(lambda: transaction(world.worker), lambda conn: in_order(conn, second, first)),
    )
    assert set(ends) == {"done"}
    assert len(tries) == 3


async def test_what_collides_every_time_and_other_failures_are_told(world: World) -> None:
    tries: list[type[Exception]] = []

    def failing(error: type[Exception]) -> Callable[[asyncpg.Connection], Awaitable[None]]:
        async def fails(_conn: asyncpg.Connection) -> None:
            tries.append(error)
            raise error

        return fails

    for error, times in ((asyncpg.DeadlockDetectedError, 4), (asyncpg.UniqueViolationError, 1)):
        with pytest.raises(error):
            await repeated(lambda: transaction(world.worker), failing(error))
        assert tries.count(error) == times


async def test_a_click_that_collides_with_the_reconciler_is_done_all_the_same(
    world: World, pages: Pages, alerts: list[UUID], other: asyncpg.Connection
) -> None:
    person = await world.value("SELECT participant_id FROM alert WHERE alert_id = $1", alerts[0])
    await world.rows("INSERT INTO reconsider (participant_id) VALUES ($1) ON CONFLICT DO NOTHING", person)
    async with other.transaction():
        await other.execute(LOCK_REQUEST, person)
        click = asyncio.create_task(pages[MBE].post(f"/inbox/{alerts[0]}/decline"))
        await somebody_waits(world)
        await other.execute(LOCK_ALERT, alerts[0])  # the click held it, and was stopped
    answer = await click
    assert (answer.status_code, answer.headers["location"]) == (303, "/inbox")
    assert await world.value("SELECT state FROM alert WHERE alert_id = $1", alerts[0]) == "declined"
    assert await world.value("SELECT count(*) FROM alert_step WHERE to_state = 'declined'") == 1


@pytest.mark.parametrize("several", [True, False])
async def test_putting_off_that_collides_is_done_all_the_same(
    world: World, pages: Pages, alerts: list[UUID], other: asyncpg.Connection, several: bool
) -> None:
    second = alerts[1]
    ticked = alerts if several else [second]
    async with other.transaction():
        await other.execute(LOCK_ESCALATIONS, second)
        click = asyncio.create_task(
            pages[MBE].post("/inbox/several", alert=[str(one) for one in alerts], do="put-off", days="1")
            if several
            else pages[MBE].post(f"/inbox/{second}/snooze", days="1")
        )
        await somebody_waits(world)
        await other.execute(LOCK_ALERT, second)
    assert (await click).status_code == 303
    off = await world.rows("SELECT alert_id FROM alert WHERE snoozed_until IS NOT NULL ORDER BY alert_id")
    assert [row["alert_id"] for row in off] == ticked
    assert await world.value("SELECT count(*) FROM reminder WHERE kind = 'snooze'") == len(ticked)


@pytest.mark.parametrize("work", ["escalate", "remind"])
async def test_a_worker_waits_for_nobody_who_holds_an_alert(
    world: World, alerts: list[UUID], work: str
) -> None:
    held, *_ = alerts
    async with world.visiting("wohlfahrt", MBE) as conn:
        for alert in alerts:
            await snoozing.snooze(conn, alert, NOW + timedelta(days=1), "berta", NOW)
    world.now = NOW + timedelta(days=3)
    drain = world.escalate if work == "escalate" else world.remind
    table = "escalation" if work == "escalate" else "reminder"
    due = await world.value(f"SELECT count(*) FROM {table} WHERE done_at IS NULL AND due_at <= $1", world.now)
    of_held = await world.value(
        f"SELECT count(*) FROM {table} WHERE done_at IS NULL AND due_at <= $1 AND alert_id = $2",
        world.now,
        held,
    )
    assert of_held
    async with world.visiting("wohlfahrt", MBE) as conn:
        await conn.execute(LOCK_ALERT, held)
        async with asyncio.timeout(10):
            assert await drain() == due - of_held
        # It left what belongs to the alert to whoever holds that.
        async with asyncio.timeout(10):
            await conn.execute(f"UPDATE {table} SET due_at = due_at WHERE alert_id = $1", held)
    assert await drain() == of_held
