"""Runs statements inside a savepoint that their caller may undo without raising an exception."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg


class Savepoint:
    """A savepoint of a running transaction."""

    def __init__(self) -> None:
        self.undone = False

    def undo(self) -> None:
        """Have everything written since the savepoint rolled back at the end of the block."""
        self.undone = True


@asynccontextmanager
async def savepoint(conn: asyncpg.Connection) -> AsyncIterator[Savepoint]:
    """Keep what the block writes, unless the block calls `undo` or raises."""
    transaction, made = conn.transaction(), Savepoint()
    await transaction.start()
    try:
        yield made
    except BaseException:
        await transaction.rollback()
        raise
    if made.undone:
        await transaction.rollback()
    else:
        await transaction.commit()
