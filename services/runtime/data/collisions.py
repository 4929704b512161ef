"""Repeats what collided with others' transactions: two who act on the same at once are no error."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import asyncpg

T = TypeVar("T")
_TRIES = 4
_COLLISIONS = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError)


async def repeated(
    begin: Callable[[], AbstractAsyncContextManager[asyncpg.Connection]],
    act: Callable[[asyncpg.Connection], Awaitable[T]],
) -> T:
    """Act in a transaction that `begin` opens; after a collision once more in a new one, a few times."""
    for _ in range(_TRIES - 1):
        try:
            async with begin() as conn:
                return await act(conn)
        except _COLLISIONS:
            continue
    async with begin() as conn:
        return await act(conn)
