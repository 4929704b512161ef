"""Takes the steps that a policy automates as soon as they are possible: sent to BAMF, confirmed."""

from schemas.codes import CourseKind, PlacementState
from services.allocation.placements import domain
from services.allocation.placements.domain import OFFERED, Placement, Reason, Step
from services.allocation.placements.results import Done, done
from services.allocation.policy.terms import CONFIRM, EXPIRE, SEND
from services.allocation.unit_of_work import UnitOfWork
from services.runtime.events.subscription import Incoming

POLICY = "policy"
"""The actor of what a policy decides."""
OF_AUTHORITY = frozenset({CourseKind.INTEGRATION, CourseKind.VOCATIONAL})
"""Kinds of courses into which BAMF assigns; those of a Land or of the municipality are not its business."""


def advance(work: UnitOfWork, found: Placement, cause: Incoming | None = None) -> Done | None:
    """Put a proposal on the list for BAMF, or confirm what was accepted; None: neither is automatic."""
    automatic, now = work.terms.automatic, work.now
    match found.state:
        case PlacementState.PROPOSED if found.course_kind in OF_AUTHORITY and automatic(
            found.kreis, SEND, now
        ):
            decision = domain.send_to_authority(found)
        case PlacementState.ACCEPTED if automatic(found.kreis, CONFIRM, now):
            decision = domain.confirm(found, None, Reason("confirmed_by_policy"))
        case _:
            return None
    return done(work.take(decision, POLICY, cause)) if isinstance(decision, Step) else None


def lapse(work: UnitOfWork, found: Placement) -> Done | None:
    """End a proposal that BAMF has not answered by the time its section began; None: it goes on.

    BAMF has at least as long as a person by post: the section may have begun before the proposal was sent.
    """
    section = work.courses[found.course].section(found.entry_section)
    begun = section is None or section.starts_on < work.today
    answered_by = work.terms.reserved_until(found.kreis, found.changed_at)
    over = found.state in OFFERED and begun and answered_by <= work.now
    if not over or not work.terms.automatic(found.kreis, EXPIRE, work.now):
        return None
    decision = domain.withdraw_proposal(found, Reason("authority_silent"))
    return done(work.take(decision, POLICY)) if isinstance(decision, Step) else None
