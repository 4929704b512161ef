"""Connections to PostgreSQL and the transactions of the two kinds of users."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

Pool = asyncpg.Pool
Connection = asyncpg.Connection


async def open_pool(dsn: str, *, name: str, max_size: int = 8, command_timeout: float = 30.0) -> asyncpg.Pool:
    """Open a pool with command timeout, TCP keepalives and JSON decoded by orjson."""
    raise NotImplementedError


@asynccontextmanager
async def transaction(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    """Run one READ COMMITTED transaction on a connection of the pool."""
    raise NotImplementedError
    yield


@asynccontextmanager
async def web_transaction(
    pool: asyncpg.Pool, *, kreise: Sequence[str] = (), organisation: str | None = None, person: str = ""
) -> AsyncIterator[asyncpg.Connection]:
    """Run one transaction of the web role that sees only these Kreise or this organisation."""
    raise NotImplementedError
    yield
