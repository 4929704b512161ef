"""Reads topics like the running service does, on a database and without a broker: batches, inbox, parking."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast
from uuid import uuid4

import asyncpg
import orjson
from aiokafka import TopicPartition

from schemas.base import Payload
from schemas.envelope import encode_data
from schemas.topics import EVENT_TYPES, PER_PUBLISHER, topic
from services.notifications.consumer import subscriptions
from services.notifications.erasures.handlers import Erasures
from services.runtime.bookkeeping.offsets import Group
from services.runtime.consume.batch import Batch, PolledRecord, process_batch
from services.runtime.consume.context import ConsumerContext
from services.runtime.data.db import transaction
from services.runtime.events.records import Reader
from services.runtime.events.subscription import RecordPosition
from tests.notifications.world import World

CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class Said:
    """An event as a publisher sends it; None as publisher: allocation."""

    publisher: str | None
    payload: Payload
    id: str = field(default_factory=lambda: str(uuid4()))
    corrects: str | None = None
    retracts: str | None = None

    @property
    def attributes(self) -> dict[str, str]:
        """Its CloudEvents attributes."""
        named = {"corrects": self.corrects, "retracts": self.retracts}
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": f"/{self.publisher or 'allocation'}",
            "type": self.payload.type_,
        } | {name: value for name, value in named.items() if value}


@dataclass
class Topics:
    """The topics that one world reads, each with one partition."""

    world: World
    reader: Reader = field(default_factory=lambda: Reader(""))
    ends: dict[str, int] = field(default_factory=dict)

    @property
    def context(self) -> ConsumerContext:
        """What the service's consumers share."""
        erasures = Erasures(self.world.secrets, self.world.policy.retention)
        all_ = subscriptions("", self.world.secrets, self.world.policy, erasures)
        return ConsumerContext(
            {one.name: one for one in all_},
            self.reader,
            CLUSTER,
            "/support",
            20_000,
            10_000,
            self.world.secrets.identity_key,
        )

    async def write(self, *events: Said) -> None:
        """Read one batch; all events go to one subscription, several topics of it are possible."""
        records: dict[TopicPartition, list[PolledRecord]] = {}
        for said in events:
            family = EVENT_TYPES[said.payload.type_].family
            name = topic(family, said.publisher if family in PER_PUBLISHER else None)
            offset = self.ends.setdefault(name, 0)
            self.ends[name] += 1
            position = RecordPosition(name, 0, offset)
            reading = self.reader.read_attributes(position, said.attributes, encode_data(said.payload))
            records.setdefault(TopicPartition(name, 0), []).append(PolledRecord(offset, reading))
        context = self.context
        reader = "placements" if events[0].publisher is None else "support"
        group = Group(CLUSTER, f"kurslotse.notifications.{reader}")
        async with self.world.worker.acquire() as conn:
            await conn.executemany(
                "INSERT INTO runtime.stored_offset (cluster, consumer_group, topic, partition, next_offset)"
                " VALUES ($1, $2, $3, 0, 0) ON CONFLICT DO NOTHING",
                [(CLUSTER, group.name, one.topic) for one in records],
            )
            await process_batch(
                cast("asyncpg.Connection", conn),
                context,
                Batch(context.subscriptions[reader], group, records, {}, self.world.now),
            )

    async def findings(self) -> list[tuple[str, str]]:
        """Return the findings raised so far: kind and code."""
        rows = await self.world.rows("SELECT payload FROM runtime.outbox ORDER BY position")
        found = [orjson.loads(row["payload"]) for row in rows]
        return [(one["kind"], one["code"]) for one in found if one.get("code")]


async def allow_everything(world: World) -> None:
    """Let every publisher of the world send every event."""
    async with transaction(world.worker) as conn:
        await conn.execute("UPDATE runtime.publisher SET event_types = $1", list(EVENT_TYPES))


def cut(events: Sequence[Said], sizes: Sequence[int]) -> list[list[Said]]:
    """Cut events into batches of these sizes, and the rest into one."""
    rest, parts = list(events), []
    for size in sizes:
        parts.append(rest[:size])
        rest = rest[size:]
    return [part for part in [*parts, rest] if part]
