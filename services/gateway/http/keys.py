"""Tells keys that may be good from those that cannot, without the database, and slows down who guesses."""

import asyncio
import math
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import asyncpg
from starlette.requests import Request

from schemas.envelope import Problem
from services.gateway.http.errors import RequestRejectedError
from services.gateway.publishers import store
from services.gateway.publishers.domain import hash_key, prefix_of
from services.runtime.data.db import acquire
from services.runtime.http.buckets import Failures, source_of

_PUBLISHER_KEY = re.compile(r"kl_[0-9a-f]{12}_[A-Za-z0-9_-]{43}")
_SERVICE_KEY = re.compile(r"[\x20-\x7e]{16,256}")
_STALE_SECONDS = 10.0

ReadHashes = Callable[[], Awaitable[frozenset[bytes]]]


@dataclass(slots=True)
class KnownKeys:
    """The hashes of all usable keys, in memory.

    An unknown key has them read anew, so that a new key works at once, but however many come, they are
    read once in `apart` seconds.
    """

    read: ReadHashes
    monotonic: Callable[[], float]
    apart: float = 1.0
    _hashes: frozenset[bytes] = frozenset()
    _read_at: float = -math.inf
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def hold(self, text: str) -> bool:
        """Return whether a key may be good; the database still decides what it allows.

        An unknown one waits until the hashes may be read again.
        """
        hashed = hash_key(text)
        asked = self.monotonic()
        while not self._held(hashed):
            async with self._lock:
                if self._held(hashed):
                    break
                if self._read_at >= asked:
                    return False  # read since we asked, and not among them
                wait = self._read_at + self.apart - self.monotonic()
                if wait > 0:
                    await asyncio.sleep(wait)
                self._read_at = self.monotonic()
                self._hashes = await self.read()
        return True

    def _held(self, hashed: bytes) -> bool:
        fresh = self.monotonic() - self._read_at <= _STALE_SECONDS
        return fresh and hashed in self._hashes

    def held(self, text: str) -> bool:
        """Return whether a key was good when the hashes were read."""
        return hash_key(text) in self._hashes


@dataclass(slots=True)
class KeyGuard:
    """Refuses keys before any connection is taken."""

    known: KnownKeys
    failures: Failures

    async def check(self, request: Request) -> None:
        """Let a request pass whose key may be good.

        A good key passes however often others have failed from its address or with its prefix.

        Raises:
            RequestRejectedError: it has no key, a wrong one, or too many wrong ones came from there.
        """
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        key = text.strip()
        if kind.lower() != "bearer" or not key:
            raise RequestRejectedError(401, Problem("key_missing"))
        sources = [source_of(request.client.host if request.client else "")]
        prefix = prefix_of(key) if _PUBLISHER_KEY.fullmatch(key) else None
        if prefix is not None:
            sources.append(f"key {prefix}")
        wait = max(map(self.failures.wait_of, sources))
        if wait and not self.known.held(key):
            raise RequestRejectedError(429, Problem("key_failures"), retry_after=wait)
        if not _may_be_one(key) or not await self.known.hold(key):
            for source in sources:
                self.failures.count(source)
            raise RequestRejectedError(401, Problem("key_unknown"))


def _may_be_one(key: str) -> bool:
    """Return whether a key has the form of ours; a publisher's key never serves as a service's."""
    form = _PUBLISHER_KEY if key.startswith("kl_") else _SERVICE_KEY
    return form.fullmatch(key) is not None


def key_guard(pool: asyncpg.Pool, monotonic: Callable[[], float]) -> KeyGuard:
    """Make the guard of a gateway: 20 wrong keys at once from one address, then one in three seconds."""

    async def read() -> frozenset[bytes]:
        async with acquire(pool) as conn:
            return await store.usable_hashes(conn)

    return KeyGuard(KnownKeys(read, monotonic), Failures(monotonic, rate=1 / 3, burst=20))
