"""Reads the end offsets of topics from the broker; connects again after any error."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

import aiokafka
import aiokafka.errors
from aiokafka.admin import AIOKafkaAdminClient

from services.runtime.kafka.administration import KafkaAddress, client_options

_TIMEOUT_MS = 10_000


class KafkaEnds:
    """Reads end offsets with a consumer that belongs to no group."""

    def __init__(self, address: KafkaAddress) -> None:
        self._address = address
        self._consumer: aiokafka.AIOKafkaConsumer | None = None
        self._partitions: dict[str, tuple[int, ...]] = {}
        self._rounds = 0
        self._closed = False
        self._busy = asyncio.Lock()

    async def read(self, topics: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
        """Return topic -> partition (as text) -> end offset; topics that do not exist are left out."""
        async with self._busy:
            if self._closed:
                return {}
            try:
                found = await self._ask(topics)
            except (aiokafka.errors.KafkaError, OSError, TimeoutError):
                await self._disconnect()
                raise
        ends: dict[str, dict[str, int]] = {}
        for place, offset in found.items():
            ends.setdefault(place.topic, {})[str(place.partition)] = offset
        return ends

    async def _ask(self, topics: Sequence[str]) -> Mapping[aiokafka.TopicPartition, int]:
        consumer = await self._connected()
        await self._learn_partitions(topics)
        wanted = [
            aiokafka.TopicPartition(name, partition)
            for name in topics
            for partition in self._partitions.get(name, ())
        ]
        return await consumer.end_offsets(wanted) if wanted else {}

    async def _learn_partitions(self, topics: Sequence[str]) -> None:
        """Ask for the partitions of new topics, and of all topics every 60 rounds: their number can grow."""
        self._rounds += 1
        unknown = (
            topics if self._rounds % 60 == 1 else [name for name in topics if name not in self._partitions]
        )
        if not unknown:
            return
        admin = AIOKafkaAdminClient(**client_options(self._address), request_timeout_ms=_TIMEOUT_MS)
        try:
            await admin.start()
            for described in await admin.describe_topics(list(unknown)):
                if described["error_code"] == 0:
                    numbers = tuple(sorted(part["partition"] for part in described["partitions"]))
                    self._partitions[described["topic"]] = numbers
        finally:
            await admin.close()

    async def _connected(self) -> aiokafka.AIOKafkaConsumer:
        if self._consumer is None:
            consumer = aiokafka.AIOKafkaConsumer(
                **client_options(self._address),
                client_id="gateway-progress",
                group_id=None,
                enable_auto_commit=False,
                request_timeout_ms=_TIMEOUT_MS,
            )
            try:
                await consumer.start()
            except BaseException:
                await consumer.stop()
                raise
            self._consumer = consumer
        return self._consumer

    async def close(self) -> None:
        """Close the connection for good."""
        async with self._busy:
            self._closed = True
            await self._disconnect()

    async def _disconnect(self) -> None:
        consumer, self._consumer = self._consumer, None
        self._partitions.clear()
        if consumer is not None:
            with contextlib.suppress(aiokafka.errors.KafkaError, OSError):
                await consumer.stop()
