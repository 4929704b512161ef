"""Finds the hard rules that speak against one person in places, for somebody who decides otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

import asyncpg

from services.allocation.law.rulebook import RuleBook
from services.allocation.steering.matching.domain import EntryKey
from services.allocation.steering.matching.eligibility import eligibility_of
from services.allocation.steering.matching.snapshot import snapshot_of
from services.allocation.steering.runs import reading
from services.allocation.steering.runs.regions import PolicyOf, region_of


async def rules_against(  # noqa: PLR0917 - who, where, when, by which rules
    conn: asyncpg.Connection,
    participant: UUID,
    kreis: str,
    courses: Sequence[UUID],
    day: date,
    policies: PolicyOf,
    rulebook: RuleBook,
) -> Mapping[EntryKey, tuple[str, ...]]:
    """Name the hard rules that speak against each place in some courses, in the order in which they are told.

    Missing is where steering does not look at the person or the place: somebody who has a seat, a section
    that is over. The order of rules is that of hardrules.hard_rules.
    """
    person = await reading.read_person(conn, participant, day)
    if person is None:
        return {}
    region = region_of(kreis, day, policies)
    rules = rulebook.on(day)
    seen = snapshot_of(
        region.name,
        day,
        people=[replace(person, offer=None)],
        courses=await reading.read_courses(conn, region.kreise, day, rules, courses),
        rules=rules,
        policy=policies.on(region.lead, day),
        travel=await reading.read_travel(conn, region.kreise),
        pooled=region.pooled,
        pooled_types=region.types,
    )
    known = eligibility_of(seen)
    return {entry.key: known.failed(0, place) for place, entry in enumerate(known.entries)}
