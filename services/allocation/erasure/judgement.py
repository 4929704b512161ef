"""Judges erasures: what an office asks for, and what the erasure topic says after a backup was restored."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from schemas.codes import WithdrawReason
from schemas.days import local_day
from schemas.erasures import ParticipantErased
from schemas.offices import ParticipantWithdrawn
from services.allocation.acts.give_up_places import give_up_places
from services.allocation.erasure import store
from services.allocation.erasure.acknowledgement import publish
from services.allocation.policy.terms import Terms
from services.allocation.unit_of_work import Keys, UnitOfWork
from services.runtime.base.identity_key import IdentityKey
from services.runtime.bookkeeping import erased, parking
from services.runtime.events.subscription import Applied, Incoming, Problem, Rejected, Verdict


def erases(incoming: Incoming) -> bool:
    """Return whether an office has somebody erased."""
    said = incoming.event.data
    return isinstance(said, ParticipantWithdrawn) and said.reason == WithdrawReason.ERASED


async def begin(
    conn: asyncpg.Connection,
    key: IdentityKey,
    asked: Sequence[Incoming],
    people: Mapping[UUID, frozenset[UUID]],
    *,
    prefix: str,
    now: datetime,
) -> frozenset[UUID]:
    """Begin the erasures that a batch asks for; return all ids that are erased by it.

    The caller holds the lock for erasing. `people` maps each id asked for to all ids of that person.
    """
    done: set[UUID] = set()
    for incoming in asked:
        ids = people[UUID(incoming.subject)]
        if ids <= done:
            continue
        done |= ids
        erasure = uuid4()
        await erased.add(conn, [key.tombstone(id_) for id_ in ids], erasure, local_day(now))
        await parking.forget_subjects(conn, sorted(ids))
        await store.add_task(conn, erasure, ids, now)
        await publish(conn, key, prefix, erasure=erasure, ids=ids, office=incoming.publisher or "", now=now)
    return frozenset(done)


@dataclass(frozen=True, slots=True)
class ReadErasures:
    """Reads this service's own erasures back: news only where a backup was restored since."""

    prefix: str
    terms: Terms
    key: IdentityKey

    async def __call__(
        self, conn: asyncpg.Connection, batch: Sequence[Incoming], now: datetime
    ) -> Sequence[Verdict]:
        """Have the people erased again whom a restored database knows."""
        said = [item.event.data for item in batch if isinstance(item.event.data, ParticipantErased)]
        new = [one for one in said if not await store.known_task(conn, one.erasure)]
        if new:
            await erased.lock_for_erasing(conn)
            ids = [*await store.known_ids(conn), *await store.parked_ids(conn)]
            here = erased.by_tombstone(self.key, ids)
            for one in new:
                back = await erased.take(conn, one.tombstones, one.erasure, one.erased_on, here)
                await begin_again(conn, self.prefix, self.terms, one.erasure, back, now)
        return [Applied()] * len(batch)


async def begin_again(  # noqa: PLR0917 - what an act works with, and an erasure
    conn: asyncpg.Connection,
    prefix: str,
    terms: Terms,
    erasure: UUID,
    people: Collection[UUID],
    now: datetime,
) -> None:
    """Begin an erasure of people whom a backup has brought back: their places are given up first."""
    if people:
        work = UnitOfWork(prefix, now, terms)
        await work.load(conn, Keys(people=set(people)))
        give_up_places(work, people, "erasure")
        await work.write(conn)
    await store.add_task(conn, erasure, people, now)


def verdict_on_erased(_incoming: Incoming) -> Verdict:
    """Refuse what is said about somebody who was erased."""
    return Rejected(Problem("participant_erased", field="reference"))
