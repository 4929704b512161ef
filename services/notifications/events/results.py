"""Reads test results and keeps those that a risk rule reads; reads reported needs, which are of no person."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from schemas.base import Payload
from schemas.codes import ConsentPurpose
from schemas.days import local_day
from schemas.support import ExamResultRecorded, NeedReported, SectionResultRecorded
from services.notifications.consents import store as consents
from services.notifications.events import store as events_store
from services.notifications.participation import results_store, stand_ins, store
from services.notifications.participation.reports import latest_day
from services.notifications.participation.seats_store import Seats, seats_in
from services.notifications.people import store as people
from services.runtime.data.db import Connection
from services.runtime.events.subscription import Applied, Incoming, Parked, Problem, Rejected, Verdict

_Result = SectionResultRecorded | ExamResultRecorded
_UNKNOWN = "unknown"


def needs_key(town: str) -> str:
    """Return what a correction or retraction of a need waits for that was not read yet: any other need."""
    return f"needs:{town}"


async def record(conn: Connection, events: Sequence[Incoming], now: datetime) -> list[Verdict]:
    """Check results and store needs, in order; of results those are kept that a rule reads.

    They must be of people who consent and sit, or sat, in the course, and of no day or month that is still
    to come. The caller has called `gate.rely_on_consent`.
    """
    results = [event for event in events if isinstance(event.event.data, _Result)]
    seats = await seats_in(conn, sorted({_course(event) for event in results})) if results else Seats()
    unread = await events_store.not_read_before(conn, results)
    allowed = await _allowed(conn, results, local_day(now)) if results else {}
    concerned: set[UUID] = set()
    verdicts: list[Verdict] = []
    for event in events:
        if (ahead := _still_to_come(event, latest_day(now))) is not None:
            verdicts.append(Rejected(ahead))
        elif isinstance(event.event.data, NeedReported):
            verdicts.append(await _need(conn, event, event.event.data))
        else:
            verdicts.append(Applied(_warnings(event, seats, unread)))
            concerned.update(await _keep(conn, event, seats, allowed))
    if concerned:
        await people.request_reconciliation(conn, sorted(concerned))
    return verdicts


def _still_to_come(event: Incoming, latest: date) -> Problem | None:
    """Return the finding about a day or month that is still to come; what takes something back has none."""
    if event.event.retracts is not None:
        return None
    match event.event.data:
        case SectionResultRecorded(tested_on=day) if day > latest:
            return events_store.still_to_come("tested_on")
        case ExamResultRecorded(taken_on=day) if day > latest:
            return events_store.still_to_come("taken_on")
        case NeedReported(month=month) if month > f"{latest:%Y-%m}":
            return events_store.still_to_come("month")
        case _:
            return None


async def _allowed(
    conn: Connection, results: Sequence[Incoming], today: date
) -> dict[ConsentPurpose, frozenset[UUID]]:
    persons = sorted({data.participant for event in results if isinstance(data := event.event.data, _Result)})
    purposes = (ConsentPurpose.DROPOUT_SUPPORT, ConsentPurpose.AFTER_COURSE)
    valid = await consents.valid(conn, persons, list(purposes), today)
    return {
        purpose: frozenset(one.participant for one in valid if one.purpose == purpose) for purpose in purposes
    }


async def _keep(
    conn: Connection, event: Incoming, seats: Seats, allowed: Mapping[ConsentPurpose, frozenset[UUID]]
) -> list[UUID]:
    """Keep one result, or take one back; return whose risks may have changed."""
    data, meant = event.event.data, events_store.meant(event)
    concerned = await results_store.drop(conn, [meant]) if meant is not None else []
    if event.event.retracts is not None or not isinstance(data, _Result):
        return concerned
    person, course = data.participant, _course(event)
    if not seats.begun(course, person, _day(data)):
        return concerned
    in_support = person in allowed[ConsentPurpose.DROPOUT_SUPPORT]
    if isinstance(data, SectionResultRecorded):
        section = results_store.SectionResult(
            event.cause, person, course, data.section, data.tested_on, data.grade
        )
        kept = in_support and await results_store.put_section(conn, section)
    else:
        final = results_store.FinalResult(
            event.cause,
            person,
            course,
            data.exam,
            data.taken_on,
            data.result,
        )
        kept = in_support or person in allowed[ConsentPurpose.AFTER_COURSE]
        if kept:
            await results_store.put_final(conn, final)
    return [*concerned, person] if kept else concerned


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
