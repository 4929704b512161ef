"""Settles attempts to send, on every channel; what one mailbox or webhook does not take, another hears of."""

from uuid import UUID

import asyncpg

from services.notifications.delivery import store
from services.notifications.delivery.domain import (
    Attempted,
    Delivered,
    GiveUp,
    Outcome,
    RetryAfter,
    next_step,
)
from services.notifications.delivery.holding import store as holding
from services.notifications.delivery.holding.domain import LEVELS, kind_of
from services.runtime.data.db import Connection

_GOES_UP = frozenset({"undelivered", "escalation", "declined"})
"""Steps that somebody further up hears of if they reach nobody."""


async def settle(
    conn: Connection,
    row: asyncpg.Record,
    attempt: int,
    attempted: Attempted,
    *,
    in_doubt: int,
    in_doubt_retries: int,
) -> None:
    """Store how an attempt ended, and what follows; `row` is the claimed delivery."""
    delivery, token = row["delivery_id"], row["lease_token"]
    await store.end_attempt(conn, delivery, attempt, token, outcome=attempted.outcome, code=attempted.code)
    if attempted.outcome is Outcome.IN_DOUBT:
        await store.count_doubt(conn, delivery, token)
    attempt -= await store.not_counted(conn, delivery, own_faults=attempted.outcome is not Outcome.OWN_FAULT)
    match next_step(attempted, attempt, in_doubt, in_doubt_retries):
        case Delivered():
            await store.settle_as_sent(conn, delivery, token)
        case RetryAfter(seconds):
            await store.retry_after(conn, delivery, token, seconds, attempted.fault)
        case GiveUp(why):
            await give_up(conn, delivery, token, why)


async def give_up(conn: Connection, delivery: UUID, token: UUID, why: str) -> None:
    """Try a delivery no more by itself; somebody else hears of it and of what rode along."""
    for failed in await store.give_up(conn, delivery, token, why):
        await tell_another(conn, failed)


async def tell_another(conn: Connection, delivery: UUID) -> None:
    """Tell somebody else of what did not arrive: from webhook to mailbox, then up to the last resort.

    From the top it goes down to whoever has not been told at this step; nobody is told twice.
    """
    row = await store.failed_row(conn, delivery)
    if row is None:
        return
    role = row["recipient"].partition(":")[0]
    if row["channel"] == "webhook":
        await _mail(conn, row, "office", row["step"])
    elif role == "office" and kind_of(row["step"]) == "notice":
        await _mail(
            conn, row, await _next_up(conn, row["office"], role) or "lead", f"undelivered-{row['step']}"
        )
    elif kind_of(row["step"]) in _GOES_UP:
        another = await _next_up(conn, row["office"], role) or await _next_down(conn, row["office"], role)
        await _mail(conn, row, another, row["step"])


async def _next_down(conn: Connection, office: str, role: str) -> str:
    """Return the next level below that has a mailbox which has not come back; else the lead."""
    known = await holding.levels(conn, office)
    below = LEVELS[: LEVELS.index(role)] if role in LEVELS else ()
    return next((level for level in reversed(below) if known.get(level)), "lead")


async def _next_up(conn: Connection, office: str, role: str) -> str | None:
    """Return the next level above that has a mailbox which has not come back."""
    known = await holding.levels(conn, office)
    begin = LEVELS.index(role) + 1 if role in LEVELS else 0
    return next((level for level in LEVELS[begin:] if known.get(level)), None)


async def _mail(conn: Connection, row: asyncpg.Record, role: str, step: str) -> None:
    await store.add_mail(
        conn,
        row["alert_id"],
        row["organisation"],
        row["office"],
        recipient=f"{role}:{row['office']}",
        step=step,
        now=row["created_at"],
    )
