"""Defines the events of allocation on `kurslotse.placements`: steps, merges, outcomes, states as judged."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from schemas.base import Ags5, Ags8, Code, Part, Payload, Postcode, Reference, Slug
from schemas.bounds import INT4, Int4, LocalTime, Moment, OwnDate, OwnId, Params, Text
from schemas.codes import AsylumPhase, CourseType, Known, PlacementState, Weekday, current_reason

State = Annotated[Code, Known(PlacementState)]


class Reason(Part):
    """A reason as a code with parameters; rendered in German and English where it is shown."""

    code: Annotated[Code, AfterValidator(current_reason)]
    params: Params = Field(default_factory=dict)


class PlacementStep(Payload):
    """One step of a placement; readers drop versions lower than what they have."""

    placement: UUID
    version: Annotated[int, Field(ge=1, le=INT4)]
    participant: UUID
    course: UUID
    provider: Slug
    own_course: OwnId
    """The provider's own id of the course."""
    office: Slug
    """The registering office."""
    kreis: Ags5
    entry_section: Annotated[int, Field(ge=1, le=20)]
    starts_on: OwnDate
    """First day of the entry section."""
    ends_on: OwnDate
    """Last day of the course."""
    from_state: State
    to_state: State
    reason: Reason
    decided_at: Moment
    """Business time of the step."""

    def subject_key(self, publisher: str) -> str:  # noqa: ARG002 - the person is named by id
        """Return the participant id."""
        return str(self.participant)


class Alternative(Part):
    """Another course the person could have been offered."""

    course: UUID
    provider: Slug
    starts_on: OwnDate
    reason: Reason


class PlaceProposed(PlacementStep):
    """A released proposal, for the registering office only: with reasons and alternatives."""

    type_: ClassVar[str] = "de.kurslotse.place-proposed.v1"

    reasons: Annotated[tuple[Reason, ...], Field(max_length=100)] = ()
    alternatives: Annotated[tuple[Alternative, ...], Field(max_length=100)] = ()


class PlaceReserved(PlacementStep):
    """A seat is held for the person until `expires_at`."""

    type_: ClassVar[str] = "de.kurslotse.place-reserved.v1"

    expires_at: Moment | None = None
    """None: does not expire by itself."""


class ReservationExpired(PlacementStep):
    """Nobody answered in time; never a breach of duty."""

    type_: ClassVar[str] = "de.kurslotse.reservation-expired.v1"


class EnrolmentConfirmed(PlacementStep):
    """The provider confirmed the place."""

    type_: ClassVar[str] = "de.kurslotse.enrolment-confirmed.v1"

    own_number: Reference | None = None
    """The provider's own number of the person, echoed."""


class EnrolmentEnded(PlacementStep):
    """A confirmed enrolment ended: completed, left, transferred, course cancelled."""

    type_: ClassVar[str] = "de.kurslotse.enrolment-ended.v1"

    ended_on: OwnDate


class PlacementAdvanced(PlacementStep):
    """Every other step: accepted, declined, refused, released, started, interrupted, superseded."""

    type_: ClassVar[str] = "de.kurslotse.placement-advanced.v1"


class ParticipantUnplaced(Payload):
    """The main reason why somebody still waits after a run."""

    type_: ClassVar[str] = "de.kurslotse.participant-unplaced.v1"

    participant: UUID
    office: Slug
    kreis: Ags5
    run: UUID
    reason: Reason
    decided_at: Moment

    def subject_key(self, publisher: str) -> str:  # noqa: ARG002 - the person is named by id
        """Return the participant id."""
        return str(self.participant)


class ParticipantsMerged(Payload):
    """A person confirmed that two participant ids are one; `merged` lives on as `into`."""

    type_: ClassVar[str] = "de.kurslotse.participants-merged.v1"

    merged: UUID
    into: UUID
    kreis: Ags5
    decided_at: Moment

    def subject_key(self, publisher: str) -> str:  # noqa: ARG002 - the person is named by id
        """Return the surviving participant id."""
        return str(self.into)


