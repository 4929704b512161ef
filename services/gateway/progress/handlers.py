"""Announces of each publisher: everything accepted before T lies below these offsets of its `in` topic."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import asyncpg

from schemas.envelope import Event
from schemas.gateway import PublisherProgressed
from schemas.identity import NAMESPACE, effect_id
from schemas.topics import Family, topic
from services.gateway.progress import store
from services.gateway.progress.domain import (
    STEP,
    Announcement,
    Candidate,
    Offsets,
    OutboxSpan,
    settled,
    worth_announcing,
)
from services.runtime.data.db import acquire, transaction
from services.runtime.send.outbox import Outgoing, put


class EndOffsets(Protocol):
    """Reads where topics end."""

    async def read(self, topics: Sequence[str]) -> Mapping[str, Offsets]:
        """Return topic -> partition (as text) -> end offset; topics that do not exist are left out."""
        ...


class ProgressAnnouncer:
    """Compares outbox and topics; one round costs two statements and one request to the broker."""

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
        self._announced_at: dict[str, float] = {}

    async def run(self, now: datetime) -> int:
        """Announce what can be announced; `now` was read before this is called."""
        async with acquire(self._pool) as conn:
            before = await store.announcements(conn)
            waiting = await store.outbox_spans(conn, [self._topic(slug) for slug in before])
        ready = self._settled({slug: waiting.get(self._topic(slug)) for slug in before}, now)
        ends = await self._ends.read([self._topic(slug) for slug in sorted(ready)]) if ready else {}
        clock = self._monotonic()
        news = {
            slug: Announcement(until, ends[self._topic(slug)])
            for slug, until in ready.items()
            if self._topic(slug) in ends
            and worth_announcing(
                until,
                ends[self._topic(slug)],
                before[slug],
                clock - self._announced_at.get(slug, float("-inf")),
                self._step,
            )
        }
        if not news:
            return 0
        async with transaction(self._pool) as conn:
            written = await store.write(conn, news)
            await put(conn, [_outgoing(slug, news[slug], self._prefix) for slug in written])
        self._announced_at |= dict.fromkeys(written, clock)
        return len(written)

    def _settled(self, waiting: Mapping[str, OutboxSpan | None], now: datetime) -> dict[str, datetime]:
        """Return T of each publisher whose T is known, and begin to wait for the next."""
        ready: dict[str, datetime] = {}
        for slug, rows in waiting.items():
            until = settled(self._candidates.get(slug), rows, now)
            if until is not None:
                ready[slug] = until
            if rows is None:
                self._candidates.pop(slug, None)
            elif until is not None or slug not in self._candidates:
                self._candidates[slug] = Candidate(now, rows.last)
        return ready

    def _topic(self, slug: str) -> str:
        return topic(Family.IN, slug, prefix=self._prefix)


def _outgoing(slug: str, news: Announcement, prefix: str) -> Outgoing:
    data = PublisherProgressed(publisher=slug, until=news.until, offsets=dict(news.offsets))
    ends = ",".join(f"{partition}:{offset}" for partition, offset in sorted(news.offsets.items()))
    id_ = effect_id(NAMESPACE, "progressed", f"{slug}/{news.until.isoformat()}/{ends}")
    event = Event(id=str(id_), type=data.type_, source="/gateway", time=news.until, data=data)
    return Outgoing(id_, topic(Family.PROGRESS, prefix=prefix), slug, event)
