"""Keeps which partitions this process reads, and of which it has begun a batch already."""

import asyncio
import logging
from collections.abc import Collection, Iterable

import asyncpg
from aiokafka import ConsumerRecord, TopicPartition

from services.runtime.base.failures import name_of
from services.runtime.bookkeeping import attempts
from services.runtime.bookkeeping.offsets import Group
from services.runtime.data.db import acquire

log = logging.getLogger(__name__)

_LAST_WORD_SECONDS = 2.0


def partition_of(record: ConsumerRecord) -> TopicPartition:
    """Return where a record lies."""
    return TopicPartition(record.topic, record.partition)


class FirstBatches:
    """The partitions of one subscription in this process, before and after their first batch."""

    def __init__(self, pool: asyncpg.Pool, group: Group) -> None:
        self._pool, self._group = pool, group
        self._unbegun: set[TopicPartition] = set()
        self._begun: set[TopicPartition] = set()

    def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """Expect a first batch of these partitions."""
        self._unbegun |= set(partitions)

    def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Forget partitions that another process reads from now on."""
        self._unbegun -= set(partitions)
        self._begun -= set(partitions)

    def among(self, records: Iterable[ConsumerRecord]) -> set[TopicPartition]:
        """Return the partitions of which these records are the first batch."""
        return {partition_of(record) for record in records} & self._unbegun

    def begun(self, partitions: Collection[TopicPartition]) -> None:
        """Remember that the first batch of these partitions has been counted."""
        self._unbegun -= set(partitions)
        self._begun |= set(partitions)

    async def say_all_finished(self) -> None:
        """Store that no batch is being read, so that the next start does not suspect any."""
        if not self._begun:
            return
        try:
            async with asyncio.timeout(_LAST_WORD_SECONDS), acquire(self._pool) as conn:
                await attempts.forget(conn, self._group, self._begun)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("could not store that nothing is being read", extra={"error": name_of(error)})
