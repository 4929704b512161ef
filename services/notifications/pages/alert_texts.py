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
    "own_pattern": msgid(
        "The person was missing on %(missed)s of %(days)s course days since %(since)s, far more than before."
    ),
    "long_excused": msgid("The person has been excused on %(days)s course days in a row, since %(since)s."),
    "section_below": msgid("A section test on %(since)s was below what is expected after the section."),
    "exam_failed": msgid("The person did not pass a final examination on %(since)s."),
    "exam_not_sat": msgid("The person did not sit a final examination on %(since)s."),
    "interrupted_long": msgid(
        "The course has been interrupted since %(since)s. After more than a year the entitlement may end."
    ),
    "hours_nearly_used": msgid("About %(ue)s of the funded hours are left."),
    "course_cancelled": msgid("The person's course was cancelled. There is no new place yet."),
    "offer_unanswered": msgid("The person has not answered the offer of a place. It expires on %(until)s."),
    "right_lapses": msgid("The person has no place yet, and the entitlement ends on %(until)s."),
    "waits_long": msgid("The person has been waiting for a place since %(since)s."),
    "completed_without_b1": msgid("The course has ended on %(since)s. The person has not reached B1."),
    "completed_without_lid": msgid(
        "The course has ended on %(since)s. The person has not passed “Leben in Deutschland”."
    ),
    "no_next_step": msgid("The course has ended on %(since)s. No next step is known."),
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
