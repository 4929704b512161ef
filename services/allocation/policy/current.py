"""Knows the policies in force: those of the installation's file, and what the Kreise have activated."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Protocol
from uuid import UUID

import asyncpg

from schemas.days import local_day
from services.allocation.law import documents
from services.allocation.law.mistakes import DocumentError
from services.allocation.policy import store as policy_store
from services.allocation.policy.domain import DEMO, Policies, Policy, load_policies, policies_of
from services.runtime.base.installation import InstallationError
from services.runtime.base.settings import ServiceSettings
from services.runtime.data.db import acquire

log = logging.getLogger(__name__)
REFRESH_SECONDS = 3.0
"""After so long at most every process knows an activation; the one that activates knows it at once."""


class PolicyLookup(Protocol):
    """Policies as of one moment."""

    def on(self, kreis: str, day: date) -> Policy:
        """Return what holds for the Kreis on the day; LookupError: nothing does."""
        ...


@dataclass(frozen=True, slots=True)
class ActivePolicy:
    """An activated policy and the first day on which it holds."""

    version: UUID
    holds_from: date
    policy: Policy


@dataclass(frozen=True, slots=True)
class ActivePolicies:
    """Policies in force as of one moment of the database."""

    file: Policies
    ids: frozenset[UUID] = frozenset()
    """The active versions, also those that cannot be read."""
    own: Mapping[str, Sequence[ActivePolicy]] = field(default_factory=dict)
    """By Kreis, in the order in which they take over."""

    @property
    def unreadable(self) -> frozenset[UUID]:
        """Active versions that this program cannot read; those before them hold."""
        return self.ids - {one.version for some in self.own.values() for one in some}

    def active_policy(self, kreis: str, day: date) -> ActivePolicy | None:
        """Return the Kreis's own policy that holds on a day; None: the file's does."""
        begun = [one for one in self.own.get(kreis, ()) if one.holds_from <= day]
        return begun[-1] if begun else None

    def on(self, kreis: str, day: date) -> Policy:
        """Return what holds for the Kreis on the day.

        Raises:
            LookupError: nothing has been decided for the Kreis.
        """
        own = self.active_policy(kreis, day)
        return self.file.on(kreis, day) if own is None else own.policy


def of_installation(settings: ServiceSettings) -> Policies:
    """Read the policies of the installation's file.

    Raises:
        DocumentError: with the file, line and column of each mistake.
        InstallationError: a real installation is given the demo's file, or a copy that still says so.
    """
    found = load_policies(settings.policy)
    invented = {entry.source for entry in load_policies(DEMO).entries}
    is_demo = settings.demo or settings.clock_file is not None
    if not is_demo and any(entry.source in invented for entry in found.entries):
        raise InstallationError(
            f"KURSLOTSE_POLICY: {settings.policy} is the policy of the demo's invented Kreis and steers"
            " nobody on a real installation. Unset KURSLOTSE_POLICY, or name a file that says in `source` who"
            " decided it."
        )
    return found


class CurrentPolicies:
    """The policies in force, as a process last read them; activated ones go before the file.

    A Kreis's own policy takes over on its day and stays until the next one of that Kreis. When one is
    withdrawn, the one before it holds again, and before the first the file does.
    """

    def __init__(self, file: Policies, pool: asyncpg.Pool | None = None) -> None:
        self._now, self._pool = ActivePolicies(file), pool

    @property
    def unreadable(self) -> frozenset[UUID]:
        """Active versions that this program cannot read; those before them hold."""
        return self._now.unreadable

    def on(self, kreis: str, day: date) -> Policy:
        """Return what holds for the Kreis on the day.

        Raises:
            LookupError: nothing has been decided for the Kreis.
        """
        return self._now.on(kreis, day)

    def at(self, kreis: str, now: datetime) -> Policy:
        """Return what holds for the Kreis at a business time."""
        return self._now.on(kreis, local_day(now))

    def installed(self, kreis: str, day: date) -> Policy:
        """Return what the installation's file says, whether or not the Kreis has decided otherwise.

        Raises:
            LookupError: it says nothing for the Kreis.
        """
        return self._now.file.on(kreis, day)

    def active_policy(self, kreis: str, day: date) -> ActivePolicy | None:
        """Return the Kreis's own policy that holds on a day; None: the file's does."""
        return self._now.active_policy(kreis, day)

    async def seen_by(self, conn: asyncpg.Connection) -> ActivePolicies:
        """Return what holds in the database as this transaction sees it; what is known here stays.

        The connection has to see all Kreise: what it does not see does not hold.
        """
        known = self._now
        if await policy_store.active_ids(conn) == known.ids:
            return known
        versions = await policy_store.active(conn)
        holding = [one for version in versions if (one := _holding(version)) is not None]
        own = {kreis: tuple(some) for kreis, some in groupby(holding, key=lambda one: one.policy.kreise[0])}
        return ActivePolicies(known.file, frozenset(version.id for version in versions), own)

    async def refresh(self, conn: asyncpg.Connection) -> bool:
        """Learn what has been activated and withdrawn since; say whether anything was."""
        before, self._now = self._now, await self.seen_by(conn)
        return before.ids != self._now.ids

    async def refreshed(self, _now: datetime | None = None) -> int:
        """Refresh on a connection of the pool, which sees all Kreise; return 1 if anything changed."""
        if self._pool is None:
            return 0
        async with acquire(self._pool) as conn:
            return int(await self.refresh(conn))


def _holding(version: policy_store.Version) -> ActivePolicy | None:
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
    return ActivePolicy(
        version.id, version.holds_from, policy.model_copy(update={"kreise": (version.kreis,)})
    )
