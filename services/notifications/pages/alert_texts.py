"""Explains an alert in one sentence of the reader's language."""

from datetime import date
from typing import Any

from services.runtime.web.languages import Texts, msgid
from services.texts.reasons import load

TEXTS = {
    "enrolment": msgid("The person has a place in the course “%(course)s”, which begins on %(starts_on)s."),
    "no_show": msgid("The person has not come to the course since it began on %(since)s."),
    "consecutive_unexcused": msgid(
        "The person was missing without excuse on %(days)s course days in a row, since %(since)s."
    ),
    "share_missed": msgid(
        "The person missed %(share_percent)s percent of the lessons of the last %(window_days)s days."
    ),
}
_DAYS = frozenset({"since", "reported_until", "starts_on", "until"})


def explain(texts: Texts, row: Any) -> str:  # noqa: ANN401 - a row with reason and course_title
    """Return why an alert was raised, in words; a reason without a text is shown by its code."""
    reason = load(row["reason"]) or {}
    code, params = str(reason.get("code", "")), load(reason.get("params")) or {}
    said = {name: _said(texts, name, value) for name, value in params.items()}
    said.setdefault("course", row["course_title"] or "")
    message = TEXTS.get(code)
    if message is None:
        return code.replace("_", " ")
    try:
        return texts.plain(message) % said
    except KeyError:  # an older record without the parameter
        return code.replace("_", " ")


def _said(texts: Texts, name: str, value: object) -> str:
    if name in _DAYS:
        try:
            return texts.date(date.fromisoformat(str(value)))
        except ValueError:
            return str(value)
    return str(value)
