"""Takes an installation off the tests' servers: topics, users, databases, roles."""

import asyncio
from collections.abc import Sequence

import asyncpg

from services.runtime.kafka.access import SERVICE_ACCESS
from services.runtime.kafka.administration import KafkaAdmin, parse_address, publisher_user, service_user
from tests.beside import run_beside
from tests.serving import Servers


def clean(servers: Servers, prefix: str, publishers: Sequence[str]) -> None:
    """Remove everything that bears the prefix, and the Kafka users of these publishers."""
    run_beside(_clean(servers, prefix, publishers))


async def _clean(servers: Servers, prefix: str, publishers: Sequence[str]) -> None:
    admin = KafkaAdmin(parse_address(servers.kafka))
    users = [service_user(service, prefix) for service in SERVICE_ACCESS]
    users += [publisher_user(slug, prefix) for slug in publishers]
    await asyncio.to_thread(lambda: admin.remove(topics=admin.topics(prefix), users=users))
    conn = await asyncpg.connect(servers.database_url)
    try:
        like = prefix.replace("-", "_") + "kurslotse%"
        for row in await conn.fetch("SELECT datname FROM pg_database WHERE datname LIKE $1", like):
            await conn.execute(f'DROP DATABASE "{row["datname"]}" WITH (FORCE)')
        for row in await conn.fetch("SELECT rolname FROM pg_roles WHERE rolname LIKE $1", like):
            await conn.execute(f'DROP ROLE "{row["rolname"]}"')
    finally:
        await conn.close()
