"""The chain of a placement: which step may follow which, which seats it takes and frees."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was decided: a code with parameters, rendered where it is shown."""

    code: str
    params: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another course the person could have been offered, and why it was not."""

    course: UUID
    provider: str
    starts_on: date
    reason: Reason


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a steering run wants for one person."""

    participant: UUID
    course: UUID
    entry_section: int
    reason: Reason
    reasons: tuple[Reason, ...] = ()
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True)
class Refuse:
    """The step is not possible; the code says why and what to do."""

    code: str
    params: Mapping[str, str | int] = field(default_factory=dict)
