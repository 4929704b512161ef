"""Reads test results and reported needs: stores results of people whose consent counts today."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from schemas.codes import ConsentPurpose
from schemas.days import local_day
from schemas.support import ExamResultRecorded, NeedReported, SectionResultRecorded
from services.notifications.consents import store as consents
from services.notifications.participation import store
from services.runtime.data.db import Connection
from services.runtime.events.subscription import Applied, Incoming, Verdict


async def record(conn: Connection, events: Sequence[Incoming], now: datetime) -> list[Verdict]:
    """Store results of consenting people, in their order; missing consent is never a finding.

    The caller has called `gate.rely_on_consent`.
    """
    people = [UUID(event.subject) for event in events if not isinstance(event.event.data, NeedReported)]
    valid = (
        await consents.valid(conn, people, [ConsentPurpose.DROPOUT_SUPPORT], local_day(now)) if people else ()
    )
    consenting = frozenset(consent.participant for consent in valid)
    for event in events:
        await _apply(conn, event, consenting)
    return [Applied() for _ in events]


async def _apply(conn: Connection, event: Incoming, consenting: frozenset[UUID]) -> None:
    said, publisher = event.event, event.publisher or ""
    match said.data:
        case SectionResultRecorded() as data if data.participant in consenting:
            course = data.course_id(publisher)
            if said.retracts:
                await store.drop_section_result(conn, data.participant, course, data.section)
            else:
                await store.put_section_result(
                    conn, data.participant, course, data.section, grade=data.grade, tested_on=data.tested_on
                )
        case ExamResultRecorded() as data if data.participant in consenting:
            course = data.course_id(publisher)
            if said.retracts:
                await store.drop_exam_result(
                    conn, data.participant, course, exam=data.exam, taken_on=data.taken_on
                )
            else:
                await store.put_exam_result(
                    conn,
                    data.participant,
                    course,
                    exam=data.exam,
                    taken_on=data.taken_on,
                    result=data.result,
                )
        case NeedReported() as data:
            if said.retracts:
                await store.drop_need(conn, publisher, said.retracts)
                return
            if said.corrects:
                await store.drop_need(conn, publisher, said.corrects)
            await store.add_need(
                conn,
                event.cause,
                event_id=said.id,
                office=publisher,
                need=data.need,
                town=data.town,
                month=data.month,
            )
        case _:
            pass  # without consent nothing is stored and no finding raised
