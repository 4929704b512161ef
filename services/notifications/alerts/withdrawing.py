"""Withdrawing alerts, with notice to who heard of them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.notifications.alerts import store
from services.notifications.alerts.domain import State, Why
from services.notifications.people import handlers as people
from services.runtime.data.db import Connection


async def withdraw(
    conn: Connection,
    alert: UUID,
    *,
    opening: int,
    organisation: str,
    office: str,
    state: str,
    why: Why,
    now: datetime,
) -> None:
    """Withdraw one locked, open alert: its disclosure ends, the office is told if it may have heard."""
    version = await store.withdraw(conn, alert, why, now, forget=why is Why.CONSENT_ENDED)
    if version is None:
        return
    await store.add_step(
        conn,
        alert,
        version,
        organisation=organisation,
        office=office,
        from_state=state,
        to_state=State.WITHDRAWN,
        reason=why,
        now=now,
    )
    await store.drop_escalations(conn, alert, "over", now)
    if await store.cancel_deliveries(conn, alert):
        await store.add_delivery(
            conn,
            alert,
            organisation,
            office,
            recipient=f"office:{office}",
            step=f"withdrawn-{opening}",
            now=now,
        )
    await people.end_disclosures(conn, [alert], now)


async def without_consent(conn: Connection, keys: Sequence[tuple[UUID, str, str]], now: datetime) -> None:
    """Withdraw the open alerts that rested on ended consents, and forget about whom the ended ones were."""
    for row in await store.open_under_consent(conn, keys):
        await withdraw(
            conn,
            row["alert_id"],
            opening=row["opening"],
            organisation=row["organisation"],
            office=row["office"],
            state=row["state"],
            why=Why.CONSENT_ENDED,
            now=now,
        )
    await store.forget_ended(conn, keys)
