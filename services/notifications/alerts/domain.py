"""What becomes of an enrolment or a risk: raised, passed on, opened again, withdrawn; and who may answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID, uuid5

from services.notifications.offices.domain import Ranked


class State(StrEnum):
    """States of an alert (architecture.md, 'Notifications')."""

    NEW = "new"
    SEEN = "seen"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    HANDED_OVER = "handed_over"
    DONE = "done"
    WITHDRAWN = "withdrawn"


UNANSWERED = frozenset({State.NEW, State.SEEN})
OPEN = frozenset(State) - {State.DONE, State.WITHDRAWN}


class Kind(StrEnum):
    """What an alert is about."""

    ENROLMENT = "enrolment"
    RISK = "risk"


class Command(StrEnum):
    """What a counselling office can do with an alert."""

    SEE = "see"
    ACCEPT = "accept"
    DECLINE = "decline"
    HAND_OVER = "hand_over"
    DONE = "done"


class Why(StrEnum):
    """Why an alert was withdrawn."""

    CONSENT_ENDED = "consent_ended"
    RETURNED = "returned"
    CORRECTED = "corrected"
    COURSE_CANCELLED = "course_cancelled"
    ENROLMENT_OVER = "enrolment_over"


_ANSWERS: Mapping[Command, tuple[frozenset[State], State]] = {
    Command.SEE: (frozenset({State.NEW}), State.SEEN),
    Command.ACCEPT: (UNANSWERED, State.ACCEPTED),
    Command.DECLINE: (UNANSWERED, State.DECLINED),
    Command.HAND_OVER: (UNANSWERED | {State.ACCEPTED}, State.HANDED_OVER),
    Command.DONE: (frozenset({State.ACCEPTED, State.HANDED_OVER}), State.DONE),
}


def after(state: State, command: Command) -> State | None:
    """Return the state after a command; None if it is no longer possible.

    >>> after(State.NEW, Command.ACCEPT)
    <State.ACCEPTED: 'accepted'>
    >>> after(State.WITHDRAWN, Command.ACCEPT) is None
    True
    """
    allowed, result = _ANSWERS[command]
    return result if state in allowed else None


def alert_id(matter: UUID, purpose: str) -> UUID:
    """Name the alert of a placement or risk for a purpose: there is only one, ever."""
    return uuid5(matter, f"alert/{purpose}")


def reference_of(alert: UUID) -> str:
    """Return what people call an alert; says nothing about anybody.

    >>> reference_of(UUID("7d1c1ae4-5f0e-5b62-9a0e-3c7f0a4b6d21"))
    'KL-7D1C1AE4'
    """
    return f"KL-{str(alert)[:8].upper()}"


@dataclass(frozen=True, slots=True)
class Matter:
    """An enrolment or a risk as it stands; `over` says why it is no longer open."""

    id: UUID
    kind: Kind
    purpose: str
    participant: UUID
    course: UUID
    reason: Mapping[str, object]
    over: Why | None = None


@dataclass(frozen=True, slots=True)
class Existing:
    """The alert on record about a matter."""

    state: State
    office: str
    declined: frozenset[str]
    withdrawn_for: str | None


@dataclass(frozen=True, slots=True)
class Nothing:
    """All is as it should be, or nobody may be told."""


@dataclass(frozen=True, slots=True)
class Raise:
    """Open the alert (again), to the first; the others follow if it declines."""

    chain: Sequence[Ranked]


@dataclass(frozen=True, slots=True)
class PassOn:
    """The office declined: ask the next."""

    chain: Sequence[Ranked]


@dataclass(frozen=True, slots=True)
class Refresh:
    """The matter goes on with other parameters."""


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Withdraw the alert, with notice."""

    why: Why


Decision = Nothing | Raise | PassOn | Refresh | TakeBack


def decide(matter: Matter, existing: Existing | None, candidates: Sequence[Ranked]) -> Decision:
    """Say what becomes of a matter; `candidates` are the offices with valid consent, best first."""
    if existing is None:
        return Raise(candidates) if matter.over is None and candidates else Nothing()
    if existing.state is State.DONE:
        return Nothing()
    if existing.state is State.WITHDRAWN:
        return Raise(candidates) if matter.over is None and candidates else Nothing()
    if matter.over is not None:
        return _over(existing, matter.over, matter.kind)
    if existing.state is State.DECLINED:
        rest = [ranked for ranked in candidates if ranked.office not in existing.declined]
        return PassOn(rest) if rest else Nothing()
    return Refresh()


def _over(existing: Existing, why: Why, kind: Kind) -> Decision:
    """Somebody who accepted decides alone when the work is done, unless the cause never existed."""
    working = existing.state in {State.ACCEPTED, State.HANDED_OVER}
    never_so = kind is Kind.RISK and why is Why.CORRECTED
    return TakeBack(why) if never_so or not working else Nothing()
