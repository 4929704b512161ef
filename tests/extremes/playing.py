"""Plays one sequence of extreme events through all services, with their timers, and tells what went wrong."""

import random
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta

from schemas.topics import Family
from services.allocation.steering.questions.queue import ask
from services.notifications.offices import handlers as offices
from services.notifications.offices.entries import OfficeEntry
from services.notifications.people import handlers as people
from services.notifications.people.domain import Contact
from services.notifications.people.keys import Keks, PersonSecrets
from services.runtime.data.db import open_pool, transaction
from tests.extremes.brokerless import Topics
from tests.extremes.complaints import complaints
from tests.extremes.invariants import broken, crashes
from tests.extremes.pool import KREISE, PUBLISHERS, Pool, announcements, of_kind
from tests.extremes.sequence import PEOPLE, Known, Speaker
from tests.extremes.services import ANSWERED, COMPOSITIONS, Ground, Service, running
from tests.identity import IDENTITY_KEY, KEK

_PAUSES = (timedelta(0), timedelta(hours=20), timedelta(days=1), timedelta(days=1), timedelta(days=9))
_TEN_YEARS = timedelta(days=3652)
_ROUNDS = 40
_QUESTIONS = ("next_course", "pooling", "forecast")
_SUPPORT = ("alert", "attendance", "consent", "disclosure", "exam_result", "risk", "section_result")
_LIVE_LAST = """
SELECT placement, participant, course FROM placement
ORDER BY state IN ('proposed', 'reserved', 'accepted', 'confirmed', 'started', 'interrupted'), proposed_at
"""


@dataclass
class Played:
    """What one sequence came to: records read by service, outcomes, and what was wrong."""

    seed: int
    read: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    families: set[Family] = field(default_factory=set)
    """Those that a service reads."""


async def play(ground: Ground, seed: int, events: int) -> Played:
    """Play one sequence; the same seed says the same, as far as the services answer with the same ids."""
    played = Played(seed)
    chance, pool, topics = random.Random(seed), Pool(), Topics(ground.prefix)
    async with AsyncExitStack() as stack:
        complained = stack.enter_context(complaints())
        services = [
            await stack.enter_async_context(running(name, ground, pool, topics, f"{seed:x}-"))
            for name in COMPOSITIONS
        ]
        played.families = {family for service in services for family in service.families()}
        speaker = Speaker(chance, topics, pool)
        for data in announcements():
            speaker.announce(data)
        await _settle(services, played)
        await _furnish(services[-1], pool)
        await _events(services, speaker, played, events)
        pool.now += _TEN_YEARS
        await _settle(services, played)
        await _check(services, played)
        played.wrong += complained
        for service in services:
            played.read[service.name] += service.events
    return played


async def _events(services: list[Service], speaker: Speaker, played: Played, events: int) -> None:
    """Say events in batches, each heard by all services, and let ten years pass before the last fifth."""
    speaker.begin()
    speaker.say_each()
    chance, said, leap = speaker.chance, 0, events * 4 // 5
    while said < events and not played.wrong:
        many = min(chance.choice((1, 5, 15, 40)), events - said)
        for _ in range(many):
            speaker.say()
        await _hear(services, chance)
        if chance.random() < 0.6:
            for service in services:
                await service.run_steps()
            await _find_placements(services[0], speaker)
        speaker.pool.now += chance.choice(_PAUSES)
        for service in services:
            played.wrong += await crashes(service)
        if said < leap <= said + many:
            await _leap(services, speaker, played)
        said += many


async def _hear(services: list[Service], chance: random.Random) -> None:
    """Let the services read what was said, in any order and in batches of any size."""
    most = chance.choice((1, 7, 500))
    for service in chance.sample(services, len(services)):
        while await service.read(most):
            pass
        await service.relay()


async def _leap(services: list[Service], speaker: Speaker, played: Played) -> None:
    """Look at everything that holds today, and let ten years pass."""
    await _settle(services, played)
    await _question(services[0], speaker.chance)
    for service in services:
        played.wrong += await broken(service, speaker.pool.now)
    await _count_support(services[-1], played)
    speaker.pool.now += _TEN_YEARS


async def _question(steering: Service, chance: random.Random) -> None:
    """Ask the engine one question beside those that runs ask, and have all of them answered."""
    async with transaction(steering.worker) as conn:
        await ask(conn, KREISE[0], chance.choice(_QUESTIONS), {}, "a test", steering.clock.now())
    await steering.run_steps(ANSWERED)


async def _count_support(support: Service, played: Played) -> None:
    """Count what retention deletes over the ten years."""
    for table in _SUPPORT:
        rows = await support.rows(f"SELECT count(*) AS n FROM {table}")
        played.outcomes[f"rows of {table}"] += rows[0]["n"]


async def _find_placements(steering: Service, speaker: Speaker) -> None:
    rows = await steering.rows(_LIVE_LAST)
    speaker.known = [Known(*row) for row in rows]
    speaker.pool.placements += [row["placement"] for row in rows]


async def _settle(services: list[Service], played: Played) -> None:
    """Read, work and relay until nothing is left to do."""
    for _ in range(_ROUNDS):
        done = 0
        for service in services:
            await service.run_steps()
            done += await service.read(500) + await service.relay()
        for service in services:
            played.wrong += await crashes(service)
        if not done or played.wrong:
            return
    played.wrong.append(f"not quiet after {_ROUNDS} rounds")


async def _check(services: list[Service], played: Played) -> None:
    now = services[0].clock.now()
    for service in services:
        for row in await service.rows("SELECT state, count(*) AS n FROM runtime.inbox GROUP BY state"):
            played.outcomes[f"{service.name} {row['state']}"] += row["n"]
        await service.rows("UPDATE runtime.parked SET parked_at = now() - interval '1 year' RETURNING 1")
    await _settle(services, played)
    for service in services:
        for row in await service.rows("SELECT code, waits_for FROM runtime.parked LIMIT 3"):
            played.wrong.append(f"{service.name} still waits: {dict(row)}")
        if not played.wrong:
            played.wrong += await broken(service, now)
    rows = await services[0].rows("SELECT to_state AS state, count(*) AS n FROM placement_step GROUP BY 1")
    played.outcomes.update({f"step {row['state']}": row["n"] for row in rows})


async def _furnish(support: Service, pool: Pool) -> None:
    """Enter counselling offices and the contact data of some people."""
    entries = [
        OfficeEntry(
            slug=slug,
            name=f"Stelle {slug}",
            organisation=PUBLISHERS[slug][1],
            kind="mbe",
            catchment=list(KREISE),
            languages=["de"],
            mail=f"post@{slug}.kurslotse.invalid",
            lead_mail=f"leitung@{slug}.kurslotse.invalid",
            capacity=50,
        )
        for slug in of_kind("counselling")
    ]
    keys = await open_pool(support.settings.db_keys, name="extremes furnishing", max_size=1)
    try:
        secrets = PersonSecrets(keys, Keks.from_text(KEK), IDENTITY_KEY)
        async with transaction(support.worker) as conn:
            await offices.load(conn, entries)
            for person, (desk, reference) in list(PEOPLE.items())[::2]:
                kept = people.PersonRecord(
                    person, PUBLISHERS[desk][1], desk, reference, Contact("Muster", "Eda")
                )
                await people.keep(conn, secrets, kept, pool.now)
    finally:
        await keys.close()
