"""Decides when an alert is raised, passed on or withdrawn, and which answers its state allows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from services.notifications.offices.domain import CoursePhase, RankedOffice


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


class Severity(StrEnum):
    """How soon an office should look at an alert."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class RiskVerdict(StrEnum):
    """What the counsellors say about a risk alert when they end it; thresholds are tuned with it."""

    USEFUL = "useful"
    NOT_NEEDED = "not_needed"
    FALSE_ALARM = "false_alarm"


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
    course: UUID | None
    reason: Mapping[str, object]
    over: WithdrawalReason | None = None
    phase: CoursePhase = CoursePhase.DURING
    severity: Severity = Severity.MEDIUM


class Away(StrEnum):
    """Why an office cannot look at its alerts."""

    INACTIVE = "inactive"
    """Until further notice."""
    TODAY = "today"
    """It works again soon: only an office that stands in for it takes its alerts."""


@dataclass(frozen=True, slots=True)
class ExistingAlert:
    """The alert on record for a cause; `declined` are the offices that declined it."""

    state: AlertState
    declined: frozenset[str]
    office: str = ""
    away: Away | None = None
    """Why the office that has it cannot look at it; None: it can."""


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
class NobodyElse:
    """The office declined, and no other may be asked: its lead is told."""


@dataclass(frozen=True, slots=True)
class Reroute:
    """The office closed before it answered: another one takes over, and may give it back by declining."""

    chain: Sequence[RankedOffice]


@dataclass(frozen=True, slots=True)
class RefreshAlert:
    """The cause lasts; the reason stored with the alert is brought up to date."""


@dataclass(frozen=True, slots=True)
class WithdrawAlert:
    """Withdraw the alert; the office is notified if it may have heard of it."""

    reason: WithdrawalReason


AlertDecision = KeepAlert | RaiseAlert | PassOn | NobodyElse | Reroute | RefreshAlert | WithdrawAlert


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
        return PassOn(rest) if rest else NobodyElse()
    rest = [ranked for ranked in candidates if ranked.office not in existing.declined]
    if existing.state in UNANSWERED and rest and _leaves(existing, rest[0]):
        return Reroute(rest)
    return RefreshAlert()


def _leaves(existing: ExistingAlert, first: RankedOffice) -> bool:
    """Return whether an unanswered alert leaves its office for the first of the candidates."""
    if existing.away is None or first.office == existing.office:
        return False
    stands_in = first.stands_in_for is not None and first.stands_in_for.office == existing.office
    return existing.away is Away.INACTIVE or stands_in


def _over(existing: ExistingAlert, reason: WithdrawalReason, kind: CauseKind) -> AlertDecision:
    """Withdraw, unless an office is at work: it decides when that is done, if the cause ever existed."""
    working = existing.state in {AlertState.ACCEPTED, AlertState.HANDED_OVER}
    never_so = kind is CauseKind.RISK and reason is WithdrawalReason.CORRECTED
    return WithdrawAlert(reason) if never_so or not working else KeepAlert()
