"""Makes databases, roles, schemas, topics, users and access of all services (`kurslotse db apply`)."""

import asyncio
from importlib.util import find_spec
from pathlib import Path

from services.embedded.machine.installation import SERVICES
from services.embedded.machine.progress import Narrator
from services.embedded.stack.environment import Setting
from services.gateway.publishers.administration import admin_connection
from services.gateway.publishers.handlers import put_service_key
from services.runtime.data import migrate, roles
from services.runtime.kafka import administration as kafka


async def apply_everything(setting: Setting, narrator: Narrator) -> None:
    """Make on both servers what the services expect and is not there yet."""
    installation, servers = setting.installation, setting.servers
    admin = kafka.KafkaAdmin(kafka.parse_address(servers.kafka))
    with narrator.step("Databases, topics and access", 2 * len(SERVICES)) as step:
        for service in SERVICES:
            own = installation.services[service]
            await migrate.apply(
                servers.database_url,
                service,
                prefix=setting.prefix,
                passwords=roles.Passwords(own.worker, own.web, own.status),
                migrations=migrations_of(service),
            )
            step.advance(1)
            wall = await asyncio.to_thread(
                kafka.ensure_service_access, admin, service, own.kafka, prefix=setting.prefix
            )
            step.advance(1)
        async with admin_connection(servers.database_url, setting.prefix) as conn:
            for service in ("allocation", "notifications"):
                await put_service_key(conn, service, installation.services[service].gateway_key)
    if not wall.enforced:
        narrator.say(wall.sentence)


def migrations_of(service: str) -> Path | None:
    """Return the folder of a service's own migrations."""
    spec = find_spec(f"services.{service}")
    folder = Path(spec.origin).parent / "migrations" if spec and spec.origin else None
    return folder if folder and folder.is_dir() else None