class CourseMerged(Payload):
    """A municipality has merged a weak course into another one, or no longer; told to both providers.

    The course does not start. Whoever changes over is told by placement events; only the provider cancels it.
    """

    type_: ClassVar[str] = "de.kurslotse.course-merged.v1"

    course: UUID
    """The course that does not start."""
    provider: Slug
    own_course: OwnId
    """The provider's own id of the course."""
    kreis: Ags5
    into: UUID
    """The course that stays."""
    into_provider: Slug
    into_own_course: OwnId
    holds: bool
    """False: the merger was undone, and the course is open again."""
    decided_at: Moment

    def subject_key(self, publisher: str) -> str:  # noqa: ARG002 - the course is named by id
        """Return the course id."""
        return str(self.course)


class CourseOutcomeReported(Payload):
    """Totals of a completed course, as judged (suppressed below k)."""

    type_: ClassVar[str] = "de.kurslotse.course-outcome-reported.v1"

    course: UUID
    provider: Slug
    kreis: Ags5
    completed_on: OwnDate
    started: Int4 | Literal["suppressed"]
    finished: Int4 | Literal["suppressed"]
    qualified: Int4 | Literal["suppressed"]

    def subject_key(self, publisher: str) -> str:  # noqa: ARG002 - the course is named by id
        """Return the course id."""
        return str(self.course)


Version = Annotated[int, Field(ge=1, le=INT4)]
"""Counts the states told of one row, from 1; readers drop versions lower than what they have."""


class StatedSection(Part):
    """A section that is held."""

    number: Annotated[int, Field(ge=1, le=20)]
    starts_on: OwnDate
    ends_on: OwnDate
    ue: Int4 | None = None


class StatedLesson(Part):
    """A weekly teaching time."""

    weekday: Annotated[Code, Known(Weekday)]
    starts_at: LocalTime
    ends_at: LocalTime


class StatedVenue(Part):
    """Where a course is held, as somebody who goes there needs it."""

    name: Text | None = None
    street: Text | None = None
    postcode: Postcode | None = None
    town: Text | None = None


class CourseStated(Payload):
    """A course as allocation has it, told whenever one of these facts changed."""

    type_: ClassVar[str] = "de.kurslotse.course-stated.v1"

    course: UUID
    version: Version
    provider: Slug
    own_course: OwnId
    """The provider's own id of the course."""
    title: Annotated[str, Field(max_length=255)]
    kreis: Ags5
    town: Ags8 | None = None
    starts_on: OwnDate
    ends_on: OwnDate
    sections: Annotated[tuple[StatedSection, ...], Field(max_length=20)]
    cancelled_on: OwnDate | None = None
    """None: it is not cancelled, or no longer."""
    completed_on: OwnDate | None = None
    venue: StatedVenue | None = None
    lessons: Annotated[tuple[StatedLesson, ...], Field(max_length=50)] = ()
    childcare: bool | None = None
    """None: the provider has not said it."""
    online: bool | None = None
    """None: said by a version that did not tell it."""
    course_type: Annotated[Code, Known(CourseType)] | None = None
    """None: said by a version that did not tell it."""

    def subject_key(self, publisher: str) -> str:  # noqa: ARG002 - the course is named by id
        """Return the course id."""
        return str(self.course)


class ParticipantStated(Payload):
    """What allocation has of a person that the support side needs, told whenever it changed."""

    type_: ClassVar[str] = "de.kurslotse.participant-stated.v1"

    participant: UUID
    version: Version
    office: Slug
    """The registering office."""
    kreis: Ags5
    town: Ags8
    youth_until: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}$")] | None = None
    """Last month, YYYY-MM."""
    asylum_phase: Annotated[Code, Known(AsylumPhase)] | None = None
    """None: registered before allocation kept it; what is known stays."""
    registered_on: OwnDate
    withdrawn_on: OwnDate | None = None
    right_until: OwnDate | None = None
    """Last day on which the entitlement can be used; None: none is known."""

    def subject_key(self, publisher: str) -> str:  # noqa: ARG002 - the person is named by id
        """Return the participant id."""
        return str(self.participant)
