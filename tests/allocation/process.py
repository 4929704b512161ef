"""The real allocation process between a real Kafka and a real PostgreSQL, seen from outside."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from schemas.base import Payload
from schemas.codes import PublisherKind
from schemas.envelope import Event, encode_data, encode_headers
from schemas.gateway import PublisherAnnounced, PublisherProgressed
from schemas.topics import Family, topic, types_for
from services.runtime.kafka.administration import client_options, parse_address
from tests.allocation.builders import KREIS, NOW, OFFICE, PROVIDER
from tests.databases import Database
from tests.identity import IDENTITY_KEY_TEXT
from tests.serving import OPS_TOKEN, REPOSITORY, TOLD, Servers
from tests.waiting import wait_until


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Allocation:
    """The process, its doors, and the topics around it."""

    prefix: str
    ops: str
    clock: Path
    producer: AIOKafkaProducer
    consumer: AIOKafkaConsumer
    process: asyncio.subprocess.Process
    heard: list[tuple[str, Mapping[str, Any]]]
    sent: int = 0

    async def put(self, name: str, key: str, payload: Payload, id_: str, source: str) -> int:
        event = Event(id=id_, type=payload.type_, source=source, time=NOW, data=payload)
        sent = await self.producer.send_and_wait(
            name, encode_data(payload), key=key.encode(), headers=encode_headers(event)
        )
        return int(sent.offset)

    async def say(self, slug: str, payload: Payload) -> int:
        """Send an event as its publisher; return its offset."""
        self.sent += 1
        name = topic(Family.IN, slug, prefix=self.prefix)
        return await self.put(name, payload.subject_key(slug), payload, f"e{self.sent}", f"/{slug}")

    async def announce(self, slug: str, kind: PublisherKind) -> None:
        payload = PublisherAnnounced(
            slug=slug,
            name=slug,
            kinds=(kind,),
            organisation=slug,
            kreise=(KREIS,),
            event_types=types_for(frozenset({kind})),
            version=1,
        )
        await self.put(topic(Family.PUBLISHERS, prefix=self.prefix), slug, payload, f"pub-{slug}", "/gateway")

    async def progress(self, slug: str, until: datetime, end: int) -> None:
        self.sent += 1
        payload = PublisherProgressed(publisher=slug, until=until, offsets={"0": end})
        name = topic(Family.PROGRESS, prefix=self.prefix)
        await self.put(name, slug, payload, f"progress-{self.sent}", "/gateway")

    def set_clock(self, now: datetime) -> None:
        draft = self.clock.with_suffix(".new")
        draft.write_bytes(orjson.dumps({"now": now.isoformat()}))
        draft.replace(self.clock)

    async def hear(self, kind: str, deadline: float = 60.0) -> Mapping[str, Any]:
        """Wait for an event of this kind on `placements` or the findings."""

        async def heard() -> Mapping[str, Any] | None:
            for records in (await self.consumer.getmany(timeout_ms=50)).values():
                for record in records:
                    type_ = next(value for name, value in record.headers if name == "ce_type")
                    self.heard.append((type_.decode().split(".")[2], orjson.loads(record.value)))
            return next((data for name, data in self.heard if name == kind), None)

        found: Mapping[str, Any] | None = await wait_until(
            heard, deadline, what=f"{kind} among {[name for name, _ in self.heard]}"
        )
        assert found is not None
        return found

    async def status(self) -> dict[str, Any]:
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"{self.ops}/status", headers=TOLD, timeout=10)
            answer.raise_for_status()
            return dict(answer.json())

    async def read(self, count: int) -> None:
        """Wait until so many events of publishers have had their effect."""

        async def enough() -> bool:
            figures = (await self.status())["events"]
            return sum(int(n) for type_, n in figures.items() if "publisher" not in type_) >= count

        await wait_until(enough, 60, what=f"{count} events read")

    async def metrics(self) -> str:
        async with httpx.AsyncClient() as client:
            return (await client.get(f"{self.ops}/metrics", headers=TOLD, timeout=10)).text

    async def live(self) -> bool:
        assert self.process.returncode is None, f"ended with {self.process.returncode}"
        try:
            async with httpx.AsyncClient() as client:
                return (await client.get(f"{self.ops}/status", headers=TOLD, timeout=5)).status_code == 200
        except httpx.TransportError:
            return False

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 30)


def environment(servers: Servers, database: Database, prefix: str, folder: Path) -> dict[str, str]:
    http, ops = free_port(), free_port()
    return {
        "PATH": os.environ["PATH"],
        "KURSLOTSE_PREFIX": prefix,
        "KURSLOTSE_DB_WORKER": database.worker,
        "KURSLOTSE_DB_WEB": database.web,
        "KURSLOTSE_DB_STATUS": database.status,
        "KURSLOTSE_SERVICE_KAFKA": servers.kafka,
        "KURSLOTSE_HTTP": f"127.0.0.1:{http}",
        "KURSLOTSE_OPS": f"127.0.0.1:{ops}",
        "KURSLOTSE_IDENTITY_KEY": IDENTITY_KEY_TEXT,
        "KURSLOTSE_OPS_TOKEN": OPS_TOKEN,
        "KURSLOTSE_CLOCK_FILE": str(folder / "clock.json"),
        "KURSLOTSE_DEMO": "1",
        "KURSLOTSE_WEB_SECRET": "w" * 40,
        "KURSLOTSE_GATEWAY_URL": "https://gateway.invalid",
        "KURSLOTSE_GATEWAY_KEY": "the key of the steering side",
        "KURSLOTSE_POLICY": str(folder / "policy.yaml"),
    }


@asynccontextmanager
async def running(
    servers: Servers, database: Database, prefix: str, folder: Path, policy: str
) -> AsyncIterator[Allocation]:
    """Run the process with a policy until the block ends."""
    (folder / "policy.yaml").write_text(policy)
    (folder / "clock.json").write_bytes(orjson.dumps({"now": NOW.isoformat()}))
    env = environment(servers, database, prefix, folder)
    options = client_options(parse_address(servers.kafka))
    producer = AIOKafkaProducer(**options, acks="all")
    consumer = AIOKafkaConsumer(
        topic(Family.PLACEMENTS, prefix=prefix),
        topic(Family.FINDINGS_STEERING, prefix=prefix),
        **options,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await producer.start()
    await consumer.start()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.cli", "run", "allocation", cwd=REPOSITORY, env=env
    )
    made = Allocation(
        prefix,
        f"http://{env['KURSLOTSE_OPS']}",
        folder / "clock.json",
        producer,
        consumer,
        process,
        [],
    )
    try:
        await wait_until(made.live, 90, what="the process answers")
        await made.announce(PROVIDER, PublisherKind.PROVIDER)
        await made.announce(OFFICE, PublisherKind.OFFICE)
        yield made
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await producer.stop()
        await consumer.stop()
