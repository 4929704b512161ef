"""Keeps the directory in memory, as a process last read it."""

import asyncio
from datetime import datetime

import asyncpg

from services.places import store
from services.places.domain import Edition
from services.places.lookup import NOWHERE, Places, indexed
from services.runtime.data.db import acquire

REFRESH_SECONDS = 10.0
"""After so long at most every process knows a directory that was loaded."""


class CurrentPlaces:
    """The directory as a process last read it; it is read again when another edition was loaded."""

    def __init__(self, pool: asyncpg.Pool | None = None, now: Places = NOWHERE) -> None:
        self.now, self._pool = now, pool

    async def seen_by(self, conn: asyncpg.Connection) -> Places:
        """Return the directory as this transaction sees it; what is known here is not read again."""
        loaded = await store.places_loaded(conn)
        if _same(loaded, self.now.edition):
            return self.now
        return await asyncio.to_thread(indexed, await store.towns(conn), loaded)

    async def refreshed(self, _now: datetime | None = None) -> int:
        """Read the directory again if another was loaded; return 1 if it was."""
        if self._pool is None:
            return 0
        async with acquire(self._pool) as conn:
            before, self.now = self.now, await self.seen_by(conn)
        return int(before is not self.now)


def _same(one: Edition | None, other: Edition | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.day, one.sha256) == (other.day, other.sha256)
