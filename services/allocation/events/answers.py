"""Decides events that answer or end a placement, one after the other on a batch's UnitOfWork."""

from dataclasses import replace
from typing import cast
from uuid import UUID

from schemas.codes import ENROLLED, SEATED, PlacementState
from schemas.identity import course_id, effect_id
from schemas.offices import AssignedByAuthority, PlaceAccepted, PlaceDeclined
from schemas.providers import ParticipantLeft, PlaceConfirmed, PlaceRefused
from services.allocation.acts import by_policy
from services.allocation.acts.leave_list import leave_list
from services.allocation.courses.domain import Course
from services.allocation.events.courses import course_key
from services.allocation.events.participants import event_key, target, unknown_participant
from services.allocation.participants.domain import Participant, back, stay
from services.allocation.placements import domain, running
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
    seated_in,
)
from services.allocation.placements.held_until import held_until
from services.allocation.unit_of_work import UnitOfWork
from services.runtime.events.subscription import Applied, Incoming, Parked, Problem, Rejected, Verdict

BEGUN = frozenset({PlacementState.STARTED, PlacementState.INTERRUPTED})
"""Somebody sits in the course: an authority's assignment elsewhere does not end that by itself."""


def _found(work: UnitOfWork, placement: UUID) -> Placement | Rejected:
    """Find a placement; an unknown id is wrong and never early, for ids are told only after their commit.

    Parking it would keep the right answer of the same person waiting behind the wrong one.
    """
    return work.placements.get(placement) or Rejected(Problem("placement_unknown", field="placement"))


def _judge(work: UnitOfWork, incoming: Incoming, decision: Decision, actor: str) -> Verdict:
    match decision:
        case Step() as step:
            work.take(step, actor, incoming)
            return Applied()
        case Unchanged(code):
            return Applied((Problem(code, field="placement"),))
        case Refusal(code, params):
            return Rejected(Problem(code, field="placement", params=params))


def _office_answer(work: UnitOfWork, incoming: Incoming, placement: UUID) -> Placement | Verdict:
    """Find the placement that an office answers: its own person's, or it is refused."""
    subject = UUID(incoming.subject)
    if subject not in work.people:
        return unknown_participant(subject)
    found = _found(work, placement)
    if not isinstance(found, Placement):
        return found
    person = work.person(subject)
    if person is None or person.participant != found.participant:
        return Rejected(Problem("placement_not_yours", field="placement"))
    return found


def accepted(work: UnitOfWork, incoming: Incoming) -> Verdict:
    """The person takes the place."""
    said = cast(PlaceAccepted, incoming.event.data)
    found = _office_answer(work, incoming, said.placement)
    if not isinstance(found, Placement):
        return found
    decision = domain.accept(found, Reason("accepted"))
    verdict = _judge(work, incoming, decision, f"office:{incoming.publisher}")
    by_policy.advance(work, work.placements[found.placement], incoming)
    return verdict


def declined(work: UnitOfWork, incoming: Incoming) -> Verdict:
    """The person does not take the place."""
    said = cast(PlaceDeclined, incoming.event.data)
    found = _office_answer(work, incoming, said.placement)
    if not isinstance(found, Placement):
        return found
    decision = domain.decline(found, Reason("declined", {"reason": said.reason}))
    return _judge(work, incoming, decision, f"office:{incoming.publisher}")


def _provider_answer(
    work: UnitOfWork, incoming: Incoming, said: PlaceConfirmed | PlaceRefused
) -> Placement | Verdict:
    """Find the placement that a provider answers: in its own course and of that person."""
    course = said.course_id(incoming.publisher or "")
    if course not in work.courses:
        return Parked(course_key(course), Problem("course_unknown", field="course"))
    if said.participant not in work.people:
        return unknown_participant(said.participant, "participant")
    found = _found(work, said.placement)
    if not isinstance(found, Placement):
        return found
    if found.course != course:
        return Rejected(Problem("placement_not_yours", field="placement"))
    person = work.person(said.participant)
    if person is None or person.participant != found.participant:
        return Rejected(Problem("placement_of_another_person", field="participant"))
    return found


