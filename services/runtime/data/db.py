"""Opens connections to PostgreSQL and the transactions of worker and web roles."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, cast

import asyncpg
import orjson

from services.runtime.base.addresses import require_encrypted

Pool = asyncpg.Pool
Connection = asyncpg.Connection

COMMAND_TIMEOUT = 30.0
CONNECT_TIMEOUT = 10.0


def server_settings(name: str) -> dict[str, str]:
    """Return the settings of a session: its name, and timeouts by which a vanished peer loses its locks."""
    return {
        "application_name": name[:63],
        "timezone": "UTC",
        "jit": "off",
        "tcp_keepalives_idle": "10",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "3",
        "idle_in_transaction_session_timeout": "15s",
    }


async def set_codecs(conn: Any) -> None:  # noqa: ANN401 - a connection or a pool's proxy of one
    """Read and write json and jsonb as Python values, through orjson."""
    await conn.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\x01" + orjson.dumps(value),
        decoder=lambda raw: orjson.loads(raw[1:]),
    )
    await conn.set_type_codec(
        "json",
        schema="pg_catalog",
        format="binary",
        encoder=orjson.dumps,
        decoder=orjson.loads,
    )


async def open_pool(
    dsn: str, *, name: str, max_size: int = 8, command_timeout: float = COMMAND_TIMEOUT
) -> asyncpg.Pool:
    """Open a pool with command timeout, TCP keepalives and JSON read and written by orjson."""
    return await asyncpg.create_pool(
        require_encrypted("the database's address", dsn),
        min_size=1,
        max_size=max_size,
        max_inactive_connection_lifetime=60.0,
        command_timeout=command_timeout,
        timeout=CONNECT_TIMEOUT,
        server_settings=server_settings(name),
        init=set_codecs,
    )


async def connect(
    dsn: str,
    *,
    name: str,
    command_timeout: float = COMMAND_TIMEOUT,
    further: dict[str, str] | None = None,
) -> asyncpg.Connection:
    """Open a connection outside of any pool."""
    conn = await asyncpg.connect(
        require_encrypted("the database's address", dsn),
        command_timeout=command_timeout,
        timeout=CONNECT_TIMEOUT,
        server_settings=server_settings(name) | (further or {}),
    )
    await set_codecs(conn)
    return conn


class NestedAcquireError(RuntimeError):
    """A second connection of a pool was asked for while one was held: enough of these at once never end."""


_HELD: ContextVar[tuple[tuple[object, asyncpg.Pool], ...]] = ContextVar("held connections", default=())
"""Pools of which this context holds a connection, each with the task that took it."""


@asynccontextmanager
async def acquire(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    """Use a connection of the pool, outside of any transaction.

    Raises:
        NestedAcquireError: this task holds one of the same pool. (A task that it has started does not: it
            may run on when this one is done.)
    """
    task, around = asyncio.current_task(), _HELD.get()
    if any(holder is task and held is pool for holder, held in around):
        raise NestedAcquireError("a connection of this pool is held already")
    _HELD.set((*around, (task, pool)))
    try:
        async with pool.acquire() as conn:
            yield cast("asyncpg.Connection", conn)
    finally:
        _HELD.set(around)


@asynccontextmanager
async def transaction(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    """Run one READ COMMITTED transaction on a connection of the pool."""
    async with acquire(pool) as conn, conn.transaction():
        yield conn


@asynccontextmanager
async def web_transaction(
    pool: asyncpg.Pool,
    *,
    kreise: Sequence[str] = (),
    organisation: str | None = None,
    offices: Sequence[str] = (),
    person: str = "",
) -> AsyncIterator[asyncpg.Connection]:
    """Run one transaction of the web role that sees only these Kreise, or this organisation's own rows.

    `offices` are the slugs of the organisation's offices for which the visitor works; on the support side
    rows of its other offices stay hidden.
    """
    async with acquire(pool) as conn, conn.transaction():
        await conn.execute(
            "SELECT set_config('kurslotse.kreise', $1, true),"
            " set_config('kurslotse.organisation', $2, true),"
            " set_config('kurslotse.person', $3, true),"
            " set_config('kurslotse.offices', $4, true)",
            ",".join(kreise),
            organisation or "",
            person,
            ",".join(offices),
        )
        yield conn
