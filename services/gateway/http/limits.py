"""Limits the rate of requests by key, and stops all while the outbox is too long."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import asyncpg

from services.runtime.data.db import acquire
from services.runtime.http.buckets import TokenBucket


@dataclass(slots=True)
class Limits:
    """The limits of this process."""

    monotonic: Callable[[], float]
    rate: float = 2_000.0
    burst: float = 20_000.0
    longest_outbox: int = 50_000
    look_every: float = 0.5
    _buckets: dict[str, TokenBucket] = field(default_factory=dict)
    _looked: float = -math.inf
    _too_long: bool = False

    def wait_for(self, key: str, events: int) -> int:
        """Return 0 if a caller may send so many events now, or the whole seconds to wait."""
        now = self.monotonic()
        bucket = self._buckets.setdefault(key, TokenBucket(self.rate, self.burst, self.burst, now))
        return math.ceil(bucket.take(events, now))

    def settle(self, key: str, charged: int, events: int) -> int:
        """Charge events instead of what `wait_for` has charged; return 0, or the whole seconds to wait."""
        return math.ceil(self._buckets[key].settle(charged, events, self.monotonic()))

    async def is_full(self, pool: asyncpg.Pool) -> bool:
        """Return whether too many events wait in the outbox; reads it every `look_every` seconds at most."""
        now = self.monotonic()
        if now - self._looked >= self.look_every:
            self._looked = now
            async with acquire(pool) as conn:
                waiting = await _waiting(conn, self.longest_outbox + 1)
            self._too_long = waiting > self.longest_outbox
        return self._too_long


async def _waiting(conn: asyncpg.Connection, at_most: int) -> int:
    found = await conn.fetchval(
        "SELECT count(*) FROM (SELECT FROM runtime.outbox LIMIT $1) AS waiting", at_most
    )
    return int(found)
