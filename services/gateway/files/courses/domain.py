"""Decides which event a course of a file becomes, given what was imported before."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from schemas.providers import CourseAnnounced, CourseCancelled, CourseChanged
from services.gateway.files.courses.drafts import Draft
from services.gateway.files.domain import Imported, content_hash, event_id

KIND = "open-qcat"


@dataclass(frozen=True, slots=True)
class Deleted:
    """A course that the file deletes."""

    key: str
    row: int


@dataclass(frozen=True, slots=True)
class RowEvent:
    """The event that a row becomes, and what is stored of the row from then on."""

    type: str
    id: str
    data: Mapping[str, Any]
    after: Imported


def event_for(
    publisher: str, change: Draft | Deleted, before: Imported | None, today: date
) -> RowEvent | None:
    """Return the event that a row becomes; None if it says what was known."""
    match change:
        case Draft():
            return _announce(publisher, change, before)
        case Deleted():
            return _cancel(publisher, change, before, today)


def _announce(publisher: str, draft: Draft, before: Imported | None) -> RowEvent | None:
    content = content_hash(draft.data)
    if before is not None and not before.gone and before.content == content:
        return None
    id_ = event_id(publisher, KIND, draft.key, content, before.event_id if before else None)
    after = Imported(content, id_, draft.data, gone=False, belongs_to=draft.offer)
    if before is None or before.gone or before.data is None or not _is_change(before.data, draft.data):
        return RowEvent(CourseAnnounced.type_, id_, draft.data, after)
    changed = {name: value for name, value in draft.data.items() if before.data.get(name) != value}
    return RowEvent(CourseChanged.type_, id_, {"course": draft.key} | changed, after)


def _is_change(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Return whether CourseChanged can express it: it can neither clear a field nor change the Kreis."""
    return set(before) <= set(now) and before.get("kreis") == now.get("kreis")


def _cancel(publisher: str, deleted: Deleted, before: Imported | None, today: date) -> RowEvent | None:
    if before is None or before.gone:
        return None
    id_ = event_id(publisher, KIND, deleted.key, content_hash({"gone": True}), before.event_id)
    data = {"course": deleted.key, "cancelled_on": today.isoformat(), "reason": "other"}
    after = Imported(before.content, id_, before.data, gone=True, belongs_to=before.belongs_to)
    return RowEvent(CourseCancelled.type_, id_, data, after)
