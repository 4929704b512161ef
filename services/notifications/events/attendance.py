"""Reads attendance: stores course days, and the marks of people who sit in the course and consent today."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from schemas.codes import ConsentPurpose
from schemas.days import local_day
from schemas.envelope import encode_data
from schemas.support import AttendanceEntry, AttendanceRecorded
from services.notifications.consents import store as consents
from services.notifications.events import store as events_store
from services.notifications.events.states import course_key
from services.notifications.participation import held_store, reports_store, stand_ins, store
from services.notifications.participation.reports import CourseReports, NotYet, Taken, Told, latest_day
from services.notifications.participation.seats_store import Seats, seats_in
from services.notifications.people.keys import PersonSecrets
from services.notifications.risk.attendance import EXCUSED, KNOWN_MARKS, PRESENT, UNEXCUSED
from services.runtime.data.db import Connection
from services.runtime.events.subscription import Applied, Incoming, Parked, Problem, Rejected, Verdict

LEAST_CLASS = 3
"""Fewest people listed on a day whose totals are stored; totals of fewer would tell about a person."""

_UNKNOWN = "unknown"  # replaces a sign that is no mark: what it was is never stored


@dataclass(frozen=True, slots=True)
class _Report:
    """One event about one course day."""

    course: UUID
    incoming: Incoming
    data: AttendanceRecorded

    @property
    def told(self) -> Told:
        """The report without its marks."""
        incoming = self.incoming
        return Told(
            incoming.cause,
            self.data.day,
            incoming.position.offset,
            meant=events_store.meant(incoming),
            retracts=incoming.event.retracts is not None,
        )


@dataclass(frozen=True, slots=True)
class _Known:
    """Who consents today (by the integer of the id), and who sits in the courses of a batch.

    Thousands of entries pass here in one batch, and hashing a UUID is slow.
    """

    consenting: frozenset[int]
    seats: Seats
    secrets: PersonSecrets

    def storable(self, item: _Report, entry: AttendanceEntry) -> bool:
        """Return whether the mark of a consenting person counts: the person sits there that day."""
        return self.seats.on(item.course, entry.participant, item.data.day)

    def stand_in(self, person: UUID) -> UUID:
        """Return what a consenting person's mark is kept under until their place is known."""
        return stand_ins.hashed(self.secrets.stand_in(person))


_Key = tuple[UUID, date]


def opens(event: Incoming) -> tuple[str, ...]:
    """Return what reports of a course wait for: a report never waits behind earlier ones of its course.

    Only the handler knows whose marks may be stored: it takes the others out before a day is parked.
    """
    return course_key(UUID(event.subject)), reports_key(event.subject)


def reports_key(course: str) -> str:
    """Return what a correction or retraction waits for whose report was not read yet: any other report."""
    return f"reports:{course}"


async def record(
    conn: Connection, events: Sequence[Incoming], now: datetime, *, secrets: PersonSecrets
) -> list[Verdict]:
    """Store course days and marks; the last report of a day counts (participation/reports.py).

    A day that is still to come is refused: no lessons were held on it.
    The caller has called `gate.rely_on_consent`.
    """
    reports = [_report(event) for event in events]
    courses = sorted({item.course for item in reports})
    announced = await store.known_courses(conn, courses)
    seats = await seats_in(conn, courses)
    reports = _recognised(reports, seats, secrets)
    known = _Known(await _consenting(conn, reports, local_day(now)), seats, secrets)
    books = await _books(conn, [item for item in reports if item.course in announced])
    verdicts: list[Verdict] = []
    items: dict[UUID, _Report] = {}
    for item in reports:
        items[item.incoming.cause] = item
        verdicts.append(_verdict(item, books.get(item.course), known, latest_day(now)))
    await reports_store.add(conn, books)
    changed = {
        (course, day): None if shown is None else items[shown]
        for course, of_course in books.items()
        for day, shown in of_course.changed.items()
    }
    if changed:
        await _write(conn, changed, known, local_day(now))
    return verdicts


async def stripped(
    conn: Connection, events: Sequence[Incoming], secrets: PersonSecrets
) -> dict[UUID, AttendanceRecorded]:
    """Return what may be kept of reports that nobody was asked about yet, by the event's cause."""
    reports = [_report(event) for event in events]
    people = {entry.participant for item in reports for entry in item.data.entries}
    allowing = await consents.still_open(conn, sorted(people), ConsentPurpose.DROPOUT_SUPPORT)
    seats = await seats_in(conn, sorted({item.course for item in reports}))
    known = _Known(frozenset(person.int for person in allowing), seats, secrets)
    return {item.incoming.cause: _strip(item, known) for item in reports}


def _report(event: Incoming) -> _Report:
    data = event.event.data
    if not isinstance(data, AttendanceRecorded):
        raise TypeError(event.event.type)
    return _Report(UUID(event.subject), event, data)


def _recognised(reports: Sequence[_Report], seats: Seats, secrets: PersonSecrets) -> list[_Report]:
    """Put people's ids back where a report was kept under stand-ins and their place is known now."""
    return [_with_ids(item, seats, secrets) for item in reports]


def _with_ids(item: _Report, seats: Seats, secrets: PersonSecrets) -> _Report:
    entries = item.data.entries
    if not any(stand_ins.is_hashed(entry.participant) for entry in entries):
        return item
    found = {stand_ins.hashed(secrets.stand_in(one)): one for one in seats.people(item.course)}
    back = tuple(
        entry.model_copy(update={"participant": found.get(entry.participant, entry.participant)})
        for entry in entries
    )
    return replace(item, data=item.data.model_copy(update={"entries": back}))