def confirmed(work: UnitOfWork, incoming: Incoming) -> Verdict:
    """The provider takes the person."""
    said = cast(PlaceConfirmed, incoming.event.data)
    found = _provider_answer(work, incoming, said)
    if not isinstance(found, Placement):
        return found
    decision = domain.confirm(found, said.own_number)
    return _judge(work, incoming, decision, f"provider:{incoming.publisher}")


def refused(work: UnitOfWork, incoming: Incoming) -> Verdict:
    """The provider cannot take the person, who waits again."""
    said = cast(PlaceRefused, incoming.event.data)
    found = _provider_answer(work, incoming, said)
    if not isinstance(found, Placement):
        return found
    decision = domain.refuse(found, Reason("refused", {"reason": said.reason}))
    return _judge(work, incoming, decision, f"provider:{incoming.publisher}")


def left(work: UnitOfWork, incoming: Incoming) -> Verdict:
    """Somebody no longer attends; or that was wrong, in kind or altogether."""
    said = cast(ParticipantLeft, incoming.event.data)
    id_ = said.course_id(incoming.publisher or "")
    course, person = work.courses.get(id_), work.person(said.participant)
    if course is None:
        return Parked(course_key(id_), Problem("course_unknown", field="course"))
    if person is None:
        return unknown_participant(said.participant, "participant")
    here = [p for p in work.placements_of(person.participant) if p.course == course.course]
    meant = target(incoming)
    decision = (
        _exit(here, course, said, incoming.cause)
        if meant is None
        else _other_exit(work, here, course, incoming, meant)
    )
    if isinstance(decision, Applied | Rejected | Parked):
        return decision
    verdict = _judge(work, incoming, decision, f"provider:{incoming.publisher}")
    if not isinstance(verdict, Applied):
        return verdict
    if isinstance(decision, Step):
        _follow(work, incoming, person, decision.after)
    return replace(verdict, unlocks=(event_key(incoming.cause),))


def _exit(here: list[Placement], course: Course, said: ParticipantLeft, event: UUID) -> Decision | Rejected:
    """Decide a first report: it means the seat the person holds here, else the last place told to anybody."""
    found = seated_in(here, course.course) or next((p for p in here if p.published), None)
    if found is None:
        return Rejected(Problem("participant_not_in_course", field="participant"))
    return running.leave(found, course, said.kind, said.left_on, event)


def _other_exit(
    work: UnitOfWork, here: list[Placement], course: Course, incoming: Incoming, meant: UUID
) -> Decision | Applied | Parked:
    """Decide the correction or retraction of an exit reported before; one that was replaced stays so."""
    said = cast(ParticipantLeft, incoming.event.data)
    found = next((p for p in here if p.exit_event == meant), None)
    if found is None:
        field = "ce_corrects" if incoming.event.corrects else "ce_retracts"
        if any(meant in p.past_exits for p in here):
            return Applied((Problem("event_superseded", field=field),), (event_key(incoming.cause),))
        return Parked(event_key(meant), Problem("event_unknown", field=field))
    if incoming.event.corrects:
        return running.correct_exit(found, course, said.kind, said.left_on, incoming.cause)
    until = held_until(work.terms, found.kreis, course, found.entry_section, work.now)
    return running.reopen(found, course, work.placements_of(found.participant), until)


def _follow(work: UnitOfWork, incoming: Incoming, person: Participant, placement: Placement) -> None:
    """Take somebody who left off the list; put them back if that was wrong, with no other place proposed."""
    match placement.state:
        case PlacementState.LEFT:
            leave_list(work, placement)
        case PlacementState.TRANSFERRED | PlacementState.STARTED | PlacementState.CONFIRMED:
            if person.status == "left":
                work.put_person(stay(person))
        case _:
            pass
    if placement.state in SEATED:
        for other in work.placements_of(person.participant):
            _withdraw_proposal(work, incoming, other, Reason("exit_retracted"))


