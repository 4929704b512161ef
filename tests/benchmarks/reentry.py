"""Part 4: from an answer at the door that frees a seat to the next proposal on the topic, through everything.

Real gateway, allocation with its solving process, Kafka and PostgreSQL; a Kreis waits around the one course
that is watched. Its policy releases by itself, since a proposal is published once it is released.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx

from schemas.base import Payload
from services.gateway.publishers.domain import Registration
from services.runtime.data.db import connect
from tests.allocation.builders import (
    KREIS,
    NOW,
    OFFICE,
    PROVIDER,
    announced,
    cancelled,
    course,
    declined,
    levelled,
    person,
    registered,
    sections,
)
from tests.allocation.process import Allocation, running
from tests.benchmarks.classes import drop_topics, make_topics
from tests.benchmarks.stage import Stage, quantile, say
from tests.fixtures.gateway.process import Gateway
from tests.integration.allocation.rows import fill
from tests.serving import Servers
from tests.unit.allocation.regions.region import a_region

PUBLISHERS = (
    Registration(PROVIDER, "Schule (erfunden)", ("provider",), (KREIS,), authority=False),
    Registration(OFFICE, "Amt (erfunden)", ("office",), (KREIS,), authority=False),
)
KIND = "integration_support"
"""Nobody else in the Kreis waits for it, so that the next one is one of ours."""
POLICY = f"""
- valid_from: 2000-01-01
  kreise: ["{KREIS}"]
  source: "a benchmark"
  automatic: [release, expire, start, complete]
  reservation: {{days: 10, present_days: 3}}
  cadence: {{every: daily, hour: 6, near_start_days: 14}}
  limits: {{latest_start_days: 182, late_entry: true}}
  goals: [priority, waiting, deadline, viability, keep_offer, type_choice, early_start, distance]
  sizes: {{protected_types: [{KIND}]}}
"""
PATIENCE = 60.0


@dataclass
class Watched:
    """The doors, the topic, and which course is watched."""

    gateway: Gateway
    allocation: Allocation
    doors: Mapping[str, httpx.AsyncClient]
    database: str
    """Allocation's."""

    async def post(self, slug: str, payload: Payload) -> None:
        event = {
            "specversion": "1.0",
            "id": str(uuid4()),
            "source": f"/{slug}",
            "type": payload.type_,
            "time": NOW.isoformat(),
            "data": payload.model_dump(mode="json", exclude_unset=True),
        }
        headers = {"Content-Type": "application/cloudevents+json"}
        answer = await self.doors[slug].post("/v1/events", json=event, headers=headers)
        if answer.status_code != httpx.codes.ACCEPTED:
            raise RuntimeError(f"{payload.type_}: {answer.status_code} {answer.text}")

    async def hear(self, kind: str, of: UUID) -> Mapping[str, Any]:
        """Wait for an event about a place in a course; what came before it is forgotten."""
        heard = self.allocation.heard
        while True:
            found = await self.allocation.hear(kind, PATIENCE)
            del heard[: 1 + next(at for at, (name, _) in enumerate(heard) if name == kind)]
            if found["course"] == str(of):
                return found

    async def holder(self, of: UUID) -> Mapping[str, Any]:
        return await self.hear("place-reserved", of)


async def reentry(servers: Servers, *, tries: int, people: int, courses: int) -> None:
    """Measure and print."""
    say(f"From a freed seat to the next proposal: {people:,} people and {courses} courses wait around it")
    async with _stage(servers, people, courses) as watched:
        own = course("w0")
        await watched.post(PROVIDER, _course("w0"))
        for number in range(tries + 2):
            await watched.post(OFFICE, registered(f"w{number}", course_types=(KIND,)))
            await watched.post(OFFICE, levelled(f"w{number}"))
        await watched.allocation.read(1 + 2 * (tries + 2))
        watched.allocation.set_clock(NOW + timedelta(days=1))
        held = await watched.holder(own)
        names = {str(person(f"w{number}")): f"w{number}" for number in range(tries + 2)}
        spent = []
        for _ in range(tries):
            begun = time.perf_counter()
            await watched.post(OFFICE, declined(UUID(held["placement"]), names[held["participant"]]))
            await watched.hear("place-proposed", own)
            spent.append(time.perf_counter() - begun)
            held = await watched.holder(own)
        _tell("declined at the door -> proposed to the next", spent)
        spent = []
        for number in range(1, tries + 1):
            await watched.post(PROVIDER, _course(f"w{number}"))
            begun = time.perf_counter()
            await watched.post(PROVIDER, cancelled(f"w{number - 1}"))
            await watched.hear("place-proposed", course(f"w{number}"))
            spent.append(time.perf_counter() - begun)
        _tell("course announced and another cancelled -> its person proposed there", spent)
        await _tell_runs(watched)


def _course(own: str) -> Payload:
    return announced(
        own, course_type=KIND, capacity=1, sections=sections(start=NOW.date() + timedelta(days=30))
    )


def _tell(what: str, spent: list[float]) -> None:
    p50, most = quantile(spent, 0.5), max(spent)
    say(f"  {what}: n {len(spent)}, p50 {p50:.2f} s, max {most:.2f} s")


async def _tell_runs(watched: Watched) -> None:
    conn = await connect(watched.database, name="bench")
    row = await conn.fetchrow(
        """
        SELECT count(*) AS runs, max(people) AS people,
            percentile_disc(0.5) WITHIN GROUP (ORDER BY (timing->>'snapshot')::int) AS read,
            percentile_disc(0.5) WITHIN GROUP (ORDER BY (timing->>'solve')::int) AS solve
        FROM steering_run
        """
    )
    await conn.close()
    said = ", ".join(f"{name} {value:,}" for name, value in dict(row or {}).items())
    say(f"  {said} (medians of a run, in ms)")


@asynccontextmanager
async def _stage(servers: Servers, people: int, courses: int) -> AsyncIterator[Watched]:
    stage = Stage(servers)
    databases = [await stage.templates.copy(name, stage.prefix) for name in ("gateway", "allocation")]
    with tempfile.TemporaryDirectory() as name:
        homes = [Path(name) / service for service in ("gateway", "allocation")]
        for home in homes:
            home.mkdir()
        gateway = Gateway(servers, stage.prefix, databases[0], homes[0])
        try:
            await make_topics(servers, stage.prefix, ())
            await gateway.prepare(*PUBLISHERS)
            conn = await connect(databases[1].worker, name="bench")
            await fill(conn, a_region(1, people, courses))
            await conn.close()
            await gateway.start()
            async with running(servers, databases[1], stage.prefix, homes[1], POLICY) as allocation:
                doors = {one.slug: gateway.client(one.slug) for one in PUBLISHERS}
                yield Watched(gateway, allocation, doors, databases[1].worker)
                await asyncio.gather(*(door.aclose() for door in doors.values()))
        finally:
            if gateway.process is not None:
                await gateway.stop(kill=True)
            await stage.templates.drop(databases)
            await stage.close()
            await asyncio.to_thread(drop_topics, servers, stage.prefix)
