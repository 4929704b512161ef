"""Takes people off the list whose course has ended for them."""

from collections.abc import Mapping
from typing import Literal

from schemas.codes import SEATED, PlacementState
from services.allocation.participants.domain import leave
from services.allocation.placements.domain import Placement
from services.allocation.unit_of_work import UnitOfWork

_STATUS: Mapping[str, Literal["left", "completed"]] = {
    PlacementState.LEFT: "left",
    PlacementState.COMPLETED: "completed",
}


def leave_list(work: UnitOfWork, ended: Placement) -> None:
    """Take off the list who left or completed a course, unless they hold a seat in another one."""
    person, status = work.person(ended.participant), _STATUS.get(ended.state)
    if person is None or status is None:
        return
    if not any(other.state in SEATED for other in work.placements_of(person.participant)):
        work.put_person(leave(person, status, ended.ended_on or work.today))
