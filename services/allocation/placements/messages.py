"""Makes the events that allocation tells: steps with their audience, states of courses and people."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from schemas.base import Payload
from schemas.codes import ENROLLED, PlacementState
from schemas.days import local_day
from schemas.envelope import Event
from schemas.identity import effect_id
from schemas.placements import (
    Alternative,
    CourseStated,
    EnrolmentConfirmed,
    EnrolmentEnded,
    ParticipantStated,
    PlacementAdvanced,
    PlaceProposed,
    PlaceReserved,
    Reason,
    ReservationExpired,
    StatedLesson,
    StatedSection,
    StatedVenue,
)
from schemas.topics import Family, topic
from services.allocation.courses.domain import Course, Venue
from services.allocation.participants.domain import Participant
from services.allocation.placements import domain
from services.allocation.placements.domain import OFFERED, Placement, Step
from services.runtime.send.outbox import Outgoing

SOURCE = "/allocation"

ENDED = frozenset({PlacementState.LEFT, PlacementState.TRANSFERRED, PlacementState.COMPLETED})


def _reason(reason: domain.Reason) -> Reason:
    return Reason(code=reason.code, params=dict(reason.params))


def _common(placement: Placement, course: Course, now: datetime) -> dict[str, Any]:
    section = course.section(placement.entry_section)
    return {
        "placement": placement.placement,
        "participant": placement.participant,
        "course": course.course,
        "provider": placement.provider,
        "own_course": course.own_course,
        "office": placement.office,
        "kreis": placement.kreis,
        "entry_section": placement.entry_section,
        "starts_on": section.starts_on if section else date.min,
        "ends_on": course.ends_on,
        "decided_at": now,
    }


def _step(step: Step, common: dict[str, Any], now: datetime) -> Payload:
    before, after = step.before, step.after
    was = PlacementState.WAITING if before is None else before.state
    common = {
        **common,
        "version": after.version,
        "from_state": was,
        "to_state": after.state,
        "reason": _reason(after.reason),
    }
    match after.state:
        case PlacementState.RESERVED:
            return PlaceReserved(**common, expires_at=after.expires_at)
        case PlacementState.EXPIRED:
            return ReservationExpired(**common)
        case PlacementState.CONFIRMED if was in ENROLLED or was not in ENDED:
            return EnrolmentConfirmed(**common, own_number=after.own_number)
        case state if state in ENDED or (was in ENROLLED and state not in ENROLLED):
            return EnrolmentEnded(**common, ended_on=after.ended_on or local_day(now))
        case state if state == was and before is not None and before.own_number != after.own_number:
            return EnrolmentConfirmed(**common, own_number=after.own_number)
        case _:
            return PlacementAdvanced(**common)


def _proposed(before: Placement, common: dict[str, Any]) -> Payload:
    return PlaceProposed(
        **common,
        version=before.version,
        from_state=PlacementState.WAITING,
        to_state=PlacementState.PROPOSED,
        reason=_reason(before.reason),
        reasons=tuple(_reason(reason) for reason in before.reasons),
        alternatives=tuple(
            Alternative(
                course=other.course,
                provider=other.provider,
                starts_on=other.starts_on,
                reason=_reason(other.reason),
            )
            for other in before.alternatives
        ),
    )


def tell(  # noqa: PLR0917
    step: Step, course: Course, prefix: str, now: datetime, causation: str | None, correlation: str | None
) -> list[Outgoing]:
    """Make the records of a step; nobody outside hears of a proposal before it is approved."""
    after = step.after
    if not after.published:
        return []
    common = _common(after, course, now)
    told: list[tuple[Payload, tuple[str, ...], int]] = [
        (_step(step, common, now), (after.office, after.provider), after.version)
    ]
    if step.before is not None and step.before.state in OFFERED and after.state == PlacementState.RESERVED:
        told.insert(0, (_proposed(step.before, common), (after.office,), step.before.version))
    return [
        outgoing(prefix, payload, after.placement, str(version), now, audience, causation, correlation)
        for payload, audience, version in told
    ]


COURSE_FACTS = 2
"""Counts up when CourseStated gets new facts: courses told with fewer are told again (acts/statements.py)."""

PERSON_FACTS = 2
"""The same for ParticipantStated."""


def course_stated(course: Course, version: int) -> CourseStated:
    """Tell a course as it stands; if all its sections were removed, with those that were announced."""
    sections = course.held or course.sections
    return CourseStated(
        course=course.course,
        version=version,
        provider=course.provider,
        own_course=course.own_course,
        title=course.facts.title,
        kreis=course.kreis,
        town=course.facts.town,
        starts_on=min(section.starts_on for section in sections),
        ends_on=course.ends_on,
        sections=tuple(
            StatedSection(number=one.number, starts_on=one.starts_on, ends_on=one.ends_on, ue=one.ue)
            for one in sections
        ),
        cancelled_on=course.ended_on if course.state == "cancelled" else None,
        completed_on=course.ended_on if course.state == "completed" else None,
        course_type=course.facts.course_type,
        venue=_venue(course.facts.venue),
        lessons=tuple(
            StatedLesson(weekday=one.weekday, starts_at=one.starts_at, ends_at=one.ends_at)
            for one in course.facts.lessons
        ),
        childcare=course.facts.childcare,
        online=course.facts.online,
    )


def _venue(venue: Venue | None) -> StatedVenue | None:
    """Tell the address of a venue; None if nothing of it is known."""
    if venue is None or not any((venue.name, venue.street, venue.postcode, venue.town)):
        return None
    return StatedVenue(name=venue.name, street=venue.street, postcode=venue.postcode, town=venue.town)


def participant_stated(person: Participant, version: int) -> ParticipantStated:
    """Tell of a person what decides which counselling office is responsible, and whether they still wait."""
    return ParticipantStated(
        participant=person.participant,
        version=version,
        office=person.office,
        kreis=person.facts.kreis,
        town=person.facts.town,
        youth_until=person.facts.youth_until,
        asylum_phase=person.facts.asylum_phase,
        registered_on=person.registered_on,
        withdrawn_on=person.withdrawn_on,
        right_until=person.facts.valid_until,
    )


def outgoing(  # noqa: PLR0917
    prefix: str,
    payload: Payload,
    cause: UUID,
    subject: str,
    now: datetime,
    audience: tuple[str, ...],
    causation: str | None = None,
    correlation: str | None = None,
) -> Outgoing:
    """Make one record on `kurslotse.placements` with an id that a retry makes again."""
    id_ = effect_id(cause, payload.type_, subject)
    event = Event(
        id=str(id_),
        type=payload.type_,
        source=SOURCE,
        time=now,
        data=payload,
        audience=tuple(dict.fromkeys(audience)),
        correlationid=correlation,
        causationid=causation,
    )
    return Outgoing(id_, topic(Family.PLACEMENTS, prefix=prefix), payload.subject_key(""), event)
