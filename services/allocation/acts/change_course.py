"""Moves people who hold a seat to another course, also everybody of a course that is merged."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from schemas.codes import PlacementState
from schemas.identity import effect_id
from services.allocation.placements import domain
from services.allocation.placements.domain import PROMISED, Placement, Proposal, Reason, Refusal, Step
from services.allocation.placements.held_until import held_until
from services.allocation.placements.results import DecidedBy
from services.allocation.placements.rulings import Exclusions
from services.allocation.unit_of_work import UnitOfWork

CHANGES: Final = PROMISED | {PlacementState.CONFIRMED}
"""Who holds a seat in these states has not begun, and can change."""
POOLED: Final = "pooled"
"""The reason of both steps: the seat given up and the one held instead."""


@dataclass(frozen=True, slots=True)
class Changed:
    """Who changed, and who keeps the seat where it is because the other course is excluded for them."""

    moved: tuple[UUID, ...] = ()
    stayed: tuple[UUID, ...] = ()


def change(  # noqa: PLR0917 - whom, whence and where, by whose word
    work: UnitOfWork,
    exclusions: Exclusions,
    origin: UUID,
    host: UUID,
    who: Collection[UUID] | None,
    by: DecidedBy,
) -> Changed | Refusal:
    """Let everybody who holds a seat in a course (of `who`: None means all) hold one in another instead.

    The new seat is reserved and the person asked once more: what was accepted was another course. There
    is a seat for all of them or nobody changes: the caller writes nothing if it is refused.
    """
    moved, stayed = [], []
    for found in work.live_in(origin):
        if found.state not in CHANGES:
            continue
        person = found.participant
        wanted = who is None or person in who
        if not wanted or exclusions.refusal_of(person, work.courses[host]) is not None:
            stayed.append(person)
            continue
        refusal = _change_one(work, found, host, by)
        if refusal is not None:
            return refusal
        moved.append(person)
    return Changed(tuple(moved), tuple(stayed))


def change_back(work: UnitOfWork, host: UUID, origins: Collection[UUID], by: DecidedBy) -> Changed | Refusal:
    """Let those change back who came by a merger and have not answered yet; the others stay in the host."""
    moved, stayed = [], []
    for found in work.live_in(host):
        before = _came_from(work, found, origins)
        if before is None:
            continue
        course = work.courses[before]
        full = course.full(course.seats_from(found.entry_section))
        if found.state != PlacementState.RESERVED or full is not None:
            stayed.append(found.participant)
            continue
        refusal = _change_one(work, found, before, by)
        if refusal is not None:
            return refusal
        moved.append(found.participant)
    return Changed(tuple(moved), tuple(stayed))


def _came_from(work: UnitOfWork, found: Placement, origins: Collection[UUID]) -> UUID | None:
    """Return the course that somebody left for this one by a merger."""
    given_up = (
        old.course
        for old in work.placements_of(found.participant)
        if old.state == PlacementState.RELEASED and old.reason.code == POOLED and old.course in origins
    )
    return next(given_up, None)


def _change_one(work: UnitOfWork, found: Placement, to: UUID, by: DecidedBy) -> Refusal | None:
    course, why = work.courses[to], Reason(POOLED)
    given_up = domain.give_up(found, why)
    if not isinstance(given_up, Step):
        return Refusal("already_started")
    work.take(given_up, by.actor, note=by.note)
    person = work.people[found.participant]
    proposal = Proposal(person.participant, to, found.entry_section, why, (why,))
    id_ = effect_id(found.placement, "changed", f"{to}/{work.now.isoformat()}")
    who = (person.participant, person.office, person.facts.kreis)
    offered = domain.offer(id_, who, course, proposal, None, work.now)
    class_ = work.terms.priority_class(person.facts.standing, person.facts.cooperation_plan, work.now)
    reserved = domain.reserve(
        offered.after,
        course,
        work.placements_of(person.participant),
        held_until(work.terms, found.kreis, course, found.entry_section, work.now, class_),
        why,
        work.today,
    )
    match reserved:
        case Step(after=after):
            work.take(Step(None, after), by.actor, note=by.note)
            return None
        case Refusal() as refusal:
            return refusal
        case stay:
            return Refusal(stay.code)
