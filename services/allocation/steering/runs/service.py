"""Steers regions that are due, one run after another: snapshot, solution, proposals, stored run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import partial
from time import perf_counter
from typing import Any, Protocol
from uuid import UUID, uuid4

import asyncpg

from schemas.days import local_day
from schemas.placements import ParticipantUnplaced
from schemas.placements import Reason as PublishedReason
from services.allocation.acts.placements import NotDone
from services.allocation.law.rulebook import RuleBook
from services.allocation.placements.domain import Proposal, Reason
from services.allocation.placements.messages import outgoing
from services.allocation.policy.current import CurrentPolicies, PolicyLookup
from services.allocation.rerun import request_rerun
from services.allocation.steering.explain import store as explanation_store
from services.allocation.steering.explain.reasons import Explanation
from services.allocation.steering.matching import match as matching
from services.allocation.steering.matching import snapshot
from services.allocation.steering.matching.domain import Person
from services.allocation.steering.matching.snapshot import Snapshot
from services.allocation.steering.runs import reading, store
from services.allocation.steering.runs.regions import Region, region_of
from services.allocation.steering.runs.store import OpenRequest
from services.allocation.steering.runs.worker import SolvedRun
from services.runtime.base.subprocesses import ProcessDiedError
from services.runtime.bookkeeping import erased
from services.runtime.bookkeeping.work import WorkQueue, of_item
from services.runtime.data.db import acquire, transaction
from services.runtime.data.leases import Lease, held
from services.runtime.send import outbox

LEASE_SECONDS = 15.0
"""A process that died keeps its regions for so long."""


class Solves(Protocol):
    """Turns snapshot bytes into an answer (worker.Workers)."""

    async def solve(self, raw: bytes) -> SolvedRun:
        """Solve one snapshot."""
        ...


class Proposes(Protocol):
    """Writes proposals (acts.placements.Placements)."""

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
    """Outcome of a run."""

    run: UUID
    region: str
    people: int
    placed: int
    proposed: int
    withdrawn: int
    stale: int


@dataclass(frozen=True, slots=True)
class _Changes:
    """Differences between a result and the proposals there are, and how many were overtaken meanwhile."""

    proposals: tuple[Proposal, ...]
    withdrawn: tuple[UUID, ...]
    stale: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """A region with open requests."""

    region: Region
    requests: tuple[OpenRequest, ...]


class UnsolvedError(Exception):
    """The solving process took too long or died on a region."""


async def _generations(
    due: Sequence[Wanted], conn: asyncpg.Connection, items: Sequence[str]
) -> dict[str, str]:
    """Name the latest requests of the regions among these that are due."""
    named = set(items)
    found = {}
    for wanted in due:
        if wanted.region.name in named:
            latest = await store.generations(conn, wanted.region.kreise)
            found[wanted.region.name] = ",".join(f"{kreis}:{number}" for kreis, number in latest.items())
    return found


@dataclass(frozen=True, slots=True)
class _Seen:
    """The snapshot of a run, and the latest request of each Kreis that it answers."""

    region: Region
    generations: dict[str, int]
    snapshot: Snapshot
    raw: bytes
    run: UUID
    """Random: a name made from what the run saw would tell a guess about somebody from the truth."""


async def snapshot_now(
    conn: asyncpg.Connection, region: Region, day: date, policies: PolicyLookup, rulebook: RuleBook
) -> Snapshot:
    """Read what a run of the region would see; the transaction is REPEATABLE READ, the caller's."""
    rules = rulebook.on(day)
    return snapshot.snapshot_of(
        region.name,
        day,
        people=await reading.read_people(conn, region.kreise, day),
        courses=await reading.read_courses(conn, region.kreise, day, rules),
        rules=rules,
        policy=policies.on(region.lead, day),
        travel=await reading.read_travel(conn, region.kreise),
        pooled=region.pooled,
        pooled_types=region.types,
    )


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
    policies: CurrentPolicies
    rules: RuleBook
    prefix: str = ""
    at_once: int = 2

    async def run_due(self, now: datetime) -> int:
        """Steer every region that is due; return how many were.

        A failure leaves its region due: it is tried again later, and after some attempts set aside until
        there is another request. The others go on.
        """
        async with acquire(self.pool) as conn:
            await self.policies.refresh(conn)
            due = self._due(await store.open_requests(conn), now)
            queue = WorkQueue(self.pool, "steer", 1, partial(_generations, due))
            left = set(await queue.skipped(conn))
        due = [wanted for wanted in due if wanted.region.name not in left]
        if not due:
            return 0
        some = asyncio.Semaphore(self.at_once)

        async def one(wanted: Wanted) -> Ran | None:
            async with some:
                return await self.steer(wanted, now)

        done = await asyncio.gather(*(one(wanted) for wanted in due), return_exceptions=True)
        for wanted, ran in zip(due, done, strict=True):
            if isinstance(ran, Exception) and of_item(ran):
                await queue.failed(wanted.region.name, ran)
            elif isinstance(ran, Ran):
                await queue.worked(wanted.region.name)
        failures = [ran for ran in done if isinstance(ran, BaseException) and not of_item(ran)]
        if failures:
            raise failures[0]
        return sum(isinstance(ran, Ran) for ran in done)

    async def due(self, conn: asyncpg.Connection, now: datetime) -> int:
        """Count the regions that are due, on a connection of the status role."""
        return len(self._due(await store.open_requests_for_status(conn), now))

    def _due(self, wanted: Sequence[OpenRequest], now: datetime) -> list[Wanted]:
        """Group open requests by region; a region is due as soon as one of its Kreise is."""
        day, regions = local_day(now), dict[Region, list[OpenRequest]]()
        for one in wanted:
            regions.setdefault(region_of(one.kreis, day, self.policies), []).append(one)
        due = []
        for region, requests in regions.items():
            cadence = self.policies.at(region.lead, now).cadence
            times = [cadence.due_at(one.waiting_since, one.urgent_since) for one in requests]
            if any(at is not None and at <= now for at in times):
                due.append(Wanted(region, tuple(requests)))
        return due

    async def steer(self, wanted: Wanted, now: datetime) -> Ran | None:
        """Run once for a region; None if somebody else does or nothing is left to do."""
        token, region = uuid4(), wanted.region
        async with acquire(self.pool) as conn:
            if not await store.claim(conn, region.kreise, token, LEASE_SECONDS):
                return None
        lease = Lease(
            LEASE_SECONDS,
            renew=lambda conn: store.renew(conn, region.kreise, token, LEASE_SECONDS),
            release=lambda conn: store.give_back(conn, region.kreise, token),
        )
        async with held(self.pool, lease):
            return await self._run(region, token, now)

    async def _run(self, region: Region, token: UUID, now: datetime) -> Ran | None:
        begun = perf_counter()
        seen = await self._look(region, now)
        if seen is None:
            return None
        looked = perf_counter()
        try:
            solved = await self.solver.solve(seen.raw)
        except (TimeoutError, ProcessDiedError) as error:
            raise UnsolvedError from error
        ended = perf_counter()
        spent = {
            "snapshot": round(1000 * (looked - begun)),
            "solve": round(1000 * (ended - looked)),
            **{f"solve_{name}": value for name, value in solved.milliseconds.items()},
        }
        return await self._write(seen, solved, token, now, spent)

    async def _look(self, region: Region, now: datetime) -> _Seen | None:
        """Take a snapshot in which everything belongs together; None if all requests are done."""
        day = local_day(now)
        async with (
            acquire(self.pool) as conn,
            conn.transaction(isolation="repeatable_read", readonly=True),
        ):
            generations = await store.generations(conn, region.kreise)
            if not generations:
                return None
            policies = await self.policies.seen_by(conn)
            seen = await snapshot_now(conn, region, day, policies, self.rules)
        raw = snapshot.encode(seen)
        return _Seen(region, generations, seen, raw, uuid4())

    async def _write(
        self, seen: _Seen, solved: SolvedRun, token: UUID, now: datetime, spent: dict[str, int]
    ) -> Ran | None:
        """Write what still holds, under the locks that everybody takes in the same order."""
        told, region = solved.explanations, seen.region
        touched, persons = _touched(seen.snapshot.people, told)
        async with transaction(self.pool) as conn:
            if not await store.renew(conn, region.kreise, token, LEASE_SECONDS):
                return None  # somebody else has taken over
            await erased.lock_for_writing(conn)
            if await store.any_gone(conn, [person.id for person in seen.snapshot.people]):
                return None  # somebody was erased meanwhile: the request stays open and is seen afresh
            courses = await store.lock_courses(conn, touched)
            changed = changes(seen.snapshot, told, courses, await store.versions_of(conn, persons))
            run = self._record(seen, solved, changed, now, spent)
            parts = {"snapshot": seen.raw, "result": solved.result, "certificate": solved.certificate}
            for part, raw in parts.items():
                await explanation_store.put_content(conn, region.lead, run[part], snapshot.pack(raw))
            await store.put_run(conn, run)
            await store.put_pooled(conn, region.kreise, region.pooled)
            gone = Reason("place_no_longer_proposed")
            done = [
                *await self.placements.supersede(conn, changed.withdrawn, gone, now),
                *await self.placements.propose(conn, seen.run, changed.proposals, now),
            ]
            homes = [person.kreis for person in seen.snapshot.people]
            news = await explanation_store.put_main_reasons(conn, region.kreise, homes, seen.run, told, now)
            await self._tell(conn, seen, told, news, now)
            await explanation_store.ask_for_remedies(conn, region.lead, now)
            await store.finish(conn, seen.generations)
            overtaken = any(isinstance(outcome, NotDone) for outcome in done)
            if changed.stale or overtaken:
                await request_rerun(conn, region.lead, "stale", bool(changed.stale), now)
        return Ran(
            seen.run,
            region.name,
            len(told),
            run["placed"],
            len(changed.proposals),
            len(changed.withdrawn),
            changed.stale,
        )

    def _record(
        self, seen: _Seen, solved: SolvedRun, changed: _Changes, now: datetime, spent: dict[str, int]
    ) -> dict[str, Any]:
        result = matching.decode(solved.result)
        return {
            "run": seen.run,
            "region": seen.region.name,
            "kreis": seen.region.lead,
            "kreise": list(seen.region.kreise),
            "generation": max(seen.generations.values()),
            "decided_at": now,
            "snapshot": snapshot.address(seen.raw),
            "result": snapshot.address(solved.result),
            "certificate": snapshot.address(solved.certificate),
            "rules_version": seen.snapshot.rules.version,
            "policy_version": seen.snapshot.policy.version(),
            "engine_version": result.engine,
            "status": result.status,
            "cut": result.cut,
            "gap": result.gap,
            "people": len(seen.snapshot.people),
            "entries": solved.entries,
            "pairs": result.pairs,
            "placed": len(result.places),
            "proposed": len(changed.proposals),
            "withdrawn": len(changed.withdrawn),
            "stale": changed.stale,
            "tiers": [asdict(tier) for tier in result.tiers],
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
                    kreis=person.kreis,
                    run=seen.run,
                    reason=PublishedReason(code=one.main.code, params=dict(one.main.params)),
                    decided_at=now,
                )
                audience = (person.office,)
                records.append(outgoing(self.prefix, payload, seen.run, str(person.id), now, audience))
        await outbox.put(conn, records)
