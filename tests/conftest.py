"""Fixtures of all tests: real servers, a prefix, a database and topics for each test."""

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import psutil
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
from tests.beside import run_beside
from tests.databases import TESTED, Database, Templates
from tests.serving import Servers, servers_running

MakeDatabase = Callable[[str], Awaitable[Database]]
MakeTopics = Callable[..., Awaitable[None]]
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of a random name in it
_MEMORY = 8 * 1024**3


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """A real PostgreSQL and a real Kafka; if they cannot be had, the tests fail."""
    with ExitStack() as stack:
        home = tmp_path_factory.mktemp("servers")
        if _much_memory():
            home = Path(stack.enter_context(TemporaryDirectory(prefix="kurslotse-tests-", dir=_IN_MEMORY)))
            home.chmod(0o711)  # PostgreSQL runs as nobody in particular
        running = stack.enter_context(servers_running(home))
        run_beside(_wait_for_no_disk(running.database_url))
        yield running


def _much_memory() -> bool:
    """Return whether files in memory are to be had: a test's database is a thousand small ones."""
    if not _IN_MEMORY.is_dir() or not os.access(_IN_MEMORY, os.W_OK):
        return False
    return min(shutil.disk_usage(_IN_MEMORY).free, psutil.virtual_memory().available) > _MEMORY


async def _wait_for_no_disk(database_url: str) -> None:
    """What these servers hold need not outlive the machine; whoever is killed loses nothing by it."""
    conn = await asyncpg.connect(database_url)
    try:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            await conn.execute(f"ALTER SYSTEM SET {setting} = off")
        await conn.execute("ALTER SYSTEM SET max_wal_size = '160MB'")
        await conn.execute("ALTER SYSTEM SET scram_iterations = 1")  # thousands of connections, no secret
        await conn.execute("SELECT pg_reload_conf()")
    finally:
        await conn.close()


@pytest.fixture(scope="session")
def templates(servers: Servers) -> Iterator[Templates]:
    """Migrated databases to copy from."""
    made = Templates(servers)
    yield made
    run_beside(made.drop_templates())


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
