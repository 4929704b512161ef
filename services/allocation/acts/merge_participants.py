"""Merges the placements of two registrations that turn out to be one person."""

from dataclasses import replace

from schemas.codes import SEATED
from schemas.placements import ParticipantsMerged
from services.allocation.participants import domain as people_domain
from services.allocation.participants.domain import Participant
from services.allocation.placements.domain import LIVE, OFFERED, Placement, Reason, Step, withdraw_proposal
from services.allocation.placements.messages import outgoing
from services.allocation.unit_of_work import UnitOfWork


def merge(work: UnitOfWork, gone: Participant, stays: Participant, actor: str) -> None:
    """Let what is left of one person's placements be another's, take proposals back, tell the offices."""
    for placement in work.placements_of(gone.participant):
        if placement.state in OFFERED:
            _withdraw(work, placement, actor)
        elif placement.state in LIVE:
            work.put_placement(replace(placement, participant=stays.participant))
    if any(p.state in SEATED for p in work.placements_of(stays.participant)):
        for placement in work.placements_of(stays.participant):
            if placement.state in OFFERED:
                _withdraw(work, placement, actor)
    work.put_person(people_domain.merge(gone, stays))
    work.tell(
        outgoing(
            work.prefix,
            ParticipantsMerged(
                merged=gone.participant,
                into=stays.participant,
                kreis=stays.facts.kreis,
                decided_at=work.now,
            ),
            gone.participant,
            str(stays.participant),
            work.now,
            (gone.office, stays.office),
        )
    )
    work.request_rerun(stays.facts.kreis, "participants_merged", urgent=False)


def _withdraw(work: UnitOfWork, offered: Placement, actor: str) -> None:
    decision = withdraw_proposal(offered, Reason("participant_merged"))
    if isinstance(decision, Step):
        work.take(decision, actor)
