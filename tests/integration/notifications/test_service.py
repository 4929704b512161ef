"""The service as a process: real topics in, a mail out, nothing of strangers anywhere, a clean stop."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import aiokafka
import asyncpg
import httpx
import pytest
from aiosmtpd.smtp import SMTP

from schemas.base import Payload
from schemas.envelope import Event, encode_data, encode_headers
from schemas.gateway import PublisherAnnounced
from schemas.identity import participant_id
from schemas.support import ConsentGranted, ConsentRevoked
from schemas.topics import EVENT_TYPES, PER_PUBLISHER, topic
from services.runtime.kafka.administration import client_options, parse_address
from tests.conftest import MakeDatabase, MakeTopics
from tests.databases import Database
from tests.identity import IDENTITY_KEY_TEXT, KEK
from tests.notifications.world import (
    DESK,
    MBE,
    PROVIDER,
    PUBLISHERS,
    announcement,
    attendance,
    enrolment,
    office,
    registration,
)
from tests.serving import OPS_TOKEN, REPOSITORY, TOLD, Servers
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)


class Mails:
    """Keeps what the mail server takes."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: ANN401, N802
        # One mail may tell of several alerts.
        content = envelope.content.decode()
        self.taken += [content] * content.count("X-Kurslotse-Delivery: ")
        return "250 taken"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Running:
    """One process of the service and everybody who speaks to it."""

    prefix: str
    database: asyncpg.Connection
    producer: aiokafka.AIOKafkaProducer
    mails: Mails
    ops: str
    web: str
    process: asyncio.subprocess.Process

    async def say(self, publisher: str | None, payload: Payload) -> None:
        family = EVENT_TYPES[payload.type_].family
        said = Event(str(uuid4()), payload.type_, f"/{publisher}", datetime.now(UTC), payload)
        name = topic(family, publisher if family in PER_PUBLISHER else None, prefix=self.prefix)
        key = payload.subject_key(publisher or "").encode()
        await self.producer.send_and_wait(name, encode_data(payload), key=key, headers=encode_headers(said))

    async def status(self) -> dict[str, Any]:
        async with httpx.AsyncClient(trust_env=False) as client:
            return dict((await client.get(f"{self.ops}/status", headers=TOLD, timeout=10.0)).json())

    async def value(self, statement: str, *args: Any) -> Any:  # noqa: ANN401 - SQL
        return await self.database.fetchval(statement, *args)


def environment(
    database: Database, keys: Database, servers: Servers, prefix: str, *, smtp: int, web: int, ops: int
) -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {
        "KURSLOTSE_PREFIX": prefix,
        "KURSLOTSE_DEMO": "1",
        "KURSLOTSE_DB_WORKER": database.worker,
        "KURSLOTSE_DB_WEB": database.web,
        "KURSLOTSE_DB_STATUS": database.status,
        "KURSLOTSE_SERVICE_KAFKA": servers.kafka,
        "KURSLOTSE_HTTP": f"127.0.0.1:{web}",
        "KURSLOTSE_OPS": f"127.0.0.1:{ops}",
        "KURSLOTSE_IDENTITY_KEY": IDENTITY_KEY_TEXT,
        "KURSLOTSE_OPS_TOKEN": OPS_TOKEN,
        "KURSLOTSE_WEB_SECRET": "a" * 40,
        "KURSLOTSE_GATEWAY_URL": "http://127.0.0.1:1",
        "KURSLOTSE_GATEWAY_KEY": "none",
        "KURSLOTSE_PEOPLE_KEY": "people-key",
        "KURSLOTSE_KEK": KEK,
        "KURSLOTSE_DB_KEYS": keys.worker,
        "KURSLOTSE_SMTP": f"smtp://127.0.0.1:{smtp}",
        "KURSLOTSE_PUBLIC_URL": "https://hilfe.example",
    }


