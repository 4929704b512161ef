"""Works off queues so that an item on which its work fails stops no other item and no process.

A failed item is counted in PostgreSQL and tried again later; after some attempts it is set aside until an
operator releases it or its inputs change (its generation is another one). Failures that are no item's fault
(database gone, a column missing) are raised and never count.
"""

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg

from services.runtime.base.failures import Meaning, meaning_of, name_of
from services.runtime.base.retry import backoff
from services.runtime.data.db import acquire, transaction

log = logging.getLogger(__name__)

ATTEMPTS = 5
"""An item that failed so often is set aside."""
MOST = 50
"""With so many failing items a task counts no further ones: the fault is ours, and it raises."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 300.0  # seconds

Generations = Callable[[asyncpg.Connection, Sequence[str]], Awaitable[Mapping[str, str]]]
"""Names the generation of each item's inputs; an item that is gone is missing."""


@dataclass(slots=True)
class Taking:
    """What work may take from its queue, and what it took: it adds to `taken` before it works on it."""

    limit: int
    skip: Collection[str] = ()
    only: str | None = None
    taken: list[str] = field(default_factory=list)

    def may_take(self, item: str) -> bool:
        """Return whether an item may be taken."""
        return item not in self.skip and self.only in {None, item}


Work = Callable[[asyncpg.Connection, Taking], Awaitable[int]]
"""Takes items and works on them in the caller's transaction; returns how many things were done."""


async def same_generation(_conn: asyncpg.Connection, items: Sequence[str]) -> Mapping[str, str]:
    """Return one generation for every item, for queues whose items do not change."""
    return dict.fromkeys(items, "")


def of_item(error: BaseException) -> bool:
    """Return whether a failure may be the fault of what was worked on."""
    return meaning_of(error, connection_dead=True) in {Meaning.CRASH, Meaning.POISON}


@dataclass(frozen=True, slots=True)
class WorkQueue:
    """A task that takes items from the database."""

    pool: asyncpg.Pool
    task: str
    limit: int
    generations: Generations = same_generation

    async def work(self, work: Work) -> int:
        """Work on the next items in one transaction, or, if that fails, on each of them in one of its own.

        Raises what is no item's fault, and any failure while too many items fail.
        """
        async with acquire(self.pool) as conn:
            skip = await self.skipped(conn)
        taking = Taking(self.limit, skip)
        try:
            async with transaction(self.pool) as conn:
                done = await work(conn, taking)
                await forget(conn, self.task, taking.taken)
                return done
        except Exception as error:
            if not of_item(error) or not taking.taken:
                raise
            log.warning("work: one by one", extra={"task": self.task, "error": name_of(error)})
        return sum([await self._alone(work, item) for item in taking.taken])

    async def _alone(self, work: Work, item: str) -> int:
        try:
            async with transaction(self.pool) as conn:
                done = await work(conn, Taking(1, only=item))
                await forget(conn, self.task, [item])
                return done
        except Exception as error:
            if not of_item(error):
                raise
            await self.failed(item, error)
            return 0

    async def skipped(self, conn: asyncpg.Connection) -> list[str]:
        """Return the items not to be taken now; forget those that are gone or whose inputs changed."""
        rows = await conn.fetch(
            "SELECT item, generation, not_before > clock_timestamp() AS waits FROM runtime.work_failure"
            " WHERE task = $1",
            self.task,
        )
        if not rows:
            return []
        current = await self.generations(conn, [row["item"] for row in rows])
        changed = [row["item"] for row in rows if current.get(row["item"]) != row["generation"]]
        await forget(conn, self.task, changed)
        gone = set(changed)
        return [row["item"] for row in rows if row["waits"] and row["item"] not in gone]

    async def worked(self, item: str) -> None:
        """Forget what is counted of an item that the caller worked on by itself."""
        async with acquire(self.pool) as conn:
            await forget(conn, self.task, [item])

    async def failed(self, item: str, error: BaseException) -> None:
        """Count a failure of an item; raise it instead if too many fail."""
        async with transaction(self.pool) as conn:
            others = await conn.fetchval(
                "SELECT count(*) FROM runtime.work_failure WHERE task = $1 AND item <> $2", self.task, item
            )
            if others < MOST:
                generation = (await self.generations(conn, [item])).get(item, "")
                attempts = await _count(conn, self.task, item, generation, name_of(error))
                what = "work: set aside" if attempts >= ATTEMPTS else "work: failed"
                # No text of the error: it may quote somebody's data.
                log.error(what, extra={"task": self.task, "error": name_of(error), "attempt": attempts})
                return
        raise error


async def _count(conn: asyncpg.Connection, task: str, item: str, generation: str, error: str) -> int:
    pauses = [backoff(attempt, base=_FIRST_PAUSE, cap=_LONGEST_PAUSE) for attempt in range(1, ATTEMPTS)]
    return int(
        await conn.fetchval(
            "INSERT INTO runtime.work_failure AS w (task, item, generation, attempts, error, not_before)"
            " VALUES ($1, $2, $3, 1, $4, clock_timestamp() + make_interval(secs => ($5::float8[])[1]))"
            " ON CONFLICT (task, item) DO UPDATE SET generation = excluded.generation,"
            " attempts = w.attempts + 1, error = excluded.error, not_before = coalesce("
            "clock_timestamp() + make_interval(secs => ($5::float8[])[w.attempts + 1]), 'infinity')"
            " RETURNING attempts",
            task,
            item,
            generation,
            error,
            pauses,
        )
    )


async def forget(conn: asyncpg.Connection, task: str, items: Collection[str]) -> None:
    """Delete what is counted of items that failed before."""
    if items:
        await conn.execute(
            "DELETE FROM runtime.work_failure WHERE task = $1 AND item = ANY($2::text[])", task, list(items)
        )


async def release(conn: asyncpg.Connection, task: str, item: str | None) -> int:
    """Let items that failed be tried again from the first attempt on, one or all; return how many."""
    rows = await conn.fetch(
        "DELETE FROM runtime.work_failure WHERE task = $1 AND ($2::text IS NULL OR item = $2) RETURNING 1",
        task,
        item,
    )
    return len(rows)


async def list_failing(conn: asyncpg.Connection) -> list[asyncpg.Record]:
    """Return the items that failed; `aside` are those that are not tried again by themselves."""
    return await conn.fetch(
        "SELECT task, item, attempts, error, not_before = 'infinity' AS aside FROM runtime.work_failure"
        " ORDER BY task, item"
    )
