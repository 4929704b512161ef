"""Reading attendance: the consent on record decides what of a class is kept at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid4

from schemas.envelope import encode_data
from schemas.support import AttendanceEntry, AttendanceRecorded
from services.notifications.participation import store
from services.notifications.participation.domain import EXCUSED, KNOWN_MARKS, PRESENT, UNEXCUSED
from services.notifications.times import local_day
from services.runtime.consume import Applied, Incoming, Parked, Problem, Verdict
from services.runtime.db import Connection

LEAST_CLASS = 3
"""Totals of a day with fewer people listed would speak about persons."""

_UNKNOWN = "unknown"  # stands for a sign that is no mark; what it was is never stored


@dataclass(frozen=True, slots=True)
class _Read:
    """One event with its natural key."""

    course: UUID
    incoming: Incoming
    data: AttendanceRecorded


async def record(conn: Connection, events: Sequence[Incoming], now: datetime) -> list[Verdict]:
    """Store course days and the marks of consenting people; the latest in the topic wins.

    The caller has taken the gate (`gate.rely_on_consent`).
    """
    read = [_read(event) for event in events]
    known, consenting = await store.known_and_consenting(
        conn,
        list({r.course for r in read}),
        list({entry.participant for r in read for entry in r.data.entries}),
        local_day(now),
    )
    verdicts: list[Verdict] = []
    latest: dict[tuple[UUID, date], _Read | None] = {}
    corrected: list[tuple[UUID, str]] = []
    for item in read:
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


def _read(event: Incoming) -> _Read:
    data = event.event.data
    if not isinstance(data, AttendanceRecorded):
        raise TypeError(event.event.type)
    return _Read(UUID(event.subject), event, data)


def _forget(latest: dict[tuple[UUID, date], _Read | None], correction: _Read) -> None:
    """Take the corrected report out of this very batch, if it lies there under another day."""
    for key, item in latest.items():
        corrected = item is not None and item.incoming.event.id == correction.incoming.event.corrects
        if corrected and key != (correction.course, correction.data.day) and key[0] == correction.course:
            latest[key] = None


def _warnings(data: AttendanceRecorded) -> tuple[Problem, ...]:
    """Ask about signs that are no marks, whoever they are about: a finding never tells who consented."""
    return tuple(
        Problem("mark_unknown", field=f"entries.{number}.mark")
        for number, entry in enumerate(data.entries)
        if entry.mark not in KNOWN_MARKS
    ) + tuple(
        Problem("ue_exceeds_held", field=f"entries.{number}.ue")
        for number, entry in enumerate(data.entries)
        if entry.ue > data.ue_held
    )


def _strip(data: AttendanceRecorded, consenting: frozenset[UUID]) -> AttendanceRecorded:
    """Return what may lie parked: nobody without consent, no sign that is no mark, the same totals."""
    entries = tuple(
        AttendanceEntry(
            participant=entry.participant if entry.participant in consenting else uuid4(),
            mark=entry.mark if entry.mark in KNOWN_MARKS else _UNKNOWN,
            ue=entry.ue,
        )
        for entry in data.entries
    )
    return data.model_copy(update={"entries": entries})


async def _write(
    conn: Connection, latest: Mapping[tuple[UUID, date], _Read | None], consenting: frozenset[UUID]
) -> None:
    days = store.DayRows()
    marks = store.MarkRows()
    gone: list[tuple[UUID, date]] = []
    for key in sorted(latest):
        item = latest[key]
        if item is None:
            gone.append(key)
            continue
        _add_day(days, item)
        held = item.data.ue_held
        for entry in item.data.entries:
            if entry.participant in consenting and entry.mark in KNOWN_MARKS:
                marks.courses.append(key[0])
                marks.days.append(key[1])
                marks.participants.append(entry.participant)
                marks.marks.append(entry.mark)
                marks.ue.append(min(entry.ue, held))
    replaced = await store.put_days(conn, days) if days.courses else []
    if gone:
        await store.drop_days(conn, gone)
    if replaced:
        await store.drop_marks(conn, replaced)
    if marks.courses:
        await store.add_marks(conn, marks)


def _add_day(rows: store.DayRows, item: _Read) -> None:
    entries = item.data.entries
    counts = {PRESENT: 0, EXCUSED: 0, UNEXCUSED: 0}
    attended = 0.0
    for entry in entries:
        attended += entry.ue
        if entry.mark in counts:
            counts[entry.mark] += 1
    shown = len(entries) >= LEAST_CLASS
    rows.courses.append(item.course)
    rows.days.append(item.data.day)
    rows.event_ids.append(item.incoming.event.id)
    rows.ue_held.append(item.data.ue_held)
    rows.listed.append(len(entries))
    rows.present.append(counts[PRESENT] if shown else None)
    rows.excused.append(counts[EXCUSED] if shown else None)
    rows.unexcused.append(counts[UNEXCUSED] if shown else None)
    rows.ue_attended.append(attended if shown else None)
