"""Runs the acts on placements of people, timers and steering: each locks, decides, writes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID, uuid4

import asyncpg

from schemas.codes import SEATED, DeclineReason, PlacementState, RefusalReason
from services.allocation.acts import by_policy
from services.allocation.acts.merge_participants import merge
from services.allocation.placements import domain, rulings_store
from services.allocation.placements.domain import (
    LIVE,
    OFFERED,
    Decision,
    Placement,
    Proposal,
    Reason,
    Refusal,
    Step,
    Unchanged,
)
from services.allocation.placements.held_until import held_until
from services.allocation.placements.results import DecidedBy, Done, NotDone, Result, done
from services.allocation.placements.rulings import ExcludeCourse, Exclusions
from services.allocation.placements.rulings_store import Signed
from services.allocation.policy.terms import APPROVE, Terms
from services.allocation.unit_of_work import STEERING, Keys, UnitOfWork

__all__ = ["Done", "NotDone", "Placements", "Result", "find_live"]


@dataclass(frozen=True, slots=True)
class Placements:
    """Commands on placements. `conn` is inside the caller's transaction; the caller commits.

    They run with the worker role (timers, steering) and with the web role (console), whose rows
    row-level security limits to its Kreise: what it cannot see is refused as `placement_unknown`.
    """

    prefix: str
    terms: Terms

    async def propose(
        self, conn: asyncpg.Connection, run_id: UUID, proposals: Sequence[Proposal], now: datetime
    ) -> Sequence[Result]:
        """Write a run's proposals; earlier proposals that nobody approved of the same people are superseded.

        The same proposal as before stays as it is. A stale one (person placed or put on hold meanwhile,
        course over or closed, no seat left) is not done. Where the policy approves automatically it is
        reserved at once, or put on the list for BAMF.
        """
        keys = Keys(courses={p.course for p in proposals}, people={p.participant for p in proposals})
        work = await self.load(conn, keys, now)
        exclusions = await _exclusions(conn, work)
        outcomes = [self._propose(work, exclusions, run_id, proposal) for proposal in proposals]
        await work.write(conn)
        return outcomes

    def _propose(self, work: UnitOfWork, exclusions: Exclusions, run_id: UUID, proposal: Proposal) -> Result:
        person, course = work.people.get(proposal.participant), work.courses.get(proposal.course)
        if person is None or person.status != "active":
            return NotDone(None, Refusal("participant_not_waiting"))
        if course is None:
            return NotDone(None, Refusal("course_unknown"))
        own = work.placements_of(person.participant)
        against = exclusions.refusal_of_proposal(person.participant, course) or domain.obstacle(
            course, proposal.entry_section, own, work.today
        )
        if against is not None:
            return NotDone(None, against)
        for old in own:
            if old.state not in OFFERED:
                continue
            if old.state == PlacementState.SENT_TO_AUTHORITY:
                return NotDone(old.placement, Refusal("sent_to_authority"))
            if (old.course, old.entry_section) == (proposal.course, proposal.entry_section):
                again = replace(old, run=run_id, reasons=proposal.reasons, alternatives=proposal.alternatives)
                work.put_placement(again)
                return self.advance(work, again)
            _take(work, domain.withdraw_proposal(old, Reason("better_proposal")), STEERING)
        who = (person.participant, person.office, person.facts.kreis)
        fresh = work.take(domain.offer(uuid4(), who, course, proposal, run_id, work.now), STEERING)
        return self.advance(work, fresh)

    def advance(self, work: UnitOfWork, found: Placement) -> Result:
        """Take the step that is next for a placement, if the policy takes it by itself."""
        return by_policy.advance(work, found) or self._approved(work, found)

    def _approved(self, work: UnitOfWork, found: Placement) -> Result:
        if found.state == PlacementState.PROPOSED and self.terms.automatic(found.kreis, APPROVE, work.now):
            return self._reserve(work, found, by_policy.POLICY, Reason("approved_by_policy"))
        return done(found)

    async def supersede(
        self, conn: asyncpg.Connection, placements: Sequence[UUID], reason: Reason, now: datetime
    ) -> Sequence[Result]:
        """Take back proposals that nobody approved for which the new run has no place."""
        work = await self.load(conn, Keys(placements=set(placements)), now)
        outcomes: list[Result] = []
        for id_ in placements:
            found = work.placements.get(id_)
            if found is None:
                outcomes.append(NotDone(id_, Refusal("placement_unknown")))
            elif found.state != PlacementState.PROPOSED:
                outcomes.append(NotDone(id_, Refusal("placement_over", {"state": found.state})))
            else:
                outcomes.append(_take(work, domain.withdraw_proposal(found, reason), STEERING, found))
        await work.write(conn)
        return outcomes

    async def approve_proposal(
        self, conn: asyncpg.Connection, by: DecidedBy, placement: UUID, *, present: bool = False
    ) -> Result:
        """Approve a proposal: take the seat, start the reservation, tell office and provider.

        `present`: the person is in the room and answers sooner than by post.
        """
        work = await self.load(conn, Keys(placements={placement}), by.now)
        found = find_live(work, placement)
        if isinstance(found, NotDone):
            return found
        exclusions = await _exclusions(conn, work)
        against = exclusions.refusal_of(found.participant, work.courses[found.course])
        if against is not None and found.state in OFFERED:
            return NotDone(placement, against)
        why = Reason("approved_in_person" if present else "approved_by_coordinator")
        outcome = self._reserve(work, found, by.actor, why, present=present)
        await work.write(conn)
        return outcome

    def _reserve(
        self, work: UnitOfWork, found: Placement, actor: str, reason: Reason, *, present: bool = False
    ) -> Result:
        class_, course = self._class_of(work, found), work.courses[found.course]
        decision = domain.reserve(
            found,
            course,
            work.placements_of(found.participant),
            held_until(
                self.terms, found.kreis, course, found.entry_section, work.now, class_, present=present
            ),
            reason,
            work.today,
        )
        return _take(work, decision, actor, found)

    def _class_of(self, work: UnitOfWork, found: Placement) -> str | None:
        who = work.people.get(found.participant)
        if who is None:
            return None
        return self.terms.priority_class(who.facts.standing, who.facts.cooperation_plan, work.now)

    async def override(
        self,
        conn: asyncpg.Connection,
        by: DecidedBy,
        participant: UUID,
        course: UUID,
        entry_section: int,
        *,
        present: bool = False,
    ) -> Result:
        """Reserve another course than proposed, or one without proposal.

        Hard rules are the console's to show; here only what can never be: no seat, two places of a kind,
        a course that was closed or excluded for the person.
        """
        work = await self.load(conn, Keys(courses={course}, people={participant}), by.now)
        person, wanted = work.people.get(participant), work.courses.get(course)
        if person is None or person.status != "active":
            return NotDone(None, Refusal("participant_not_waiting"))
        if wanted is None:
            return NotDone(None, Refusal("course_unknown"))
        own = work.placements_of(participant)
        exclusions = await _exclusions(conn, work)
        against = exclusions.refusal_of(participant, wanted) or domain.obstacle(
            wanted, entry_section, own, work.today
        )
        if against is not None:
            return NotDone(None, against)
        why = Reason("override")
        for old in own:
            if old.state in OFFERED:
                _take(work, domain.withdraw_proposal(old, why), by.actor, note=by.note)
        proposal = Proposal(participant, course, entry_section, why, (why,))
        who = (person.participant, person.office, person.facts.kreis)
        fresh = work.take(domain.offer(uuid4(), who, wanted, proposal, None, by.now), by.actor, note=by.note)
        outcome = self._reserve(work, fresh, by.actor, why, present=present)
        await work.write(conn)
        return outcome

    async def withdraw_proposal(
        self, conn: asyncpg.Connection, by: DecidedBy, placement: UUID, *, again: bool = False
    ) -> Result:
        """Withdraw a proposal; the person waits again.

        Unless it may be proposed `again`, the course is excluded for the person: else the next run
        would propose it once more.
        """
        why = Reason("withdrawn_by_coordinator")
        return await self._withdraw(
            conn, by, placement, lambda found: domain.withdraw_proposal(found, why), again=again
        )

    async def refused_by_authority(
        self, conn: asyncpg.Connection, by: DecidedBy, placement: UUID, *, again: bool = False
    ) -> Result:
        """Note that BAMF does not agree to a proposal that was sent to it; the person waits again."""
        return await self._withdraw(conn, by, placement, domain.refused_by_authority, again=again)

    async def _withdraw(
        self, conn: asyncpg.Connection, by: DecidedBy, placement: UUID, decide: "Decide", *, again: bool
    ) -> Result:
        work = await self.load(conn, Keys(placements={placement}), by.now)
        found = find_live(work, placement)
        if isinstance(found, NotDone):
            return found
        outcome = _take(work, decide(found), by.actor, found, note=by.note)
        if isinstance(outcome, Done) and not again:
            signed = Signed.of(found.kreis, by)
            await rulings_store.add_exclusion(conn, found.participant, ExcludeCourse(found.course), signed)
        await work.write(conn)
        return outcome

    async def give_up(self, conn: asyncpg.Connection, by: DecidedBy, placement: UUID) -> Result:
        """Give up a seat that is held and has not been taken yet; the person waits again.

        A run does not propose that course again to whoever gave up a seat in it.
        """
        why = Reason("given_up_by_coordinator")
        return await self.take_one(conn, by, placement, lambda found: domain.give_up(found, why))

    async def send_to_authority(self, conn: asyncpg.Connection, by: DecidedBy, placement: UUID) -> Result:
        """Note that a proposal went to BAMF; it is approved when the answer is there."""
        return await self.take_one(conn, by, placement, domain.send_to_authority)

    async def accept(self, conn: asyncpg.Connection, by: DecidedBy, placement: UUID) -> Result:
        """Note at the console that the person takes the place (offices do it by event)."""
        why = Reason("accepted")
        return await self.take_one(conn, by, placement, lambda found: domain.accept(found, why))

    async def confirm(self, conn: asyncpg.Connection, by: DecidedBy, placement: UUID) -> Result:
        """Note at the console that the provider takes the person (providers do it by event)."""
        return await self.take_one(conn, by, placement, lambda found: domain.confirm(found, None))

    async def refuse(
        self,
        conn: asyncpg.Connection,
        by: DecidedBy,
        placement: UUID,
        reason: RefusalReason = RefusalReason.OTHER,
    ) -> Result:
        """Note at the console that the provider cannot take the person, who waits again."""
        why = Reason("refused", {"reason": reason})
        return await self.take_one(conn, by, placement, lambda found: domain.refuse(found, why))

    async def decline(
        self,
        conn: asyncpg.Connection,
        by: DecidedBy,
        placement: UUID,
        reason: DeclineReason = DeclineReason.OTHER,
    ) -> Result:
        """Note at the console that the person does not take the place; why is the office's to ask."""
        why = Reason("declined", {"reason": reason})
        return await self.take_one(conn, by, placement, lambda found: domain.decline(found, why))

    async def take_one(
        self, conn: asyncpg.Connection, by: DecidedBy, placement: UUID, decide: "Decide"
    ) -> Result:
        """Lock one placement, decide, write."""
        work = await self.load(conn, Keys(placements={placement}), by.now)
        found = find_live(work, placement)
        if isinstance(found, NotDone):
            return found
        outcome = _take(work, decide(found), by.actor, found, note=by.note)
        if isinstance(outcome, Done) and outcome.state == PlacementState.ACCEPTED:
            outcome = self.advance(work, work.placements[placement])
        await work.write(conn)
        return outcome

    async def merge(
        self, conn: asyncpg.Connection, by: DecidedBy, merged: UUID, into: UUID
    ) -> Refusal | None:
        """A person confirmed that two participants are one: `merged` lives on as `into`; None: done."""
        work = await self.load(conn, Keys(people={merged, into}), by.now)
        gone, stays = work.people.get(merged), work.people.get(into)
        if gone is None or stays is None or merged == into:
            return Refusal("participant_unknown")
        if "merged" in {gone.status, stays.status}:
            return Refusal("already_merged")
        if gone.status == "active" != stays.status:
            return Refusal("merged_from_the_list")
        both = [p for p in [*work.placements_of(merged), *work.placements_of(into)] if p.state in SEATED]
        if len({p.course_kind for p in both}) < len(both):
            return Refusal("both_placed")
        merge(work, gone, stays, by.actor)
        await rulings_store.carry_over(conn, merged, (into, stays.facts.kreis), by.actor, by.now)
        await work.write(conn)
        return None

    async def load(self, conn: asyncpg.Connection, keys: Keys, now: datetime) -> UnitOfWork:
        """Lock and read what a command decides on."""
        work = UnitOfWork(self.prefix, now, self.terms)
        await work.load(conn, keys)
        return work


class Decide(Protocol):
    """A decision about a placement as it stands once it is locked."""

    def __call__(self, found: Placement, /) -> Decision:
        """Decide."""
        ...


async def _exclusions(conn: asyncpg.Connection, work: UnitOfWork) -> Exclusions:
    return await rulings_store.in_force(conn, list(work.people), list(work.courses), work.today)


def _take(
    work: UnitOfWork,
    decision: Decision,
    actor: str,
    found: Placement | None = None,
    *,
    note: str | None = None,
) -> Result:
    match decision:
        case Step() as step:
            return done(work.take(step, actor, note=note))
        case Unchanged(code):
            return done(found) if found is not None else NotDone(None, Refusal(code))
        case Refusal() as refusal:
            return NotDone(None if found is None else found.placement, refusal)


def find_live(work: UnitOfWork, placement: UUID) -> Placement | NotDone:
    """Find a placement that can still move; its course is locked with it unless it cannot be seen."""
    found = work.placements.get(placement)
    if found is None:
        return NotDone(placement, Refusal("placement_unknown"))
    if found.state not in LIVE:
        return NotDone(placement, Refusal("placement_over", {"state": found.state}))
    if found.course not in work.courses:
        return NotDone(placement, Refusal("course_unknown"))
    return found
