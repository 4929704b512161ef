"""Loads the directory of counselling offices and ranks them for a person."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from schemas.base import Ags5, Ags8, Slug
from schemas.bounds import Text
from schemas.days import local_day
from services.notifications.offices import store
from services.notifications.offices.domain import CounsellingOffice, PersonFacts, RankedOffice, rank
from services.notifications.people import handlers as people
from services.notifications.people.crypto import Keyring
from services.notifications.people.domain import Purpose
from services.runtime.data.db import Connection

Mail = Annotated[str, Field(pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+$", max_length=254)]
Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Weekday = Annotated[str, Field(pattern=r"^(mon|tue|wed|thu|fri|sat|sun)$")]


class OfficeEntry(BaseModel):
    """One office in a directory file."""

    model_config = ConfigDict(extra="forbid")

    slug: Slug
    name: Text
    organisation: Slug
    kind: Annotated[str, Field(pattern=r"^[a-z_]{1,30}$")]
    catchment: Annotated[list[Ags5 | Ags8], Field(min_length=1)]
    """Municipalities (eight digits) and Kreise (five)."""
    age_from: Annotated[int, Field(ge=0, le=120)] | None = None
    age_below: Annotated[int, Field(ge=0, le=120)] | None = None
    asylum_phases: list[str] = Field(default_factory=list)
    languages: list[str] = Field(default_factory=list)
    mail: Mail
    lead_mail: Mail
    """Within the organisation; an unanswered alert goes here and nowhere else."""
    stand_in: Slug | None = None
    capacity: Annotated[int, Field(ge=0, le=10_000)] = 60
    hours: dict[Weekday, list[tuple[Clock, Clock]]] = Field(default_factory=dict)
    """CounsellingOffice hours; none means Monday to Friday, nine to four."""
    closed_days: list[date] = Field(default_factory=list)
    active: bool = True


def read_directory(path: Path) -> list[OfficeEntry]:
    """Read a directory file (JSON or YAML: a list of offices, or an object with `offices`)."""
    content = yaml.safe_load(path.read_text("utf-8"))
    if isinstance(content, dict):
        content = content.get("offices")
    return TypeAdapter(list[OfficeEntry]).validate_python(content)


async def load(conn: Connection, entries: Sequence[OfficeEntry]) -> int:
    """Store the directory; offices not in it stay. Return how many people's alerts are reconciled."""
    for entry in sorted(entries, key=lambda entry: entry.slug):
        await store.put(conn, entry.model_dump())
    return await store.reconcile_everybody_consenting(conn)


async def facts_of(
    conn: Connection, keyring: Keyring, participants: Sequence[UUID], now: datetime
) -> dict[UUID, PersonFacts]:
    """Read what decides about responsibility; each look at a birth date, which is sealed, is logged."""
    rows = await store.facts(conn, participants)
    births: dict[UUID, date | None] = {}
    for organisation in sorted({row["registering"] for row in rows if row["registering"]}):
        theirs = [row["participant_id"] for row in rows if row["registering"] == organisation]
        reader = people.Reader(organisation, "service:routing", Purpose.ROUTING)
        found = await people.read(conn, keyring, reader, theirs, now)
        births |= {participant: contact.birth_date for participant, contact in found.items()}
    return {
        row["participant_id"]: PersonFacts(
            row["town"],
            births.get(row["participant_id"]),
            row["youth_until"],
            row["asylum_phase"],
            frozenset(row["languages"]),
        )
        for row in rows
    }


async def suggest(conn: Connection, keyring: Keyring, participant: UUID, now: datetime) -> list[RankedOffice]:
    """Rank all offices for a person, best first, so that the consent form can name one.

    Runs for the worker, and for the web role of the registering organisation.
    """
    facts = (await facts_of(conn, keyring, [participant], now))[participant]
    offices = [entry.office for entry in (await store.directory(conn)).values()]
    return rank(facts, offices, local_day(now))


def candidates(
    facts: PersonFacts,
    directory: Mapping[str, store.DirectoryEntry],
    consented: Sequence[str],
    today: date,
    *,
    relations: frozenset[str],
    load: Mapping[str, int],
) -> list[RankedOffice]:
    """Rank the offices that a person allowed to know."""
    offices: list[CounsellingOffice] = [directory[slug].office for slug in consented if slug in directory]
    return rank(facts, offices, today, relations=relations, load=load)


def as_stored(ranked: Sequence[RankedOffice]) -> list[dict[str, Any]]:
    """Return a ranking as it is stored with an alert."""
    return [{"office": entry.office, "criteria": dict(entry.criteria)} for entry in ranked]
