"""Reads the form that says how an office is told; errors are said at their fields."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Any

from starlette.datastructures import FormData

from services.notifications.delivery.holding.domain import Enrolments, Hold, Telling
from services.notifications.delivery.holding.telling_store import Choice
from services.notifications.mailboxes import MailboxError, canonical
from services.notifications.pages.channels import words
from services.runtime.web.languages import Texts

_LONGEST = 300
_MOST_HOURS = 400
_CLOCK = len("08:00")


@dataclass(slots=True)
class TellingForm:
    """A form as entered, with its errors (field -> msgid)."""

    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)
    choice: Choice | None = None

    def told(self, texts: Texts) -> dict[str, str]:
        """Return the errors in the visitor's language."""
        return {name: texts.plain(message) for name, message in self.errors.items()}


def values_of(choice: Choice) -> dict[str, str]:
    """Return the values of a choice, as somebody would enter them."""
    telling = choice.telling
    return {
        "enrolments": telling.enrolments.value,
        "digest_at": f"{telling.digest_at:%H:%M}",
        "hold": telling.hold.value,
        "quiet_from": f"{telling.quiet_from:%H:%M}",
        "quiet_to": f"{telling.quiet_to:%H:%M}",
        "repeat_hours": "" if telling.repeat_hours is None else str(telling.repeat_hours),
        "by_mail": "1" if telling.by_mail else "",
        "head_mail": choice.head_mail or "",
        "last_mail": choice.last_mail or "",
    }


def changes_of(before: Choice, after: Choice) -> dict[str, Any]:
    """Return field -> [before, after] of what changed; of mailboxes only that they did."""
    old, new = values_of(before), values_of(after)
    return {
        name: None if name.endswith("_mail") and name != "by_mail" else [old[name], new[name]]
        for name in new
        if old[name] != new[name]
    }


def read(form: FormData, *, has_webhook: bool) -> TellingForm:
    """Read the form; without errors a choice is made of it."""
    names = (*values_of(Choice(Telling())), "version")
    found = TellingForm({name: str(form.get(name) or "").strip()[:_LONGEST] for name in names})
    values = found.values
    clocks = {name: _clock(found, name) for name in ("digest_at", "quiet_from", "quiet_to")}
    for name, known in (("enrolments", Enrolments), ("hold", Hold)):
        if values[name] not in set(known):
            found.errors[name] = words.CHOOSE
    if values["hold"] == Hold.QUIET_HOURS and clocks["quiet_from"] == clocks["quiet_to"]:
        found.errors.setdefault("quiet_to", words.SAME_TIMES)
    hours = _hours(found)
    mails = {name: _mailbox(found, name) for name in ("head_mail", "last_mail")}
    by_mail = values["by_mail"] == "1"
    if not by_mail and not has_webhook:
        found.errors["by_mail"] = words.NEEDS_WEBHOOK
    if not found.errors:
        found.choice = Choice(_telling(values, clocks, hours, by_mail=by_mail), **mails)
    return found


def _telling(
    values: Mapping[str, str], clocks: Mapping[str, time], hours: int | None, *, by_mail: bool
) -> Telling:
    return Telling(
        Enrolments(values["enrolments"]),
        clocks["digest_at"],
        Hold(values["hold"]),
        clocks["quiet_from"],
        clocks["quiet_to"],
        hours,
        by_mail,
    )


def _clock(found: TellingForm, name: str) -> time:
    text = found.values[name]
    try:
        if text.isascii() and 0 < len(text) <= _CLOCK and ":" in text:
            return time.fromisoformat(text.zfill(_CLOCK))
    except ValueError:
        pass
    found.errors[name] = words.NO_TIME
    return time(0)


def _hours(found: TellingForm) -> int | None:
    text = found.values["repeat_hours"]
    if not text:
        return None
    hours = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(_MOST_HOURS)) else 0
    if not 1 <= hours <= _MOST_HOURS:
        found.errors["repeat_hours"] = words.NO_HOURS
    return hours


def _mailbox(found: TellingForm, name: str) -> str | None:
    text = found.values[name]
    if not text:
        return None
    try:
        return canonical(text)
    except MailboxError:
        found.errors[name] = words.NO_MAILBOX
        return None
