"""The services as their compositions put them together, on databases of their own and topics in memory."""

import asyncio
import re
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import orjson
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from schemas.topics import PER_PUBLISHER, Family, topic
from services.allocation.__main__ import compose as compose_allocation
from services.gateway.__main__ import compose as compose_gateway
from services.notifications import work_queue
from services.notifications.__main__ import compose as compose_notifications
from services.runtime.base.settings import LoopSettings, ServiceSettings
from services.runtime.consume.consumers import Consumers
from services.runtime.data.db import acquire, open_pool
from services.runtime.events.subscription import Subscription
from services.runtime.serve.service import Compose, Resources, ServiceDefinition
from tests.databases import Database, Templates
from tests.extremes.brokerless import Record, Topics
from tests.extremes.pool import Pool
from tests.identity import KEK
from tests.serving import NOWHERE, Servers

CLUSTER = "none"
HANG_SECONDS = 60.0
COMPOSITIONS: Mapping[str, Compose] = {
    "allocation": compose_allocation,
    "gateway": compose_gateway,
    "notifications": compose_notifications,
}
_FURTHER = {"notifications": ("keys",)}
"""Databases that a service has beside its own."""
ANSWERED = frozenset({"questions"})
"""Timers that start a process for each question: not run with the others."""
_NEVER_PAUSED = LoopSettings(breaker_limit=10**9, crash_limit=10**9)
_POLICY = """
- valid_from: 1900-01-01
  source: "a test"
  automatic: [release, expire, start, complete]
  reservation: {days: 10, present_days: 3}
  cadence: {every: daily, hour: 6, near_start_days: 60}
  limits: {latest_start_days: 182, late_entry: true}
  goals: [priority, waiting, keep_offer, type_choice, early_start, distance]
- valid_from: 2027-06-01
  source: "a test"
  automatic: [send, release, expire, confirm, start, complete]
  reservation: {days: 10, present_days: 3}
  cadence: {every: daily, hour: 0, near_start_days: 0}
  limits: {latest_start_days: 730, late_entry: true}
  goals: [priority, waiting, viability, keep_offer, type_choice, early_start, distance, balance]
"""

