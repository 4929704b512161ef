"""Processes the polls of one subscription one after the other, each until it has committed."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import asyncpg
from aiokafka import TopicPartition

from services.runtime.base.clock import Clock
from services.runtime.base.failures import Meaning, meaning_of, name_of
from services.runtime.base.metrics import ConsumeMetrics
from services.runtime.base.retry import jittered
from services.runtime.base.settings import LoopSettings
from services.runtime.bookkeeping.offsets import Gap, Group
from services.runtime.consume.batch import Batch, BatchResult, PolledRecord, process_batch
from services.runtime.consume.context import ConsumerContext
from services.runtime.data.db import connect
from services.runtime.events.records import RawRecord
from services.runtime.events.subscription import Subscription

log = logging.getLogger(__name__)

_PARSED_AT_ONCE = 25  # records parsed before other tasks may run


class StoppedError(Exception):
    """The loop has given up; the process has to stop."""


class BatchLoop:
    """Runs the batches of one subscription on a connection of its own; retries what is transient."""

    def __init__(
        self,
        subscription: Subscription,
        context: ConsumerContext,
        group: Group,
        *,
        dsn: str,
        clock: Clock,
        metrics: ConsumeMetrics,
        settings: LoopSettings,
    ) -> None:
        self.subscription, self.group = subscription, group
        self._context, self._dsn, self._clock = context, dsn, clock
        self._metrics, self._settings = metrics, settings
        self._conn: asyncpg.Connection | None = None

    def close(self) -> None:
        """Drop the connection."""
        conn, self._conn = self._conn, None
        if conn is not None:
            conn.terminate()

    async def parse(self, records: Sequence[RawRecord]) -> dict[TopicPartition, list[PolledRecord]]:
        """Parse a poll; let other tasks run in between, for the batch before it is being written."""
        parsed: dict[TopicPartition, list[PolledRecord]] = {}
        for number, record in enumerate(records):
            partition = TopicPartition(record.topic, record.partition)
            reading = self._context.reader.read(record)
            parsed.setdefault(partition, []).append(PolledRecord(record.offset, reading))
            if number % _PARSED_AT_ONCE == _PARSED_AT_ONCE - 1:
                await asyncio.sleep(0)
        return parsed

    async def process(
        self,
        records: Mapping[TopicPartition, Sequence[PolledRecord]],
        confirmed_gaps: Mapping[TopicPartition, Gap],
    ) -> BatchResult:
        """Process one poll until it has committed.

        Raises:
            StoppedError: the failure is a bug, or lasts longer than `give_up_after_seconds`.
        """
        started = time.monotonic()
        attempt, isolate_poison = 0, False
        while True:
            try:
                conn = await self._connection()
                now = self._clock.now()
                batch = Batch(self.subscription, self.group, records, confirmed_gaps, now, isolate_poison)
                result = await process_batch(conn, self._context, batch)
            except Exception as error:  # noqa: BLE001 - the failure table decides
                meaning = meaning_of(error, connection_dead=await self._connection_is_dead(error))
                self.close()
                log.warning(
                    "batch rolled back", extra=self._about(error=name_of(error), outcome=str(meaning))
                )
                if meaning is Meaning.POISON and not isolate_poison:
                    isolate_poison = True  # only the commit complained, which does not name the record
                    continue
                if meaning is not Meaning.TRANSIENT:
                    self._stop(error)
                attempt += 1
                delay = jittered(attempt)
                if time.monotonic() - started + delay > self._settings.give_up_after_seconds:
                    self._stop(error)
                self._metrics.retries.labels(reader=self.subscription.name).inc()
                await asyncio.sleep(delay)
            except BaseException:
                self.close()
                raise
            else:
                self._measure(result, time.monotonic() - started)
                return result

    def _measure(self, result: BatchResult, seconds: float) -> None:
        name = self.subscription.name
        for outcome, n in result.counts.items():
            self._metrics.records.labels(reader=name, outcome=outcome).inc(n)
        self._metrics.batches.labels(reader=name).observe(seconds)

    async def _connection(self) -> asyncpg.Connection:
        if self._conn is None or self._conn.is_closed():
            self._conn = await connect(self._dsn, name=self.group.name)
        return self._conn

    async def _connection_is_dead(self, error: Exception) -> bool:
        """Return whether the connection is of use no more; asyncpg may complain while it is only dying."""
        conn = self._conn
        if conn is None or conn.is_closed():
            return True
        if not isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError):
            return False
        try:
            await asyncio.wait_for(conn.fetchval("SELECT 1"), 2.0)
        except Exception:  # noqa: BLE001 - whatever it says, it is of no use any more
            return True
        return False

    def _about(self, **further: Any) -> dict[str, Any]:  # noqa: ANN401 - keys of a log line
        return {"subscription": self.subscription.name, "group": self.group.name} | further

    def _stop(self, error: Exception) -> NoReturn:
        log.critical("the loop stops the process", exc_info=error, extra=self._about(error=name_of(error)))
        msg = f"{self.group.name}: {name_of(error)}"
        raise StoppedError(msg) from error
