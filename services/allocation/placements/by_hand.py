"""Steps that the policy leaves to people where it does not take them by itself: start, complete, let end."""

from datetime import datetime
from uuid import UUID

import asyncpg

from schemas.codes import ENROLLED, PlacementState
from services.allocation.participants.domain import leave
from services.allocation.picture import Keys, Picture
from services.allocation.placements import attending, progress
from services.allocation.placements.domain import Decision, Placement, Refuse, Stay, Step
from services.allocation.placements.handlers import Done, NotDone, Outcome, Placements, find_live


async def start(
    placements: Placements, conn: asyncpg.Connection, placement: UUID, actor: str, now: datetime
) -> Outcome:
    """Note that somebody whose place is confirmed has started, once the first day has come."""
    picture = await placements.load(conn, Keys(placements={placement}), now)
    found = find_live(picture, placement)
    if isinstance(found, NotDone):
        return found
    outcome, step = _due(found, attending.start(found, picture.courses[found.course], picture.today))
    if step is not None:
        outcome = _done(picture.take(step, actor))
        await picture.write(conn)
    return outcome


async def complete(
    placements: Placements, conn: asyncpg.Connection, placement: UUID, actor: str, now: datetime
) -> Outcome:
    """Note that somebody has completed a course that its provider has closed."""
    picture = await placements.load(conn, Keys(placements={placement}), now)
    found = find_live(picture, placement)
    if isinstance(found, NotDone):
        return found
    outcome = finish(picture, found, actor)
    await picture.write(conn)
    return outcome


def finish(picture: Picture, found: Placement, actor: str) -> Outcome:
    """Let somebody have completed a course that is closed, and leave the list."""
    course = picture.courses[found.course]
    if course.state != "completed" or course.ended_on is None or found.state not in ENROLLED:
        return NotDone(found.placement, Refuse("not_due"))
    outcome, step = _due(found, attending.finish_course(found, course, course.ended_on))
    if step is None:
        return outcome
    after = picture.take(step, actor)
    done = after.state == PlacementState.COMPLETED
    picture.put_person(leave(picture.people[after.participant], "completed" if done else "left"))
    return _done(after)


async def let_end(
    placements: Placements, conn: asyncpg.Connection, placement: UUID, actor: str, now: datetime
) -> Outcome:
    """Let an overdue reservation end: the timer does it once no unread answer can reach it any more (I11)."""
    picture = await placements.load(conn, Keys(placements={placement}), now)
    found = find_live(picture, placement)
    if isinstance(found, NotDone):
        return found
    overdue = found.expires_at is not None and found.expires_at < now
    if found.state != PlacementState.RESERVED or not overdue:
        return NotDone(placement, Refuse("not_due"))
    await progress.order_expiry(conn, placement, found.kreis, actor, now)
    return _done(found)


def _due(found: Placement, decision: Decision) -> tuple[Outcome, Step | None]:
    match decision:
        case Step() as step:
            return _done(found), step
        case Stay(code):
            return NotDone(found.placement, Refuse(code)), None
        case Refuse() as refusal:
            return NotDone(found.placement, refusal), None


def _done(placement: Placement) -> Done:
    return Done(placement.placement, placement.state, placement.version)
