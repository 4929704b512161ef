"""Tests that a lease is renewed while its holder works and released at the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
import pytest

from services.runtime.data.leases import Lease, held


class Row:
    """Stands for the leased row: counts what is done to it."""

    def __init__(self, *, lost_after: int = 1000, broken: bool = False) -> None:
        self.renewed = self.released = 0
        self.lost_after, self.broken = lost_after, broken

    async def renew(self, _conn: asyncpg.Connection) -> bool:
        self.renewed += 1
        return self.renewed < self.lost_after

    async def release(self, _conn: asyncpg.Connection) -> None:
        self.released += 1
        if self.broken:
            raise ConnectionResetError

    def lease(self) -> Lease:
        return Lease(0.06, self.renew, self.release)


class Pool:
    """Stands for a pool whose connections only begin transactions."""

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator["Pool"]:
        yield self

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        yield


POOL = cast("Any", Pool())


async def test_it_is_renewed_while_the_block_runs_and_then_released() -> None:
    row = Row()
    async with held(POOL, row.lease()):
        await asyncio.sleep(0.15)
        assert row.released == 0
    assert row.renewed >= 2
    assert row.released == 1
    renewed = row.renewed
    await asyncio.sleep(0.05)
    assert row.renewed == renewed


async def test_a_lost_lease_is_not_renewed_again_and_the_block_goes_on() -> None:
    row = Row(lost_after=1)
    async with held(POOL, row.lease()):
        await asyncio.sleep(0.12)
    assert (row.renewed, row.released) == (1, 1)


async def test_it_is_released_when_the_block_fails() -> None:
    row = Row()
    with pytest.raises(RuntimeError):
        async with held(POOL, row.lease()):
            raise RuntimeError
    assert row.released == 1


async def test_a_release_that_fails_hides_no_failure_of_the_block() -> None:
    row = Row(broken=True)
    with pytest.raises(RuntimeError):
        async with held(POOL, row.lease()):
            raise RuntimeError
    async with held(POOL, row.lease()):
        pass
    assert row.released == 2
