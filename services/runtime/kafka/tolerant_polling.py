"""Polls around records that aiokafka cannot parse: a header name that is no UTF-8 must not stop the others.

aiokafka raises in the middle of a poll then, whatever else the poll held is lost from its buffers (the
contiguity guard reads it again), and every later poll raises too.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

log = logging.getLogger(__name__)

Polled = Mapping[TopicPartition, list[ConsumerRecord]]

_CAREFUL_SECONDS = 5.0
_PAUSE = 0.02
_UNPARSABLE_HEADERS = (("ce_*", b"\xff"),)  # what the reader refuses as header_not_utf8


class CarefulPolls:
    """Stands in for a consumer's `getmany`: as it is, but partition by partition after such an error."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._getmany: Callable[..., Awaitable[Polled]] = consumer.getmany
        self._careful_until = 0.0

    async def __call__(
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> Polled:
        """Poll as `getmany` does."""
        if time.monotonic() < self._careful_until:
            return await self._one_by_one()
        try:
            return await self._getmany(*partitions, timeout_ms=timeout_ms, max_records=max_records)
        except UnicodeDecodeError:
            self._careful_until = time.monotonic() + _CAREFUL_SECONDS
            return {}

    async def _one_by_one(self) -> Polled:
        """Take one record of each partition; where even that cannot be parsed, hand over a stand-in."""
        polled: dict[TopicPartition, list[ConsumerRecord]] = {}
        for partition in sorted(self._consumer.assignment() - self._consumer.paused()):
            try:
                polled |= await self._getmany(partition, timeout_ms=0, max_records=1)
            except UnicodeDecodeError:
                offset = await self._consumer.position(partition)
                log.error(  # noqa: TRY400 - its text quotes the record
                    "a record cannot be parsed",
                    extra={"topic": partition.topic, "partition": partition.partition, "offset": offset},
                )
                self._careful_until = time.monotonic() + _CAREFUL_SECONDS
                self._consumer.seek(partition, offset + 1)
                polled[partition] = [_stand_in(partition, offset)]
        if not polled:
            await asyncio.sleep(_PAUSE)
        return polled


def _stand_in(partition: TopicPartition, offset: int) -> ConsumerRecord[Any, Any]:
    return ConsumerRecord(
        partition.topic, partition.partition, offset, 0, 1, None, None, None, -1, -1, _UNPARSABLE_HEADERS
    )
