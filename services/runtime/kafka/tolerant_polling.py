"""Polls around records that aiokafka cannot parse, so that they stop no other partition.

On a header name that is not UTF-8 aiokafka raises in the middle of a poll. What else the poll held is lost
from its buffers (the contiguity guard reads it again), and every later poll raises too.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

log = logging.getLogger(__name__)

Polled = Mapping[TopicPartition, list[ConsumerRecord]]

_SEPARATE_SECONDS = 5.0
_PAUSE = 0.02
_UNPARSABLE_HEADERS = (("ce_*", b"\xff"),)  # what the reader refuses as header_not_utf8


class TolerantPolling:
    """Replaces a consumer's `getmany`: polls partition by partition for some seconds after such an error."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._getmany: Callable[..., Awaitable[Polled]] = consumer.getmany
        self._separate_until = 0.0

    async def __call__(
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> Polled:
        """Poll as `getmany` does."""
        if time.monotonic() < self._separate_until:
            return await self._one_by_one()
        try:
            return await self._getmany(*partitions, timeout_ms=timeout_ms, max_records=max_records)
        except UnicodeDecodeError:
            self._separate_until = time.monotonic() + _SEPARATE_SECONDS
            return {}

    async def _one_by_one(self) -> Polled:
        """Take one record of each partition; replace one that cannot be parsed by an unreadable record."""
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
                self._separate_until = time.monotonic() + _SEPARATE_SECONDS
                self._consumer.seek(partition, offset + 1)
                polled[partition] = [_unreadable_record(partition, offset)]
        if not polled:
            await asyncio.sleep(_PAUSE)
        return polled


def _unreadable_record(partition: TopicPartition, offset: int) -> ConsumerRecord[Any, Any]:
    return ConsumerRecord(
        partition.topic, partition.partition, offset, 0, 1, None, None, None, -1, -1, _UNPARSABLE_HEADERS
    )
