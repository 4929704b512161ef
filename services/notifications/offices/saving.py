"""Saves what somebody entered about an office of their own organisation, and writes down what changed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from services.notifications.offices import own_store, store
from services.notifications.offices.directory_file import StandInFault, directory_with, stand_in_fault
from services.notifications.offices.entries import OfficeEntry
from services.places.domain import folded
from services.runtime.data.db import Connection

_LONGEST_SLUG = 40  # leaves room for a number behind it
_MAILBOXES = frozenset({"mail", "lead_mail"})


class NotSaved(StrEnum):
    """Why nothing was saved, besides what is wrong with the stand-in."""

    OUTDATED = "outdated"
    """Somebody else has saved it since it was opened."""
    SAME_NAME = "same_name"
    """The organisation has another office of this name."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Who saves an office, when, and the version they have opened; None: a new one."""

    by: str
    now: datetime
    version: int | None


async def save(conn: Connection, entry: OfficeEntry, edit: Edit) -> int | NotSaved | StandInFault:
    """Save an office in a transaction of the web role; return its version, or why it was not saved.

    The alerts of everybody whom it may concern are reconciled, as when a directory file is loaded.
    """
    await store.lock(conn)
    fault = stand_in_fault(entry, directory_with([entry], await store.stand_ins(conn)))
    if fault is not None:
        return fault
    for other in await own_store.listed(conn):
        if (other["organisation"], other["name"]) == (entry.organisation, entry.name) and (
            other["slug"] != entry.slug
        ):
            return NotSaved.SAME_NAME
    row = entry.model_dump()
    stored = await own_store.office(conn, entry.slug)
    if edit.version is None:
        version = await own_store.add(conn, row)
    else:
        version = await own_store.change(conn, row, edit.version)
    if version is None:
        return NotSaved.OUTDATED
    changed = changes_of({} if stored is None else dict(stored), row)
    await own_store.record_change(conn, row, version, by=edit.by, changed=changed, now=edit.now)
    await own_store.reconsider_consenting(conn)
    return version


def changes_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return field -> [before, after] of what changed; of mailboxes only that they did.

    >>> changes_of({"capacity": 60, "mail": "a@b.example"}, {"capacity": 50, "mail": "c@b.example"})
    {'capacity': [60, 50], 'mail': None}
    >>> changes_of({"closed_days": [date(2026, 12, 24)]}, {"closed_days": [date(2026, 12, 24)]})
    {}
    """
    found: dict[str, Any] = {}
    for name, value in after.items():
        was, now = _plain(before.get(name)), _plain(value)
        if was != now:
            found[name] = None if name in _MAILBOXES else [was, now]
    return found


def _plain(value: Any) -> Any:  # noqa: ANN401 - any field of an office, as JSON
    match value:
        case date():
            return value.isoformat()
        case dict():
            return {key: _plain(one) for key, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case StrEnum():
            return value.value
        case _:
            return value


def slug_for(name: str, taken: Collection[str]) -> str:
    """Make the slug of a new office from its name; it stays whatever the office is called later.

    >>> slug_for("Beratung Süd (MBE)", {"beratung-sued-mbe"}), slug_for("Приём", set())
    ('beratung-sued-mbe-2', 'office')
    """
    words = "".join(one if one.isascii() else "" for one in folded(name)[0]).split()
    made = "-".join(words)[:_LONGEST_SLUG].strip("-") or "office"
    numbered = (f"{made}-{number}" for number in range(2, len(taken) + 3))
    return made if made not in taken else next(slug for slug in numbered if slug not in taken)
