"""Defines the events of course providers on `kurslotse.in`."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import Field, model_validator

from schemas.base import (
    AboutCourse,
    AboutParticipantInCourse,
    Ags5,
    Ags8,
    Code,
    Part,
    Postcode,
    Reference,
)
from schemas.bounds import BusinessDate, LocalTime, Text
from schemas.codes import (
    CancelReason,
    CourseType,
    ExitKind,
    Known,
    Level,
    RefusalReason,
    SectionDecision,
    Weekday,
)


class Section(Part):
    """One section (Kursabschnitt) of a course; for an Integrationskurs usually 100 UE (IntV § 11)."""

    number: Annotated[int, Field(ge=1, le=20)]
    starts_on: BusinessDate
    ends_on: BusinessDate
    ue: Annotated[int, Field(ge=1, le=1200)] | None = None
    """Teaching units of 45 minutes."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.ends_on < self.starts_on:
            raise ValueError("ends_on lies before starts_on")
        return self


class Lesson(Part):
    """A weekly teaching time."""

    weekday: Annotated[Code, Known(Weekday)]
    starts_at: LocalTime
    ends_at: LocalTime


Lessons = Annotated[tuple[Lesson, ...], Field(max_length=50)]
"""The weekly teaching times of a course."""


class Venue(Part):
    """Where a course is held."""

    name: Text | None = None
    street: Text | None = None
    postcode: Postcode | None = None
    town: Text | None = None
    barrier_free: bool | None = None
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None = None


def _check_sections(sections: tuple[Section, ...]) -> None:
    numbers = [section.number for section in sections]
    if numbers != sorted(set(numbers)):
        raise ValueError("sections must be listed in order, each number once")
    for before, after in pairwise(sections):
        if after.starts_on < before.starts_on:
            raise ValueError("a later section must not start before an earlier one")


class CourseAnnounced(AboutCourse):
    """A course is offered. Sent again with a new id it replaces what was announced."""

    type_: ClassVar[str] = "de.kurslotse.course-announced.v1"

    title: Text
    course_type: Annotated[Code, Known(CourseType)]
    kreis: Ags5
    town: Ags8 | None = None
    sections: Annotated[tuple[Section, ...], Field(min_length=1, max_length=20)]
    capacity: Annotated[int, Field(ge=1, le=100)]
    """Most participants in any section (Integrationskurs: should be 20, must not exceed 25)."""
    minimum: Annotated[int, Field(ge=0, le=100)] | None = None
    """Participants needed for the course to start; None: unknown."""
    taken_elsewhere: Annotated[int, Field(ge=0, le=100)] = 0
    """Seats already given away by the provider outside of Kurslotse."""
    target_level: Annotated[Code, Known(Level)] | None = None
    lessons: Lessons = ()
    venue: Venue | None = None
    online: bool = False
    childcare: bool | None = None
    women_only: bool = False
    registration_until: BusinessDate | None = None
    own_number: Text | None = None
    """The provider's own course number; links the same course seen in two files."""

    @model_validator(mode="after")
    def _sections(self) -> Self:
        _check_sections(self.sections)
        return self


class CourseChanged(AboutCourse):
    """Something about an announced course changed; fields left out stay as they are."""

    type_: ClassVar[str] = "de.kurslotse.course-changed.v1"

    title: Text | None = None
    course_type: Annotated[Code, Known(CourseType)] | None = None
    town: Ags8 | None = None
    sections: Annotated[tuple[Section, ...], Field(min_length=1, max_length=20)] | None = None
    capacity: Annotated[int, Field(ge=1, le=100)] | None = None
    minimum: Annotated[int, Field(ge=0, le=100)] | None = None
    taken_elsewhere: Annotated[int, Field(ge=0, le=100)] | None = None
    target_level: Annotated[Code, Known(Level)] | None = None
    lessons: Lessons | None = None
    venue: Venue | None = None
    online: bool | None = None
    childcare: bool | None = None
    women_only: bool | None = None
    registration_until: BusinessDate | None = None
    own_number: Text | None = None

    @model_validator(mode="after")
    def _sections(self) -> Self:
        if self.sections is not None:
            _check_sections(self.sections)
        return self


class CourseCancelled(AboutCourse):
    """A course will not take place, or not go on."""

    type_: ClassVar[str] = "de.kurslotse.course-cancelled.v1"

    cancelled_on: BusinessDate
    reason: Annotated[Code, Known(CancelReason)] = "other"


class SectionStep(Part):
    """What one person does after a section."""

    participant: UUID
    decision: Annotated[Code, Known(SectionDecision)]
    next_section: Annotated[int, Field(ge=1, le=20)] | None = None


class SectionCompleted(AboutCourse):
    """A section has ended: who goes on, repeats, skips. Seats, not results."""

    type_: ClassVar[str] = "de.kurslotse.section-completed.v1"

    section: Annotated[int, Field(ge=1, le=20)]
    completed_on: BusinessDate
    steps: Annotated[tuple[SectionStep, ...], Field(max_length=100)] = ()


class ParticipantLeft(AboutParticipantInCourse):
    """Somebody no longer attends; never the reason in words."""

    type_: ClassVar[str] = "de.kurslotse.participant-left.v1"

    kind: Annotated[Code, Known(ExitKind)]
    left_on: BusinessDate


class PlaceConfirmed(AboutParticipantInCourse):
    """The provider confirms a reserved place, or enrols somebody who came with an assignment."""

    type_: ClassVar[str] = "de.kurslotse.place-confirmed.v1"

    placement: UUID
    own_number: Reference | None = None
    """The provider's own opaque number of the person; later files are resolved by it."""


class PlaceRefused(AboutParticipantInCourse):
    """The provider cannot take the person."""

    type_: ClassVar[str] = "de.kurslotse.place-refused.v1"

    placement: UUID
    reason: Annotated[Code, Known(RefusalReason)] = "other"


class CourseCompleted(AboutCourse):
    """A course has ended; totals only (IntV § 17: both DTZ at B1 and 'Leben in Deutschland')."""

    type_: ClassVar[str] = "de.kurslotse.course-completed.v1"

    completed_on: BusinessDate
    finished: Annotated[int, Field(ge=0, le=200)]
    """Attended to the end."""
    sat: Annotated[int, Field(ge=0, le=200)]
    """Took the language examination."""
    b1: Annotated[int, Field(ge=0, le=200)]
    a2: Annotated[int, Field(ge=0, le=200)]
    below: Annotated[int, Field(ge=0, le=200)]
    lid: Annotated[int, Field(ge=0, le=200)]
    """Passed 'Leben in Deutschland'."""
    both: Annotated[int, Field(ge=0, le=200)]
    """Qualified completion: B1 and 'Leben in Deutschland'."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.b1 + self.a2 + self.below > self.sat:
            raise ValueError("b1 + a2 + below exceed sat")
        if self.both > min(self.b1, self.lid):
            raise ValueError("both exceeds b1 or lid")
        return self
