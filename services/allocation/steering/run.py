"""One run after another: which region is due, what it looks like, what is proposed, what is kept of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any, Protocol, cast
from uuid import UUID, uuid4, uuid5

import asyncpg

from schemas.identity import NAMESPACE
from schemas.placements import ParticipantUnplaced
from schemas.placements import Reason as PublishedReason
from services.allocation.placements.domain import Proposal, Reason
from services.allocation.placements.handlers import NotDone
from services.allocation.placements.messages import outgoing
from services.allocation.steering import matching, snapshot, store
from services.allocation.steering.domain import Person
from services.allocation.steering.policy import Policies, local_day
from services.allocation.steering.reasons import Explanation
from services.allocation.steering.requests import request
from services.allocation.steering.rulebook import RuleBook
from services.allocation.steering.snapshot import Snapshot
from services.allocation.steering.store import OpenRequest
from services.allocation.steering.worker import Solved
from services.runtime import outbox
from services.runtime.db import transaction

LEASE_SECONDS = 15.0
"""A process that died keeps its regions for so long."""


@asynccontextmanager
async def _connection(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    async with pool.acquire() as conn:
        yield cast("asyncpg.Connection", conn)


class Solves(Protocol):
    """What turns snapshot bytes into an answer (worker.Workers)."""

    async def solve(self, raw: bytes) -> Solved:
        """Solve one snapshot."""
        ...


class Proposes(Protocol):
    """What writes proposals (placements.handlers.Placements)."""

    async def propose(
        self, conn: asyncpg.Connection, run_id: UUID, proposals: Sequence[Proposal], now: datetime
    ) -> Sequence[object]:
        """Write proposals; an earlier unreleased one of the same person is superseded."""
        ...

    async def supersede(
        self, conn: asyncpg.Connection, placements: Sequence[UUID], reason: Reason, now: datetime
    ) -> Sequence[object]:
        """Take unreleased proposals back."""
        ...


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a run."""

    run: UUID
    region: str
    people: int
    placed: int
    proposed: int
    withdrawn: int
    stale: int


