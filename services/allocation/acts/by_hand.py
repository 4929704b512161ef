"""Steps that people take: what the policy leaves to them, and answers that came by telephone or letter."""

from datetime import datetime
from uuid import UUID

import asyncpg

from schemas.codes import ENROLLED, DeclineReason, PlacementState, RefusalReason
from services.allocation.acts.placements import Placements, find_live
from services.allocation.participants.domain import leave
from services.allocation.placements import progress
from services.allocation.placements import running as attending
from services.allocation.placements.domain import Decision, Placement, Refusal, Step, Unchanged
from services.allocation.placements.results import NotDone, Result, done
from services.allocation.unit_of_work import Keys, UnitOfWork


async def start(
    placements: Placements, conn: asyncpg.Connection, placement: UUID, actor: str, now: datetime
) -> Result:
    """Note that somebody whose place is confirmed has started, once the first day has come."""
    work = await placements.load(conn, Keys(placements={placement}), now)
    found = find_live(work, placement)
    if isinstance(found, NotDone):
        return found
    outcome, step = _due(found, attending.start(found, work.courses[found.course], work.today))
    if step is not None:
        outcome = done(work.take(step, actor))
        await work.write(conn)
    return outcome


async def complete(
    placements: Placements, conn: asyncpg.Connection, placement: UUID, actor: str, now: datetime
) -> Result:
    """Note that somebody has completed a course that its provider has closed."""
    work = await placements.load(conn, Keys(placements={placement}), now)
    found = find_live(work, placement)
    if isinstance(found, NotDone):
        return found
    outcome = finish(work, found, actor)
    await work.write(conn)
    return outcome


def finish(work: UnitOfWork, found: Placement, actor: str) -> Result:
    """Let somebody have completed a course that is closed, and leave the list."""
    course = work.courses[found.course]
    if course.state != "completed" or course.ended_on is None or found.state not in ENROLLED:
        return NotDone(found.placement, Refusal("not_due"))
    outcome, step = _due(found, attending.finish_course(found, course, course.ended_on))
    if step is None:
        return outcome
    after = work.take(step, actor)
    through = after.state == PlacementState.COMPLETED
    work.put_person(leave(work.people[after.participant], "completed" if through else "left"))
    return done(after)


async def let_end(
    placements: Placements, conn: asyncpg.Connection, placement: UUID, actor: str, now: datetime
) -> Result:
    """Let an overdue reservation end: the timer does it once no unread answer can reach it any more (I11)."""
    work = await placements.load(conn, Keys(placements={placement}), now)
    found = find_live(work, placement)
    if isinstance(found, NotDone):
        return found
    overdue = found.expires_at is not None and found.expires_at < now
    if found.state != PlacementState.RESERVED or not overdue:
        return NotDone(placement, Refusal("not_due"))
    await progress.order_expiry(conn, placement, found.kreis, actor, now)
    return done(found)


async def decline(
    placements: Placements, conn: asyncpg.Connection, placement: UUID, actor: str, now: datetime
) -> Result:
    """Note that the person does not take the place; why is the office's to ask."""
    return await placements.decline(conn, placement, actor, DeclineReason.OTHER, now)


async def refuse(
    placements: Placements, conn: asyncpg.Connection, placement: UUID, actor: str, now: datetime
) -> Result:
    """Note that the provider cannot take the person."""
    return await placements.refuse(conn, placement, actor, RefusalReason.OTHER, now)


def _due(found: Placement, decision: Decision) -> tuple[Result, Step | None]:
    match decision:
        case Step() as step:
            return done(found), step
        case Unchanged(code):
            return NotDone(found.placement, Refusal(code)), None
        case Refusal() as refusal:
            return NotDone(found.placement, refusal), None
