"""Takes courses and people as allocation has them: the support side judges no event of the steering side."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from schemas.placements import CourseStated, ParticipantStated
from services.notifications.participation import facts_store as store
from services.notifications.participation.reports import latest_day
from services.notifications.people import store as people_store
from services.runtime.data.db import Connection


def course_key(course: UUID) -> str:
    """Return what waits for a course: attendance that was read before the course was."""
    return f"course:{course}"


async def take_courses(conn: Connection, stated: Sequence[CourseStated], now: datetime) -> None:
    """Store courses whose state is newer than the known one; a cancelled one ends its open risks."""
    known = await store.courses(conn, [one.course for one in stated])
    latest: dict[UUID, store.CourseRow] = {}
    for one in stated:
        before = latest.get(one.course) or known.get(one.course)
        if before is None or one.version > before.stated:
            latest[one.course] = _course_row(one)
    if not latest:
        return
    await store.put_courses(conn, [latest[course] for course in sorted(latest)])
    over = [course for course, row in latest.items() if row.cancelled_on is not None]
    if over:
        concerned = await store.inhibit_risks(conn, sorted(over), now)
        await people_store.request_reconciliation(conn, concerned)
    back = [course for course, row in latest.items() if _goes_on(known.get(course), row)]
    await store.assess_again(conn, sorted(back), latest_day(now))


def _goes_on(before: store.CourseRow | None, after: store.CourseRow) -> bool:
    """Return whether a course that had ended goes on: who is at risk in it was not looked at meanwhile."""
    ended = before is not None and (before.cancelled_on is not None or before.completed_on is not None)
    return ended and after.cancelled_on is None and after.completed_on is None


def _course_row(stated: CourseStated) -> store.CourseRow:
    return store.CourseRow(
        course_id=stated.course,
        provider=stated.provider,
        own_id=stated.own_course,
        title=stated.title,
        kreis=stated.kreis,
        town=stated.town,
        starts_on=stated.starts_on,
        ends_on=stated.ends_on,
        sections=[section.model_dump(mode="json") for section in stated.sections],
        cancelled_on=stated.cancelled_on,
        completed_on=stated.completed_on,
        stated=stated.version,
        course_type=stated.course_type,
        venue=None if stated.venue is None else stated.venue.model_dump(mode="json"),
        lessons=[lesson.model_dump(mode="json") for lesson in stated.lessons],
        childcare=stated.childcare,
        online=stated.online,
    )


async def take_people(
    conn: Connection,
    stated: Sequence[ParticipantStated],
    organisations: Mapping[str, str],
) -> None:
    """Store facts of people that are newer than the known ones; the erasure event tells who is erased."""
    known = await store.facts(conn, [one.participant for one in stated])
    latest: dict[UUID, store.FactRow] = {}
    for one in stated:
        before = latest.get(one.participant) or known.get(one.participant)
        if before is not None and one.version <= before.stated:
            continue
        row = _fact_row(one, organisations[one.office])
        if one.asylum_phase is None and before is not None:
            row = replace(row, asylum_phase=before.asylum_phase)
        latest[one.participant] = row
    if latest:
        await store.put_facts(conn, [latest[person] for person in sorted(latest)])
        await people_store.request_reconciliation(conn, sorted(latest))


def _fact_row(stated: ParticipantStated, organisation: str) -> store.FactRow:
    return store.FactRow(
        participant_id=stated.participant,
        office=stated.office,
        organisation=organisation,
        kreis=stated.kreis,
        town=stated.town,
        youth_until=stated.youth_until,
        asylum_phase=stated.asylum_phase or "none",
        registered_on=stated.registered_on,
        withdrawn_on=stated.withdrawn_on,
        stated=stated.version,
        right_until=stated.right_until,
    )
