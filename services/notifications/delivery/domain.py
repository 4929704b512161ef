"""Names of deliveries, their retry schedule, and what an attempt's end means."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID, uuid5

SCHEDULE = (5.0, 60.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0)
"""Seconds to wait after the first, second ... attempt that may be repeated: hours in all."""


class Outcome(StrEnum):
    """How an attempt ended; also the label of the metric."""

    SENT = "sent"
    RETRY = "retry"
    REFUSED = "refused"
    IN_DOUBT = "in_doubt"


def delivery_id(alert: UUID, recipient: str, channel: str, step: str) -> UUID:
    """Name a delivery: the same alert, recipient, channel and step is the same delivery."""
    return uuid5(alert, f"delivery/{recipient}/{channel}/{step}")


def delay_after(attempt: int) -> float | None:
    """Return the seconds to wait after this attempt (1, 2, ...); None: give up.

    >>> delay_after(1), delay_after(3), delay_after(99)
    (5.0, 300.0, None)
    """
    return SCHEDULE[attempt - 1] if 1 <= attempt <= len(SCHEDULE) else None


@dataclass(frozen=True, slots=True)
class Again:
    """Try once more after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Sent:
    """The server took it."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """It will not be tried again; `why` is for the ledger and the operator."""

    why: str


Next = Again | Sent | GiveUp


def next_step(outcome: Outcome, attempt: int, in_doubt: int, in_doubt_retries: int) -> Next:
    """Say what follows an attempt; `in_doubt` counts the attempts without a known end, this one included."""
    match outcome:
        case Outcome.SENT:
            return Sent()
        case Outcome.REFUSED:
            return GiveUp("refused")
        case Outcome.IN_DOUBT:
            return Again(0.0) if in_doubt <= in_doubt_retries else GiveUp("in_doubt")
        case Outcome.RETRY:
            delay = delay_after(attempt)
            return GiveUp("too_many_attempts") if delay is None else Again(delay)