@asynccontextmanager
async def running(
    servers: Servers, prefix: str, database: Database, keys: Database
) -> AsyncIterator[Running]:
    mails, web, ops = Mails(), free_port(), free_port()
    listening = await asyncio.get_running_loop().create_server(lambda: SMTP(mails), "127.0.0.1", 0)
    smtp = listening.sockets[0].getsockname()[1]
    producer = aiokafka.AIOKafkaProducer(**client_options(parse_address(servers.kafka)))
    await producer.start()
    conn = await asyncpg.connect(database.admin)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.notifications",
        cwd=REPOSITORY,
        env=environment(database, keys, servers, prefix, smtp=smtp, web=web, ops=ops),
    )
    where = (f"http://127.0.0.1:{ops}", f"http://127.0.0.1:{web}")
    try:
        yield Running(prefix, conn, producer, mails, *where, process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await conn.close()
        await producer.stop()
        listening.close()
        await listening.wait_closed()


async def lives(service: Running) -> bool:
    assert service.process.returncode is None, "the process ended"
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            return (await client.get(f"{service.ops}/health/ready", timeout=5.0)).is_success
        except httpx.HTTPError:
            return False


async def introduce(service: Running) -> None:
    """Announce the publishers and load one office."""
    for slug in (PROVIDER, DESK, MBE):
        organisation, authority = PUBLISHERS[slug]
        kinds = ("provider",) if slug == PROVIDER else ("office", "counselling")
        announced = PublisherAnnounced(
            slug=slug,
            name=slug,
            kinds=kinds,
            organisation=organisation,
            authority=authority,
            kreise=("99001",),
            event_types=tuple(EVENT_TYPES),
            version=1,
        )
        await service.say(None, announced)
    entry = office(MBE)
    await service.database.execute(
        "INSERT INTO office (slug, organisation, name, kind, age_from, catchment, capacity, mail, lead_mail,"
        " hours)"
        " VALUES ($1, 'wohlfahrt', $1, 'mbe', 27, '{99001}', 9, $2, $3, '{}')",
        MBE,
        entry.mail,
        entry.lead_mail,
    )


async def stranger_is_nowhere(service: Running, stranger: UUID) -> None:
    tables = await service.database.fetch(
        "SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables"
        " WHERE table_type = 'BASE TABLE' AND table_schema IN ('public', 'runtime')"
    )
    for table in tables:
        found = await service.value(
            f"SELECT count(*) FROM {table['name']} AS t"
            " WHERE t::text LIKE '%' || $1 || '%' OR t::text LIKE '%' || $2 || '%'",
            str(stranger),
            str(stranger).encode().hex(),
        )
        assert found == 0, table["name"]


async def test_events_become_an_alert_and_a_mail(
    servers: Servers, prefix: str, database: MakeDatabase, topics: MakeTopics
) -> None:
    await topics(PROVIDER, DESK, MBE)
    async with running(servers, prefix, await database("notifications"), await database("keys")) as service:
        await wait_until(lambda: lives(service), 90.0, "ready")
        await introduce(service)
        person, stranger = participant_id(DESK, "a-1"), uuid4()
        today = datetime.now(UTC).date()
        begun = today - timedelta(days=2)
        await service.say(None, registration("a-1").model_copy(update={"registered_on": begun}))
        purposes = ("enrolment_notice", "dropout_support")
        await service.say(
            DESK, ConsentGranted(reference="a-1", office=MBE, purposes=purposes, given_on=begun)
        )
        await wait_until(lambda: service.value("SELECT count(*) = 2 FROM consent"), 60.0, "consents")

        # A class of a course that nobody has announced yet: parked, and parked without strangers.
        for number in range(3):
            day = begun + timedelta(days=number)
            marks = {person: "U", stranger: "U", uuid4(): "X"}
            await service.say(PROVIDER, attendance("k-1", day, marks))
        await wait_until(lambda: service.value("SELECT count(*) = 3 FROM runtime.parked"), 60.0, "parked")
        await stranger_is_nowhere(service, stranger)

        # The course is known, a place is not: the marks are held, and name nobody.
        await service.say(None, announcement("k-1", begun))
        await wait_until(lambda: service.value("SELECT count(*) = 3 FROM held_mark"), 60.0, "unlocked")
        assert await service.value("SELECT count(*) FROM attendance") == 0
        await service.say(None, enrolment(person, starts_on=begun, ends_on=today + timedelta(days=90)))
        await wait_until(lambda: service.value("SELECT count(*) = 3 FROM attendance"), 60.0, "taken up")
        await wait_until(lambda: len(service.mails.taken) == 2, 60.0, "two mails")
        await stranger_is_nowhere(service, stranger)
        assert await service.value("SELECT min(listed) FROM course_day") == 3

        await service.say(DESK, ConsentRevoked(reference="a-1", revoked_on=today))
        await wait_until(lambda: len(service.mails.taken) == 4, 60.0, "taken back")
        assert await service.value("SELECT count(*) FROM attendance") == 0

        async def quiet() -> bool:
            said = await service.status()
            return said["due"] == 0 and said["outbox"] == 0 and not any(said["lag"].values())

        await wait_until(quiet, 60.0, "quiet")
        said = await service.status()
        assert [invariant for invariant in said["invariants"] if not invariant["ok"]] == []
        assert {invariant["id"] for invariant in said["invariants"]} >= {"I1", "I4", "I5", "I9"}
        assert await service.value("SELECT count(*) FROM delivery WHERE state = 'sent'") == 4
        assert set(said["figures"]) == {"people_kept", "people_registered", "course_days"}
        assert set(said["events"]) == {"all"}

        service.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(service.process.wait(), 20.0) == 0
