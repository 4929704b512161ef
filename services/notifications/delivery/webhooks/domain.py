"""Decides what a webhook says, what an answer means, and when an endpoint is left alone or switched off."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from urllib.parse import urlsplit
from uuid import UUID

from services.notifications.delivery.domain import Attempted, Fault, Outcome, reference_of
from services.notifications.delivery.holding.domain import kind_of

MOST_ENDPOINTS = 3
"""Webhooks that an office may have."""
OVERLAP = timedelta(hours=24)
"""A replaced secret signs so long beside the new one."""
LONGEST_URL = 500

_OK, _REDIRECT, _CLIENT, _SERVER = 200, 300, 400, 500
_GONE, _TOO_MANY, _UNAVAILABLE = 410, 429, 503

_EVENTS = {"notice": "new", "withdrawn": "withdrawn", "repeat": "unseen", "snooze": "due_again"}

BREAKS_AFTER = 5
"""Attempts in a row that fail before an endpoint is left alone."""
_PAUSES = (60.0, 300.0, 1800.0, 3600.0)
"""Seconds for which it is left alone, longer each time that the one attempt afterwards fails, too."""
FAILING_FOR = timedelta(days=3)
"""An endpoint that has failed so long is switched off: its office has mails instead."""


class UrlFault(StrEnum):
    """Why an address is none to which webhooks are sent."""

    NOT_HTTPS = "not_https"
    UNREADABLE = "unreadable"
    WITH_SECRETS = "with_secrets"
    FORBIDDEN = "forbidden"
    """It names a machine of a private network, or this one."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a webhook goes, in the parts of its address."""

    host: str
    port: int
    path: str


def target_of(url: str) -> Target | UrlFault:
    """Read the address of a webhook.

    >>> target_of("https://fach.example/haken?x=1")
    Target(host='fach.example', port=443, path='/haken?x=1')
    >>> target_of("http://fach.example/"), target_of("https://a:b@fach.example/")
    (<UrlFault.NOT_HTTPS: 'not_https'>, <UrlFault.WITH_SECRETS: 'with_secrets'>)
    """
    unfit = any(
        not one.isascii() or one.isspace() or not one.isprintable() or one in '\\"<>^`{|}' for one in url
    )
    if unfit or len(url) > LONGEST_URL:
        return UrlFault.UNREADABLE
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return UrlFault.UNREADABLE
    if parts.scheme != "https":
        return UrlFault.NOT_HTTPS
    if parts.username is not None or parts.password is not None or parts.fragment:
        return UrlFault.WITH_SECRETS
    if not host or port == 0 or "%" in host or host.endswith("."):
        return UrlFault.UNREADABLE
    path = parts.path or "/"
    return Target(host, port or 443, f"{path}?{parts.query}" if parts.query else path)


def payload_of(step: str, alert: UUID, at: datetime, public_url: str) -> str:
    """Write what a webhook says: what happened, the alert's reference and a link; the same at every attempt.

    >>> payload_of(
    ...     "notice-1",
    ...     UUID("7d1c1ae4-5f0e-4b62-9a0e-3c7f0a4b6d21"),
    ...     datetime(2026, 3, 2, tzinfo=UTC),
    ...     "https://h.example/",
    ... )  # doctest: +ELLIPSIS
    '{"type":"notice.new","timestamp":"2026-03-02T00:00:00Z","data":{"reference":"KL-7D1C1AE4",...}}'
    """
    said = {
        "type": f"notice.{_EVENTS.get(kind_of(step), 'new')}",
        "timestamp": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "data": {"reference": reference_of(alert), "link": f"{public_url.rstrip('/')}/inbox/{alert}"},
    }
    return json.dumps(said, separators=(",", ":"))


def judged(status: int, retry_after: str | None, now: datetime) -> Attempted:
    """Judge an answer: only 2xx is success; a redirect is never followed.

    >>> judged(204, None, datetime(2026, 3, 2, tzinfo=UTC)).outcome.value
    'sent'
    >>> judged(503, "120", datetime(2026, 3, 2, tzinfo=UTC)).retry_after
    120.0
    """
    if _OK <= status < _REDIRECT:
        return Attempted(Outcome.SENT, status)
    if status == _GONE:
        return Attempted(Outcome.REFUSED, status, Fault.ENDPOINT_GONE)
    if status in {_TOO_MANY, _UNAVAILABLE}:
        return Attempted(Outcome.RETRY, status, Fault.ENDPOINT_BUSY, seconds_of(retry_after, now))
    if _REDIRECT <= status < _CLIENT:
        return Attempted(Outcome.RETRY, status, Fault.REDIRECTED)
    failed = status >= _SERVER
    return Attempted(Outcome.RETRY, status, Fault.ENDPOINT_FAILED if failed else Fault.ENDPOINT_REFUSED)


def seconds_of(retry_after: str | None, now: datetime) -> float | None:
    """Read the header Retry-After (RFC 9110, 10.2.3): seconds or a date; None if it is neither.

    >>> now = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    >>> seconds_of("Mon, 02 Mar 2026 12:01:00 GMT", now), seconds_of("-5", now), seconds_of("9" * 40, now)
    (60.0, None, None)
    """
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text) if len(text) < 10 else None  # noqa: PLR2004 - thirty years are enough
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())


@dataclass(frozen=True, slots=True)
class Health:
    """How an endpoint fares: attempts in a row that failed, and since when."""

    failed: int = 0
    failing_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Works:
    """It has answered well, or it has not failed often enough to be left alone."""

    health: Health


@dataclass(frozen=True, slots=True)
class LeaveAlone:
    """It has failed too often: nothing is sent for so many seconds, then one attempt."""

    health: Health
    seconds: float


@dataclass(frozen=True, slots=True)
class SwitchOff:
    """It is sent nothing any more until somebody switches it on again."""

    why: str


def after_attempt(health: Health, attempted: Attempted, now: datetime) -> Works | LeaveAlone | SwitchOff:
    """Decide what an attempt means for its endpoint.

    >>> at = datetime(2026, 3, 2, tzinfo=UTC)
    >>> after_attempt(Health(4, at), Attempted(Outcome.RETRY), at).seconds
    60.0
    >>> after_attempt(Health(9, at), Attempted(Outcome.SENT, 204), at)
    Works(health=Health(failed=0, failing_since=None))
    """
    if attempted.outcome is Outcome.SENT:
        return Works(Health())
    if attempted.fault is Fault.ENDPOINT_GONE:
        return SwitchOff("gone")
    since = health.failing_since or now
    if now - since >= FAILING_FOR:
        return SwitchOff("failing")
    failed = Health(health.failed + 1, since)
    # An endpoint that says when to come back works, if slowly: it is asked no sooner.
    asked = min(attempted.retry_after or 0.0, _PAUSES[-1])
    if failed.failed < BREAKS_AFTER:
        return LeaveAlone(failed, asked) if asked else Works(failed)
    pause = _PAUSES[min(failed.failed - BREAKS_AFTER, len(_PAUSES) - 1)]
    return LeaveAlone(failed, max(pause, asked))
