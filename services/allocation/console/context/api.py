"""Defines what the console's JSON API takes and returns, and turns an act's result into an answer."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.allocation.acts.overrides import Answer, Ruled
from services.allocation.console.context.forms import LEAST_REASON, MOST_REASON
from services.allocation.placements.results import NotDone, Result
from services.runtime.web.problems import PageError, status_text
from services.texts.reasons import REFUSALS

MOST = 500
"""Rows or placements of one request."""


class Decision(BaseModel):
    """One placement and what became of the request."""

    placement: UUID | None
    ok: bool
    state: str | None = None
    version: int | None = None
    code: str | None = None


class Placed(Decision):
    """A place given by hand; `against` names the hard rules that speak against it."""

    against: list[str]


class Results(BaseModel):
    """One decision for each placement asked for, in the same order."""

    results: list[Decision]


class Ruling(BaseModel):
    """It is on record under this id; none: something was taken back."""

    ok: bool = True
    ruling: UUID | None = None


class Presence(BaseModel):
    """Whether the person is in the room: then fewer days are left to answer."""

    model_config = ConfigDict(extra="forbid")

    present: bool = False


class Batch(Presence):
    """Placements to act on."""

    model_config = ConfigDict(extra="forbid")

    placements: Annotated[list[UUID], Field(min_length=1, max_length=MOST)]


class Grounds(BaseModel):
    """Why something is decided; kept in the audit trail."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    reason: Annotated[str, Field(min_length=LEAST_REASON, max_length=MOST_REASON)]


class Withdrawal(Grounds):
    """Why a proposal is taken back; `again`: the same course may be proposed to the person again."""

    again: bool = False


class OtherCourse(Grounds, Presence):
    """Another course for the person than the proposed one."""

    course: UUID
    section: Annotated[int, Field(ge=1, le=20)]


def decision(result: Result) -> Decision:
    """Return what became of a request; what was not done is an error.

    Raises:
        PageError: 409, with the code of the refusal.
    """
    if isinstance(result, NotDone):
        raise refused(result)
    return _decision(result)


def decisions(placements: Sequence[UUID], results: Sequence[Result]) -> Results:
    """Return what became of each placement; some may not be done."""
    return Results(
        results=[
            _decision(result).model_copy(update={"placement": placement})
            for placement, result in zip(placements, results, strict=True)
        ]
    )


def _decision(result: Result) -> Decision:
    if isinstance(result, NotDone):
        return Decision(placement=result.placement, ok=False, code=result.refusal.code)
    return Decision(placement=result.placement, ok=True, state=result.state, version=result.version)


def ruling(answer: Answer) -> Ruling:
    """Return the ruling on record.

    Raises:
        PageError: 409, with the code of the refusal.
    """
    match answer:
        case Ruled(ruling):
            return Ruling(ruling=ruling)
        case refusal:
            raise refused(refusal)


def refused(result: NotDone) -> PageError:
    """Tell a program why nothing was changed."""
    code = result.refusal.code
    return PageError(409, code, REFUSALS.get(code, status_text(409)))
