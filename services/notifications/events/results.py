"""Reads test results and reported needs: no rule needs results, so none is stored; needs are of no person."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from schemas.base import Payload
from schemas.support import ExamResultRecorded, NeedReported, SectionResultRecorded
from services.notifications.events import store as events_store
from services.notifications.participation import stand_ins, store
from services.notifications.participation.seats_store import Seats, seats_in
from services.runtime.data.db import Connection
from services.runtime.events.subscription import Applied, Incoming, Parked, Problem, Verdict

_Result = SectionResultRecorded | ExamResultRecorded
_UNKNOWN = "unknown"


def needs_key(town: str) -> str:
    """Return what a correction or retraction of a need waits for that was not read yet: any other need."""
    return f"needs:{town}"


async def record(conn: Connection, events: Sequence[Incoming], now: datetime) -> list[Verdict]:  # noqa: ARG001 - a handler
    """Check results and store needs, in their order."""
    results = [event for event in events if isinstance(event.event.data, _Result)]
    seats = await seats_in(conn, sorted({_course(event) for event in results})) if results else Seats()
    unread = await events_store.not_read_before(conn, results)
    verdicts: list[Verdict] = []
    for event in events:
        if isinstance(event.event.data, NeedReported):
            verdicts.append(await _need(conn, event, event.event.data))
        else:
            verdicts.append(Applied(_warnings(event, seats, unread)))
    return verdicts


def stripped(data: Payload) -> Payload | None:
    """Return what may be kept of a result that waits: nobody's, and none; None of other events: all."""
    match data:
        case SectionResultRecorded():
            return data.model_copy(update={"participant": stand_ins.nobody(), "grade": _UNKNOWN})
        case ExamResultRecorded():
            return data.model_copy(update={"participant": stand_ins.nobody(), "result": _UNKNOWN})
        case _:
            return None


def _course(event: Incoming) -> UUID:
    data = event.event.data
    if not isinstance(data, _Result):
        raise TypeError(event.event.type)
    return data.course_id(event.publisher or "")


def _warnings(event: Incoming, seats: Seats, unread: frozenset[UUID]) -> tuple[Problem, ...]:
    """Warn about a result of somebody without a place in the course, whoever that is, or of none."""
    if event.cause in unread:
        return (events_store.never_read(event),)
    data = event.event.data
    if event.event.retracts or not isinstance(data, _Result) or stand_ins.is_stand_in(data.participant):
        return ()
    if seats.begun(_course(event), data.participant, _day(data)):
        return ()
    return (Problem("participant_not_in_course", field="participant"),)


def _day(data: _Result) -> date:
    return data.tested_on if isinstance(data, SectionResultRecorded) else data.taken_on


async def _need(conn: Connection, event: Incoming, data: NeedReported) -> Verdict:
    said, meant = event.event, events_store.meant(event)
    if meant is not None and not await store.drop_need(conn, meant):
        field = "ce_corrects" if said.corrects else "ce_retracts"
        return Parked(needs_key(event.subject), Problem("event_unknown", field=field))
    if said.retracts is None:
        await store.add_need(
            conn,
            event.cause,
            office=event.publisher or "",
            need=data.need,
            town=data.town,
            month=data.month,
        )
    return Applied(unlocks=(needs_key(event.subject),))
