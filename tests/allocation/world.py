"""The steering side on a database of its own: says events, takes commands, looks at what came of it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson

from schemas.base import Payload
from services.allocation.acts.mergers import CourseSeen
from services.allocation.acts.placements import Done, NotDone, Placements, Result
from services.allocation.acts.timers import PlacementTimers
from services.allocation.consumer import judging
from services.allocation.placements.domain import Proposal, Reason
from services.allocation.placements.results import DecidedBy
from services.allocation.policy.terms import Lessons
from services.allocation.status import (
    nothing_unheard_expired,
    offsets_are_guarded,
    one_enrolment,
    seats_hold,
)
from services.allocation.steering.runs import reading
from services.runtime.data.db import connect, open_pool, transaction
from services.runtime.events.subscription import Applied, Handler, Incoming, Verdict
from tests.allocation import builders
from tests.allocation.builders import KREIS, NOW, OFFICE, OTHER_OFFICE, OTHER_PROVIDER, PROVIDER, Publisher
from tests.databases import Database
from tests.identity import IDENTITY_KEY

AUTOMATIC = frozenset({"expire", "start", "complete"})
RESERVED_FOR = timedelta(days=10)
IN_PERSON = timedelta(days=3)
LATE_ENTRY = timedelta(days=7)


@dataclass(slots=True)
class FixedTerms:
    """Terms for tests: ten days, three in person, a week of late entry; `steps` are automatic."""

    steps: frozenset[str] = AUTOMATIC

    def reserved_until(
        self,
        kreis: str,  # noqa: ARG002
        now: datetime,
        present: bool = False,
        priority_class: str | None = None,  # noqa: ARG002
    ) -> datetime:
        return now + (IN_PERSON if present else RESERVED_FOR)

    def last_entry(
        self,
        kreis: str,  # noqa: ARG002
        course_type: str,  # noqa: ARG002
        section: Lessons,
        now: datetime,  # noqa: ARG002
    ) -> date | None:
        return section.starts_on + LATE_ENTRY

    def near(self, kreis: str, starts_on: date, now: datetime) -> bool:  # noqa: ARG002
        return starts_on <= now.date() + timedelta(days=14)

    def priority_class(self, standing: str, cooperation_plan: bool, now: datetime) -> str | None:  # noqa: ARG002
        return standing

    def automatic(self, kreis: str, step: str, now: datetime) -> bool:  # noqa: ARG002
        return step in self.steps


@dataclass
class World:
    """What tests of the steering side work with."""

    database: Database
    pool: asyncpg.Pool
    prefix: str
    placements: Placements
    judge: Handler
    timers: PlacementTimers
    terms_now: FixedTerms
    publishers: dict[str, Publisher] = field(default_factory=dict)

    def event(self, slug: str, payload: Payload, **further: str) -> Incoming:
        publisher = self.publishers.setdefault(slug, Publisher(slug, self.prefix))
        return publisher.says(payload, **further)

    async def judged(self, *batch: Incoming, now: datetime = NOW) -> Sequence[Verdict]:
        async with transaction(self.pool) as conn:
            return await self.judge(conn, batch, now)

    async def say(self, slug: str, payload: Payload, now: datetime = NOW, **further: str) -> Verdict:
        (verdict,) = await self.judged(self.event(slug, payload, **further), now=now)
        return verdict

    async def must(self, slug: str, payload: Payload, now: datetime = NOW, **further: str) -> None:
        verdict = await self.say(slug, payload, now, **further)
        assert verdict == Applied(unlocks=getattr(verdict, "unlocks", ())), verdict

    async def propose(
        self,
        *references: str,
        own: str = "k1",
        now: datetime = NOW,
        run: UUID | None = None,
        provider: str = PROVIDER,
    ) -> list[UUID]:
        proposals = [
            Proposal(builders.person(reference), builders.course(own, provider), 1, Reason("first_choice"))
            for reference in references
        ]
        async with transaction(self.pool) as conn:
            outcomes = await self.placements.propose(conn, run or uuid4(), proposals, now)
        return [outcome.placement for outcome in outcomes if isinstance(outcome, Done)]

    async def release(self, placement: UUID, now: datetime = NOW) -> Result:
        async with transaction(self.pool) as conn:
            return await self.placements.approve_proposal(conn, DecidedBy("jana", now), placement)

    async def reserved(self, reference: str = "p1", own: str = "k1", now: datetime = NOW) -> UUID:
        (placement,) = await self.propose(reference, own=own, now=now)
        outcome = await self.release(placement, now)
        assert isinstance(outcome, Done), outcome
        return placement

    async def enrolled(self, reference: str = "p1", own: str = "k1") -> UUID:
        placement = await self.reserved(reference, own)
        await self.must(OFFICE, builders.accepted(placement, reference))
        await self.must(PROVIDER, builders.confirmed(placement, builders.person(reference), own))
        return placement

    async def rows(self, query: str, *values: Any) -> list[asyncpg.Record]:  # noqa: ANN401
        async with self.pool.acquire() as conn:
            return list(await conn.fetch(query, *values))

    async def state(self, placement: UUID) -> str:
        (row,) = await self.rows("SELECT state FROM placement WHERE placement = $1", placement)
        return str(row["state"])

    async def taken(self, own: str = "k1") -> list[int]:
        rows = await self.rows(
            "SELECT taken FROM course_section WHERE course = $1 ORDER BY number", builders.course(own)
        )
        return [row["taken"] for row in rows]

    async def told(self) -> list[tuple[str, Mapping[str, Any], Mapping[str, str]]]:
        """Return what was told, states of courses and people apart."""
        rows = await self.rows(
            "SELECT type, payload, headers FROM runtime.outbox WHERE type NOT LIKE '%-stated.v1'"
            " ORDER BY position"
        )
        return [(row["type"].split(".")[2], orjson.loads(row["payload"]), row["headers"]) for row in rows]

    async def reruns(self) -> set[str]:
        rows = await self.rows("SELECT unnest(reasons) AS reason FROM steering_request")
        return {row["reason"] for row in rows}

    async def seen(self, *courses: UUID) -> tuple[CourseSeen, ...]:
        """Return courses as a merger computed now would rest on them."""
        async with transaction(self.pool) as conn:
            people = await reading.read_movable(conn, KREIS, NOW.date(), courses)
            taken = await reading.read_taken(conn, courses)
        rows = await self.rows("SELECT course, version FROM course")
        versions = {row["course"]: row["version"] for row in rows}
        return tuple(
            CourseSeen(one, versions[one], taken[one], frozenset(person.id for person in people[one]))
            for one in courses
            if one in versions
        )

    async def check(self) -> None:
        """Count the invariants as the status role does."""
        conn = await connect(self.database.status, name="status")
        try:
            for count in (seats_hold, one_enrolment, offsets_are_guarded, nothing_unheard_expired):
                invariant = await count(conn)
                assert invariant.ok, invariant
        finally:
            await conn.close()


async def enter_publishers(pool: asyncpg.Pool) -> None:
    """Enter two providers and two offices as the gateway announces them."""
    async with pool.acquire() as conn:
        await conn.executemany(
            """
            INSERT INTO runtime.publisher (slug, name, kinds, organisation, authority, kreise, event_types,
                supplier_ids, active, version)
            VALUES ($1, $1, $2, $1, false, $3, '{}', '{}', true, 1)
            """,
            [
                (slug, [kind], [KREIS])
                for slug, kind in (
                    (PROVIDER, "provider"),
                    (OTHER_PROVIDER, "provider"),
                    (OFFICE, "office"),
                    (OTHER_OFFICE, "office"),
                )
            ],
        )


def world_of(
    database: Database,
    pool: asyncpg.Pool,
    prefix: str,
    steps: frozenset[str] = AUTOMATIC,
) -> World:
    """Put the steering side on a pool; publishers are there already."""
    terms = FixedTerms(steps)
    placements = Placements(prefix, terms)
    timers = PlacementTimers(pool, placements)
    return World(database, pool, prefix, placements, judging(prefix, terms, IDENTITY_KEY), timers, terms)


@asynccontextmanager
async def world_on(
    database: Database,
    prefix: str,
    size: int = 10,
    steps: frozenset[str] = AUTOMATIC,
) -> AsyncIterator[World]:
    """Put the steering side on a database."""
    pool = await open_pool(database.worker, name="allocation-test", max_size=size)
    try:
        await enter_publishers(pool)
        yield world_of(database, pool, prefix, steps)
    finally:
        await pool.close()


def refusal(outcome: Result) -> str:
    """Return the code of what was not done."""
    assert isinstance(outcome, NotDone), outcome
    return outcome.refusal.code
