"""Answers of the counselling offices."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.notifications.alerts import store
from services.notifications.alerts.domain import Command, State, after
from services.notifications.people import store as people
from services.runtime.data.db import Connection

_REASON = 200


@dataclass(frozen=True, slots=True)
class Answered:
    """The alert is in this state now."""

    state: State


@dataclass(frozen=True, slots=True)
class NotPossible:
    """The alert was in a state (or with an office) in which this makes no sense; None: no such alert."""

    state: State | None


async def answer(
    conn: Connection,
    alert: UUID,
    command: Command,
    now: datetime,
    *,
    reason: str = "",
    to: str | None = None,
) -> Answered | NotPossible:
    """Carry out what an office decided, in a transaction of the web role: it only finds its own alerts.

    Declining, and handing over to another consented office, let the next office be asked (by the
    service, after this transaction). `to` names that office; handing over to anybody else leaves the
    alert with this one until it is done.
    """
    row = await store.lock_alert(conn, alert)
    if row is None:
        return NotPossible(None)
    before = State(row["state"])
    state = after(before, command)
    if state is None:
        return NotPossible(before)
    chain = list(row["chain"])
    if command is Command.HAND_OVER and to in chain:
        chain = [to, *(office for office in chain if office != to)]
        state = State.DECLINED
    version = await store.answer(conn, alert, before=before, after=state, chain=chain, now=now)
    if version is None:
        return NotPossible(before)
    await store.add_step(
        conn,
        alert,
        version,
        organisation=row["organisation"],
        office=row["office"],
        from_state=before,
        to_state=state,
        reason=reason[:_REASON] or command,
        now=now,
    )
    if state is State.DECLINED and row["participant_id"] is not None:
        await people.ask_again(conn, [row["participant_id"]])
    return Answered(state)
