"""Valid events and rows of the steering side, by default."""

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from schemas.base import Payload
from schemas.envelope import Event
from schemas.identity import course_id, event_uuid, participant_id
from schemas.offices import (
    AssignedByAuthority,
    Entitlement,
    ParticipantRegistered,
    ParticipantWithdrawn,
    PlaceAccepted,
    PlaceDeclined,
    PlacementTested,
)
from schemas.providers import (
    CourseAnnounced,
    CourseCancelled,
    CourseCompleted,
    ParticipantLeft,
    PlaceConfirmed,
    PlaceRefused,
    Section,
    SectionCompleted,
    SectionStep,
)
from schemas.topics import Family, topic
from services.runtime.events.subscription import Incoming, RecordPosition

KREIS = "99001"
PROVIDER = "vhs"
OTHER_PROVIDER = "caritas-kurse"
OFFICE = "jobcenter"
OTHER_OFFICE = "abh"
START = date(2026, 3, 2)
NOW = datetime(2026, 2, 1, 8, tzinfo=UTC)
WEEK = timedelta(weeks=1)


def sections(count: int = 3, start: date = START) -> tuple[Section, ...]:
    return tuple(
        Section(
            number=number + 1,
            starts_on=start + 5 * WEEK * number,
            ends_on=start + 5 * WEEK * number + timedelta(days=32),
            ue=100,
        )
        for number in range(count)
    )


def announced(course: str = "k1", **further: Any) -> CourseAnnounced:  # noqa: ANN401
    values: dict[str, Any] = {
        "title": "Integrationskurs",
        "course_type": "integration_general",
        "kreis": KREIS,
        "town": "99001001",
        "sections": sections(),
        "capacity": 2,
    }
    return CourseAnnounced(course=course, **(values | further))


def registered(reference: str = "p1", **further: Any) -> ParticipantRegistered:  # noqa: ANN401
    values: dict[str, Any] = {
        "registered_on": date(2026, 1, 5),
        "kreis": KREIS,
        "town": "99001002",
        "entitlement": Entitlement(standing="obliged_jobcenter", route="aufenthg_44a"),
        "course_types": ("integration_general",),
    }
    return ParticipantRegistered(reference=reference, **(values | further))


def levelled(reference: str = "p1", *, level: str = "A1", section: int = 1) -> PlacementTested:
    return PlacementTested(reference=reference, tested_on=date(2026, 1, 10), level=level, section=section)


def completed(course: str = "k1", **further: Any) -> CourseCompleted:  # noqa: ANN401
    values: dict[str, Any] = {
        "completed_on": date(2026, 7, 1),
        "finished": 10,
        "sat": 9,
        "b1": 6,
        "a2": 2,
        "below": 1,
        "lid": 6,
        "both": 5,
    }
    return CourseCompleted(course=course, **(values | further))


def person(reference: str = "p1", office: str = OFFICE) -> UUID:
    return participant_id(office, reference)


def course(own: str = "k1", provider: str = PROVIDER) -> UUID:
    return course_id(provider, own)


def withdrawn(reference: str = "p1") -> ParticipantWithdrawn:
    return ParticipantWithdrawn(reference=reference, withdrawn_on=date(2026, 2, 10), reason="moved")


def accepted(placement: UUID, reference: str = "p1") -> PlaceAccepted:
    return PlaceAccepted(reference=reference, placement=placement, answered_on=date(2026, 2, 3))


def declined(placement: UUID, reference: str = "p1") -> PlaceDeclined:
    return PlaceDeclined(
        reference=reference, placement=placement, answered_on=date(2026, 2, 3), reason="distance"
    )


def confirmed(placement: UUID, participant: UUID | None = None, own: str = "k1") -> PlaceConfirmed:
    return PlaceConfirmed(course=own, participant=participant or person(), placement=placement)


def refused(placement: UUID, participant: UUID | None = None, own: str = "k1") -> PlaceRefused:
    return PlaceRefused(course=own, participant=participant or person(), placement=placement, reason="full")


def left(participant: UUID | None = None, own: str = "k1", **further: Any) -> ParticipantLeft:  # noqa: ANN401
    values: dict[str, Any] = {"kind": "work", "left_on": date(2026, 4, 20)}
    return ParticipantLeft(course=own, participant=participant or person(), **(values | further))


def cancelled(own: str = "k1") -> CourseCancelled:
    return CourseCancelled(course=own, cancelled_on=date(2026, 2, 20), reason="too_few_participants")


def after_section(section: int, *steps: tuple[UUID, str, int | None], own: str = "k1") -> SectionCompleted:
    return SectionCompleted(
        course=own,
        section=section,
        completed_on=START + 5 * WEEK * section - timedelta(days=2),
        steps=tuple(
            SectionStep(participant=who, decision=decision, next_section=onward)
            for who, decision, onward in steps
        ),
    )


def assigned(reference: str = "p1", own: str = "k1") -> AssignedByAuthority:
    return AssignedByAuthority(
        reference=reference, provider=PROVIDER, course=own, section=1, assigned_on=date(2026, 2, 5)
    )


class Publisher:
    """Numbers one publisher's events like its topic does."""

    def __init__(self, slug: str, prefix: str = "", first: int = 0) -> None:
        self.slug, self.topic = slug, topic(Family.IN, slug, prefix=prefix)
        self._offsets = itertools.count(first)

    def says(self, payload: Payload, *, corrects: str | None = None, retracts: str | None = None) -> Incoming:
        offset = next(self._offsets)
        event = Event(
            id=f"e{offset}",
            type=payload.type_,
            source=f"/{self.slug}",
            time=NOW,
            data=payload,
            corrects=corrects,
            retracts=retracts,
        )
        return Incoming(
            position=RecordPosition(self.topic, 0, offset),
            family=Family.IN,
            publisher=self.slug,
            event=event,
            cause=event_uuid(self.slug, Family.IN, event.id),
            subject=payload.subject_key(self.slug),
        )
