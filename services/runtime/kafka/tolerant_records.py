"""Unpacks fetched records so that one that cannot be decoded stops no other partition, and nothing waits.

aiokafka raises out of a poll at a wrong checksum, at a codec it does not know, and at a header that is not
UTF-8; every later poll of any partition then raises too. Here such records are handed over like all others,
marked as undecodable; the rest of their batch is marked too, for nothing says where its records begin.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aiokafka import ConsumerRecord
from aiokafka.consumer import fetcher

from services.runtime.base.failures import name_of
from services.runtime.kafka.unpacking import limit_unpacking

_MOST_PER_BATCH = 100_000
_NOT_OF_RECORDS = (GeneratorExit, KeyboardInterrupt, SystemExit, asyncio.CancelledError)


@dataclass
class UndecodableRecord(ConsumerRecord):  # type: ignore[misc] # aiokafka is untyped
    """Stands for a record that cannot be decoded; `error` names what was raised."""

    error: str = ""


class _Watched:
    """Hands out batches and remembers the last one."""

    def __init__(self, records: Any) -> None:  # noqa: ANN401 - aiokafka is untyped
        self._records = records
        self.last: Any = None

    def has_next(self) -> bool:
        """Return whether there is another batch."""
        return bool(self._records.has_next())

    def next_batch(self) -> Any:  # noqa: ANN401 - aiokafka is untyped
        """Return the next batch."""
        self.last = None
        self.last = self._records.next_batch()
        return self.last


class TolerantRecords(fetcher.PartitionRecords):  # type: ignore[misc] # aiokafka is untyped
    """The fetched records of one partition."""

    _records: Any
    _tp: Any
    next_fetch_offset: int

    def _unpack_records(self) -> Iterator[ConsumerRecord]:
        self._records = watched = _Watched(self._records)
        while True:
            unpacked = super()._unpack_records()
            try:
                yield from unpacked
            except BaseException as error:
                if isinstance(error, _NOT_OF_RECORDS):
                    raise
                yield from self._undecodable(watched.last, name_of(error))
                if watched.last is None:
                    return  # not even the next batch can be found: the rest is fetched again
            else:
                return

    def _undecodable(self, batch: Any, error: str) -> Iterator[UndecodableRecord]:  # noqa: ANN401 - untyped
        begin = self.next_fetch_offset
        end = begin + 1 if batch is None else batch.next_offset
        if not begin < end <= begin + _MOST_PER_BATCH:
            end = begin + 1
        for offset in range(begin, end):
            self.next_fetch_offset = offset + 1
            yield UndecodableRecord(
                self._tp.topic, self._tp.partition, offset, 0, 1, None, None, None, -1, -1, (), error
            )


def tolerate_undecodable() -> None:
    """Have every consumer of this process unpack like this."""
    limit_unpacking()
    fetcher.PartitionRecords = TolerantRecords
