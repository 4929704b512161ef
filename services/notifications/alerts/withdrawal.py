"""Withdraws alerts and tells the office that may have heard of them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.notifications.alerts import forgetting, reminder_store, store
from services.notifications.alerts.domain import AlertState, WithdrawalReason
from services.notifications.delivery import store as deliveries
from services.notifications.people import handlers as people
from services.runtime.data.db import Connection


async def withdraw(conn: Connection, row: asyncpg.Record, reason: WithdrawalReason, now: datetime) -> None:
    """Withdraw one locked alert: its disclosure ends, the office is notified if it may have heard.

    `row` holds alert_id, opening, organisation, office and state; an alert that has ended stays as it is.
    """
    alert = row["alert_id"]
    forget = reason is WithdrawalReason.CONSENT_ENDED
    version = await store.withdraw(conn, alert, reason, now, forget=forget)
    if version is None:
        return
    office = row["organisation"], row["office"]
    step = store.Step(alert, version, *office, row["state"], AlertState.WITHDRAWN, reason, now)
    await store.add_steps(conn, [step])
    if forget:
        await forgetting.forget_steps(conn, [alert])
    await store.drop_escalations(conn, alert, "over", now)
    await reminder_store.drop(conn, alert, "over", now)
    if await deliveries.cancel_unsent(conn, alert):
        notice = deliveries.Notice(alert, *office, f"withdrawn-{row['opening']}")
        await deliveries.add_to_offices(conn, [notice], now)
    await people.end_disclosures(conn, [alert], now)


async def withdraw_without_consent(
    conn: Connection, keys: Sequence[tuple[UUID, str, str]], now: datetime
) -> None:
    """Withdraw the open alerts under ended consents, and delete from the ended ones whom they were about."""
    for row in await store.open_under_consent(conn, keys):
        await withdraw(conn, row, WithdrawalReason.CONSENT_ENDED, now)
    await forgetting.forget_ended(conn, keys)
