"""The yardstick: a bare aiokafka + asyncpg loop with the SQL of the attendance path, and nothing else.

No validation, no CloudEvents rules, no verdicts, no guards but the offset row's lock; one poll of at most
500 records is one transaction. Run as a process by the benchmark, told by the service's environment.
"""

import asyncio
import hashlib
import os
import signal
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from operator import attrgetter
from uuid import UUID, uuid4

import asyncpg
import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from schemas.codes import ConsentPurpose
from schemas.identity import course_id, event_uuid
from schemas.support import AttendanceRecorded
from schemas.topics import Family, topic
from services.notifications import gate
from services.notifications.consents import store as consents
from services.notifications.participation import store
from services.runtime.bookkeeping import offsets, parking
from services.runtime.bookkeeping.offsets import Group, Stored
from services.runtime.data.db import connect
from services.runtime.events import publishers as registry
from services.runtime.kafka.administration import client_options, parse_address
from services.runtime.kafka.cluster import cluster_id

BATCH = 500
INBOX = (
    "INSERT INTO runtime.inbox (identity, reader, hash)"
    " SELECT identity, $1, hash FROM unnest($2::uuid[], $3::bytea[]) AS new (identity, hash)"
    " ON CONFLICT (identity, reader) DO NOTHING RETURNING identity"
)
OUTBOX = (
    "INSERT INTO runtime.outbox (id, aggregatetype, aggregateid, type, payload, headers)"
    " SELECT id, topic, key, type, payload, headers"
    " FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::jsonb[])"
    " AS new (id, topic, key, type, payload, headers)"
    " ON CONFLICT (id) DO NOTHING RETURNING id"
)
COUNT = (
    "INSERT INTO runtime.event_count AS c (reader, type, outcome, n)"
    " SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bigint[])"
    " ON CONFLICT (reader, type, outcome) DO UPDATE SET n = c.n + excluded.n"
)

Polled = Mapping[TopicPartition, Sequence[ConsumerRecord]]


class Bare:
    """One consumer, one connection."""

    def __init__(self, conn: asyncpg.Connection, group: Group, prefix: str) -> None:
        self._conn, self._group = conn, group
        self._findings = topic(Family.FINDINGS_SUPPORT, prefix=prefix)

    async def batch(self, polled: Polled) -> None:
        """Do one poll in one transaction."""
        conn = self._conn
        async with conn.transaction():
            stored = await offsets.lock(conn, self._group, sorted(polled))
            fresh = [
                (partition, record)
                for partition, records in polled.items()
                for record in records
                if record.offset >= stored[partition].next_offset
            ]
            if fresh:
                await self._write(fresh)
            moves = {partition: Stored(records[-1].offset + 1, 0) for partition, records in polled.items()}
            await offsets.move(conn, self._group, moves)

    async def _write(self, fresh: Sequence[tuple[TopicPartition, ConsumerRecord]]) -> None:
        conn = self._conn
        hashes: dict[UUID, bytes] = {}
        events = []
        for partition, record in fresh:
            slug = partition.topic.rpartition(".")[2]
            cause = event_uuid(slug, "support", dict(record.headers)["ce_id"].decode())
            hashes[cause] = hashlib.sha256(record.value).digest()
            data = orjson.loads(record.value)
            people = [(UUID(e["participant"]), e["mark"], e["ue"]) for e in data["entries"]]
            events.append(
                (course_id(slug, data["course"]), date.fromisoformat(data["day"]), cause, data, people)
            )
        causes = sorted(hashes, key=attrgetter("int"))
        await conn.fetch(INBOX, "support", causes, [hashes[cause] for cause in causes])
        await registry.permissions(conn, {partition.topic.rpartition(".")[2] for partition, _ in fresh})
        await parking.any_parked(conn, "support")
        await gate.rely_on_consent(conn)
        everybody = {person.int: person for *_, people in events for person, _, _ in people}
        known = await store.known_courses(conn, list({event[0] for event in events}))
        today = datetime.now(UTC).date()
        valid = await consents.valid(conn, list(everybody.values()), [ConsentPurpose.DROPOUT_SUPPORT], today)
        consenting = {consent.participant.int for consent in valid}
        days, marks = store.DayRows(), []
        for course, day, cause, data, people in sorted(events, key=lambda row: (row[0].int, row[1])):
            if course not in known:
                raise RuntimeError("a course is unknown")
            held, signs = data["ue_held"], [mark for _, mark, _ in people]
            days.courses.append(course)
            days.days.append(day)
            days.event_ids.append(str(cause))
            days.ue_held.append(held)
            days.listed.append(len(people))
            days.present.append(signs.count("X"))
            days.excused.append(signs.count("E"))
            days.unexcused.append(signs.count("U"))
            days.ue_attended.append(sum(ue for _, _, ue in people))
            marks += [
                (course, day, person, mark, ue) for person, mark, ue in people if person.int in consenting
            ]
        await store.put_days(conn, days, datetime.now(UTC).date())
        await store.add_marks(conn, marks)
        await self._tell(fresh)

    async def _tell(self, fresh: Sequence[tuple[TopicPartition, ConsumerRecord]]) -> None:
        """Say how far was read (the watermark of each publisher), and count."""
        last = dict(fresh)
        rows = [
            (
                uuid4(),
                self._findings,
                partition.topic.rpartition(".")[2],
                "accepted",
                str(record.offset).encode(),
            )
            for partition, record in last.items()
        ]
        columns = [list(column) for column in zip(*rows, strict=True)]
        await self._conn.fetch(OUTBOX, *columns, [{"ce_specversion": "1.0"}] * len(rows))
        await self._conn.execute(COUNT, "support", [AttendanceRecorded.type_], ["applied"], [len(fresh)])


async def main() -> None:
    """Read all support topics from the start until told to stop."""
    prefix, address = os.environ["KURSLOTSE_PREFIX"], parse_address(os.environ["KURSLOTSE_SERVICE_KAFKA"])
    conn = await connect(os.environ["KURSLOTSE_DB_WORKER"], name="bare")
    group = Group(await cluster_id(address), f"{prefix}kurslotse.notifications.support")
    consumer = AIOKafkaConsumer(**client_options(address), enable_auto_commit=False, fetch_max_wait_ms=250)
    await consumer.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    slugs = [row["slug"] for row in await conn.fetch("SELECT slug FROM runtime.publisher ORDER BY slug")]
    partitions = [TopicPartition(topic(Family.SUPPORT, slug, prefix=prefix), 0) for slug in slugs]
    consumer.assign(partitions)
    for partition in partitions:
        consumer.seek(partition, await offsets.begin(conn, group, partition, 0))
    bare = Bare(conn, group, prefix)
    while not stop.is_set():
        polled = await consumer.getmany(timeout_ms=20, max_records=BATCH)
        if polled:
            await bare.batch(polled)
    await consumer.stop()
    await conn.close()


if __name__ == "__main__":
    asyncio.run(main())
