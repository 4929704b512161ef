"""Takes people off the list whose course has ended for them."""

from datetime import date
from typing import Literal

from schemas.codes import SEATED
from services.allocation.participants.domain import Participant, leave
from services.allocation.unit_of_work import UnitOfWork


def leave_list(
    work: UnitOfWork, person: Participant, status: Literal["left", "completed"], day: date
) -> None:
    """Take somebody off the list, unless they hold a seat in another course; after it they may wait again."""
    if not any(other.state in SEATED for other in work.placements_of(person.participant)):
        work.put_person(leave(person, status, day))
