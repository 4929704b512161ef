"""Collects what is held about one person; an authority gets only what does not rest on consent."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from services.notifications.access.sources import (
    FOUND_BY,
    OPEN_TO_AUTHORITIES,
    UNDER_CONSENT,
    names,
    rows_of,
)
from services.notifications.participation import stand_ins
from services.notifications.people.domain import Contact
from services.runtime.base.identity_key import IdentityKey
from services.runtime.data.db import Connection
from services.runtime.data.retention import Registry, read

REGISTRY = Path(__file__).parents[1] / "retention.yaml"


@dataclass(frozen=True, slots=True)
class PersonData:
    """What is held about a person: contact, rows by table, and what offices and schools are called."""

    reference: str
    office: str
    made_on: date
    contact: Contact | None
    tables: Mapping[str, list[dict[str, Any]]]
    authority: bool
    names: Mapping[str, str]


async def collect(
    conn: Connection,
    key: IdentityKey,
    participant: UUID,
    *,
    reference: str,
    office: str,
    contact: Contact | None,
    authority: bool,
    today: date,
) -> PersonData:
    """Read every table for the worker. The caller has seen that the person is the visitor's office's own."""
    tables = {}
    for table in FOUND_BY:
        if authority and table in UNDER_CONSENT:
            continue
        own = stand_ins.hashed(key.stand_in(participant)) if table == "held_mark" else participant
        rows = await rows_of(conn, table, [own])
        if authority and table in {"disclosure", "disclosure_log"}:
            rows = [row for row in rows if row["purpose"] in OPEN_TO_AUTHORITIES]
        tables[table] = rows
    return PersonData(reference, office, today, contact, tables, authority, await names(conn))


def as_json(data: PersonData) -> dict[str, Any]:
    """Return everything with what it is for, on what it rests and how long it is kept."""
    registry = read(REGISTRY)
    return {
        "about": {"reference": data.reference, "office": data.office},
        "made_on": data.made_on.isoformat(),
        "contact": None if data.contact is None else asdict(data.contact),
        "held": {table: _told(registry, table, rows) for table, rows in data.tables.items()},
        "not_told_to_an_authority": sorted(UNDER_CONSENT) if data.authority else [],
    }


def _told(registry: Registry, table: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    entry = registry.tables[table]
    return {
        "purpose": entry.purpose,
        "basis": entry.basis,
        "kept": registry.periods[entry.period].says,
        "rows": rows,
    }
