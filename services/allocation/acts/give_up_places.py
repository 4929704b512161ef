"""Gives up the places of somebody who is to be erased."""

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from services.allocation.participants import domain
from services.allocation.placements.domain import LIVE, Reason, Refusal, Step, Unchanged, take_back
from services.allocation.unit_of_work import UnitOfWork
from services.runtime.events.subscription import Incoming

_WHY = Reason("participant_withdrawn", {"reason": "erased"})


def give_up_places(
    work: UnitOfWork, people: Iterable[UUID], actor: str, cause: Incoming | None = None
) -> None:
    """Give up what has not started, and tell everybody who knows of a place that the person is erased.

    Whoever sits in a course keeps the seat until its end, without a name: the course has it still.
    """
    for id_ in sorted(people):
        for placement in work.placements_of(id_):
            if placement.state not in LIVE:
                continue
            match take_back(placement, _WHY):
                case Step() as step:
                    work.take(step, actor, cause)
                case Refusal():
                    work.take(Step(placement, replace(placement, reason=_WHY)), actor, cause)
                case Unchanged():
                    pass
        known = work.people.get(id_)
        if known is not None and known.status != "merged":
            work.put_person(domain.withdraw(known, work.today, "erased"))
            work.request_rerun(known.facts.kreis, "participant_withdrawn", urgent=False)
