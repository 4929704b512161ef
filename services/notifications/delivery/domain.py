"""Decides what follows an attempt to send one."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

SCHEDULE = (5.0, 60.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0)
"""Seconds to wait after the first, second ... attempt; the mail is given up after some two days."""


LONGEST_RETRY_AFTER = 86_400.0
"""A receiver is left alone for a day at most, whatever it asks for."""
_LONGEST_OWN = 4
"""Place in SCHEDULE of the longest wait after a fault of ours: half an hour; it may be mended any time."""


class Outcome(StrEnum):
    """How an attempt ended; also the label of the metric."""

    SENT = "sent"
    RETRY = "retry"
    """Not taken, and trying again helps."""
    REFUSED = "refused"
    """The recipient's mailbox does not take it."""
    IN_DOUBT = "in_doubt"
    """Nobody knows whether the server took it."""
    OWN_FAULT = "own_fault"
    """Our own server, sign-in or sender: tried until somebody mends it, never the recipient's fault."""
    UNSENDABLE = "unsendable"
    """No mail can be made of it: the mailbox in the directory is none."""


class Fault(StrEnum):
    """Why an attempt did not succeed; stored with the delivery, and the label of the metric."""

    SERVER_UNREACHABLE = "server_unreachable"
    SERVER_REFUSED = "server_refused"
    SERVER_BUSY = "server_busy"
    TLS_FAILED = "tls_failed"
    SIGN_IN_REFUSED = "sign_in_refused"
    SENDER_REFUSED = "sender_refused"
    RELAY_DENIED = "relay_denied"
    POLICY = "policy"
    CONTENT_REFUSED = "content_refused"
    RECIPIENT_REFUSED = "recipient_refused"
    DEFERRED = "deferred"
    CONNECTION_LOST = "connection_lost"
    MAILBOX_INVALID = "mailbox_invalid"
    MESSAGE_INVALID = "message_invalid"
    NO_ADDRESS = "no_address"
    SUPPRESSED = "suppressed"
    """An earlier mail to this mailbox came back: it does not exist."""
    ENDPOINT_GONE = "endpoint_gone"
    ENDPOINT_DISABLED = "endpoint_disabled"
    ENDPOINT_REFUSED = "endpoint_refused"
    ENDPOINT_BUSY = "endpoint_busy"
    ENDPOINT_FAILED = "endpoint_failed"
    ENDPOINT_SILENT = "endpoint_silent"
    ENDPOINT_UNREACHABLE = "endpoint_unreachable"
    ENDPOINT_TLS = "endpoint_tls"
    REDIRECTED = "redirected"
    ADDRESS_FORBIDDEN = "address_forbidden"
    NAME_UNKNOWN = "name_unknown"
    INTERNAL = "internal"


OF_THE_SERVER = frozenset(
    {
        Fault.SERVER_UNREACHABLE,
        Fault.SERVER_REFUSED,
        Fault.SERVER_BUSY,
        Fault.TLS_FAILED,
        Fault.SIGN_IN_REFUSED,
    }
)
"""Faults that meet every mail: others need not try before it is mended."""


@dataclass(frozen=True, slots=True)
class Attempted:
    """How an attempt to send ended, as far as it is known; `code` is the server's answer."""

    outcome: Outcome
    code: int | None = None
    fault: Fault | None = None
    retry_after: float | None = None
    """Seconds for which a receiver asked to be left alone."""


def reference_of(alert: UUID) -> str:
    """Return the reference that mails and pages use for an alert; it tells nothing about the person.

    >>> reference_of(UUID("7d1c1ae4-5f0e-5b62-9a0e-3c7f0a4b6d21"))
    'KL-7D1C1AE4'
    """
    return f"KL-{str(alert)[:8].upper()}"


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


def own_fault_delay(attempt: int) -> float:
    """Return the seconds to wait after an attempt that failed by our own fault; there is no last one.

    >>> own_fault_delay(1), own_fault_delay(4), own_fault_delay(1000)
    (5.0, 1800.0, 1800.0)
    """
    return SCHEDULE[min(max(attempt, 1), _LONGEST_OWN) - 1]


NextStep = RetryAfter | Delivered | GiveUp


def next_step(attempted: Attempted, attempt: int, in_doubt: int, in_doubt_retries: int) -> NextStep:
    """Decide what follows an attempt.

    `attempt` counts the attempts that were not spoilt by our own fault (all, after such a fault),
    `in_doubt` those without a known end, this one included.
    """
    match attempted.outcome:
        case Outcome.SENT:
            return Delivered()
        case Outcome.REFUSED | Outcome.UNSENDABLE:
            return GiveUp(attempted.fault or attempted.outcome)
        case Outcome.IN_DOUBT:
            return RetryAfter(0.0) if in_doubt <= in_doubt_retries else GiveUp("in_doubt")
        case Outcome.OWN_FAULT:
            return RetryAfter(own_fault_delay(attempt))
        case Outcome.RETRY:
            delay = delay_after(attempt)
            if delay is None:
                return GiveUp("too_many_attempts")
            return RetryAfter(max(delay, min(attempted.retry_after or 0.0, LONGEST_RETRY_AFTER)))
