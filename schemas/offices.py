"""Defines the events of registering offices on `kurslotse.in`: facts for steering, by reference."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from schemas.base import AboutOwnParticipant, Ags5, Ags8, Code, Part, Reference, Slug
from schemas.bounds import BusinessDate, Month, OwnId
from schemas.codes import (
    AccessRoute,
    AsylumPhase,
    CourseType,
    DeclineReason,
    Known,
    Level,
    Standing,
    TimeOfDay,
    Weekday,
    WithdrawReason,
)

_YOUTH = 27


def youth_until(birth: date | None, today: date) -> str | None:
    """Return the last month before the 27th birthday, YYYY-MM; None if it is over or not known.

    >>> youth_until(date(2003, 1, 15), date(2025, 11, 17))
    '2029-12'
    >>> youth_until(date(1990, 5, 1), date(2025, 11, 17)) is None
    True
    """
    if birth is None:
        return None
    year, month = divmod((birth.year + _YOUTH) * 12 + birth.month - 2, 12)
    last = f"{year:04d}-{month + 1:02d}"
    return last if last >= f"{today:%Y-%m}" else None


class Entitlement(Part):
    """By what right, through which door, and how long (each clock of the law has its own start)."""

    standing: Annotated[Code, Known(Standing)]
    route: Annotated[Code, Known(AccessRoute)]
    granted_on: BusinessDate | None = None
    """Day of the entitlement, admission or obligation."""
    valid_until: BusinessDate | None = None
    """Last day on which a course may start; None: no date on the certificate."""
    cooperation_plan: bool = False
    """SGB II recipient with a Kooperationsplan (IntV § 7(4))."""
    hours_left: Annotated[int, Field(ge=0, le=1300)] | None = None


class ParticipantRegistered(AboutOwnParticipant):
    """Somebody waits for a course. No name, no birth date: see architecture.md, 'Identity'."""

    type_: ClassVar[str] = "de.kurslotse.participant-registered.v1"

    registered_on: BusinessDate
    kreis: Ags5
    town: Ags8
    entitlement: Entitlement
    course_types: Annotated[
        tuple[Annotated[Code, Known(CourseType)], ...], Field(min_length=1, max_length=11)
    ]
    """Types that fit, the best first."""
    available: Annotated[tuple[Annotated[Code, Known(TimeOfDay)], ...], Field(max_length=4)] = ()
    """Times of day the person can attend; empty: any."""
    earliest_start: BusinessDate | None = None
    needs_childcare: bool = False
    needs_women_only: bool = False
    needs_barrier_free: bool = False
    youth_until: Month | None = None
    """Last month before the 27th birthday; None: 27 or older."""
    asylum_phase: Annotated[Code, Known(AsylumPhase)] = "none"
    max_travel_minutes: Annotated[int, Field(ge=5, le=240)] | None = None
    available_days: Annotated[tuple[Annotated[Code, Known(Weekday)], ...], Field(max_length=7)] = ()
    """Weekdays on which the person can attend; empty: any."""
    family: Reference | None = None
    """The office's own opaque reference of people who want to attend the same course, or wait together."""


class ParticipantChanged(AboutOwnParticipant):
    """Facts changed; fields left out stay as they are."""

    type_: ClassVar[str] = "de.kurslotse.participant-changed.v1"

    kreis: Ags5 | None = None
    town: Ags8 | None = None
    entitlement: Entitlement | None = None
    course_types: (
        Annotated[tuple[Annotated[Code, Known(CourseType)], ...], Field(min_length=1, max_length=11)] | None
    ) = None
    available: Annotated[tuple[Annotated[Code, Known(TimeOfDay)], ...], Field(max_length=4)] | None = None
    earliest_start: BusinessDate | None = None
    needs_childcare: bool | None = None
    needs_women_only: bool | None = None
    needs_barrier_free: bool | None = None
    youth_until: Month | None = None
    asylum_phase: Annotated[Code, Known(AsylumPhase)] | None = None
    max_travel_minutes: Annotated[int, Field(ge=5, le=240)] | None = None
    available_days: Annotated[tuple[Annotated[Code, Known(Weekday)], ...], Field(max_length=7)] | None = None
    family: Reference | None = None


class ParticipantWithdrawn(AboutOwnParticipant):
    """The person no longer waits; a reservation is released."""

    type_: ClassVar[str] = "de.kurslotse.participant-withdrawn.v1"

    withdrawn_on: BusinessDate
    reason: Annotated[Code, Known(WithdrawReason)] = "other"


class PlacementTested(AboutOwnParticipant):
    """The placement test (Einstufungstest, IntV § 11(2)): the level that steering needs."""

    type_: ClassVar[str] = "de.kurslotse.placement-tested.v1"

    tested_on: BusinessDate
    level: Annotated[Code, Known(Level)]
    """Level the person has reached."""
    section: Annotated[int, Field(ge=1, le=9)]
    """Section (recommended course module) to enter at."""
    course_type: Annotated[Code, Known(CourseType)] | None = None


class AssignedByAuthority(AboutOwnParticipant):
    """BAMF or an obliging body assigned a course (IntV § 7(3)); overrides a proposal."""

    type_: ClassVar[str] = "de.kurslotse.assigned-by-authority.v1"

    provider: Slug
    course: OwnId
    section: Annotated[int, Field(ge=1, le=20)] = 1
    assigned_on: BusinessDate


class PlaceAccepted(AboutOwnParticipant):
    """The person takes the reserved place."""

    type_: ClassVar[str] = "de.kurslotse.place-accepted.v1"

    placement: UUID
    answered_on: BusinessDate


class PlaceDeclined(AboutOwnParticipant):
    """The person does not take the reserved place; never a breach of duty."""

    type_: ClassVar[str] = "de.kurslotse.place-declined.v1"

    placement: UUID
    answered_on: BusinessDate
    reason: Annotated[Code, Known(DeclineReason)] = "other"
