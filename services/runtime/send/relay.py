"""Sends outbox rows to Kafka in order; deletes them after the ack; one relay a service is active."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

import aiokafka
import aiokafka.errors
import asyncpg

from services.runtime.base import failpoints
from services.runtime.base.failures import Meaning, meaning_of, name_of
from services.runtime.base.metrics import RelayMetrics
from services.runtime.base.retry import jittered
from services.runtime.data.db import connect
from services.runtime.kafka.administration import KafkaAddress, client_options

log = logging.getLogger(__name__)

WINDOW = 1000
CHANNEL = "kurslotse_outbox"
_LOCK = (4_075_716, 1)  # advisory lock of the one active relay; the database is the service's own
_POLL = 1.0
_HEARTBEAT = 1.0
_HOLDER_MAY_BE_SILENT = "4s"  # a frozen holder loses its session, and with it the lock
_TOPIC_AGAIN_AFTER = 2.0
_TOPIC_KNOWN_WITHIN = 2.0

_NEVER = (aiokafka.errors.MessageSizeTooLargeError, aiokafka.errors.InvalidTopicError)
_OF_THE_TOPIC = (aiokafka.errors.UnknownTopicOrPartitionError, aiokafka.errors.TopicAuthorizationFailedError)


@dataclass(frozen=True, slots=True)
class Row:
    """An outbox row, ready to be sent."""

    position: int
    topic: str
    key: bytes
    payload: bytes
    headers: Sequence[tuple[str, bytes]]


async def next_rows(conn: asyncpg.Connection, limit: int, held: Sequence[str]) -> list[Row]:
    """Return the oldest rows. Sent rows are deleted, so a row that commits late cannot be overtaken."""
    return [
        Row(
            row["position"],
            row["aggregatetype"],
            row["aggregateid"].encode(),
            row["payload"],
            [(name, value.encode()) for name, value in row["headers"].items()],
        )
        for row in await conn.fetch(
            "SELECT position, aggregatetype, aggregateid, payload, headers FROM runtime.outbox"
            " WHERE unsendable IS NULL AND aggregatetype <> ALL($2::text[]) ORDER BY position LIMIT $1",
            limit,
            held,
        )
    ]


async def delete_rows(conn: asyncpg.Connection, positions: Sequence[int]) -> None:
    """Delete rows that the broker has acknowledged."""
    await conn.execute("DELETE FROM runtime.outbox WHERE position = ANY($1::bigint[])", positions)


async def set_aside(conn: asyncpg.Connection, position: int, why: str) -> None:
    """Mark a row that can never be sent, so that it blocks no other."""
    await conn.execute("UPDATE runtime.outbox SET unsendable = $2 WHERE position = $1", position, why)


@dataclass(slots=True)
class Sent:
    """The broker's answers to a window of rows."""

    acked: list[int] = field(default_factory=list)
    never: list[tuple[int, str]] = field(default_factory=list)
    held_topics: set[str] = field(default_factory=set)
    error: BaseException | None = None


