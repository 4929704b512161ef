"""Loads the directory of counselling offices and ranks them for a person."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from schemas.days import local_day
from services.notifications.offices import store
from services.notifications.offices.directory_file import check_stand_ins
from services.notifications.offices.domain import CoursePhase, PersonFacts, RankedOffice
from services.notifications.offices.entries import OfficeEntry
from services.notifications.offices.ranking import HANDED_OVER, OPEN, passed_over, rank, unsuited_by
from services.notifications.people import handlers as people
from services.notifications.people.domain import Purpose
from services.notifications.people.keys import PersonSecrets
from services.places.store import belong_to
from services.runtime.data.db import Connection


async def load(conn: Connection, entries: Sequence[OfficeEntry]) -> int:
    """Store the directory; offices not in it stay. Return how many people's alerts are reconciled.

    Raises:
        DirectoryError: entries do not fit together or what is stored.
    """
    await store.lock(conn)
    check_stand_ins(entries, await store.stand_ins(conn))
    for entry in sorted(entries, key=lambda entry: entry.slug):
        await store.put(conn, entry.model_dump())
    return await store.reconcile_everybody_consenting(conn)


async def facts_of(
    conn: Connection, secrets: PersonSecrets, participants: Sequence[UUID], now: datetime
) -> dict[UUID, PersonFacts]:
    """Read what decides about responsibility; each look at a birth date, which is sealed, is logged."""
    rows = await store.facts(conn, participants)
    births: dict[UUID, date | None] = {}
    for organisation in sorted({row["registering"] for row in rows if row["registering"]}):
        theirs = [row["participant_id"] for row in rows if row["registering"] == organisation]
        reader = people.Reader(organisation, "service:routing", Purpose.ROUTING)
        found = await people.read(conn, secrets, reader, theirs, now)
        births |= {participant: contact.birth_date for participant, contact in found.items()}
    towns = {row["town"] for row in rows if row["town"]}
    since = await belong_to(conn, towns, local_day(now)) if towns else {}
    return {
        row["participant_id"]: PersonFacts(
            row["town"],
            births.get(row["participant_id"]),
            row["youth_until"],
            row["asylum_phase"],
            frozenset(row["languages"]),
            since.get(row["town"], frozenset()),
        )
        for row in rows
    }


async def suggest(
    conn: Connection, secrets: PersonSecrets, participant: UUID, now: datetime
) -> list[RankedOffice]:
    """Rank all offices for a person, best first, so that the consent form can name one.

    Runs for the worker, and for the web role of the registering organisation.
    """
    facts = (await facts_of(conn, secrets, [participant], now))[participant]
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
    phase: CoursePhase,
    group: str = "",
) -> list[RankedOffice]:
    """Rank the offices that a person allowed to know; those closed today come after open ones that fit."""
    entries = [directory[slug] for slug in consented if slug in directory]
    closed = {entry.office.slug: why for entry in entries if (why := entry.hours.closed_for(today))}
    return rank(
        facts,
        [entry.office for entry in entries],
        today,
        relations=relations,
        load=load,
        phase=phase,
        group=group,
        closed=closed,
    )


def unreachable(directory: Mapping[str, store.DirectoryEntry], consented: Sequence[str]) -> dict[str, str]:
    """Return the offices that a person allowed and that nothing can be told, and why, by slug."""
    found = {}
    for slug in sorted(consented):
        if slug not in directory:
            found[slug] = "unknown"
        elif not directory[slug].office.active:
            found[slug] = "inactive"
    return found


def as_stored(
    ranked: Sequence[RankedOffice], unreachable_: Mapping[str, str], *, handed_over: bool = False
) -> dict[str, Any]:
    """Return a ranking as it is stored with an alert: what speaks for each, what decided against it.

    Offices that can be told nothing come last. Where another office chose the first, no criterion did.
    """
    against = {one.office: HANDED_OVER for one in ranked[1:]} if handed_over else passed_over(ranked)
    stored: dict[str, Any] = {
        "ranking": [
            {"office": one.office, "criteria": dict(one.criteria), "against": against.get(one.office, "")}
            for one in ranked
        ]
        + [{"office": slug, "criteria": {OPEN: why}, "against": OPEN} for slug, why in unreachable_.items()]
    }
    instead = ranked[0].stands_in_for
    if instead is not None:
        stored["stands_in_for"] = {"office": instead.office, "why": instead.criteria["open"]}
    unsuited = "" if instead is not None else unsuited_by(ranked[0])
    return stored | ({"unsuited": unsuited} if unsuited else {})
