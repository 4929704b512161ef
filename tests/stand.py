"""Runs a small service on the real runtime: courses are announced and changed, effects are counted."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import aiokafka
import asyncpg
import orjson
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from prometheus_client import CollectorRegistry

from schemas.base import Payload
from schemas.envelope import Event, Problem, encode_data, encode_headers
from schemas.gateway import PublisherAnnounced
from schemas.providers import CourseAnnounced, CourseCancelled, CourseChanged, CourseCompleted, Section
from schemas.topics import Family, pattern, topic
from services.runtime.base.clock import SystemClock
from services.runtime.base.settings import HttpAddress, LoopSettings, ServiceSettings
from services.runtime.consume.consumers import Consumers
from services.runtime.data.db import open_pool
from services.runtime.events.subscription import Applied, Incoming, Parked, Rejected, Subscription, Verdict
from services.runtime.kafka.administration import client_options, parse_address
from services.runtime.kafka.cluster import cluster_id
from services.runtime.send.outbox import Outgoing, effect_id, put
from tests.databases import Database
from tests.identity import IDENTITY_KEY
from tests.serving import Servers
from tests.waiting import wait_until

TABLES = """
CREATE TABLE IF NOT EXISTS public.course (id text PRIMARY KEY);
CREATE TABLE IF NOT EXISTS public.effect (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cause uuid NOT NULL,
    topic text NOT NULL,
    place bigint NOT NULL,
    subject text NOT NULL,
    n integer NOT NULL CONSTRAINT unlucky CHECK (n <> 13)
);
CREATE TABLE IF NOT EXISTS public.late (
    n integer NOT NULL, CONSTRAINT late_unique UNIQUE (n) DEFERRABLE INITIALLY DEFERRED
);
"""

Patch = tuple[object, str, object]
"""Target, attribute, value: a guard or failpoint of the loop that a test replaces."""

SLUG = "kurs-nord"
TYPES = (CourseAnnounced, CourseChanged, CourseCancelled, CourseCompleted)
FAST = LoopSettings(
    metadata_max_age_ms=500, give_up_after_seconds=20.0, session_timeout_ms=6_000, max_poll_interval_ms=30_000
)


def announcement(course: str, **changes: Any) -> CourseAnnounced:  # noqa: ANN401 - fields of the payload
    return CourseAnnounced(
        course=course,
        title=changes.pop("title", "Deutsch am Vormittag"),
        course_type="integration_general",
        kreis="99001",
        capacity=20,
        sections=(Section(number=1, starts_on=date(2026, 1, 5), ends_on=date(2026, 2, 6)),),
        **changes,
    )


def completed(course: str, n: int) -> CourseCompleted:
    return CourseCompleted(
        course=course, completed_on=date(2026, 6, 1), finished=n, sat=0, b1=0, a2=0, below=0, lid=0, both=0
    )


def event(payload: Payload, id_: str | None = None) -> Event:
    return Event(
        id=id_ or str(uuid4()),
        type=payload.type_,
        source="/test",
        time=datetime(2026, 1, 1, tzinfo=UTC),
        data=payload,
    )


def opens(incoming: Incoming) -> tuple[str, ...]:
    return (f"course:{incoming.subject}",) if isinstance(incoming.event.data, CourseAnnounced) else ()


@dataclass
class Courses:
    """The handler: knows courses, counts effects, announces each of them on `placements`."""

    prefix: str
    calls: list[int] = field(default_factory=list)

    async def __call__(
        self, conn: asyncpg.Connection, batch: Sequence[Incoming], now: datetime
    ) -> Sequence[Verdict]:
        self.calls.append(len(batch))
        known = {row["id"] for row in await conn.fetch("SELECT id FROM course")}
        verdicts: list[Verdict] = []
        effects: list[Incoming] = []
        for incoming in batch:
            data, key = incoming.event.data, f"course:{incoming.subject}"
            if isinstance(data, CourseAnnounced):
                known.add(incoming.subject)
                verdicts.append(Applied(unlocks=(key,)))
            elif incoming.subject not in known:
                verdicts.append(Parked(key, Problem("course_unknown", field="course")))
                continue
            elif isinstance(data, CourseCancelled) and data.reason == "no_teacher":
                verdicts.append(Rejected(Problem("cannot_be", field="reason")))
                continue
            else:
                verdicts.append(Applied())
            effects.append(incoming)
        await self._write(conn, effects, now)
        return verdicts

    async def _write(self, conn: asyncpg.Connection, effects: Sequence[Incoming], now: datetime) -> None:
        await conn.execute(
            "INSERT INTO course (id) SELECT DISTINCT * FROM unnest($1::text[]) AS new (id)"
            " ON CONFLICT DO NOTHING",
            [effect.subject for effect in effects if isinstance(effect.event.data, CourseAnnounced)],
        )
        await conn.execute(
            "INSERT INTO effect (cause, topic, place, subject, n)"
            " SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::integer[])",
            [effect.cause for effect in effects],
            [effect.position.topic for effect in effects],
            [effect.position.offset for effect in effects],
            [effect.subject for effect in effects],
            [getattr(effect.event.data, "finished", 0) for effect in effects],
        )
        late = [n for effect in effects if (n := getattr(effect.event.data, "finished", 0)) >= 150]
        await conn.execute("INSERT INTO late SELECT * FROM unnest($1::integer[])", late)
        await put(conn, [self._result(effect, now) for effect in effects])

    def _result(self, effect: Incoming, now: datetime) -> Outgoing:
        id_ = effect_id(effect.cause, "result", effect.subject)
        result = Event(
            id=str(id_),
            type=effect.event.type,
            source="/test",
            time=now,
            data=effect.event.data,
            causationid=str(effect.cause),
        )
        return Outgoing(id_, topic(Family.PLACEMENTS, prefix=self.prefix), effect.subject, result)


@dataclass
class Stand:
    """One test's service: its database, topics, running consumers, and a producer of events."""

    servers: Servers
    prefix: str
    database: Database
    loop: LoopSettings = FAST
    failures: list[BaseException] = field(default_factory=list)
    producer: aiokafka.AIOKafkaProducer | None = None
    pool: asyncpg.Pool | None = None
    courses: Courses = field(init=False)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self.courses = Courses(self.prefix)

    @property
    def settings(self) -> ServiceSettings:
        return ServiceSettings(
            service="allocation",
            prefix=self.prefix,
            db_worker=self.database.worker,
            db_web=self.database.web,
            db_status=self.database.status,
            kafka=self.servers.kafka,
            http=HttpAddress("127.0.0.1", 0),
            ops=HttpAddress("127.0.0.1", 0),
            identity_key=IDENTITY_KEY,
            stop_within_seconds=6.0,
            loop=self.loop,
        )

    @property
    def subscription(self) -> Subscription:
        return Subscription(
            "in",
            self.courses,
            pattern=pattern(Family.IN, prefix=self.prefix),
            findings=topic(Family.FINDINGS_STEERING, prefix=self.prefix),
            judge=True,
            opens=opens,
        )

    def in_topic(self, slug: str = SLUG) -> str:
        return topic(Family.IN, slug, prefix=self.prefix)

    @asynccontextmanager
    async def consuming(self, *patches: Patch) -> AsyncIterator[Consumers]:
        """Run the consume role, patched while it runs; failures that would stop the process are collected."""
        with pytest.MonkeyPatch.context() as patch:
            for target, name, value in patches:
                patch.setattr(target, name, value)
            async with self._consuming() as consumers:
                yield consumers

    @asynccontextmanager
    async def _consuming(self) -> AsyncIterator[Consumers]:
        assert self.pool is not None
        stop = asyncio.Event()
        self.registry = CollectorRegistry()
        consumers = Consumers(
            self.settings,
            [self.subscription],
            cluster=await cluster_id(parse_address(self.servers.kafka)),
            pool=self.pool,
            clock=SystemClock(),
            metrics_registry=self.registry,
            fail=self.failures.append,
        )
        running = asyncio.create_task(consumers.run(stop))
        try:
            yield consumers
        finally:
            stop.set()
            await asyncio.wait_for(running, 15.0)

    async def open(self) -> None:
        self.pool = await open_pool(self.database.worker, name="test", max_size=6)
        admin = await asyncpg.connect(self.database.admin)
        try:
            await admin.execute(TABLES)
            await admin.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON course, effect, late TO PUBLIC")
        finally:
            await admin.close()
        await self._start_producer(None)

    async def _start_producer(self, codec: str | None) -> None:
        self.producer = aiokafka.AIOKafkaProducer(
            **client_options(parse_address(self.servers.kafka)),
            acks="all",
            enable_idempotence=True,
            linger_ms=5,
            compression_type=codec,
        )
        await self.producer.start()

    async def compress(self, codec: str) -> None:
        """Send further records compressed."""
        assert self.producer is not None
        await self.producer.stop()
        await self._start_producer(codec)

    async def close(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.producer.stop() if self.producer else asyncio.sleep(0), 10.0)
        if self.pool is not None:
            await asyncio.wait_for(self.pool.close(), 10.0)

    async def know(
        self, slug: str = SLUG, types: Sequence[str] | None = None, *, active: bool = True
    ) -> None:
        """Put a publisher into the registry."""
        await self.execute(
            "INSERT INTO runtime.publisher"
            " VALUES ($1, $1, '{provider}', 'org', false, '{99001}', $2, '{}', $3, 1)",
            slug,
            list(types if types is not None else [payload.type_ for payload in TYPES]),
            active,
        )

    async def announce(self, slug: str, types: Sequence[str] | None = None) -> None:
        """Announce a publisher on its topic."""
        data = PublisherAnnounced(
            slug=slug,
            name=slug,
            kinds=("provider",),
            organisation="org",
            kreise=("99001",),
            event_types=tuple(types if types is not None else [payload.type_ for payload in TYPES]),
            version=1,
        )
        said = event(data)
        await self.produce(
            topic(Family.PUBLISHERS, prefix=self.prefix), encode_headers(said), encode_data(data), key=slug
        )

    async def produce(
        self,
        name: str,
        headers: Sequence[tuple[str, bytes]],
        value: bytes,
        *,
        key: str = "k",
        partition: int | None = None,
    ) -> int:
        """Send a raw record and return its offset."""
        assert self.producer is not None
        sent = await self.producer.send_and_wait(
            name, value, key=key.encode(), headers=list(headers), partition=partition
        )
        return int(sent.offset)

    async def say(self, *payloads: Payload | Event, slug: str = SLUG) -> list[Event]:
        """Send events to a publisher's topic, in order."""
        assert self.producer is not None
        said = [payload if isinstance(payload, Event) else event(payload) for payload in payloads]
        futures = [
            await self.producer.send(
                self.in_topic(slug),
                encode_data(one.data),
                key=one.data.subject_key(slug).encode(),
                headers=encode_headers(one),
            )
            for one in said
        ]
        await asyncio.gather(*futures)
        return said

    async def delete_records_before(self, name: str, offset: int) -> None:
        """Do what retention does."""
        admin = AIOKafkaAdminClient(**client_options(parse_address(self.servers.kafka)))
        await admin.start()
        try:
            await admin.delete_records({TopicPartition(name, 0): RecordsToDelete(offset)})
        finally:
            await admin.close()

    async def execute(self, statement: str, *arguments: Any) -> None:  # noqa: ANN401 - SQL arguments
        assert self.pool is not None
        await self.pool.execute(statement, *arguments)

    async def fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:  # noqa: ANN401 - SQL arguments
        assert self.pool is not None
        return list(await self.pool.fetch(query, *arguments))

    async def value(self, query: str, *arguments: Any) -> Any:  # noqa: ANN401 - SQL value
        assert self.pool is not None
        return await self.pool.fetchval(query, *arguments)

    async def read_up_to(self, offset: int, slug: str = SLUG, deadline: float = 20.0) -> None:
        """Wait until everything below this offset of a publisher's topic has been judged."""

        async def there() -> bool:
            if self.failures:
                raise self.failures[0]
            at = await self.value(
                "SELECT next_offset FROM runtime.stored_offset WHERE topic = $1", self.in_topic(slug)
            )
            return at is not None and at >= offset

        await wait_until(there, deadline, f"{self.in_topic(slug)} read up to {offset}")

    async def effects(self) -> list[tuple[UUID, str, int]]:
        """Return (cause, subject, n) of all effects in the order of their making."""
        rows = await self.fetch("SELECT cause, subject, n FROM effect ORDER BY position")
        return [(row["cause"], row["subject"], row["n"]) for row in rows]

    async def findings(self) -> list[dict[str, Any]]:
        """Return the findings in the outbox (the relay does not run here), in order."""
        rows = await self.fetch(
            "SELECT payload FROM runtime.outbox WHERE aggregatetype = $1 ORDER BY position",
            topic(Family.FINDINGS_STEERING, prefix=self.prefix),
        )
        return [orjson.loads(row["payload"]) for row in rows]

    async def verdicts(self) -> list[tuple[str, str]]:
        """Return (kind, code) of all findings but the watermarks."""
        return [
            (finding["kind"], finding["code"])
            for finding in await self.findings()
            if finding["kind"] != "accepted"
        ]

    def with_loop(self, **changes: Any) -> None:  # noqa: ANN401 - fields of the settings
        self.loop = replace(self.loop, **changes)
