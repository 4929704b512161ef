"""Decides offices' events about people, one after the other on a batch's UnitOfWork."""

from dataclasses import replace
from typing import Any, cast
from uuid import UUID

from schemas.identity import event_uuid
from schemas.offices import (
    Entitlement,
    ParticipantChanged,
    ParticipantRegistered,
    ParticipantWithdrawn,
    PlacementTested,
)
from services.allocation.participants import domain
from services.allocation.participants.domain import Participant, ParticipantFacts, PlacementTest
from services.allocation.placements.domain import (
    LIVE,
    OFFERED,
    Reason,
    Refusal,
    Step,
    Unchanged,
    take_back,
    withdraw_proposal,
)
from services.allocation.unit_of_work import UnitOfWork
from services.runtime.events.subscription import Applied, Incoming, Parked, Problem, Rejected, Verdict


def participant_key(participant: UUID) -> str:
    """Return what an event about an unknown person waits for."""
    return f"participant:{participant}"


def event_key(cause: UUID) -> str:
    """Return what a correction or retraction of an event not yet seen waits for."""
    return f"event:{cause}"


def unknown_participant(participant: UUID, field: str = "reference") -> Parked:
    """Wait for a person's registration."""
    return Parked(participant_key(participant), Problem("participant_unknown", field=field))


def target(incoming: Incoming) -> UUID | None:
    """Return the event that this one corrects or retracts."""
    named = incoming.event.corrects or incoming.event.retracts
    return None if named is None else event_uuid(incoming.publisher or "", incoming.family, named)


def _known(work: UnitOfWork, incoming: Incoming) -> Participant | Verdict:
    """Find whom an office's event is about, or what stands against taking it."""
    id_ = UUID(incoming.subject)
    found = work.people.get(id_)
    if found is None:
        return unknown_participant(id_)
    if found.status == "merged":
        return Applied((Problem("participant_merged", field="reference"),))
    return found


def _yours(work: UnitOfWork, incoming: Incoming, kreis: str | None) -> bool:
    return kreis is None or kreis in work.kreise.get(incoming.publisher or "", frozenset())


def registered(work: UnitOfWork, incoming: Incoming) -> Verdict:
    """Put a person on the list; told again, the facts are replaced and who had gone comes back."""
    said = cast(ParticipantRegistered, incoming.event.data)
    id_ = UUID(incoming.subject)
    if not _yours(work, incoming, said.kreis):
        return Rejected(Problem("kreis_not_yours", field="kreis"))
    known = work.people.get(id_)
    if known is not None and known.status == "merged":
        return Applied((Problem("participant_merged", field="reference"),), (participant_key(id_),))
    facts = _facts(said)
    if known is not None and said.kreis != known.facts.kreis:
        _leave_kreis(work, incoming, known)
    if known is not None and incoming.event.corrects is not None:
        person = domain.correct_registration(known, facts, said.registered_on)
    else:
        office = incoming.publisher or ""
        person = domain.register(known, id_, office, said.reference, facts, said.registered_on)
    work.put_person(person)
    work.request_rerun(person.facts.kreis, "participant_registered", urgent=False)
    return Applied(_doubts(said.entitlement), (participant_key(id_),))


def changed(work: UnitOfWork, incoming: Incoming) -> Verdict:
    """Change a person's facts; fields left out stay."""
    said = cast(ParticipantChanged, incoming.event.data)
    known = _known(work, incoming)
    if not isinstance(known, Participant):
        return known
    if not _yours(work, incoming, said.kreis):
        return Rejected(Problem("kreis_not_yours", field="kreis"))
    if said.kreis is not None and said.kreis != known.facts.kreis:
        _leave_kreis(work, incoming, known)
    changes: dict[str, Any] = {
        name: value for name in _PLAIN if (value := getattr(said, name)) is not None
    } | (_entitlement(said.entitlement) if said.entitlement is not None else {})
    person = domain.change(known, changes)
    work.put_person(person)
    work.request_rerun(person.facts.kreis, "participant_changed", urgent=False)
    return Applied(_doubts(said.entitlement))


def _doubts(said: Entitlement | None) -> tuple[Problem, ...]:
    """Return what is taken as it was said, but can hardly be meant."""
    if said is None or said.granted_on is None or said.valid_until is None:
        return ()
    over = said.valid_until < said.granted_on
    return (Problem("ends_before_it_begins", field="entitlement.valid_until"),) if over else ()


def _leave_kreis(work: UnitOfWork, incoming: Incoming, person: Participant) -> None:
    """Take back what the old Kreis has proposed; a seat that is held stays held."""
    for placement in work.placements_of(person.participant):
        if placement.state in OFFERED:
            decision = withdraw_proposal(placement, Reason("moved_to_another_kreis"))
            if isinstance(decision, Step):
                work.take(decision, f"office:{incoming.publisher}", incoming)
    work.request_rerun(person.facts.kreis, "participant_moved", urgent=False)


def withdrawn(work: UnitOfWork, incoming: Incoming) -> Verdict:
    """Take a person off the list; what has not started is released."""
    said = cast(ParticipantWithdrawn, incoming.event.data)
    known = _known(work, incoming)
    if not isinstance(known, Participant):
        return known
    warnings: list[Problem] = []
    for placement in work.placements_of(known.participant):
        if placement.state not in LIVE:
            continue
        match take_back(placement, Reason("participant_withdrawn", {"reason": said.reason})):
            case Step() as step:
                work.take(step, f"office:{incoming.publisher}", incoming)
            case Refusal():
                warnings.append(Problem("still_in_course"))
            case Unchanged():
                pass
    work.put_person(domain.withdraw(known, said.withdrawn_on, said.reason))
    work.request_rerun(known.facts.kreis, "participant_withdrawn", urgent=False)
    return Applied(tuple(warnings))


def tested(work: UnitOfWork, incoming: Incoming) -> Verdict:
    """Take a placement test, its correction or its retraction; the last that stands counts."""
    said = cast(PlacementTested, incoming.event.data)
    known = _known(work, incoming)
    if not isinstance(known, Participant):
        return known
    tests = work.tests[known.participant]
    meant = target(incoming)
    if meant is not None:
        old = next((test for test in tests if test.event == meant), None)
        if old is None:
            field = "ce_corrects" if incoming.event.corrects else "ce_retracts"
            return Parked(event_key(meant), Problem("event_unknown", field=field))
        work.put_test(known.facts.kreis, replace(old, stands=False))
    if incoming.event.retracts is None:
        fresh = PlacementTest(
            incoming.cause, known.participant, said.tested_on, said.level, said.section, said.course_type
        )
        work.put_test(known.facts.kreis, fresh)
    work.put_person(domain.take_last_test(known, tests))
    work.request_rerun(known.facts.kreis, "participant_tested", urgent=False)
    return Applied(unlocks=(event_key(incoming.cause),))


_PLAIN = frozenset({
    "kreis", "town", "course_types", "available", "earliest_start", "needs_childcare", "needs_women_only",
    "needs_barrier_free", "youth_until", "asylum_phase", "max_travel_minutes", "available_days", "family",
})  # fmt: skip


def _entitlement(said: Entitlement) -> dict[str, Any]:
    return {
        "standing": said.standing,
        "route": said.route,
        "granted_on": said.granted_on,
        "valid_until": said.valid_until,
        "cooperation_plan": said.cooperation_plan,
        "hours_left": said.hours_left,
    }


def _facts(said: ParticipantRegistered) -> ParticipantFacts:
    return ParticipantFacts(
        **{name: getattr(said, name) for name in _PLAIN}, **_entitlement(said.entitlement)
    )
