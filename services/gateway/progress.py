"""Says of each publisher: everything accepted before T lies below these offsets of its `in` topic."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import asyncpg

from schemas.envelope import Event
from schemas.gateway import PublisherProgressed
from schemas.identity import NAMESPACE, effect_id
from schemas.topics import Family, topic
from services.runtime.data.db import acquire, transaction
from services.runtime.send.outbox import Outgoing, put

STEP = timedelta(seconds=60)
"""An idle publisher's T is announced when it has grown by this much."""
BREATH = 1.0
"""Seconds between two announcements of the same T with other offsets."""

Offsets = Mapping[str, int]


class EndOffsets(Protocol):
    """Where topics end now."""

    async def read(self, topics: Sequence[str]) -> Mapping[str, Offsets]:
        """Return topic -> partition (as text) -> end offset; topics that do not exist are left out."""
        ...


@dataclass(frozen=True, slots=True)
class Waiting:
    """Outbox rows of one topic in one snapshot."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A business time whose accepted events are not all on the topic yet: those up to `last`."""

    until: datetime
    last: int


@dataclass(frozen=True, slots=True)
class Announced:
    """What was last said of a publisher."""

    until: datetime
    offsets: Offsets


def settled(candidate: Candidate | None, waiting: Waiting | None, now: datetime) -> datetime | None:
    """Return the T before which everything accepted is on its topic, by one snapshot taken after `now`.

    Rows committed before T was read are in every later snapshot until the broker has them.
    """
    if waiting is None:
        return now
    if candidate is not None and waiting.first > candidate.last:
        return candidate.until
    return None


def worth_saying(
    until: datetime, offsets: Offsets, before: Announced | None, seconds_since: float, step: timedelta
) -> bool:
    """Say whether an announcement tells readers something, at a bounded rate."""
    if before is None:
        return True
    if until <= before.until and offsets == before.offsets:
        return False
    if until < before.until:
        return False
    if until - before.until >= step:
        return True
    return offsets != before.offsets and seconds_since >= BREATH


class Progress:
    """Watches the outbox and the topics' ends; one round costs two statements and one request."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        ends: EndOffsets,
        *,
        prefix: str,
        monotonic: Callable[[], float],
        step: timedelta = STEP,
    ) -> None:
        self._pool, self._ends, self._prefix, self._step = pool, ends, prefix, step
        self._monotonic = monotonic
        self._candidates: dict[str, Candidate] = {}
        self._said: dict[str, float] = {}

    async def run(self, now: datetime) -> int:
        """Announce what can be announced; `now` was read before this is called."""
        async with acquire(self._pool) as conn:
            before = await _announced(conn)
            waiting = await _waiting(conn, [self._topic(slug) for slug in before])
        ready: dict[str, datetime] = {}
        for slug in before:
            rows = waiting.get(self._topic(slug))
            until = settled(self._candidates.get(slug), rows, now)
            if until is not None:
                ready[slug] = until
            if rows is None:
                self._candidates.pop(slug, None)
            elif until is not None or slug not in self._candidates:
                self._candidates[slug] = Candidate(now, rows.last)
        ends = await self._ends.read([self._topic(slug) for slug in sorted(ready)]) if ready else {}
        clock = self._monotonic()
        news = {
            slug: Announced(until, ends[self._topic(slug)])
            for slug, until in ready.items()
            if self._topic(slug) in ends
            and worth_saying(
                until,
                ends[self._topic(slug)],
                before[slug],
                clock - self._said.get(slug, float("-inf")),
                self._step,
            )
        }
        if not news:
            return 0
        async with transaction(self._pool) as conn:
            said = await _announce(conn, news, self._prefix)
        self._said |= dict.fromkeys(said, clock)
        return len(said)

    def _topic(self, slug: str) -> str:
        return topic(Family.IN, slug, prefix=self._prefix)


async def _announced(conn: asyncpg.Connection) -> dict[str, Announced | None]:
    rows = await conn.fetch(
        """
        SELECT p.slug, g.until, g.offsets FROM publisher AS p LEFT JOIN progress AS g ON g.publisher = p.slug
        WHERE p.active ORDER BY p.slug
        """
    )
    return {
        row["slug"]: Announced(row["until"], row["offsets"]) if row["until"] is not None else None
        for row in rows
    }


async def _waiting(conn: asyncpg.Connection, topics: Sequence[str]) -> dict[str, Waiting]:
    """Look at the outbox in one snapshot; an unsendable row holds its publisher back on purpose."""
    rows = await conn.fetch(
        """
        SELECT aggregatetype, min(position) AS first, max(position) AS last
        FROM runtime.outbox WHERE aggregatetype = ANY($1::text[]) GROUP BY aggregatetype
        """,
        list(topics),
    )
    return {row["aggregatetype"]: Waiting(row["first"], row["last"]) for row in rows}


async def _announce(conn: asyncpg.Connection, news: Mapping[str, Announced], prefix: str) -> list[str]:
    """Write and announce; what another process has said meanwhile is not taken back."""
    slugs = sorted(news)
    rows = await conn.fetch(
        """
        INSERT INTO progress (publisher, until, offsets)
        SELECT slug, until, offsets FROM unnest($1::text[], $2::timestamptz[], $3::jsonb[])
            AS new (slug, until, offsets) ORDER BY slug
        ON CONFLICT (publisher) DO UPDATE SET until = EXCLUDED.until, offsets = EXCLUDED.offsets
        WHERE progress.until < EXCLUDED.until
            OR (progress.until = EXCLUDED.until AND progress.offsets <> EXCLUDED.offsets)
        RETURNING publisher
        """,
        slugs,
        [news[slug].until for slug in slugs],
        [dict(news[slug].offsets) for slug in slugs],
    )
    said = [row["publisher"] for row in rows]
    await put(conn, [_outgoing(slug, news[slug], prefix) for slug in said])
    return said


def _outgoing(slug: str, news: Announced, prefix: str) -> Outgoing:
    data = PublisherProgressed(publisher=slug, until=news.until, offsets=dict(news.offsets))
    ends = ",".join(f"{partition}:{offset}" for partition, offset in sorted(news.offsets.items()))
    id_ = effect_id(NAMESPACE, "progressed", f"{slug}/{news.until.isoformat()}/{ends}")
    event = Event(id=str(id_), type=data.type_, source="/gateway", time=news.until, data=data)
    return Outgoing(id_, topic(Family.PROGRESS, prefix=prefix), slug, event)