async def _consenting(conn: Connection, reports: Sequence[_Report], today: date) -> frozenset[int]:
    people = {entry.participant.int: entry.participant for r in reports for entry in r.data.entries}
    valid = await consents.valid(conn, list(people.values()), [ConsentPurpose.DROPOUT_SUPPORT], today)
    return frozenset(consent.participant.int for consent in valid)


async def _books(conn: Connection, reports: Sequence[_Report]) -> dict[UUID, CourseReports]:
    told = [(item.course, item.told) for item in reports]
    named = [(course, one.meant) for course, one in told if one.meant is not None]
    days = [(course, one.day) for course, one in told]
    return await reports_store.reports(conn, sorted({course for course, _ in told}), named, days)


def _verdict(item: _Report, book: CourseReports | None, known: _Known, latest: date) -> Verdict:
    if book is None:
        problem = Problem("course_unknown", field="course")
        return Parked(course_key(item.course), problem, encode_data(_strip(item, known)))
    if item.data.day > latest and item.incoming.event.retracts is None:
        book.refuse(item.told)
        return Rejected(events_store.still_to_come("day"))
    field = "ce_retracts" if item.incoming.event.retracts else "ce_corrects"
    match book.take(item.told):
        case NotYet():
            waits_for = reports_key(item.incoming.subject)
            return Parked(waits_for, Problem("event_unknown", field=field), encode_data(_strip(item, known)))
        case Taken(superseded=True):
            return Applied((Problem("event_superseded", field=field),))
        case Taken():
            warnings = () if item.incoming.event.retracts else _warnings(item, known.seats)
            return Applied(warnings, (reports_key(item.incoming.subject),))


def _warnings(item: _Report, seats: Seats) -> tuple[Problem, ...]:
    """Warn about wrong entries of everybody, so that no finding tells who consented, or who exists."""
    found: list[Problem] = []
    held, day = item.data.ue_held, item.data.day
    for number, entry in enumerate(item.data.entries):
        if entry.mark not in KNOWN_MARKS:
            found.append(Problem("mark_unknown", field=f"entries.{number}.mark"))
        if entry.ue > held:
            found.append(Problem("ue_exceeds_held", field=f"entries.{number}.ue"))
        person = entry.participant
        # Of a report that was kept, only some entries are known still: a finding would tell which.
        if not seats.on(item.course, person, day) and not stand_ins.is_stand_in(person):
            found.append(Problem("participant_not_in_course", field=f"entries.{number}.participant"))
    return tuple(found)


def _strip(item: _Report, known: _Known) -> AttendanceRecorded:
    """Return what may be parked: stand-ins for all who do not both consent and sit there, the same totals."""
    entries = tuple(
        AttendanceEntry(
            participant=_kept_under(item, entry, known),
            mark=entry.mark if entry.mark in KNOWN_MARKS else _UNKNOWN,
            ue=entry.ue,
        )
        for entry in item.data.entries
    )
    return item.data.model_copy(update={"entries": entries})


def _kept_under(item: _Report, entry: AttendanceEntry, known: _Known) -> UUID:
    if stand_ins.is_stand_in(entry.participant):
        return entry.participant
    if entry.participant.int not in known.consenting:
        return stand_ins.nobody()
    return entry.participant if known.storable(item, entry) else known.stand_in(entry.participant)


async def _write(
    conn: Connection, changed: Mapping[_Key, _Report | None], known: _Known, today: date
) -> None:
    days = store.DayRows()
    marks: list[store.MarkRow] = []
    held: list[store.MarkRow] = []
    gone: list[_Key] = []
    # Two consumers lock the same rows in the same order.
    for key, item in sorted(changed.items(), key=lambda pair: (pair[0][0].int, pair[0][1])):
        if item is None:
            gone.append(key)
        else:
            _add_day(days, item)
            _add_marks(marks, held, item, known)
    replaced = await store.put_days(conn, days, today) if days.courses else []
    if gone:
        await store.drop_days(conn, gone)
    if replaced:
        await store.drop_marks(conn, replaced)
    if marks:
        await store.add_marks(conn, marks)
    if held:
        await held_store.hold(conn, held)


def _add_day(rows: store.DayRows, item: _Report) -> None:
    counts = {PRESENT: 0, EXCUSED: 0, UNEXCUSED: 0}
    attended, held, entries = 0.0, item.data.ue_held, item.data.entries
    for entry in entries:
        attended += min(entry.ue, held)
        if entry.mark in counts:
            counts[entry.mark] += 1
    shown = len(entries) >= LEAST_CLASS
    rows.courses.append(item.course)
    rows.days.append(item.data.day)
    rows.event_ids.append(str(item.incoming.cause))
    rows.ue_held.append(held)
    rows.listed.append(len(entries))
    rows.present.append(counts[PRESENT] if shown else None)
    rows.excused.append(counts[EXCUSED] if shown else None)
    rows.unexcused.append(counts[UNEXCUSED] if shown else None)
    rows.ue_attended.append(attended if shown else None)


def _add_marks(marks: list[store.MarkRow], held: list[store.MarkRow], item: _Report, known: _Known) -> None:
    course, day = item.course, item.data.day
    for entry in item.data.entries:
        person, mark, ue = entry.participant, entry.mark, min(entry.ue, item.data.ue_held)
        if mark not in KNOWN_MARKS:
            continue
        if person.int in known.consenting:
            if known.storable(item, entry):
                marks.append((course, day, person, mark, ue))
            else:
                held.append((course, day, known.stand_in(person), mark, ue))
        elif stand_ins.is_hashed(person):
            held.append((course, day, person, mark, ue))
