"""Takes the steps that a policy leaves to people: somebody has started, has completed, lets a place go."""

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from schemas.codes import ENROLLED, PlacementState
from services.allocation.acts.leave_list import leave_list
from services.allocation.acts.placements import Placements, find_live
from services.allocation.placements import progress, running
from services.allocation.placements.domain import Decision, Placement, Refusal, Step, Unchanged
from services.allocation.placements.results import DecidedBy, NotDone, Result, done
from services.allocation.unit_of_work import Keys, UnitOfWork


@dataclass(frozen=True, slots=True)
class ByHand:
    """Steps that the policy leaves to people; as with `Placements`, the caller's transaction and Kreise."""

    placements: Placements

    async def start(self, conn: asyncpg.Connection, by: DecidedBy, placement: UUID) -> Result:
        """Note that somebody whose place is confirmed has started, once the first day has come."""
        work = await self.placements.load(conn, Keys(placements={placement}), by.now)
        found = find_live(work, placement)
        if isinstance(found, NotDone):
            return found
        outcome, step = _due(found, running.start(found, work.courses[found.course], work.today))
        if step is not None:
            outcome = done(work.take(step, by.actor))
            await work.write(conn)
        return outcome

    async def complete(self, conn: asyncpg.Connection, by: DecidedBy, placement: UUID) -> Result:
        """Note that somebody has completed a course that its provider has closed."""
        work = await self.placements.load(conn, Keys(placements={placement}), by.now)
        found = find_live(work, placement)
        if isinstance(found, NotDone):
            return found
        outcome = finish(work, found, by.actor)
        await work.write(conn)
        return outcome

    async def let_expire(self, conn: asyncpg.Connection, by: DecidedBy, placement: UUID) -> Result:
        """Let an overdue reservation expire: the timer does it once no unread answer can reach it (I11)."""
        work = await self.placements.load(conn, Keys(placements={placement}), by.now)
        found = find_live(work, placement)
        if isinstance(found, NotDone):
            return found
        overdue = found.expires_at is not None and found.expires_at < by.now
        if found.state != PlacementState.RESERVED or not overdue:
            return NotDone(placement, Refusal("not_due"))
        await progress.order_expiry(conn, placement, found.kreis, by.actor, by.now)
        return done(found)


def finish(work: UnitOfWork, found: Placement, actor: str) -> Result:
    """Let somebody have completed a course that is closed, and leave the list."""
    course = work.courses[found.course]
    if course.state != "completed" or course.ended_on is None or found.state not in ENROLLED:
        return NotDone(found.placement, Refusal("not_due"))
    outcome, step = _due(found, running.finish_course(found, course, course.ended_on))
    if step is None:
        return outcome
    after = work.take(step, actor)
    leave_list(work, after)
    return done(after)


def _due(found: Placement, decision: Decision) -> tuple[Result, Step | None]:
    match decision:
        case Step() as step:
            return done(found), step
        case Unchanged(code):
            return NotDone(found.placement, Refusal(code)), None
        case Refusal() as refusal:
            return NotDone(found.placement, refusal), None