def assigned(work: UnitOfWork, incoming: Incoming) -> Verdict:
    """An authority assigned a course: what has not begun gives way, the seat is taken.

    Only somebody who sits in a course already has to leave it first. Who had been taken off the list is
    back on it: the authority's word is the later one.
    """
    said = cast(AssignedByAuthority, incoming.event.data)
    subject = UUID(incoming.subject)
    person = work.person(subject)
    if person is None:
        return unknown_participant(subject)
    id_ = course_id(said.provider, said.course)
    course = work.courses.get(id_)
    if course is None:
        return Parked(course_key(id_), Problem("course_unknown", field="course"))
    own = [p for p in work.placements_of(person.participant) if p.state in LIVE]
    here = seated_in(own, id_)
    if here is not None and (here.state in ENROLLED or here.entry_section == said.section):
        reason = Reason("assigned_by_authority")
        return _judge(work, incoming, domain.accept(here, reason), f"office:{incoming.publisher}")
    against = _obstacle(course, own, here, said)
    if against is not None:
        return Rejected(Problem(against.code, field="course", params=against.params))
    _give_way(work, incoming, own, course, said.section)
    if person.status != "active":
        work.put_person(back(person))
    return _assign(work, incoming, person, said)


def _obstacle(
    course: Course, own: list[Placement], here: Placement | None, said: AssignedByAuthority
) -> Refusal | None:
    """Return what stands against an assignment once the person has given up the seat held `here`."""
    if any(p.state in BEGUN and p.course_kind == course.facts.kind for p in own):
        return Refusal("already_placed")
    given_up = course if here is None else course.seat(dict.fromkeys(here.seats, -1))
    return domain.obstacle(given_up, said.section, (), said.assigned_on)


def _agrees(placement: Placement, course: UUID, section: int) -> bool:
    """Return whether an open proposal is what the authority assigned: it goes on, nothing gives way."""
    return placement.state in OFFERED and (placement.course, placement.entry_section) == (course, section)


def _give_way(
    work: UnitOfWork, incoming: Incoming, own: list[Placement], course: Course, section: int
) -> None:
    for placement in own:
        if _agrees(placement, course.course, section):
            continue
        reason = Reason("assigned_by_authority")
        _withdraw_proposal(work, incoming, placement, reason)
        if placement.state in SEATED and placement.course_kind == course.facts.kind:
            _take_back(work, incoming, placement, reason)


def _withdraw_proposal(work: UnitOfWork, incoming: Incoming, placement: Placement, reason: Reason) -> None:
    if placement.state in OFFERED:
        _take_back(work, incoming, placement, reason)


def _take_back(work: UnitOfWork, incoming: Incoming, placement: Placement, reason: Reason) -> None:
    decision = domain.take_back(placement, reason)
    if isinstance(decision, Step):
        is_providers = isinstance(incoming.event.data, ParticipantLeft)
        actor = f"{'provider' if is_providers else 'office'}:{incoming.publisher}"
        work.take(decision, actor, incoming)


def _assign(work: UnitOfWork, incoming: Incoming, person: Participant, said: AssignedByAuthority) -> Verdict:
    course = work.courses[course_id(said.provider, said.course)]
    id_ = effect_id(incoming.cause, "placement", str(person.participant))
    reason = Reason("assigned_by_authority")
    proposal = Proposal(person.participant, course.course, said.section, reason, (reason,))
    who = (person.participant, person.office, person.facts.kreis)
    own = work.placements_of(person.participant)
    sent = next((p for p in own if _agrees(p, course.course, said.section)), None)
    offered = sent or domain.offer(id_, who, course, proposal, None, work.now).after
    reserved = domain.reserve(offered, course, (), None, reason, said.assigned_on)
    if not isinstance(reserved, Step):
        return _judge(work, incoming, reserved, "authority")
    actor = f"office:{incoming.publisher}"
    held = work.take(Step(sent, reserved.after), actor, incoming)
    verdict = _judge(work, incoming, domain.accept(held, reason), actor)
    by_policy.advance(work, work.placements[held.placement], incoming)
    return verdict
