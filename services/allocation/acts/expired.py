"""Follows up expired entitlements: notes that an extension was asked for, takes somebody off the list."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID, uuid4

import asyncpg

from services.allocation.acts.overrides import Answer, Ruled
from services.allocation.acts.placements import NotDone, Placements
from services.allocation.participants import followups
from services.allocation.participants.domain import Participant, withdraw
from services.allocation.participants.followups import Followup
from services.allocation.participants.waiting import Entitlements
from services.allocation.placements.domain import OFFERED, Reason, Refusal, Step, withdraw_proposal
from services.allocation.placements.results import DecidedBy
from services.allocation.unit_of_work import Keys, UnitOfWork

EXPIRED = "entitlement_expired"
"""Why somebody was taken off the list."""


@dataclass(frozen=True, slots=True)
class ExpiredEntitlements:
    """Commands about people whose entitlement has expired; as with `Placements`, the caller's transaction.

    They are refused for everybody else, by the same rule that keeps people off the waiting list.
    """

    placements: Placements
    entitlements: Entitlements

    async def note_request(self, conn: asyncpg.Connection, by: DecidedBy, participant: UUID) -> Answer:
        """Note that the registering office was asked to extend the entitlement; nothing is sent."""
        work, person = await self._person(conn, participant, by)
        return (
            person if isinstance(person, NotDone) else await _note(conn, by, work, person, "extension_asked")
        )

    async def close(self, conn: asyncpg.Connection, by: DecidedBy, participant: UUID) -> Answer:
        """Take somebody off the list; an open proposal is taken back. A new registration puts them back."""
        work, person = await self._person(conn, participant, by)
        if isinstance(person, NotDone):
            return person
        for placement in work.placements_of(person.participant):
            if placement.state in OFFERED:
                decision = withdraw_proposal(placement, Reason("participant_withdrawn", {"reason": EXPIRED}))
                if isinstance(decision, Step):
                    work.take(decision, by.actor, note=by.note)
        work.put_person(withdraw(person, work.today, EXPIRED))
        work.request_rerun(person.facts.kreis, "participant_withdrawn", urgent=False)
        await work.write(conn)
        return await _note(conn, by, work, person, "closed")

    async def _person(
        self, conn: asyncpg.Connection, participant: UUID, by: DecidedBy
    ) -> tuple[UnitOfWork, Participant | NotDone]:
        work = await self.placements.load(conn, Keys(people={participant}), by.now)
        person = work.people.get(participant)
        if person is None:
            return work, NotDone(None, Refusal("participant_unknown"))
        if person.status != "active":
            return work, NotDone(None, Refusal("participant_not_waiting"))
        if not await followups.has_lapsed(conn, participant, self.entitlements):
            return work, NotDone(None, Refusal("entitlement_not_expired"))
        return work, person


async def _note(
    conn: asyncpg.Connection,
    by: DecidedBy,
    work: UnitOfWork,
    person: Participant,
    kind: Literal["extension_asked", "closed"],
) -> Ruled:
    noted = Followup(uuid4(), person.facts.kreis, person.participant, kind, by.note or "", by.actor)
    await followups.add(conn, noted, work.today, by.now)
    return Ruled(noted.id)
