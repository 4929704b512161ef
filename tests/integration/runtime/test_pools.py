"""One task holds one connection of a pool: enough that hold one and wait for another never end."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.runtime.data.db import NestedAcquireError, acquire, open_pool, transaction, web_transaction
from tests.serving import Servers


@pytest.fixture
async def pools(servers: Servers) -> AsyncIterator[tuple[asyncpg.Pool, asyncpg.Pool]]:
    pair = [await open_pool(servers.database_url, name="test", max_size=3) for _ in range(2)]
    yield pair[0], pair[1]
    for pool in pair:
        await pool.close()


async def test_a_second_connection_of_the_same_pool_is_refused(
    pools: tuple[asyncpg.Pool, asyncpg.Pool],
) -> None:
    pool, other = pools
    async with acquire(pool):
        for again in (acquire, transaction, web_transaction):
            with pytest.raises(NestedAcquireError):
                async with again(pool):
                    pytest.fail("a second connection was given")
        async with acquire(other):
            pass
        assert await _held(pool) == "refused"
        assert await asyncio.create_task(_held(pool)) == "given", "a task of its own has its own"
    async with acquire(pool) as conn:
        assert await conn.fetchval("SELECT 1") == 1


async def _held(pool: asyncpg.Pool) -> str:
    try:
        async with acquire(pool):
            return "given"
    except NestedAcquireError:
        return "refused"


async def test_tasks_beside_each_other_have_one_each_and_later_ones_too(
    pools: tuple[asyncpg.Pool, asyncpg.Pool],
) -> None:
    pool, _ = pools
    assert await asyncio.gather(*(_held(pool) for _ in range(3))) == ["given"] * 3
    go_on = asyncio.Event()

    async def later() -> str:
        await go_on.wait()
        return await _held(pool)

    async with acquire(pool):
        begun = asyncio.create_task(later())
        await asyncio.sleep(0)
    go_on.set()
    assert await begun == "given", "what held a connection when it began the task has given it back"


async def test_a_connection_that_failed_is_given_back(pools: tuple[asyncpg.Pool, asyncpg.Pool]) -> None:
    pool, _ = pools
    for _ in range(4):
        with pytest.raises(asyncpg.UndefinedTableError):
            async with transaction(pool) as conn:
                await conn.execute("SELECT FROM nothing_of_this_name")