class Relay:
    """The relay role of one service."""

    def __init__(
        self,
        dsn: str,
        kafka: KafkaAddress,
        metrics: RelayMetrics,
        *,
        name: str,
    ) -> None:
        self._dsn, self._kafka, self._metrics, self._name = dsn, kafka, metrics, name
        self._wake = asyncio.Event()
        self._held: dict[str, float] = {}
        self._topics: set[str] = set()  # those the producer has metadata of
        self._producer: aiokafka.AIOKafkaProducer | None = None
        self._busy = asyncio.Lock()
        self.active = False

    async def run(self, stop: asyncio.Event) -> None:
        """Relay until told to stop; a failure that is not transient ends the process."""
        attempt = 0
        try:
            while not stop.is_set():
                try:
                    await self._session(stop)
                except Exception as error:
                    # The session's connection is given up with the session, so a client error means it died.
                    if meaning_of(error, connection_dead=True) is not Meaning.TRANSIENT:
                        raise
                    attempt += 1
                    self._metrics.failures.labels(reason="transient").inc()
                    log.warning("relay: session lost", extra={"error": name_of(error), "attempt": attempt})
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), jittered(attempt))
                else:
                    attempt = 0
        finally:
            await self._drop_producer()

    async def _session(self, stop: asyncio.Event) -> None:
        conn = await connect(
            self._dsn,
            name=f"{self._name} relay",
            command_timeout=10.0,
            further={"idle_session_timeout": _HOLDER_MAY_BE_SILENT},
        )
        heart: asyncio.Task[None] | None = None
        try:
            while not await conn.fetchval("SELECT pg_try_advisory_lock($1, $2)", *_LOCK):
                if await self._stopped_within(stop, 0.5):
                    return
            await conn.add_listener(CHANNEL, self._woken)
            self.active = True
            heart = asyncio.create_task(self._beat(conn))
            while not stop.is_set():
                if heart.done():
                    heart.result()
                self._wake.clear()
                if not await self._window(conn):
                    await self._sleep(stop)
        finally:
            self.active = False
            if heart is not None:
                heart.cancel()
                await asyncio.gather(heart, return_exceptions=True)
            conn.terminate()

    def _woken(self, *_notification: object) -> None:
        self._wake.set()

    async def _beat(self, conn: asyncpg.Connection) -> None:
        """Keep the session from idling out while Kafka is slow."""
        while True:
            await asyncio.sleep(_HEARTBEAT)
            async with self._busy:
                await conn.execute("SELECT 1")

    async def _sleep(self, stop: asyncio.Event) -> None:
        waits = [asyncio.ensure_future(self._wake.wait()), asyncio.ensure_future(stop.wait())]
        try:
            await asyncio.wait(waits, timeout=_POLL, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _stopped_within(self, stop: asyncio.Event, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
        return stop.is_set()

    async def _window(self, conn: asyncpg.Connection) -> bool:
        """Send one window of rows; return whether there was any row."""
        now = asyncio.get_running_loop().time()
        self._held = {topic: until for topic, until in self._held.items() if until > now}
        async with self._busy:
            rows = await next_rows(conn, WINDOW, list(self._held))
        if not rows:
            return False
        producer = await self._started_producer()
        missing = await self._missing_topics(producer, {row.topic for row in rows})
        sent = await send_window(producer, rows, missing)
        await failpoints.failpoint("sent")
        async with self._busy:
            await self._settle(conn, sent)
        self._metrics.sent.inc(len(sent.acked))
        if sent.error is not None:
            await self._drop_producer()
            raise sent.error
        return True

    async def _missing_topics(self, producer: aiokafka.AIOKafkaProducer, topics: set[str]) -> set[str]:
        """Return the topics that do not exist, before one of them holds up a whole window."""
        missing = set()
        for topic in topics - self._topics:
            try:
                await asyncio.wait_for(producer.partitions_for(topic), _TOPIC_KNOWN_WITHIN)
            except (TimeoutError, *_OF_THE_TOPIC):
                missing.add(topic)
            else:
                self._topics.add(topic)
        return missing

    async def _settle(self, conn: asyncpg.Connection, sent: Sent) -> None:
        again_at = asyncio.get_running_loop().time() + _TOPIC_AGAIN_AFTER
        for topic in sent.held_topics:
            self._held[topic] = again_at
            self._metrics.failures.labels(reason="topic").inc()
            log.error("relay: the topic is missing or forbidden; its rows wait", extra={"topic": topic})
        for position, why in sent.never:
            await set_aside(conn, position, why)
            self._metrics.failures.labels(reason="unsendable").inc()
            log.error(
                "relay: a row can never be sent and was set aside", extra={"offset": position, "reason": why}
            )
        if sent.acked:
            await delete_rows(conn, sent.acked)

    async def _started_producer(self) -> aiokafka.AIOKafkaProducer:
        if self._producer is None:
            producer = aiokafka.AIOKafkaProducer(
                **client_options(self._kafka),
                client_id=f"{self._name}-relay",
                acks="all",
                enable_idempotence=True,
                linger_ms=2,
                max_batch_size=262_144,
                request_timeout_ms=20_000,
                metadata_max_age_ms=30_000,
            )
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer

    async def _drop_producer(self) -> None:
        producer, self._producer = self._producer, None
        self._topics.clear()
        if producer is not None:
            with contextlib.suppress(Exception):  # it failed already; a new one is built
                await asyncio.wait_for(producer.stop(), 5.0)


async def send_window(
    producer: Any,  # noqa: ANN401 - AIOKafkaProducer or a test's
    rows: Sequence[Row],
    missing: AbstractSet[str] = frozenset(),
) -> Sent:
    """Give all rows to the producer in order, then wait for every answer of the broker."""
    sent = Sent(held_topics=set(missing))
    waiting: list[tuple[Row, asyncio.Future[Any]]] = []
    for row in rows:
        if row.topic in sent.held_topics:
            continue
        try:
            future = await producer.send(row.topic, row.payload, key=row.key, headers=row.headers)
        except _NEVER as error:
            sent.never.append((row.position, type(error).__name__))
        except _OF_THE_TOPIC:
            sent.held_topics.add(row.topic)
        except aiokafka.errors.KafkaError as error:
            sent.error = error
            break
        else:
            waiting.append((row, future))
    answers = await asyncio.gather(*(future for _, future in waiting), return_exceptions=True)
    for (row, _), answer in zip(waiting, answers, strict=True):
        _note(sent, row, answer)
    return sent


def _note(sent: Sent, row: Row, answer: object) -> None:
    """Sort the broker's answer about one row into `sent`."""
    if not isinstance(answer, BaseException):
        sent.acked.append(row.position)
    elif isinstance(answer, _NEVER):
        sent.never.append((row.position, type(answer).__name__))
    elif isinstance(answer, _OF_THE_TOPIC):
        sent.held_topics.add(row.topic)
    else:
        sent.error = sent.error or answer
