"""Announces alerts that an office got: the step, who may see the name, the messages, the repetitions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from schemas.days import local_day
from services.notifications.alerts import reminder_store, store
from services.notifications.alerts.domain import AlertState
from services.notifications.delivery import store as deliveries
from services.notifications.delivery.holding import store as holding
from services.notifications.delivery.holding.domain import escalation_hours, repeat_hours
from services.notifications.offices import store as offices_store
from services.notifications.offices.domain import after_office_hours
from services.notifications.people import handlers as people
from services.notifications.people.domain import Purpose
from services.notifications.people.keys import PersonSecrets
from services.notifications.settings import Policy
from services.runtime.data.db import Connection


@dataclass(frozen=True, slots=True)
class Opened:
    """An alert that an office got; `done` holds its id, opening and version."""

    row: store.AlertRow
    done: asyncpg.Record
    from_state: AlertState


@dataclass(frozen=True, slots=True)
class Announcer:
    """Announces alerts, all of a transaction at once: thousands may be raised by one morning's reports."""

    secrets: PersonSecrets
    policy: Policy

    async def announce(
        self,
        conn: Connection,
        opened: Sequence[Opened],
        directory: Mapping[str, offices_store.DirectoryEntry],
        now: datetime,
    ) -> None:
        """Store what follows from these alerts, at most one change of each."""
        if not opened:
            return
        await store.add_steps(
            conn,
            [
                store.Step(
                    one.done["alert_id"],
                    one.done["version"],
                    one.row.organisation,
                    one.row.office,
                    one.from_state,
                    AlertState.NEW,
                    str(one.row.routing["decided_by"]),
                    now,
                )
                for one in opened
            ],
        )
        until = local_day(now) + timedelta(days=self.policy.disclosure.alert_days)
        await people.disclose(
            conn,
            self.secrets,
            [
                people.Disclosure(
                    one.row.participant,
                    one.row.organisation,
                    one.row.office,
                    Purpose(one.row.purpose),
                    one.done["alert_id"],
                    until,
                )
                for one in opened
            ],
            now,
        )
        await deliveries.add_to_offices(
            conn,
            [
                deliveries.Notice(
                    one.done["alert_id"],
                    one.row.organisation,
                    one.row.office,
                    f"notice-{one.done['opening']}",
                )
                for one in opened
            ],
            now,
        )
        await self._watch(conn, opened, directory, now)

    async def _watch(
        self,
        conn: Connection,
        opened: Sequence[Opened],
        directory: Mapping[str, offices_store.DirectoryEntry],
        now: datetime,
    ) -> None:
        """Store when alerts escalate and are repeated if nobody answers, in the hours of their offices."""
        offices = sorted({one.row.office for one in opened})
        tellings = await holding.tellings(conn, offices)
        escalated: dict[str, list[datetime]] = {}
        repeated: dict[str, list[datetime]] = {}
        for office in offices:
            hours, known = directory[office].hours, await holding.levels(conn, office)
            telling = tellings.get(office) or holding.usual(self.policy.telling)
            escalated[office] = [
                after_office_hours(now, after, hours)
                for after in escalation_hours(self.policy.escalation.office_hours, known)
            ]
            repeated[office] = [after_office_hours(now, after, hours) for after in repeat_hours(telling)]
        for add, due in ((store.add_escalations, escalated), (reminder_store.add, repeated)):
            await add(
                conn,
                [
                    (
                        one.done["alert_id"],
                        one.done["opening"],
                        one.row.office,
                        one.row.organisation,
                        due[one.row.office],
                    )
                    for one in opened
                ],
            )
