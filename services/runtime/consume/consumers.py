"""All subscriptions of a service together: one broker, one bench, what is beside the loops."""

import asyncio
from collections.abc import Callable, Sequence

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from prometheus_client import CollectorRegistry

from services.runtime.base.clock import Clock
from services.runtime.base.metrics import consume_metrics
from services.runtime.base.settings import ServiceSettings
from services.runtime.bookkeeping.offsets import Group
from services.runtime.consume.verdicts import Bench
from services.runtime.consume.loop import Loop, Parts
from services.runtime.consume.maintenance import Upkeep
from services.runtime.consume.subscriber import Subscriber, make_broker
from services.runtime.events import publishers as registry
from services.runtime.events.records import Reader
from services.runtime.events.subscription import Subscription
from services.runtime.kafka.administration import KafkaAddress, client_options, parse_address
from services.runtime.kafka.end_offsets import Ends

_STUCK_AFTER = 60.0


async def cluster_id(address: KafkaAddress) -> str:
    """Ask the broker which cluster it is: offsets of another one mean nothing."""
    admin = AIOKafkaAdminClient(**client_options(address))
    await admin.start()
    try:
        return str((await admin.describe_cluster())["cluster_id"])
    finally:
        await admin.close()


def group_name(settings: ServiceSettings, subscription: str) -> str:
    """Name the consumer group of a subscription."""
    return f"{settings.prefix}kurslotse.{settings.service}.{subscription}"


class Consumers:
    """The consume role of one service."""

    def __init__(
        self,
        settings: ServiceSettings,
        subscriptions: Sequence[Subscription],
        *,
        cluster: str,
        pool: asyncpg.Pool,
        clock: Clock,
        metrics_registry: CollectorRegistry,
        fail: Callable[[BaseException], None],
        parts: Parts | None = None,
        make_subscriber: type[Subscriber] = Subscriber,
    ) -> None:
        everything = [registry.subscription(settings.prefix), *subscriptions]
        by_name = {subscription.name: subscription for subscription in everything}
        if len(by_name) != len(everything):
            msg = "two subscriptions of one name"
            raise ValueError(msg)
        address = parse_address(settings.kafka)
        metrics = consume_metrics(metrics_registry, by_name)
        bench = Bench(
            by_name,
            Reader(settings.prefix),
            cluster,
            f"/kurslotse/{settings.service}",
            settings.loop.parked_limit,
        )
        self.upkeep = Upkeep(bench, pool, address, clock, settings.loop)
        self.broker = make_broker(
            address,
            client_id=f"{settings.prefix}{settings.service}",
            settings=settings.loop,
            stop_within=settings.stop_within_seconds / 2,
        )
        self._ends = Ends(address)
        self.subscribers = [
            make_subscriber(
                Loop(
                    subscription,
                    bench,
                    Group(cluster, group_name(settings, subscription.name)),
                    dsn=settings.db_worker,
                    clock=clock,
                    metrics=metrics,
                    settings=settings.loop,
                    parts=parts,
                ),
                pool=pool,
                ends=self._ends,
                metrics=metrics,
                settings=settings.loop,
                prefix=settings.prefix,
                fail=fail,
            )
            for subscription in everything
        ]
        for subscriber in self.subscribers:
            subscriber.attach(self.broker)

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until told to stop; a batch in work is finished."""
        await self.broker.start()
        try:
            for subscriber in self.subscribers:
                subscriber.poll_carefully()
            async with asyncio.TaskGroup() as group:
                for subscriber in self.subscribers:
                    group.create_task(subscriber.tend(stop))
        finally:
            await asyncio.gather(*(subscriber.finish() for subscriber in self.subscribers))
            await self.broker.stop()
            await self._ends.close()
            for subscriber in self.subscribers:
                await subscriber.loop.close()

    async def lag(self) -> dict[str, int]:
        """Count what is not yet read, by `group|topic`; before the start nobody knows, so something is."""
        if not all(subscriber.started for subscriber in self.subscribers):
            return {"starting": 1}
        measured = await asyncio.gather(*(subscriber.measure_lag() for subscriber in self.subscribers))
        return {
            f"{subscriber.loop.group.name}|{topic}": behind
            for subscriber, lag in zip(self.subscribers, measured, strict=True)
            for topic, behind in lag.items()
        }

    def stuck(self) -> list[str]:
        """Name the subscriptions that have something to read, and have not got on for a minute."""
        return [subscriber.name for subscriber in self.subscribers if subscriber.stuck_for() > _STUCK_AFTER]


async def broker_answers(address: KafkaAddress) -> bool:
    """Say whether the broker answers at all."""
    client = AIOKafkaClient(**client_options(address), request_timeout_ms=3000)
    try:
        await client.bootstrap()
    finally:
        await client.close()
    return True
