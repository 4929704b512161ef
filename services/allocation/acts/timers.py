"""Runs the timers of placements: reservations expire, places start, holds end."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from schemas.codes import PlacementState
from schemas.days import local_day
from services.allocation.acts import by_policy
from services.allocation.acts.by_hand import finish
from services.allocation.acts.placements import Placements
from services.allocation.placements import domain, progress, running
from services.allocation.placements.domain import Decision, Placement, Step
from services.allocation.placements.results import Done
from services.allocation.placements.rulings_store import lift_ended_holds
from services.allocation.policy.terms import APPROVE, COMPLETE, CONFIRM, EXPIRE, SEND, START
from services.allocation.rerun import Rerun, request_reruns
from services.allocation.unit_of_work import Keys, UnitOfWork
from services.runtime.bookkeeping.work import Taking, WorkQueue
from services.runtime.data.db import transaction

AT_ONCE = 200
"""Placements of one transaction."""
ADVANCES = {"proposed": (SEND, APPROVE), "sent_to_authority": (EXPIRE,), "accepted": (CONFIRM,)}
"""By which automatic steps a placement leaves a state without anybody's word."""


@dataclass(frozen=True, slots=True)
class PlacementTimers:
    """Timers of the composition root; each returns how many placements it moved."""

    pool: asyncpg.Pool
    placements: Placements

    async def expire(self, now: datetime) -> int:
        """Let reservations expire that no unread answer can still reach (I11).

        Where it is automatic all of them, elsewhere those that a coordinator let end.
        """
        moved = 0
        while (step := await self._expire_some(now)) > 0:
            moved += step
        return moved

    def _queue(self, task: str) -> WorkQueue:
        return WorkQueue(self.pool, task, AT_ONCE, progress.generations)

    async def _expire_some(self, now: datetime) -> int:
        async def some(conn: asyncpg.Connection, taking: Taking) -> int:
            overdue = await progress.overdue_kreise(conn, now)
            automatic = self.placements.terms.automatic
            kreise = [kreis for kreis in overdue if automatic(kreis, EXPIRE, now)]
            if not kreise and not any(overdue.values()):
                return 0
            due = await progress.due(conn, self.placements.prefix, kreise, now, taking)
            taking.taken += [str(one.placement) for one in due]
            if not due:
                return 0
            work = await self.placements.load(conn, Keys(placements={one.placement for one in due}), now)
            expired = [
                one
                for one in due
                if _move(work, domain.expire(work.placements[one.placement], now), one.actor)
            ]
            await work.write(conn)
            if expired:
                await progress.keep_evidence(conn, expired)
            return len(expired)

        return await self._queue("expire").work(some)

    async def start(self, now: datetime) -> int:
        """Start confirmed places whose first day has come, where it is automatic."""
        moved = 0
        while (step := await self._start_some(now)) > 0:
            moved += step
        return moved

    async def _start_some(self, now: datetime) -> int:
        async def some(conn: asyncpg.Connection, taking: Taking) -> int:
            waiting = await progress.confirmed_kreise(conn)
            kreise = [kreis for kreis in waiting if self.placements.terms.automatic(kreis, START, now)]
            ids = await progress.startable(conn, kreise, local_day(now), taking) if kreise else []
            taking.taken += map(str, ids)
            if not ids:
                return 0
            work = await self.placements.load(conn, Keys(placements=set(ids)), now)
            started = 0
            for found in (work.placements[id_] for id_ in ids):
                if found.state == PlacementState.CONFIRMED:
                    decision = running.start(found, work.courses[found.course], work.today)
                    started += _move(work, decision) is not None
            await work.write(conn)
            return started

        return await self._queue("start").work(some)

    async def complete(self, now: datetime) -> int:
        """Complete who still sits in a closed course, where it has become automatic since it was closed."""

        async def some(conn: asyncpg.Connection, taking: Taking) -> int:
            automatic = self.placements.terms.automatic
            left = await progress.left_in_completed(conn)
            kreise = {kreis for kreis in set(left.values()) if automatic(kreis, COMPLETE, now)}
            able = [id_ for id_, kreis in left.items() if kreis in kreise and taking.may_take(str(id_))]
            ids = able[: taking.limit]
            taking.taken += map(str, ids)
            if not ids:
                return 0
            work = await self.placements.load(conn, Keys(placements=set(ids)), now)
            done = [finish(work, work.placements[id_], "timer") for id_ in ids]
            await work.write(conn)
            return sum(isinstance(outcome, Done) for outcome in done)

        return await self._queue("complete").work(some)

    async def advance(self, now: datetime) -> int:
        """Take the steps that have become automatic since a placement came where it stands.

        What comes there from now on goes on by itself; a proposal without a free seat is tried again.
        """
        moved, after = 0, UUID(int=0)
        while (last := await self._advance_some(now, after)) is not None:
            after, some = last
            moved += some
        return moved

    async def _advance_some(self, now: datetime, after: UUID) -> tuple[UUID, int] | None:
        last: UUID | None = None

        async def some(conn: asyncpg.Connection, taking: Taking) -> int:
            nonlocal last
            standing = await progress.standing_kreise(conn)
            wanted = [
                (kreis, state)
                for kreis, state in standing
                if any(self.placements.terms.automatic(kreis, step, now) for step in ADVANCES[state])
            ]
            ids = await progress.standing(conn, wanted, after, local_day(now), taking) if wanted else []
            taking.taken += map(str, ids)
            if not ids:
                return 0
            last = max(ids) if last is None else max(last, *ids)
            work = await self.placements.load(conn, Keys(placements=set(ids)), now)
            before = {id_: work.placements[id_].version for id_ in ids}
            for found in (work.placements[id_] for id_ in ids):
                if found.state == PlacementState.SENT_TO_AUTHORITY:
                    by_policy.lapse(work, found)
                else:
                    self.placements.advance(work, found)
            await work.write(conn)
            return sum(work.placements[id_].version > before[id_] for id_ in ids)

        moved = await self._queue("advance").work(some)
        return None if last is None else (last, moved)

    async def lift(self, now: datetime) -> int:
        """End the holds whose day has come; the people are steered again at the next hour."""
        async with transaction(self.pool) as conn:
            ended = await lift_ended_holds(conn, local_day(now), now)
            await request_reruns(conn, [Rerun(kreis, "hold") for kreis in sorted(set(ended))], now)
            return len(ended)


def _move(work: UnitOfWork, decision: Decision, actor: str = "timer") -> Placement | None:
    return work.take(decision, actor) if isinstance(decision, Step) else None
