"""The steps of a placement that people, timers and steering runs take; each locks, decides, writes."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

import asyncpg

from schemas.codes import PlacementState
from services.allocation.placements.domain import Proposal, Refuse


@dataclass(frozen=True, slots=True)
class Terms:
    """What the policy of a Kreis says about placements on a day."""

    reservation_days: int = 10
    automatic: frozenset[str] = frozenset()
    """Steps taken without a named person: of `release`, `start`."""


TermsOf = Callable[[str, date], Terms]
"""Kreis and day -> the terms in force."""


class RequestSteering(Protocol):
    """How a changed picture asks for a new run (steering/requests.py)."""

    def __call__(
        self, conn: asyncpg.Connection, kreis: str, reason: str, urgent: bool, now: datetime
    ) -> Awaitable[None]:
        """Upsert the request in the caller's transaction."""
        ...


@dataclass(frozen=True, slots=True)
class Done:
    """The step was taken; so the placement stands now."""

    placement: UUID
    state: PlacementState
    version: int


@dataclass(frozen=True, slots=True)
class NotDone:
    """Nothing was changed, and why: a code with parameters, rendered where it is shown."""

    placement: UUID | None
    refusal: Refuse


Outcome = Done | NotDone


@dataclass(frozen=True, slots=True)
class Placements:
    """Commands on placements. `conn` is inside the caller's transaction; the caller commits.

    They run with the worker role (timers, steering) and with the web role (console), whose rows
    row-level security limits to its Kreise: what it cannot see is refused as `placement_unknown`.
    `actor` names who decided: a person's id at the console, `policy`, `timer` or `steering`.
    """

    prefix: str
    terms_of: TermsOf
    request: RequestSteering

    async def propose(
        self, conn: asyncpg.Connection, run_id: UUID, proposals: Sequence[Proposal], now: datetime
    ) -> Sequence[Outcome]:
        """Write a run's proposals; earlier unreleased proposals of the same people are superseded.

        The same proposal as before stays as it is. A stale one (person placed meanwhile, course over,
        no seat left) is not done. Where the policy releases automatically it is reserved at once.
        """
        raise NotImplementedError

    async def supersede(
        self, conn: asyncpg.Connection, participants: Sequence[UUID], now: datetime
    ) -> Sequence[Outcome]:
        """Take back the unreleased proposals of people whom the new run does not place."""
        raise NotImplementedError

    async def release(
        self, conn: asyncpg.Connection, placement: UUID, actor: str, now: datetime
    ) -> Outcome:
        """Confirm a proposal: take the seat, start the reservation, tell office and provider."""
        raise NotImplementedError

    async def override(
        self,
        conn: asyncpg.Connection,
        participant: UUID,
        course: UUID,
        entry_section: int,
        actor: str,
        reason: str,
        now: datetime,
    ) -> Outcome:
        """Reserve another course than proposed, or one without proposal; the reason is a code or short text."""
        raise NotImplementedError

    async def discard(
        self, conn: asyncpg.Connection, placement: UUID, actor: str, reason: str, now: datetime
    ) -> Outcome:
        """Take back a proposal or give up a reservation that has not started; the reason is kept."""
        raise NotImplementedError

    async def send_to_authority(
        self, conn: asyncpg.Connection, placement: UUID, actor: str, now: datetime
    ) -> Outcome:
        """Note that a proposal went to BAMF; it is released when the answer is there."""
        raise NotImplementedError

    async def accept(self, conn: asyncpg.Connection, placement: UUID, actor: str, now: datetime) -> Outcome:
        """Note at the console that the person takes the place (offices do it by event)."""
        raise NotImplementedError

    async def decline(
        self, conn: asyncpg.Connection, placement: UUID, actor: str, reason: str, now: datetime
    ) -> Outcome:
        """Note at the console that the person does not take the place."""
        raise NotImplementedError

    async def merge(
        self, conn: asyncpg.Connection, merged: UUID, into: UUID, actor: str, now: datetime
    ) -> Outcome:
        """A person confirmed that two participants are one: `merged` lives on as `into`."""
        raise NotImplementedError
