"""Puts an alert off: until then it does not escalate, then the office is reminded."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from services.notifications.alerts import reminder_store, store
from services.notifications.alerts.domain import UNANSWERED, AlertState
from services.notifications.alerts.handlers import NotPossible
from services.notifications.offices import store as offices
from services.notifications.offices.domain import USUAL, OfficeHours, after_office_hours
from services.runtime.data.db import Connection

LONGEST = timedelta(days=14)
"""An alert is put off for two weeks at once at most ..."""
LONGEST_OPEN = timedelta(days=28)
"""... and never beyond four weeks after it was raised: then it escalates whatever anybody does."""
_HOURS_AFTER = 2.0
"""Office hours at least between the reminder and the first escalation, and from each to the next."""


class NotSnoozed(StrEnum):
    """Why an alert was not put off although it is unanswered."""

    PAST = "past"
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True)
class Snoozed:
    """The alert is put off until then."""

    until: datetime


async def snooze(
    conn: Connection, alert: UUID, until: datetime, person: str, now: datetime
) -> Snoozed | NotSnoozed | NotPossible:
    """Put an unanswered alert off, in a transaction of the web role, which finds the office's own only.

    It counts as seen. It escalates some office hours after `until` at the earliest, to one level after
    the other.
    """
    row = await store.lock_alert(conn, alert)
    if row is None:
        return NotPossible(None)
    before = AlertState(row["state"])
    if before not in UNANSWERED:
        return NotPossible(before)
    if until <= now:
        return NotSnoozed.PAST
    if until > min(now + LONGEST, row["raised_at"] + LONGEST_OPEN):
        return NotSnoozed.TOO_LONG
    version = await reminder_store.snooze(conn, alert, until, person, now)
    if version is None:
        return NotPossible(before)
    office = row["organisation"], row["office"]
    step = store.Step(alert, version, *office, before, AlertState.SEEN, "snoozed", now, put_off=True)
    await store.add_steps(conn, [step])
    await reminder_store.drop(conn, alert, "moved_on", now, kind="snooze")
    await reminder_store.add_snooze(conn, row, version, until)
    entry = (await offices.directory(conn)).get(row["office"])
    hours = OfficeHours(USUAL) if entry is None else entry.hours
    due = await reminder_store.open_escalations(conn, alert)
    await reminder_store.postpone(conn, row, _after(until, due, hours))
    return Snoozed(until)


def _after(until: datetime, due: Mapping[int, datetime], hours: OfficeHours) -> dict[int, datetime]:
    """Return when escalations are due: as before, but in their order and not soon after the one before."""
    later: dict[int, datetime] = {}
    before = until
    for step in sorted(due):
        before = later[step] = max(due[step], after_office_hours(before, _HOURS_AFTER, hours))
    return later
