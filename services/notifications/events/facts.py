"""Reads facts from `in`: courses, registered people, exits. Allocation alone judges them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from schemas import offices, providers
from services.notifications.events import store as publishers
from services.notifications.participation import facts_store as store
from services.notifications.people import store as people_store
from services.runtime.data.db import Connection
from services.runtime.events.subscription import Applied, Incoming, Verdict

_ABOUT_COURSES = (
    providers.CourseAnnounced,
    providers.CourseChanged,
    providers.CourseCancelled,
    providers.CourseCompleted,
)
_ABOUT_PEOPLE = (offices.ParticipantRegistered, offices.ParticipantChanged, offices.ParticipantWithdrawn)


@dataclass(slots=True)
class _Changes:
    """The rows that a batch is about, and which of them it changes."""

    courses: dict[UUID, store.CourseRow]
    facts: dict[UUID, store.FactRow]
    changed_courses: set[UUID] = field(default_factory=set)
    changed_facts: set[UUID] = field(default_factory=set)
    cancelled: set[UUID] = field(default_factory=set)
    exits: dict[tuple[UUID, UUID], store.ExitRow | None] = field(default_factory=dict)


def opens(event: Incoming) -> tuple[str, ...]:
    """Return what waits for this event: an announcement makes its course known."""
    return (f"course:{event.subject}",) if isinstance(event.event.data, providers.CourseAnnounced) else ()


async def read(conn: Connection, batch: Sequence[Incoming], now: datetime) -> list[Verdict]:
    """Apply a batch of `in` events in their order; nothing is ever rejected here."""
    changes = _Changes(
        await store.courses(conn, _subjects(batch, _ABOUT_COURSES)),
        await store.facts(conn, _subjects(batch, _ABOUT_PEOPLE)),
    )
    organisations = await publishers.organisations(conn, {e.publisher or "" for e in batch})
    for event in batch:
        _apply(changes, event, organisations.get(event.publisher or "", event.publisher or ""))
    await _write(conn, changes, now)
    return [Applied(unlocks=opens(event)) for event in batch]


def _subjects(batch: Sequence[Incoming], types: tuple[type, ...]) -> list[UUID]:
    return [UUID(event.subject) for event in batch if isinstance(event.event.data, types)]


def _apply(changes: _Changes, event: Incoming, organisation: str) -> None:
    match event.event.data:
        case providers.CourseAnnounced() as data:
            _announced(changes, UUID(event.subject), event.publisher or "", data)
        case providers.CourseChanged() as data:
            _changed(changes, UUID(event.subject), data)
        case providers.CourseCancelled(cancelled_on=day):
            _mark_course(changes, UUID(event.subject), cancelled_on=day)
            changes.cancelled.add(UUID(event.subject))
        case providers.CourseCompleted(completed_on=day):
            _mark_course(changes, UUID(event.subject), completed_on=None if event.event.retracts else day)
        case providers.ParticipantLeft() as data:
            key = (data.participant, data.course_id(event.publisher or ""))
            left = store.ExitRow(*key, data.kind, data.left_on, event.event.id)
            changes.exits[key] = None if event.event.retracts else left
        case offices.ParticipantRegistered() as data:
            _registered(changes, UUID(event.subject), event.publisher or "", organisation, data)
        case offices.ParticipantChanged() as data:
            _moved(changes, UUID(event.subject), data)
        case offices.ParticipantWithdrawn() as data:
            _withdrawn(changes, UUID(event.subject), data)
        case _:
            pass  # answers, tests, sections, assignments: placements tell what came of them


def _sections(sections: Sequence[providers.Section]) -> list[dict[str, object]]:
    return [section.model_dump(mode="json") for section in sections]


def _announced(changes: _Changes, course: UUID, provider: str, data: providers.CourseAnnounced) -> None:
    known = changes.courses.get(course)
    changes.courses[course] = store.CourseRow(
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
    changes.changed_courses.add(course)


def _changed(changes: _Changes, course: UUID, data: providers.CourseChanged) -> None:
    known = changes.courses.get(course)
    if known is None:
        return
    if data.sections is not None:
        known = replace(
            known,
            sections=_sections(data.sections),
            starts_on=data.sections[0].starts_on,
            ends_on=max(section.ends_on for section in data.sections),
        )
    changes.courses[course] = replace(known, title=data.title or known.title, town=data.town or known.town)
    changes.changed_courses.add(course)


def _mark_course(changes: _Changes, course: UUID, **days: date | None) -> None:
    known = changes.courses.get(course)
    if known is not None:
        changes.courses[course] = replace(known, **days)  # type: ignore[arg-type]  # two dates by name
        changes.changed_courses.add(course)


def _registered(
    changes: _Changes, person: UUID, office: str, organisation: str, data: offices.ParticipantRegistered
) -> None:
    changes.facts[person] = store.FactRow(
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
    changes.changed_facts.add(person)


def _moved(changes: _Changes, person: UUID, data: offices.ParticipantChanged) -> None:
    known = changes.facts.get(person)
    if known is None:
        return
    changes.facts[person] = replace(
        known,
        kreis=data.kreis or known.kreis,
        town=data.town or known.town,
        youth_until=data.youth_until or known.youth_until,
        asylum_phase=data.asylum_phase or known.asylum_phase,
    )
    changes.changed_facts.add(person)


def _withdrawn(changes: _Changes, person: UUID, data: offices.ParticipantWithdrawn) -> None:
    known = changes.facts.get(person)
    if known is None:
        return
    changes.facts[person] = replace(known, withdrawn_on=data.withdrawn_on)
    changes.changed_facts.add(person)


async def _write_exits(conn: Connection, exits: Mapping[tuple[UUID, UUID], store.ExitRow | None]) -> None:
    await store.put_exits(conn, [row for row in exits.values() if row is not None])
    await store.drop_exits(conn, [key for key, row in exits.items() if row is None])
    await store.assess_again(conn, sorted({course for _, course in exits}))


async def _write(conn: Connection, changes: _Changes, now: datetime) -> None:
    if changes.changed_courses:
        await store.put_courses(conn, [changes.courses[c] for c in sorted(changes.changed_courses)])
    if changes.changed_facts:
        await store.put_facts(conn, [changes.facts[p] for p in sorted(changes.changed_facts)])
    if changes.exits:
        await _write_exits(conn, changes.exits)
    concerned = set(changes.changed_facts)
    if changes.cancelled:
        concerned |= set(await store.inhibit_risks(conn, sorted(changes.cancelled), now))
    if concerned:
        await people_store.request_reconciliation(conn, sorted(concerned))
