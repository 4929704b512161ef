"""Decides which event a course of a file becomes, given what was imported before."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from schemas.providers import CourseAnnounced, CourseCancelled, CourseChanged
from services.gateway.files.content import content_hash, event_id
from services.gateway.files.courses import Draft
from services.gateway.files.store import Imported

KIND = "open-qcat"


@dataclass(frozen=True, slots=True)
class Gone:
    """A course that the file deletes."""

    key: str
    row: int


@dataclass(frozen=True, slots=True)
class Step:
    """One event that a row becomes, and what the row is from then on."""

    type: str
    id: str
    data: Mapping[str, Any]
    after: Imported


@dataclass(frozen=True, slots=True)
class Nothing:
    """The file says what was known."""


def step(publisher: str, wish: Draft | Gone, before: Imported | None, today: date) -> Step | Nothing:
    """Return the event, or nothing if there is no news."""
    match wish:
        case Draft():
            return _announce(publisher, wish, before)
        case Gone():
            return _cancel(publisher, wish, before, today)


def _announce(publisher: str, draft: Draft, before: Imported | None) -> Step | Nothing:
    content = content_hash(draft.data)
    if before is not None and not before.gone and before.content == content:
        return Nothing()
    id_ = event_id(publisher, KIND, draft.key, content, before.event_id if before else None)
    after = Imported(content, id_, draft.data, gone=False, belongs_to=draft.offer)
    if before is None or before.gone or before.data is None or not _is_change(before.data, draft.data):
        return Step(CourseAnnounced.type_, id_, draft.data, after)
    changed = {name: value for name, value in draft.data.items() if before.data.get(name) != value}
    return Step(CourseChanged.type_, id_, {"course": draft.key} | changed, after)


def _is_change(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Say whether CourseChanged can express it: it cannot take a field back or change the Kreis."""
    return set(before) <= set(now) and before.get("kreis") == now.get("kreis")


def _cancel(publisher: str, gone: Gone, before: Imported | None, today: date) -> Step | Nothing:
    if before is None or before.gone:
        return Nothing()
    id_ = event_id(publisher, KIND, gone.key, content_hash({"gone": True}), before.event_id)
    data = {"course": gone.key, "cancelled_on": today.isoformat(), "reason": "other"}
    after = Imported(before.content, id_, before.data, gone=True, belongs_to=before.belongs_to)
    return Step(CourseCancelled.type_, id_, data, after)
