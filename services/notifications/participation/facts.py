"""Facts that others judge: courses, who is registered where, who left. Read silently from `in`."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from schemas import offices, providers
from schemas.codes import WithdrawReason
from services.notifications.consents import handlers as consents
from services.notifications.gate import end_consent
from services.notifications.participation import facts_store as store
from services.notifications.people import handlers as people
from services.notifications.people import store as people_store
from services.runtime.data.db import Connection
from services.runtime.events.subscription import Applied, Incoming, Verdict


@dataclass(slots=True)
class _Picture:
    """What a batch changes, on what is known."""

    courses: dict[UUID, store.Course]
    facts: dict[UUID, store.Fact]
    changed_courses: set[UUID] = field(default_factory=set)
    changed_facts: set[UUID] = field(default_factory=set)
    cancelled: set[UUID] = field(default_factory=set)
    exits: dict[tuple[UUID, UUID], store.Exit | None] = field(default_factory=dict)
    erased: set[UUID] = field(default_factory=set)


def opens(event: Incoming) -> tuple[str, ...]:
    """Say that an announcement makes a course known."""
    return (f"course:{event.subject}",) if isinstance(event.event.data, providers.CourseAnnounced) else ()


async def read(conn: Connection, batch: Sequence[Incoming], now: datetime) -> list[Verdict]:
    """Apply a batch of `in` events in their order; nothing here is ever refused."""
    if any(_erases(event) for event in batch):
        await end_consent(conn)
    about_courses = [
        UUID(e.subject)
        for e in batch
        if isinstance(
            e.event.data,
            providers.CourseAnnounced
            | providers.CourseChanged
            | providers.CourseCancelled
            | providers.CourseCompleted,
        )
    ]
    about_people = [
        UUID(e.subject)
        for e in batch
        if isinstance(
            e.event.data,
            offices.ParticipantRegistered | offices.ParticipantChanged | offices.ParticipantWithdrawn,
        )
    ]
    picture = _Picture(await store.courses(conn, about_courses), await store.facts(conn, about_people))
    organisations = await store.organisations(conn, {e.publisher or "" for e in batch})
    for event in batch:
        _apply(picture, event, organisations.get(event.publisher or "", event.publisher or ""))
    await _write(conn, picture, now)
    return [Applied(unlocks=opens(event)) for event in batch]


def _erases(event: Incoming) -> bool:
    data = event.event.data
    return isinstance(data, offices.ParticipantWithdrawn) and data.reason == WithdrawReason.ERASED


def _apply(picture: _Picture, event: Incoming, organisation: str) -> None:
    match event.event.data:
        case providers.CourseAnnounced() as data:
            _announced(picture, UUID(event.subject), event.publisher or "", data)
        case providers.CourseChanged() as data:
            _changed(picture, UUID(event.subject), data)
        case providers.CourseCancelled(cancelled_on=day):
            _mark_course(picture, UUID(event.subject), cancelled_on=day)
            picture.cancelled.add(UUID(event.subject))
        case providers.CourseCompleted(completed_on=day):
            _mark_course(picture, UUID(event.subject), completed_on=None if event.event.retracts else day)
        case providers.ParticipantLeft() as data:
            key = (data.participant, data.course_id(event.publisher or ""))
            left = store.Exit(*key, data.kind, data.left_on, event.event.id)
            picture.exits[key] = None if event.event.retracts else left
        case offices.ParticipantRegistered() as data:
            _registered(picture, UUID(event.subject), event.publisher or "", organisation, data)
        case offices.ParticipantChanged() as data:
            _moved(picture, UUID(event.subject), data)
        case offices.ParticipantWithdrawn() as data:
            _withdrawn(picture, UUID(event.subject), data)
        case _:
            pass  # answers, tests, sections, assignments: allocation says what comes of them


def _sections(sections: Sequence[providers.Section]) -> list[dict[str, object]]:
    return [section.model_dump(mode="json") for section in sections]


def _announced(picture: _Picture, course: UUID, provider: str, data: providers.CourseAnnounced) -> None:
    known = picture.courses.get(course)
    picture.courses[course] = store.Course(
        course,
        provider,
        data.course,
        data.title,
        data.kreis,
        data.town,
        data.sections[0].starts_on,
        max(section.ends_on for section in data.sections),
        _sections(data.sections),
        known.cancelled_on if known else None,
        known.completed_on if known else None,
    )
    picture.changed_courses.add(course)


def _changed(picture: _Picture, course: UUID, data: providers.CourseChanged) -> None:
    known = picture.courses.get(course)
    if known is None:
        return
    if data.sections is not None:
        known = replace(
            known,
            sections=_sections(data.sections),
            starts_on=data.sections[0].starts_on,
            ends_on=max(section.ends_on for section in data.sections),
        )
    picture.courses[course] = replace(known, title=data.title or known.title, town=data.town or known.town)
    picture.changed_courses.add(course)


def _mark_course(picture: _Picture, course: UUID, **days: date | None) -> None:
    known = picture.courses.get(course)
    if known is not None:
        picture.courses[course] = replace(known, **days)  # type: ignore[arg-type]  # two dates by name
        picture.changed_courses.add(course)


def _registered(
    picture: _Picture, person: UUID, office: str, organisation: str, data: offices.ParticipantRegistered
) -> None:
    picture.facts[person] = store.Fact(
        person,
        office,
        organisation,
        data.kreis,
        data.town,
        data.youth_until,
        data.asylum_phase,
        data.registered_on,
        None,
    )
    picture.changed_facts.add(person)


def _moved(picture: _Picture, person: UUID, data: offices.ParticipantChanged) -> None:
    known = picture.facts.get(person)
    if known is None:
        return
    picture.facts[person] = replace(
        known,
        kreis=data.kreis or known.kreis,
        town=data.town or known.town,
        youth_until=data.youth_until or known.youth_until,
        asylum_phase=data.asylum_phase or known.asylum_phase,
    )
    picture.changed_facts.add(person)


def _withdrawn(picture: _Picture, person: UUID, data: offices.ParticipantWithdrawn) -> None:
    known = picture.facts.get(person)
    if known is None:
        return
    picture.facts[person] = replace(known, withdrawn_on=data.withdrawn_on)
    picture.changed_facts.add(person)
    if data.reason == WithdrawReason.ERASED:
        picture.erased.add(person)


async def _write(conn: Connection, picture: _Picture, now: datetime) -> None:
    if picture.changed_courses:
        await store.put_courses(conn, [picture.courses[c] for c in sorted(picture.changed_courses)])
    if picture.changed_facts:
        await store.put_facts(conn, [picture.facts[p] for p in sorted(picture.changed_facts)])
    if picture.exits:
        await store.put_exits(conn, [e for e in picture.exits.values() if e is not None])
        await store.drop_exits(conn, [key for key, e in picture.exits.items() if e is None])
        await store.assess_again(conn, sorted({course for _, course in picture.exits}))
    concerned = set(picture.changed_facts)
    if picture.cancelled:
        concerned |= set(await store.inhibit_risks(conn, sorted(picture.cancelled), now))
    if picture.erased:
        await consents.end_all(conn, sorted(picture.erased), now)
        await people.erase(conn, sorted(picture.erased), now)
    if concerned:
        await people_store.ask_again(conn, sorted(concerned))
