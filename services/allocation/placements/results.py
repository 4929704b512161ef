"""Holds what goes into an act and what comes of it: who decides, and whether it was done."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from schemas.codes import PlacementState
from services.allocation.placements.domain import Placement, Refusal


@dataclass(frozen=True, slots=True)
class DecidedBy:
    """Who decides, and when (business time).

    `actor` is a person's id at the console, `policy`, `timer` or `steering`. `note` is the reason that the
    person wrote: it stays in the audit trail and is never told to anybody outside.
    """

    actor: str
    now: datetime
    note: str | None = None


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
    """Return how a placement stands after a step."""
    return Done(placement.placement, placement.state, placement.version)