@dataclass(frozen=True, slots=True)
class _Changes:
    """What of a result differs from what is proposed already, and what was overtaken meanwhile."""

    proposals: tuple[Proposal, ...]
    withdrawn: tuple[UUID, ...]
    stale: int


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a run saw, and up to which request."""

    request: OpenRequest
    generation: int
    snapshot: Snapshot
    raw: bytes
    run: UUID
    """Named by what it saw: a repeated attempt is the same run."""


def changes(
    seen: Snapshot, told: Sequence[Explanation], courses: dict[UUID, int], people: dict[UUID, int]
) -> _Changes:
    """Compare with the proposals there are; `courses` and `people` say which versions hold now."""
    as_seen = {course.id: course.version for course in seen.courses}
    proposals, withdrawn, stale = [], [], 0
    for person, one in zip(seen.people, told, strict=True):
        if one.place is None:
            if person.offer is not None:
                withdrawn.append(person.offer.placement)
        elif person.offer is None or person.offer.entry != one.place:
            course = one.place.course
            if people.get(person.id) != person.version or courses.get(course) != as_seen[course]:
                stale += 1
                continue
            proposals.append(
                Proposal(person.id, course, one.place.section, one.main, one.reasons, one.alternatives)
            )
    return _Changes(tuple(proposals), tuple(withdrawn), stale)


def _touched(people: Sequence[Person], told: Sequence[Explanation]) -> tuple[set[UUID], set[UUID]]:
    """Name courses and people of which something will change."""
    courses, persons = set(), set()
    for person, one in zip(people, told, strict=True):
        offered = None if person.offer is None else person.offer.entry
        if offered != one.place:
            persons.add(person.id)
            courses |= {entry.course for entry in (offered, one.place) if entry is not None}
    return courses, persons


@dataclass(frozen=True, slots=True)
class Steering:
    """Steers regions: reads, has it solved outside of any transaction, writes what still holds."""

    pool: asyncpg.Pool
    solver: Solves
    placements: Proposes
    policies: Policies
    rules: RuleBook
    prefix: str = ""
    at_once: int = 2

    async def run_due(self, now: datetime) -> int:
        """Steer every region that is due; return how many were. A failure leaves its region due."""
        async with _connection(self.pool) as conn:
            due = self._due(await store.open_requests(conn), now)
        if not due:
            return 0
        some = asyncio.Semaphore(self.at_once)

        async def one(wanted: OpenRequest) -> Ran | None:
            async with some:
                return await self.steer(wanted, now)

        done = await asyncio.gather(*(one(wanted) for wanted in due), return_exceptions=True)
        failures = [ran for ran in done if isinstance(ran, BaseException)]
        if failures:
            raise failures[0]
        return sum(ran is not None for ran in done)

    async def due(self, conn: asyncpg.Connection, now: datetime) -> int:
        """Count the regions that are due, on a connection of the status role."""
        return len(self._due(await store.open_requests_for_status(conn), now))

    def _due(self, wanted: Sequence[OpenRequest], now: datetime) -> list[OpenRequest]:
        due = []
        for one in wanted:
            at = self.policies.at(one.kreis, now).cadence.due_at(one.waiting_since, one.urgent_since)
            if at is not None and at <= now:
                due.append(one)
        return due

    async def steer(self, wanted: OpenRequest, now: datetime) -> Ran | None:
        """Run once for a region; None if somebody else does or nothing is left to do."""
        token = uuid4()
        async with _connection(self.pool) as conn:
            if not await store.claim(conn, wanted, token, LEASE_SECONDS):
                return None
        try:
            async with self._held(wanted.region, token):
                return await self._run(wanted, token, now)
        finally:
            async with _connection(self.pool) as conn:
                await store.give_back(conn, wanted.region, token)

    @asynccontextmanager
    async def _held(self, region: str, token: UUID) -> AsyncIterator[None]:
        """Hold the lease for as long as the block lasts; should it be lost, the write will notice."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(LEASE_SECONDS / 3)
                async with _connection(self.pool) as conn:
                    if not await store.renew(conn, region, token, LEASE_SECONDS):
                        return

        renewing = asyncio.create_task(renew())
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def _run(self, wanted: OpenRequest, token: UUID, now: datetime) -> Ran | None:
        begun = perf_counter()
        seen = await self._look(wanted, now)
        if seen is None:
            return None
        looked = perf_counter()
        solved = await self.solver.solve(seen.raw)
        ended = perf_counter()
        spent = {
            "snapshot": round(1000 * (looked - begun)),
            "solve": round(1000 * (ended - looked)),
            **{f"solve_{name}": value for name, value in solved.milliseconds.items()},
        }
        return await self._write(seen, solved, token, now, spent)

    async def _look(self, wanted: OpenRequest, now: datetime) -> _Seen | None:
        """Take a snapshot in which everything belongs together; None if all requests are done."""
        day = local_day(now)
        async with (
            _connection(self.pool) as conn,
            conn.transaction(isolation="repeatable_read", readonly=True),
        ):
            latest, done = await store.generation(conn, wanted.region)
            if latest <= done:
                return None
            people = await store.read_people(conn, wanted.kreis)
            courses = await store.read_courses(conn, wanted.kreis, day)
        rules, policy = self.rules.on(day), self.policies.at(wanted.kreis, now)
        seen = snapshot.snapshot_of(
            wanted.region, day, people=people, courses=courses, rules=rules, policy=policy
        )
        raw = snapshot.encode(seen)
        name = f"run/{wanted.region}/{latest}/{snapshot.address(raw).hex()}"
        return _Seen(wanted, latest, seen, raw, uuid5(NAMESPACE, name))

    async def _write(
        self, seen: _Seen, solved: Solved, token: UUID, now: datetime, spent: dict[str, int]
    ) -> Ran | None:
        """Write what still holds, under the locks that everybody takes in the same order."""
        told, region, kreis = solved.explained, seen.request.region, seen.request.kreis
        touched, persons = _touched(seen.snapshot.people, told)
        async with transaction(self.pool) as conn:
            if not await store.renew(conn, region, token, LEASE_SECONDS):
                return None  # somebody else has taken over
            courses = await store.lock_courses(conn, touched)
            changed = changes(seen.snapshot, told, courses, await store.versions_of(conn, persons))
            run = self._record(seen, solved, changed, now, spent)
            for part in ("snapshot", "result"):
                raw = seen.raw if part == "snapshot" else solved.result
                await store.put_content(conn, kreis, run[part], snapshot.pack(raw))
            await store.put_run(conn, run)
            gone = Reason("place_no_longer_proposed")
            done = [
                *await self.placements.supersede(conn, changed.withdrawn, gone, now),
                *await self.placements.propose(conn, seen.run, changed.proposals, now),
            ]
            news = await store.put_main_reasons(conn, kreis, seen.run, told, now)
            await self._tell(conn, seen, told, news, now)
            await store.finish(conn, region, seen.generation)
            overtaken = any(isinstance(outcome, NotDone) for outcome in done)
            if changed.stale or overtaken:
                await request(conn, kreis, "stale", bool(changed.stale), now)
        return Ran(
            seen.run,
            region,
            len(told),
            run["placed"],
            len(changed.proposals),
            len(changed.withdrawn),
            changed.stale,
        )

    def _record(
        self, seen: _Seen, solved: Solved, changed: _Changes, now: datetime, spent: dict[str, int]
    ) -> dict[str, Any]:
        result = matching.decode(solved.result)
        return {
            "run": seen.run,
            "region": seen.request.region,
            "kreis": seen.request.kreis,
            "generation": seen.generation,
            "decided_at": now,
            "snapshot": snapshot.address(seen.raw),
            "result": snapshot.address(solved.result),
            "rules_version": seen.snapshot.rules.version,
            "policy_version": seen.snapshot.policy.version(),
            "engine_version": result.engine,
            "status": result.status,
            "people": len(seen.snapshot.people),
            "entries": solved.entries,
            "pairs": result.pairs,
            "placed": len(result.places),
            "proposed": len(changed.proposals),
            "withdrawn": len(changed.withdrawn),
            "stale": changed.stale,
            "tiers": [{"name": name, "value": value, "proven": True} for name, value in result.tiers],
            "timing": spent,
        }

    async def _tell(
        self,
        conn: asyncpg.Connection,
        seen: _Seen,
        told: Sequence[Explanation],
        news: Sequence[UUID],
        now: datetime,
    ) -> None:
        """Tell the registering offices why their people still wait, where the reason is a new one."""
        wanted = set(news)
        records = []
        for person, one in zip(seen.snapshot.people, told, strict=True):
            if person.id in wanted:
                payload = ParticipantUnplaced(
                    participant=person.id,
                    office=person.office,
                    kreis=seen.request.kreis,
                    run=seen.run,
                    reason=PublishedReason(code=one.main.code, params=dict(one.main.params)),
                    decided_at=now,
                )
                audience = (person.office,)
                records.append(outgoing(self.prefix, payload, seen.run, str(person.id), now, audience))
        await outbox.put(conn, records)
