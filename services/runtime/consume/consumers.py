"""Runs all subscriptions of a service on one broker, with their maintenance."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg
from faststream.kafka import KafkaBroker
from faststream.security import BaseSecurity, SASLScram512
from prometheus_client import CollectorRegistry

from services.runtime.base.clock import Clock
from services.runtime.base.metrics import consume_metrics
from services.runtime.base.settings import LoopSettings, ServiceSettings
from services.runtime.bookkeeping.offsets import Group
from services.runtime.consume.asyncapi import document_of
from services.runtime.consume.context import ConsumerContext
from services.runtime.consume.loop import BatchLoop
from services.runtime.consume.maintenance import Maintenance
from services.runtime.consume.subscriber import Subscriber
from services.runtime.events import publishers
from services.runtime.events.records import Reader
from services.runtime.events.subscription import Subscription
from services.runtime.kafka.administration import KafkaAddress, client_options, parse_address
from services.runtime.kafka.cluster import EndOffsets
from services.runtime.kafka.tolerant_records import tolerate_undecodable

_STALLED_AFTER = 60.0


def group_name(settings: ServiceSettings, subscription: str) -> str:
    """Name the consumer group of a subscription."""
    return f"{settings.prefix}kurslotse.{settings.service}.{subscription}"


class Consumers:
    """The consume role of one service process."""

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
    ) -> None:
        everything = [publishers.subscription(settings.prefix), *subscriptions]
        by_name = {subscription.name: subscription for subscription in everything}
        if len(by_name) != len(everything):
            msg = "two subscriptions of one name"
            raise ValueError(msg)
        tolerate_undecodable()
        address = parse_address(settings.kafka)
        metrics = consume_metrics(metrics_registry, by_name)
        context = ConsumerContext(
            by_name,
            Reader(settings.prefix),
            cluster,
            f"/kurslotse/{settings.service}",
            settings.loop.parked_limit,
            settings.loop.breaker_limit,
            settings.identity_key,
            settings.loop.crash_tries,
            settings.loop.crash_limit,
        )
        self._service = settings.service
        self.maintenance = Maintenance(context, pool, address, clock, settings.loop)
        self.broker = make_broker(
            address,
            client_id=f"{settings.prefix}{settings.service}",
            settings=settings.loop,
            stop_within=settings.stop_within_seconds / 2,
        )
        self._end_offsets = EndOffsets(address)
        self.subscribers = [
            Subscriber(
                BatchLoop(
                    subscription,
                    context,
                    Group(cluster, group_name(settings, subscription.name)),
                    dsn=settings.db_worker,
                    clock=clock,
                    metrics=metrics,
                    settings=settings.loop,
                ),
                pool=pool,
                end_offsets=self._end_offsets,
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
        """Consume until told to stop, then finish the batches being written."""
        await self.broker.start()
        try:
            async with asyncio.TaskGroup() as group:
                for subscriber in self.subscribers:
                    group.create_task(subscriber.maintain(stop))
        finally:
            await asyncio.gather(*(subscriber.finish() for subscriber in self.subscribers))
            await self.broker.stop()
            await self._end_offsets.close()
            for subscriber in self.subscribers:
                subscriber.loop.close()

    def asyncapi(self) -> dict[str, Any]:
        """Return the AsyncAPI document of the subscriptions."""
        return document_of(self.broker, self._service)

    async def lag(self) -> dict[str, int]:
        """Count unread records by `group|topic`; before the start the lag is unknown and counts as 1."""
        if not all(subscriber.started for subscriber in self.subscribers):
            return {"starting": 1}
        measured = await asyncio.gather(*(subscriber.measure_lag() for subscriber in self.subscribers))
        return {
            f"{subscriber.loop.group.name}|{topic}": behind
            for subscriber, lag in zip(self.subscribers, measured, strict=True)
            for topic, behind in lag.items()
        }

    def stalled(self) -> list[str]:
        """Return the names of subscriptions that have something to read and made no progress for a minute."""
        return [
            subscriber.name
            for subscriber in self.subscribers
            if subscriber.stalled_seconds() > _STALLED_AFTER
        ]


def make_broker(
    address: KafkaAddress, *, client_id: str, settings: LoopSettings, stop_within: float
) -> KafkaBroker:
    """Make the FastStream broker of a service, which only consumes."""
    options = client_options(address)
    context = options.get("ssl_context")
    security: BaseSecurity = BaseSecurity(ssl_context=context, use_ssl=address.tls)
    if address.user is not None and address.password is not None:
        security = SASLScram512(address.user, address.password, ssl_context=context, use_ssl=address.tls)
    return KafkaBroker(
        options["bootstrap_servers"],
        security=security,
        client_id=client_id,
        consumer_only=True,
        apply_types=False,
        logger=None,
        graceful_timeout=stop_within,
        metadata_max_age_ms=settings.metadata_max_age_ms,
        allow_auto_create_topics=False,
    )
