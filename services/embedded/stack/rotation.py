"""Replaces the services' passwords on both servers (`kurslotse db rotate`)."""

import asyncio
import dataclasses

import asyncpg

from services.embedded.machine.home import Home
from services.embedded.machine.installation import SERVICES, rotate_secrets
from services.embedded.stack.apply import keys_passwords_of, passwords_of, put_service_keys
from services.embedded.stack.environment import KEYS, Setting
from services.embedded.stack.identity import settled
from services.runtime.base.installation import InstallationError
from services.runtime.data import roles
from services.runtime.kafka.administration import KafkaAdmin, parse_address, service_user


async def rotate(setting: Setting, home: Home) -> Setting:
    """Replace the services' passwords; return the setting with the new ones.

    The file of secrets comes first: what a crash leaves undone, the next `up` or `db apply` does.

    Raises:
        InstallationError: home and servers are not of one installation that has an id.
    """
    identity = setting.installation.identity
    if identity is None:
        raise InstallationError(f"The home {home.root} is of no installation yet: run `kurslotse db apply`.")
    await settled(home, setting.servers, setting.prefix, identity.kind)
    setting = dataclasses.replace(setting, installation=rotate_secrets(home))
    admin = await asyncpg.connect(setting.servers.database_url)
    try:
        for service in SERVICES:
            database = roles.database_name(setting.prefix, service)
            await roles.set_passwords(admin, database, passwords_of(setting.installation, service))
        await roles.set_passwords(
            admin, roles.database_name(setting.prefix, KEYS), keys_passwords_of(setting.installation)
        )
    finally:
        await admin.close()
    await asyncio.to_thread(_rotate_kafka, setting)
    await put_service_keys(setting)
    return setting


def _rotate_kafka(setting: Setting) -> None:
    admin = KafkaAdmin(parse_address(setting.servers.kafka))
    if admin.wall().enforced:
        for service in SERVICES:
            user = service_user(service, setting.prefix)
            admin.ensure_user(user, setting.installation.services[service].kafka)
