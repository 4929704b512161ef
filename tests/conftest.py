"""Fixtures of all tests: real servers, a prefix, a database and topics for each test."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest

from services.runtime.kafka.access import SERVICE_ACCESS
from services.runtime.kafka.administration import (
    KafkaAdmin,
    ensure_publisher_access,
    parse_address,
    publisher_user,
    service_user,
    shared_topics,
)
from services.runtime.kafka.installation import announce
from tests.databases import TESTED, Database, Templates
from tests.serving import Servers, servers_running

MakeDatabase = Callable[[str], Awaitable[Database]]
MakeTopics = Callable[..., Awaitable[None]]


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """A real PostgreSQL and a real Kafka; if they cannot be had, the tests fail."""
    with servers_running(tmp_path_factory.mktemp("servers")) as running:
        with ThreadPoolExecutor(1) as beside:
            beside.submit(asyncio.run, _wait_for_no_disk(running.database_url)).result()
        yield running


async def _wait_for_no_disk(database_url: str) -> None:
    """What these servers hold need not outlive the machine; whoever is killed loses nothing by it."""
    conn = await asyncpg.connect(database_url)
    try:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            await conn.execute(f"ALTER SYSTEM SET {setting} = off")
        await conn.execute("SELECT pg_reload_conf()")
    finally:
        await conn.close()


@pytest.fixture(scope="session")
def templates(servers: Servers) -> Iterator[Templates]:
    """Migrated databases to copy from."""
    made = Templates(servers)
    yield made
    with ThreadPoolExecutor(1) as beside:  # a browser's event loop may still run in this thread
        beside.submit(asyncio.run, made.drop_templates()).result()


@pytest.fixture
def prefix() -> str:
    """A prefix of topics, groups, databases, roles and users that nobody else has."""
    return f"t{secrets.token_hex(4)}-"


@pytest.fixture
async def database(templates: Templates, prefix: str) -> AsyncIterator[MakeDatabase]:
    """Make databases of services: `await database("allocation")`."""
    made: list[Database] = []

    async def make(service: str) -> Database:
        made.append(await templates.copy(service, prefix))
        return made[-1]

    yield make
    await templates.drop(made)


@pytest.fixture
async def topics(servers: Servers, prefix: str) -> AsyncIterator[MakeTopics]:
    """Make the shared topics and those of publishers: `await topics("kurs-nord", "amt-ost")`."""
    admin = KafkaAdmin(parse_address(servers.kafka))
    slugs: set[str] = set()

    async def make(*publishers: str) -> None:
        if not slugs:
            await asyncio.to_thread(admin.ensure_topics, shared_topics(prefix))
            await asyncio.to_thread(announce, admin.address, prefix, TESTED)
        for slug in publishers:
            await asyncio.to_thread(ensure_publisher_access, admin, slug, None, prefix=prefix)
        slugs.update(publishers)

    yield make
    users = [service_user(service, prefix) for service in SERVICE_ACCESS]
    users += [publisher_user(slug, prefix) for slug in slugs]
    await asyncio.to_thread(lambda: admin.remove(topics=admin.topics(prefix), users=users))
