"""Names deliveries, and decides what follows an attempt to send one."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID, uuid5

SCHEDULE = (5.0, 60.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0)
"""Seconds to wait after the first, second ... attempt; the mail is given up after some two days."""


class Outcome(StrEnum):
    """How an attempt ended; also the label of the metric."""

    SENT = "sent"
    RETRY = "retry"
    REFUSED = "refused"
    IN_DOUBT = "in_doubt"


def reference_of(alert: UUID) -> str:
    """Return the reference that mails and pages use for an alert; it tells nothing about the person.

    >>> reference_of(UUID("7d1c1ae4-5f0e-5b62-9a0e-3c7f0a4b6d21"))
    'KL-7D1C1AE4'
    """
    return f"KL-{str(alert)[:8].upper()}"


def delivery_id(alert: UUID, recipient: str, channel: str, step: str) -> UUID:
    """Derive a delivery's id: the same alert, recipient, channel and step is the same delivery."""
    return uuid5(alert, f"delivery/{recipient}/{channel}/{step}")


def delay_after(attempt: int) -> float | None:
    """Return the seconds to wait after this attempt (1, 2, ...); None: give up.

    >>> delay_after(1), delay_after(3), delay_after(99)
    (5.0, 300.0, None)
    """
    return SCHEDULE[attempt - 1] if 1 <= attempt <= len(SCHEDULE) else None


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """Try once more after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Delivered:
    """The server took it."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """It will not be tried again; `why` is stored for the operator."""

    why: str


NextStep = RetryAfter | Delivered | GiveUp


def next_step(outcome: Outcome, attempt: int, in_doubt: int, in_doubt_retries: int) -> NextStep:
    """Decide what follows an attempt; `in_doubt` counts those without a known end, this one included."""
    match outcome:
        case Outcome.SENT:
            return Delivered()
        case Outcome.REFUSED:
            return GiveUp("refused")
        case Outcome.IN_DOUBT:
            return RetryAfter(0.0) if in_doubt <= in_doubt_retries else GiveUp("in_doubt")
        case Outcome.RETRY:
            delay = delay_after(attempt)
            return GiveUp("too_many_attempts") if delay is None else RetryAfter(delay)
