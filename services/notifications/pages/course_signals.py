"""Says to a provider what the totals of its courses tell, in its language; nobody's name or mark is read."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import assert_never
from uuid import UUID

import asyncpg

from services.notifications.pages import store
from services.notifications.participation.signals import Collapsed, Silent, longest_gap, signals
from services.runtime.web.languages import Texts, msgid

_LOOK_BACK = timedelta(days=120)
_SILENT = msgid(
    "Attendance was last reported on %(since)s. Without reports nobody can help before people drop out."
)
_NEVER = msgid("Attendance has not been reported yet. The course began on %(since)s.")
_COLLAPSED = msgid(
    "Attendance has fallen from %(before)s to %(lately)s percent of the lessons within a few course days."
)


async def told(
    conn: asyncpg.Connection, courses: Sequence[asyncpg.Record], today: date, texts: Texts
) -> dict[UUID, list[str]]:
    """Return the sentences about each of the visitor's own courses that has any.

    `courses` are rows with course_id, starts_on and ends_on.
    """
    reports = await store.own_reports(conn, today - _LOOK_BACK)
    gaps = [
        gap
        for days in reports.values()
        if (gap := longest_gap([day.reported_on for day in days if day.reported_on is not None])) is not None
    ]
    usual = max(gaps, default=None)
    found: dict[UUID, list[str]] = {}
    for row in courses:
        course, starts_on, ends_on = row["course_id"], row["starts_on"], row["ends_on"]
        days = reports.get(course, [])
        sentences = []
        for signal in signals(days, starts_on, ends_on, today, usual):
            match signal:
                case Silent(since):
                    sentences.append(texts.plain(_SILENT if days else _NEVER) % {"since": texts.date(since)})
                case Collapsed(before, lately):
                    sentences.append(texts.plain(_COLLAPSED) % {"before": before, "lately": lately})
                case never:
                    assert_never(never)
        if sentences:
            found[course] = sentences
    return found
