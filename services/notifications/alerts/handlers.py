"""Carries out what a counselling office answers to an alert."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from schemas.days import local_day
from services.notifications.alerts import answers_store, store
from services.notifications.alerts.domain import AlertCommand, AlertState, RiskVerdict, after
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


@dataclass(frozen=True, slots=True)
class NotAllowed:
    """The person has not allowed the office to know of it, for this purpose, or it has declined."""


async def answer(
    conn: Connection,
    alert: UUID,
    command: AlertCommand,
    now: datetime,
    *,
    reason: str = "",
    to: str | None = None,
    person: str | None = None,
    verdict: RiskVerdict | None = None,
) -> Answered | NotPossible | NotAllowed:
    """Carry out an answer in a transaction of the web role, which finds the office's own alerts only.

    After declining, and after handing over to another office `to`, the reconciler asks the next office. `to`
    has to have the person's consent for the alert's purpose. Handing over without `to` leaves the alert with
    this office until it is done. `person` is the key of whoever accepts, or to whom it is assigned. The
    `verdict` counts when a risk alert is done.
    """
    row = await store.lock_alert(conn, alert)
    if row is None:
        return NotPossible(None)
    before = AlertState(row["state"])
    state = after(before, command)
    if state is None:
        return NotPossible(before)
    chain = list(row["chain"])
    if command is AlertCommand.HAND_OVER and to:
        if to not in await answers_store.offices_to_hand_to(conn, alert, local_day(now)):
            return NotAllowed()
        chain = [to, *(office for office in chain if office != to)]
        state = AlertState.DECLINED
    version = await store.answer(conn, alert, before=before, after=state, chain=chain, now=now)
    if command in _CHANGES_HANDS:
        taken = command in _TAKES and state is not AlertState.DECLINED
        await store.take(conn, alert, person if taken else None)
    if version is None:
        return NotPossible(before)
    if command is AlertCommand.HAND_OVER and to:
        await answers_store.hand_to(conn, alert, to)
    if command is AlertCommand.DONE and verdict is not None:
        await answers_store.judge(conn, alert, verdict)
    office = row["organisation"], row["office"]
    step = store.Step(alert, version, *office, before, state, reason[:_REASON] or command, now)
    await store.add_steps(conn, [step])
    if state is AlertState.DECLINED and row["participant_id"] is not None:
        await people.request_reconciliation(conn, [row["participant_id"]])
    return Answered(state)
