"""Asks where partitions end, on a connection of its own: beside a waiting fetch the answer would wait too."""

import asyncio
from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from services.runtime.kafka.administration import KafkaAddress, client_options


class Ends:
    """End offsets by a consumer without a group; made anew after any error."""

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
        """Let go of the connection."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()
