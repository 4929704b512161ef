"""What came of a command about a placement."""

from dataclasses import dataclass
from uuid import UUID

from schemas.codes import PlacementState
from services.allocation.placements.domain import Placement, Refusal


@dataclass(frozen=True, slots=True)
class Done:
    """The step was taken (or had been already); so the placement stands now."""

    placement: UUID
    state: PlacementState
    version: int


@dataclass(frozen=True, slots=True)
class NotDone:
    """Nothing was changed, and why: a code with parameters, rendered where it is shown."""

    placement: UUID | None
    refusal: Refusal


Result = Done | NotDone


def done(placement: Placement) -> Done:
    """Say how a placement stands after a step."""
    return Done(placement.placement, placement.state, placement.version)
