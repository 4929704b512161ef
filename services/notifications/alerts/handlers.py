"""Carries out what a counselling office answers to an alert."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.notifications.alerts import store
from services.notifications.alerts.domain import AlertCommand, AlertState, after
from services.notifications.people import store as people
from services.runtime.data.db import Connection

_REASON = 200
_TAKES = frozenset({AlertCommand.ACCEPT, AlertCommand.ASSIGN})
_CHANGES_HANDS = _TAKES | {AlertCommand.DECLINE, AlertCommand.HAND_OVER}


@dataclass(frozen=True, slots=True)
class Answered:
    """The alert is in this state now."""

    state: AlertState


@dataclass(frozen=True, slots=True)
class NotPossible:
    """The alert's state does not allow the answer; None: there is no such alert."""

    state: AlertState | None


async def answer(
    conn: Connection,
    alert: UUID,
    command: AlertCommand,
    now: datetime,
    *,
    reason: str = "",
    to: str | None = None,
    person: str | None = None,
) -> Answered | NotPossible:
    """Carry out an answer in a transaction of the web role, which finds the office's own alerts only.

    After declining, and after handing over to the consented office `to`, the reconciler asks the next
    office. Handing over to anybody else leaves the alert with this office until it is done. `person` is the
    key of whoever accepts, or to whom a team lead assigns it.
    """
    row = await store.lock_alert(conn, alert)
    if row is None:
        return NotPossible(None)
    before = AlertState(row["state"])
    state = after(before, command)
    if state is None:
        return NotPossible(before)
    chain = list(row["chain"])
    if command is AlertCommand.HAND_OVER and to in chain:
        chain = [to, *(office for office in chain if office != to)]
        state = AlertState.DECLINED
    version = await store.answer(conn, alert, before=before, after=state, chain=chain, now=now)
    if command in _CHANGES_HANDS:
        taken = command in _TAKES and state is not AlertState.DECLINED
        await store.take(conn, alert, person if taken else None)
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
    if state is AlertState.DECLINED and row["participant_id"] is not None:
        await people.request_reconciliation(conn, [row["participant_id"]])
    return Answered(state)
