"""The policies that hold in a process: those of the installation's file, and what the Kreise activated."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from uuid import UUID

import asyncpg

from services.allocation.steering import documents, policy_store
from services.allocation.steering.mistakes import DocumentError
from services.allocation.steering.policy import Policies, Policy, local_day, policies_of
from services.runtime.db import acquire

log = logging.getLogger(__name__)
REFRESH_SECONDS = 3.0
"""After so long at most every process knows an activation; the one that activates knows it at once."""


@dataclass(frozen=True, slots=True)
class Holding:
    """An activated policy and the first day on which it holds."""

    version: UUID
    holds_from: date
    policy: Policy


class PolicyBook:
    """What holds for which Kreis on which day (`policy.InForce`); activated policies go before the file.

    A Kreis's own policy takes over on its day and stays until the next one of that Kreis. When one is
    withdrawn, the one before it holds again, and before the first the file does.
    """

    def __init__(self, file: Policies, pool: asyncpg.Pool | None = None) -> None:
        self._file, self._pool = file, pool
        self._ids: frozenset[UUID] = frozenset()
        self.unreadable: frozenset[UUID] = frozenset()
        """Active versions that this program cannot read; those before them hold."""
        self._own: Mapping[str, Sequence[Holding]] = {}

    def on(self, kreis: str, day: date) -> Policy:
        """Return what holds for the Kreis on the day.

        Raises:
            LookupError: nothing has been decided for the Kreis.
        """
        own = self.holding(kreis, day)
        return self._file.on(kreis, day) if own is None else own.policy

    def at(self, kreis: str, now: datetime) -> Policy:
        """Return what holds for the Kreis at a business time."""
        return self.on(kreis, local_day(now))

    def holding(self, kreis: str, day: date) -> Holding | None:
        """Return the Kreis's own policy that holds on a day; None: the file's does."""
        begun = [one for one in self._own.get(kreis, ()) if one.holds_from <= day]
        return begun[-1] if begun else None

    async def refresh(self, conn: asyncpg.Connection) -> bool:
        """Learn what has been activated and withdrawn since; say whether anything was.

        The connection has to see all Kreise: what it does not see holds no longer.
        """
        ids = await policy_store.active_ids(conn)
        if ids == self._ids:
            return False
        versions = await policy_store.active(conn)
        holding = [one for version in versions if (one := _holding(version)) is not None]
        self._own = {
            kreis: tuple(some) for kreis, some in groupby(holding, key=lambda one: one.policy.kreise[0])
        }
        self._ids = frozenset(version.id for version in versions)
        self.unreadable = self._ids - {one.version for one in holding}
        return True

    async def refreshed(self, _now: datetime | None = None) -> int:
        """Refresh on a connection of the pool, which sees all Kreise; return 1 if anything changed."""
        if self._pool is None:
            return 0
        async with acquire(self._pool) as conn:
            return int(await self.refresh(conn))


def _holding(version: policy_store.Version) -> Holding | None:
    """Read an activated document; the rule book does not matter any more, it did at the activation.

    A document is unreadable only after an update of the program that did not care for it; that is told.
    """
    try:
        (policy,) = policies_of(documents.read(version.document))
    except DocumentError:
        log.exception(
            "an activated policy cannot be read any more",
            extra={"kreis": version.kreis, "version": str(version.id)},
        )
        return None
    assert version.holds_from is not None  # noqa: S101 -- a CHECK of the table
    return Holding(version.id, version.holds_from, policy.model_copy(update={"kreise": (version.kreis,)}))
