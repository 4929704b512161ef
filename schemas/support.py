"""Defines the events on `kurslotse.support`: attendance, results, consents, needs."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import Field, model_validator

from schemas.base import (
    AboutCourse,
    AboutOwnParticipant,
    AboutParticipantInCourse,
    Ags8,
    Code,
    Part,
    Payload,
    Slug,
)
from schemas.bounds import BusinessDate, Month
from schemas.codes import ConsentPurpose, Exam, ExamResult, Known, Mark, Need, SectionGrade

Units = Annotated[float, Field(ge=0, le=12, multiple_of=0.25, allow_inf_nan=False)]
"""Teaching units (UE, 45 minutes) of one day, in quarters."""


class AttendanceEntry(Part):
    """One person on one course day."""

    participant: UUID
    mark: Annotated[Code, Known(Mark)]
    ue: Units = 0
    """UE attended."""


class AttendanceRecorded(AboutCourse):
    """One course day of a whole class; sent again it replaces the day.

    Providers send everybody; marks without valid consent are dropped for good when they are read.
    """

    type_: ClassVar[str] = "de.kurslotse.attendance-recorded.v1"

    day: BusinessDate
    ue_held: Units
    entries: Annotated[tuple[AttendanceEntry, ...], Field(max_length=100)]

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        if len({entry.participant for entry in self.entries}) != len(self.entries):
            raise ValueError("a participant is listed twice")
        return self


class SectionResultRecorded(AboutParticipantInCourse):
    """Result of a section test."""

    type_: ClassVar[str] = "de.kurslotse.section-result-recorded.v1"

    section: Annotated[int, Field(ge=1, le=20)]
    grade: Annotated[Code, Known(SectionGrade)]
    tested_on: BusinessDate


class ExamResultRecorded(AboutParticipantInCourse):
    """Result of a final examination; confidential towards third parties (IntTestV § 12)."""

    type_: ClassVar[str] = "de.kurslotse.exam-result-recorded.v1"

    exam: Annotated[Code, Known(Exam)]
    result: Annotated[Code, Known(ExamResult)]
    taken_on: BusinessDate


class ConsentGranted(AboutOwnParticipant):
    """The person allowed one or more purposes for one counselling office; specific and revocable."""

    type_: ClassVar[str] = "de.kurslotse.consent-granted.v1"

    office: Slug
    """The counselling office that may know."""
    purposes: Annotated[tuple[Annotated[Code, Known(ConsentPurpose)], ...], Field(min_length=1, max_length=8)]
    given_on: BusinessDate
    valid_until: BusinessDate | None = None
    """Last day; None: the configured period (at most 12 months)."""
    form: Code | None = None
    """Version of the consent form that was signed."""


class ConsentCollected(AboutParticipantInCourse):
    """Somebody in a course signed a consent there; it counts as if the registering office had entered it."""

    type_: ClassVar[str] = "de.kurslotse.consent-collected.v1"

    office: Slug
    """The counselling office that may know."""
    purposes: Annotated[tuple[Annotated[Code, Known(ConsentPurpose)], ...], Field(min_length=1, max_length=8)]
    given_on: BusinessDate
    form: Code
    """Version of the consent form that was signed."""


class ConsentRevoked(AboutOwnParticipant):
    """The person takes consent back; empty purposes or no office mean all."""

    type_: ClassVar[str] = "de.kurslotse.consent-revoked.v1"

    office: Slug | None = None
    purposes: Annotated[tuple[Annotated[Code, Known(ConsentPurpose)], ...], Field(max_length=8)] = ()
    revoked_on: BusinessDate


class NeedReported(Payload):
    """Something is missing in a town; no person."""

    type_: ClassVar[str] = "de.kurslotse.need-reported.v1"

    need: Annotated[Code, Known(Need)]
    town: Ags8
    month: Month

    def subject_key(self, publisher: str) -> str:  # noqa: ARG002 - needs have no person and no course
        """Return the town."""
        return self.town
