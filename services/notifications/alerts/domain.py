"""Decides when an alert is raised, passed on or withdrawn, and which answers its state allows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from services.notifications.offices.domain import RankedOffice


class AlertState(StrEnum):
    """States of an alert (architecture.md, 'Notifications')."""

    NEW = "new"
    SEEN = "seen"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    HANDED_OVER = "handed_over"
    DONE = "done"
    WITHDRAWN = "withdrawn"


UNANSWERED = frozenset({AlertState.NEW, AlertState.SEEN})
OPEN = frozenset(AlertState) - {AlertState.DONE, AlertState.WITHDRAWN}


class CauseKind(StrEnum):
    """What causes an alert."""

    ENROLMENT = "enrolment"
    RISK = "risk"


class AlertCommand(StrEnum):
    """What a counselling office can do with an alert."""

    SEE = "see"
    ACCEPT = "accept"
    DECLINE = "decline"
    HAND_OVER = "hand_over"
    ASSIGN = "assign"
    """The team lead hands it over to one counsellor of the office."""
    DONE = "done"


class WithdrawalReason(StrEnum):
    """Why an alert was withdrawn."""

    CONSENT_ENDED = "consent_ended"
    RETURNED = "returned"
    CORRECTED = "corrected"
    COURSE_CANCELLED = "course_cancelled"
    ENROLMENT_OVER = "enrolment_over"


_ANSWERS: Mapping[AlertCommand, tuple[frozenset[AlertState], AlertState]] = {
    AlertCommand.SEE: (frozenset({AlertState.NEW}), AlertState.SEEN),
    AlertCommand.ACCEPT: (UNANSWERED, AlertState.ACCEPTED),
    AlertCommand.DECLINE: (UNANSWERED, AlertState.DECLINED),
    AlertCommand.HAND_OVER: (UNANSWERED | {AlertState.ACCEPTED}, AlertState.HANDED_OVER),
    AlertCommand.ASSIGN: (
        UNANSWERED | {AlertState.ACCEPTED, AlertState.HANDED_OVER},
        AlertState.HANDED_OVER,
    ),
    AlertCommand.DONE: (frozenset({AlertState.ACCEPTED, AlertState.HANDED_OVER}), AlertState.DONE),
}


def after(state: AlertState, command: AlertCommand) -> AlertState | None:
    """Return the state after a command; None if it is no longer possible.

    >>> after(AlertState.NEW, AlertCommand.ACCEPT)
    <AlertState.ACCEPTED: 'accepted'>
    >>> after(AlertState.WITHDRAWN, AlertCommand.ACCEPT) is None
    True
    """
    allowed, result = _ANSWERS[command]
    return result if state in allowed else None


@dataclass(frozen=True, slots=True)
class AlertCause:
    """An enrolment or a risk as it stands; `over` is why it is no longer open, None while it is."""

    id: UUID
    kind: CauseKind
    purpose: str
    participant: UUID
    course: UUID
    reason: Mapping[str, object]
    over: WithdrawalReason | None = None


@dataclass(frozen=True, slots=True)
class ExistingAlert:
    """The alert on record for a cause; `declined` are the offices that declined it."""

    state: AlertState
    declined: frozenset[str]


@dataclass(frozen=True, slots=True)
class KeepAlert:
    """Nothing changes: all is as it should be, or nobody may be told."""


@dataclass(frozen=True, slots=True)
class RaiseAlert:
    """Open the alert (again) for the first office; the others follow if it declines."""

    chain: Sequence[RankedOffice]


@dataclass(frozen=True, slots=True)
class PassOn:
    """The office declined: ask the next."""

    chain: Sequence[RankedOffice]


@dataclass(frozen=True, slots=True)
class RefreshAlert:
    """The cause lasts; the reason stored with the alert is brought up to date."""


@dataclass(frozen=True, slots=True)
class WithdrawAlert:
    """Withdraw the alert; the office is notified if it may have heard of it."""

    reason: WithdrawalReason


AlertDecision = KeepAlert | RaiseAlert | PassOn | RefreshAlert | WithdrawAlert


def decide(
    cause: AlertCause, existing: ExistingAlert | None, candidates: Sequence[RankedOffice]
) -> AlertDecision:
    """Decide what becomes of a cause's alert; `candidates` are the offices with valid consent, best first."""
    if existing is None or existing.state is AlertState.WITHDRAWN:
        return RaiseAlert(candidates) if cause.over is None and candidates else KeepAlert()
    if existing.state is AlertState.DONE:
        return KeepAlert()
    if cause.over is not None:
        return _over(existing, cause.over, cause.kind)
    if existing.state is AlertState.DECLINED:
        rest = [ranked for ranked in candidates if ranked.office not in existing.declined]
        return PassOn(rest) if rest else KeepAlert()
    return RefreshAlert()


def _over(existing: ExistingAlert, reason: WithdrawalReason, kind: CauseKind) -> AlertDecision:
    """Withdraw, unless an office is at work: it decides when that is done, if the cause ever existed."""
    working = existing.state in {AlertState.ACCEPTED, AlertState.HANDED_OVER}
    never_so = kind is CauseKind.RISK and reason is WithdrawalReason.CORRECTED
    return WithdrawAlert(reason) if never_so or not working else KeepAlert()
