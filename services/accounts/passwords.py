"""Hashes passwords with argon2id, beside the event loop and two at a time."""

import asyncio
import unicodedata
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.accounts.settings import Argon2

_AT_ONCE = 2
"""Each takes the memory that the settings give it: many at once could take all of the machine's."""


@dataclass(frozen=True, slots=True)
class Match:
    """Whether a password fits, and its hash at the present cost if the stored one cost less."""

    fits: bool
    renewed: str | None = None


class Passwords:
    """Makes and checks hashes at the cost that the settings name."""

    def __init__(self, cost: Argon2) -> None:
        self._hasher = PasswordHasher(
            time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes
        )
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """Return the hash of a password."""
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, _normal(password))

    async def match(self, stored: str | None, password: str) -> Match:
        """Compare a password with a hash; without one the same work is done for nothing."""
        if self._nobodys is None:
            self._nobodys = await self.hash("nobody's")
        async with self._turns:
            fits = await asyncio.to_thread(self._fits, stored or self._nobodys, _normal(password))
        if stored is None or not fits:
            return Match(fits=False)
        renewed = await self.hash(password) if self._hasher.check_needs_rehash(stored) else None
        return Match(fits=True, renewed=renewed)

    def _fits(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False


def _normal(password: str) -> str:
    """Return a password as every keyboard writes it."""
    return unicodedata.normalize("NFKC", password)
