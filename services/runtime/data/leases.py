"""Holds a lease on rows while somebody works on them.

A lease is a token and an expiry in a row, in the database's time. The table's own statements claim, renew
and release it, and filter every write of its holder by the token: who has lost the lease writes nothing.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from services.runtime.base.failures import name_of
from services.runtime.data.db import acquire, transaction

log = logging.getLogger(__name__)

_RELEASE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Lease:
    """A claimed lease: its length, and the statements that renew it (False: lost) and release it."""

    seconds: float
    renew: Callable[[asyncpg.Connection], Awaitable[bool]]
    release: Callable[[asyncpg.Connection], Awaitable[None]]


@asynccontextmanager
async def held(pool: asyncpg.Pool, lease: Lease) -> AsyncIterator[None]:
    """Renew a lease every third of its length while the block runs, and release it at the end.

    A lease that is lost, or cannot be renewed, does not end the block: the holder's writes show it.
    """
    renewing = asyncio.create_task(_renew(pool, lease))
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
        await _release(pool, lease)


async def _renew(pool: asyncpg.Pool, lease: Lease) -> None:
    ours = True
    while ours:
        await asyncio.sleep(lease.seconds / 3)
        async with acquire(pool) as conn:
            ours = await lease.renew(conn)


async def _release(pool: asyncpg.Pool, lease: Lease) -> None:
    try:
        async with asyncio.timeout(_RELEASE_SECONDS), transaction(pool) as conn:
            await lease.release(conn)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:  # it expires by itself
        log.warning("lease not released", extra={"error": name_of(error)})
