"""Reads attendance: stores course days, and the marks of people whose consent counts today."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid4

from schemas.codes import ConsentPurpose
from schemas.days import local_day
from schemas.envelope import encode_data
from schemas.support import AttendanceEntry, AttendanceRecorded
from services.notifications.consents import store as consents
from services.notifications.participation import store
from services.notifications.participation.domain import EXCUSED, KNOWN_MARKS, PRESENT, UNEXCUSED
from services.runtime.data.db import Connection
from services.runtime.events.subscription import Applied, Incoming, Parked, Problem, Verdict

LEAST_CLASS = 3
"""Fewest people listed on a day whose totals are stored; totals of fewer would tell about a person."""

_UNKNOWN = "unknown"  # replaces a sign that is no mark: what it was is never stored


@dataclass(frozen=True, slots=True)
class _Report:
    """One event about one course day."""

    course: UUID
    incoming: Incoming
    data: AttendanceRecorded


_Key = tuple[UUID, date]


async def record(conn: Connection, events: Sequence[Incoming], now: datetime) -> list[Verdict]:
    """Store course days and the marks of consenting people; the latest report of a day wins.

    The caller has called `gate.rely_on_consent`. Thousands of entries pass here in one batch: people
    are looked up by the integer of their id, because hashing a UUID is slow.
    """
    reports = [_report(event) for event in events]
    known = await store.known_courses(conn, list({r.course for r in reports}))
    consenting = await _consenting(conn, reports, local_day(now))
    verdicts: list[Verdict] = []
    latest: dict[_Key, _Report | None] = {}
    corrected: list[tuple[UUID, str]] = []
    for item in reports:
        if item.course not in known:
            verdicts.append(
                Parked(
                    f"course:{item.course}",
                    Problem("course_unknown", field="course"),
                    encode_data(_strip(item.data, consenting)),
                )
            )
            continue
        event = item.incoming.event
        if event.corrects:
            corrected.append((item.course, event.corrects))
            _forget(latest, item)
        latest[item.course, item.data.day] = None if event.retracts else item
        verdicts.append(Applied(() if event.retracts else _warnings(item.data)))
    if corrected:
        await store.drop_corrected_days(conn, corrected)
    if latest:
        await _write(conn, latest, consenting)
    return verdicts


async def _consenting(conn: Connection, reports: Sequence[_Report], today: date) -> frozenset[int]:
    people = {entry.participant.int: entry.participant for r in reports for entry in r.data.entries}
    valid = await consents.valid(conn, list(people.values()), [ConsentPurpose.DROPOUT_SUPPORT], today)
    return frozenset(consent.participant.int for consent in valid)


def _report(event: Incoming) -> _Report:
    data = event.event.data
    if not isinstance(data, AttendanceRecorded):
        raise TypeError(event.event.type)
    return _Report(UUID(event.subject), event, data)


def _forget(latest: dict[_Key, _Report | None], correction: _Report) -> None:
    """Drop the corrected report if it lies in this same batch under another day."""
    for key, item in latest.items():
        corrected = item is not None and item.incoming.event.id == correction.incoming.event.corrects
        if corrected and key != (correction.course, correction.data.day) and key[0] == correction.course:
            latest[key] = None


def _warnings(data: AttendanceRecorded) -> tuple[Problem, ...]:
    """Warn about wrong entries of everybody, so that no finding tells who consented."""
    found: list[Problem] = []
    held = data.ue_held
    for number, entry in enumerate(data.entries):
        if entry.mark not in KNOWN_MARKS:
            found.append(Problem("mark_unknown", field=f"entries.{number}.mark"))
        if entry.ue > held:
            found.append(Problem("ue_exceeds_held", field=f"entries.{number}.ue"))
    return tuple(found)


def _strip(data: AttendanceRecorded, consenting: frozenset[int]) -> AttendanceRecorded:
    """Return what may be parked: random ids for people without consent, known marks only, the same totals."""
    entries = tuple(
        AttendanceEntry(
            participant=entry.participant if entry.participant.int in consenting else uuid4(),
            mark=entry.mark if entry.mark in KNOWN_MARKS else _UNKNOWN,
            ue=entry.ue,
        )
        for entry in data.entries
    )
    return data.model_copy(update={"entries": entries})


async def _write(conn: Connection, latest: Mapping[_Key, _Report | None], consenting: frozenset[int]) -> None:
    days = store.DayRows()
    marks: list[store.MarkRow] = []
    gone: list[_Key] = []
    # Two consumers lock the same rows in the same order.
    for key, item in sorted(latest.items(), key=lambda pair: (pair[0][0].int, pair[0][1])):
        if item is None:
            gone.append(key)
        else:
            _add_day(days, marks, item, consenting)
    replaced = await store.put_days(conn, days) if days.courses else []
    if gone:
        await store.drop_days(conn, gone)
    if replaced:
        await store.drop_marks(conn, replaced)
    if marks:
        await store.add_marks(conn, marks)


def _add_day(
    rows: store.DayRows, marks: list[store.MarkRow], item: _Report, consenting: frozenset[int]
) -> None:
    course, day, held, entries = item.course, item.data.day, item.data.ue_held, item.data.entries
    counts = {PRESENT: 0, EXCUSED: 0, UNEXCUSED: 0}
    attended = 0.0
    for entry in entries:
        mark, ue = entry.mark, min(entry.ue, held)
        attended += ue
        if mark in counts:
            counts[mark] += 1
        if entry.participant.int in consenting and mark in KNOWN_MARKS:
            marks.append((course, day, entry.participant, mark, ue))
    shown = len(entries) >= LEAST_CLASS
    rows.courses.append(course)
    rows.days.append(day)
    rows.event_ids.append(item.incoming.event.id)
    rows.ue_held.append(held)
    rows.listed.append(len(entries))
    rows.present.append(counts[PRESENT] if shown else None)
    rows.excused.append(counts[EXCUSED] if shown else None)
    rows.unexcused.append(counts[UNEXCUSED] if shown else None)
    rows.ue_attended.append(attended if shown else None)