Step = Callable[[datetime], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class PoolClock:
    """Tells the pool's business time."""

    pool: Pool

    def now(self) -> datetime:
        return self.pool.now


@dataclass
class Service:
    """One service: its loops are fed by hand, its timers run when asked."""

    settings: ServiceSettings
    worker: asyncpg.Pool
    definition: ServiceDefinition
    consumers: Consumers
    registry: CollectorRegistry
    topics: Topics
    clock: PoolClock
    read_to: dict[tuple[str, TopicPartition], int] = field(default_factory=dict)
    events: int = 0
    failures: list[BaseException] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Return the service's name."""
        return self.settings.service

    async def read(self, most: int) -> int:
        """Read at most so many new records of each partition; return how many there were."""
        done = 0
        for subscriber in self.consumers.subscribers:
            loop = subscriber.loop
            wanted = loop.subscription
            records: list[Record] = []
            for partition in list(self.topics.said):
                if _reads(wanted, partition.topic):
                    at = self.read_to.setdefault((wanted.name, partition), 0)
                    new = self.topics.since(partition, at)[:most]
                    if at == 0 and new:
                        await self._prepare(loop.group.name, partition)
                    self.read_to[wanted.name, partition] = at + len(new)
                    records += new
            if records:
                async with asyncio.timeout(HANG_SECONDS):
                    await loop.process(await loop.parse(records), {})
                done += len(records)
        self.events += done
        return done

    def families(self) -> set[Family]:
        """Return the families of topics that the service reads."""
        names = {
            topic(one, "any" if one in PER_PUBLISHER else None, prefix=self.topics.prefix): one
            for one in Family
        }
        return {
            family
            for subscriber in self.consumers.subscribers
            for name, family in names.items()
            if _reads(subscriber.loop.subscription, name)
        }

    async def _prepare(self, group: str, partition: TopicPartition) -> None:
        async with acquire(self.worker) as conn:
            await conn.execute(
                "INSERT INTO runtime.stored_offset (cluster, consumer_group, topic, partition, next_offset)"
                " VALUES ($1, $2, $3, $4, 0) ON CONFLICT DO NOTHING",
                CLUSTER,
                group,
                partition.topic,
                partition.partition,
            )

    async def relay(self) -> int:
        """Put what the service has to say on its topics."""
        async with acquire(self.worker) as conn:
            rows = await conn.fetch("DELETE FROM runtime.outbox RETURNING *")
        for row in sorted(rows, key=lambda row: row["position"]):
            if "kurslotse.out." not in row["aggregatetype"]:
                headers = row["headers"]
                self.topics.append(
                    row["aggregatetype"], row["aggregateid"], headers, row["payload"], self.clock.now()
                )
        return len(rows)

    def steps(self) -> list[tuple[str, Step]]:
        """Return everything that the service does by itself: timers, queues, maintenance."""
        found: list[tuple[str, Step]] = [
            (timer.name, timer.run) for timer in (*self.definition.everywhere, *self.definition.timers)
        ]
        for name, task in self.definition.tasks:
            if isinstance(task, partial) and task.func is work_queue.run_worker:
                found.append((name, partial(_drained, task.args[1])))
        maintenance = self.consumers.maintenance
        return [
            *found,
            ("expire parked", lambda _now: maintenance.expire_parked()),
            ("prune inbox", lambda _now: maintenance.prune()),
        ]

    async def run_steps(self, only: Collection[str] = ()) -> None:
        """Run each step once at the pool's time, or `only` those named."""
        for name, step in self.steps():
            if name not in only if only else name in ANSWERED:
                continue
            try:
                async with asyncio.timeout(HANG_SECONDS):
                    await step(self.clock.now())
            except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
                error.add_note("".join(traceback.format_tb(error.__traceback__)[-3:]))
                error.add_note(f"in '{name}' of {self.name} at {self.clock.now()}")
                self.failures.append(error)

    async def rows(self, query: str, *values: Any) -> list[asyncpg.Record]:  # noqa: ANN401 - SQL arguments
        async with acquire(self.worker) as conn:
            return list(await conn.fetch(query, *values))


def _reads(subscription: Subscription, name: str) -> bool:
    """Return whether a subscription reads a topic."""
    pattern = subscription.pattern
    return name in subscription.topics or (pattern is not None and re.match(pattern, name) is not None)


async def _drained(drain: work_queue.Drain, _now: datetime) -> int:
    done = 0
    while (step := await drain()) > 0:
        done += step
    return done


@dataclass(frozen=True, slots=True)
class Ground:
    """Where sequences are played."""

    servers: Servers
    templates: Templates
    folder: Path
    prefix: str


def _settings(service: str, ground: Ground, own: Database, keys: str) -> ServiceSettings:
    (ground.folder / "policy.yaml").write_text(_POLICY)
    env = NOWHERE | {
        "KURSLOTSE_PREFIX": ground.prefix,
        "KURSLOTSE_DB_WORKER": own.worker,
        "KURSLOTSE_DB_WEB": own.web,
        "KURSLOTSE_DB_STATUS": own.status,
        "KURSLOTSE_SERVICE_KAFKA": ground.servers.kafka,
        "KURSLOTSE_INSTALLATION_KEY": "key of a test",
        "KURSLOTSE_GATEWAY_URL": "http://127.0.0.1:1",
        "KURSLOTSE_GATEWAY_KEY": "key of a test",
        "KURSLOTSE_PEOPLE_KEY": "key of a test",
        "KURSLOTSE_KEK": KEK,
    }
    if keys:
        env["KURSLOTSE_DB_KEYS"] = keys
    if service == "allocation":
        env["KURSLOTSE_POLICY"] = str(ground.folder / "policy.yaml")
    return replace(ServiceSettings.from_env(service, env), loop=_NEVER_PAUSED)


@asynccontextmanager
async def running(
    name: str, ground: Ground, pool: Pool, topics: Topics, number: str
) -> AsyncIterator[Service]:
    """Put a service on a new database, named after the sequence's number."""
    async with AsyncExitStack() as stack:
        prefix = f"{ground.prefix}{number}"
        made = [await ground.templates.copy(one, prefix) for one in (name, *_FURTHER.get(name, ()))]
        stack.push_async_callback(ground.templates.drop, made)
        settings = _settings(name, ground, made[0], made[1].worker if len(made) > 1 else "")
        worker = await open_pool(made[0].worker, name="extremes")
        stack.push_async_callback(worker.close)
        web = await open_pool(made[0].web, name="extremes web", max_size=2)
        stack.push_async_callback(web.close)
        registry, clock = CollectorRegistry(), PoolClock(pool)
        definition = await COMPOSITIONS[name](Resources(settings, clock, registry, worker, web))
        closing = [
            asyncio.ensure_future(task())
            for _, task in definition.tasks
            if not (isinstance(task, partial) and task.func is work_queue.run_worker)
        ]
        stack.push_async_callback(_cancelled, closing)
        failures: list[BaseException] = []
        consumers = Consumers(
            settings,
            definition.subscriptions,
            cluster=CLUSTER,
            pool=worker,
            clock=clock,
            metrics_registry=registry,
            fail=failures.append,
        )
        service = Service(settings, worker, definition, consumers, registry, topics, clock, failures=failures)
        try:
            yield service
        finally:
            for subscriber in consumers.subscribers:
                subscriber.loop.close()


async def _cancelled(tasks: Sequence["asyncio.Future[Any]"]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


def told(row: asyncpg.Record) -> str:
    """Return a row as text for a message."""
    return orjson.dumps(dict(row), default=str).decode()
