"""I8: the same events in other batches give the same verdicts, tables and records."""

import random
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from schemas.base import Payload
from schemas.identity import effect_id
from schemas.offices import AssignedByAuthority, ParticipantChanged
from schemas.providers import CourseChanged
from services.runtime.events.subscription import Incoming, Verdict
from tests.allocation.builders import (
    OFFICE,
    OTHER_OFFICE,
    PROVIDER,
    START,
    WEEK,
    Publisher,
    accepted,
    after_section,
    announced,
    assigned,
    cancelled,
    completed,
    confirmed,
    declined,
    left,
    levelled,
    person,
    refused,
    registered,
    sections,
    withdrawn,
)
from tests.allocation.world import World, enter_publishers

TABLES = (
    "SELECT * FROM course ORDER BY course",
    "SELECT * FROM course_section ORDER BY course, number",
    "SELECT * FROM participant ORDER BY participant",
    "SELECT event, participant, level, section, stands FROM placement_test ORDER BY participant, place",
    "SELECT * FROM placement ORDER BY placement",
    "SELECT * FROM placement_step ORDER BY placement, version",
    "SELECT * FROM outcome ORDER BY course",
    "SELECT kreis, reasons FROM steering_request ORDER BY kreis",
    "SELECT id, aggregateid, type, payload, headers FROM runtime.outbox ORDER BY position",
)
COURSES = ["k1", "k2"]
PEOPLE = ["p1", "p2", "p3", "p4", "p5"]
EVENTS = 150


def _course_event(chance: random.Random) -> Payload:  # noqa: PLR0911 - one return for each kind
    own = chance.choice(COURSES)
    steps = [
        (person(one), chance.choice(["continues", "repeats", "skips", "pauses", "ends"]), None)
        for one in PEOPLE
        if chance.random() < 0.5
    ]
    match chance.randrange(9):
        case 0 | 1:
            return announced(
                own,
                capacity=chance.randint(1, 4),
                sections=sections(chance.randint(2, 4), START + chance.randint(0, 3) * WEEK),
                taken_elsewhere=chance.randint(0, 1),
            )
        case 2:
            return CourseChanged(course=own, capacity=chance.randint(1, 5))
        case 3:
            return CourseChanged(course=own, sections=sections(chance.randint(2, 5)))
        case 4 | 5:
            return after_section(chance.randint(1, 3), *steps, own=own)
        case 6:
            return left(person(chance.choice(PEOPLE)), own, left_on=START + chance.randint(-1, 9) * WEEK)
        case 7 if chance.random() < 0.1:
            return cancelled(own)
        case 8 if chance.random() < 0.05:
            return completed(own)
        case _:
            return announced(own, capacity=4)


def _person_event(chance: random.Random) -> Payload:
    reference = chance.choice(PEOPLE)
    match chance.randrange(8):
        case 0 | 1 | 2:
            return registered(reference, earliest_start=date(2026, 3, chance.randint(1, 28)))
        case 3:
            return levelled(reference, section=chance.randint(1, 3))
        case 4:
            return ParticipantChanged(reference=reference, needs_childcare=chance.random() < 0.5)
        case 5 if chance.random() < 0.4:
            return withdrawn(reference)
        case _:
            return assigned(reference, chance.choice(COURSES))


def _answer(chance: random.Random, placement: UUID, reference: str, own: str) -> tuple[str, Payload]:
    match chance.randrange(7):
        case 0:
            return OFFICE, accepted(placement, reference)
        case 1:
            return OFFICE, declined(placement, reference)
        case 2:
            return PROVIDER, refused(placement, person(reference), own)
        case _:
            return PROVIDER, confirmed(placement, person(reference), own)


def story(seed: int, prefix: str) -> Iterator[Incoming]:
    """Tell random events; answers are to placements that assignments may have made."""
    chance = random.Random(seed)
    says = {slug: Publisher(slug, prefix) for slug in (PROVIDER, OFFICE, OTHER_OFFICE)}
    made: list[tuple[UUID, str, str]] = []
    told: list[Incoming] = []
    for number in range(EVENTS):
        roll = chance.random()
        if roll < 0.3 or number < len(COURSES):
            payload: Payload = announced(COURSES[number]) if number < len(COURSES) else _course_event(chance)
            incoming = says[PROVIDER].says(payload)
        elif roll < 0.7 or not made:
            retracts = chance.choice(told).event.id if told and chance.random() < 0.05 else None
            incoming = says[OFFICE].says(_person_event(chance), retracts=retracts)
            if isinstance(said := incoming.event.data, AssignedByAuthority):
                id_ = effect_id(incoming.cause, "placement", incoming.subject)
                made.append((id_, said.reference, said.course))
        else:
            slug, payload = _answer(chance, *chance.choice(made[-6:]))
            incoming = says[slug].says(payload)
        told.append(incoming)
        yield incoming


def cuts(events: Sequence[Incoming], seed: int) -> list[list[Incoming]]:
    chance, rest, parts = random.Random(seed), list(events), []
    while rest:
        size = chance.randint(1, 40)
        parts.append(rest[:size])
        rest = rest[size:]
    return parts


async def _tell(world: World, batches: Sequence[Sequence[Incoming]]) -> tuple[list[Verdict], list[Any]]:
    admin = await asyncpg.connect(world.database.admin)
    try:
        await admin.execute("TRUNCATE course, participant, steering_request, runtime.outbox CASCADE")
        await admin.execute("TRUNCATE runtime.publisher")
    finally:
        await admin.close()
    await enter_publishers(world.pool)
    verdicts: list[Verdict] = []
    for batch in batches:
        verdicts += await world.judged(*batch)
    await world.check()
    return verdicts, [[tuple(row) for row in await world.rows(query)] for query in TABLES]


@pytest.mark.parametrize("seed", range(4))
async def test_other_cuts_give_the_same(world: World, seed: int) -> None:
    events = list(story(seed, world.prefix))
    one_by_one = await _tell(world, [[event] for event in events])
    for parts in ([events], cuts(events, seed), cuts(events, seed + 100)):
        verdicts, tables = await _tell(world, parts)
        for event, wanted, got in zip(events, one_by_one[0], verdicts, strict=True):
            assert got == wanted, event
        for query, wanted_rows, rows in zip(TABLES, one_by_one[1], tables, strict=True):
            assert rows == wanted_rows, query
    states = {
        row["state"] for row in await world.rows("SELECT DISTINCT to_state AS state FROM placement_step")
    }
    assert len(states) >= 4, states
