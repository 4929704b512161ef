"""Asks the broker which cluster it is, whether it answers, and where partitions end."""

import asyncio
from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from services.runtime.kafka.administration import KafkaAddress, client_options


async def cluster_id(address: KafkaAddress) -> str:
    """Return the id of the broker's cluster: offsets mean something on one cluster only."""
    admin = AIOKafkaAdminClient(**client_options(address))
    await admin.start()
    try:
        return str((await admin.describe_cluster())["cluster_id"])
    finally:
        await admin.close()


async def check_answers(address: KafkaAddress) -> None:
    """Raise unless the broker answers."""
    client = AIOKafkaClient(**client_options(address), request_timeout_ms=3000)
    try:
        await client.bootstrap()
    finally:
        await client.close()


class EndOffsets:
    """Reads end offsets with a consumer of its own, made anew after any error.

    On the connection of a consumer that polls, the answer would wait until its fetch has come back.
    """

    def __init__(self, address: KafkaAddress) -> None:
        self._address = address
        self._consumer: AIOKafkaConsumer | None = None
        self._lock = asyncio.Lock()

    async def of(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Return the end offset of each partition."""
        if not partitions:
            return {}
        async with self._lock:
            try:
                if self._consumer is None:
                    self._consumer = AIOKafkaConsumer(
                        **client_options(self._address), request_timeout_ms=10_000
                    )
                    await self._consumer.start()
                ends: Mapping[TopicPartition, int] = await self._consumer.end_offsets(partitions)
            except (KafkaError, OSError, TimeoutError):
                await self.close()
                raise
            return ends

    async def close(self) -> None:
        """Close the consumer."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()
