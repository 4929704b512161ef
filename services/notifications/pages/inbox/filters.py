"""Reads what the inbox is limited to from its address; never a name, and colleagues only under a mark."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from services.notifications.alerts.domain import Severity
from services.notifications.pages.desk.filters import Paged, paged
from services.runtime.web.languages import msgid

SORTS: Mapping[str, str] = {
    "": msgid("most urgent first"),
    "oldest": msgid("oldest first"),
    "newest": msgid("newest first"),
}
SHOWN: Mapping[str, str] = {
    "": msgid("open alerts"),
    "unanswered": msgid("waiting for an answer"),
    "work": msgid("at work"),
    "mine": msgid("taken by me"),
    "off": msgid("put off"),
    "all": msgid("open alerts and those that are over"),
}
KINDS: Mapping[str, str] = {"risk": msgid("help may be needed"), "enrolment": msgid("a course begins")}
SEVERITIES: Mapping[str, str] = {
    Severity.HIGH: msgid("urgent"),
    Severity.MEDIUM: msgid("normal"),
    Severity.LOW: msgid("can wait"),
}
_MARK = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFilter(Paged):
    """Which of an office's alerts are listed: how they stand, kind, severity, and who has them."""

    state: str = ""
    kind: str = ""
    severity: str = ""
    who: str = ""


def mark_of(key: str) -> str:
    """Return what stands for a colleague in an address, which logs may keep.

    >>> mark_of("sara-demir") == mark_of("sara-demir") != mark_of("tim-albers")
    True
    """
    return sha256(key.encode()).hexdigest()[:_MARK]


def alert_filter(query: Mapping[str, str]) -> AlertFilter:
    """Read the filter of the inbox from an address; what it does not know limits nothing."""

    def chosen(name: str, known: Mapping[str, str]) -> str:
        value = query.get(name, "")
        return value if value in known else ""

    sort, size, page = paged(query, SORTS)
    who = query.get("who", "")
    return AlertFilter(
        sort=sort,
        size=size,
        page=page,
        state=chosen("state", SHOWN),
        kind=chosen("kind", KINDS),
        severity=chosen("severity", SEVERITIES),
        who=who if len(who) == _MARK and set(who) <= set("0123456789abcdef") else "",
    )
