"""Checks, before a process or a command does anything, that it meets the installation it was made for."""

import asyncio
import os
from collections.abc import Mapping, Sequence

import asyncpg
from confluent_kafka import KafkaException

from schemas.codes import InstallationKind
from services.runtime.base.installation import (
    Found,
    Identity,
    belong_together,
    expected,
)
from services.runtime.base.settings import ServiceSettings
from services.runtime.data.db import acquire
from services.runtime.data.installation import found_in
from services.runtime.kafka.administration import KafkaAddress, parse_address
from services.runtime.kafka.installation import found_on

_SECONDS = 15.0
_SHORT_SECONDS = 5.0  # where an outage of Kafka is no reason to stop


async def check_process(settings: ServiceSettings, pools: Sequence[tuple[str, asyncpg.Pool]]) -> Identity:
    """Return the installation that databases, Kafka and environment agree on; `pools` come with addresses.

    A Kafka that does not answer stops only a process that uses it.

    Raises:
        InstallationError: they do not agree, or the process is to run in another way than the kind allows.
    """
    found = []
    for address, pool in pools:
        async with acquire(pool) as conn:
            found.append(await found_in(conn, address))
    needed = bool(settings.roles & {"consume", "relay", "timers"})
    found += await _asked(parse_address(settings.kafka), settings.prefix, needed=needed)
    demo = settings.demo or settings.clock_file is not None
    return belong_together([*found, *settings.installation], demo=demo)


async def check_command(
    conn: asyncpg.Connection, address: str, env: Mapping[str, str] = os.environ, *, uses_kafka: bool = False
) -> None:
    """Check that a command's database, Kafka and environment are of one installation.

    A Kafka that does not answer stops only a command that uses it.

    Raises:
        InstallationError: they are not, or simulated time is set on a real installation.
    """
    found = [await found_in(conn, address), *expected(env)]
    kafka = env.get("KURSLOTSE_KAFKA") or env.get("KURSLOTSE_SERVICE_KAFKA")
    if kafka:
        found += await _asked(parse_address(kafka), env.get("KURSLOTSE_PREFIX", ""), needed=uses_kafka)
    is_demo = found[0].identity is not None and found[0].identity.kind is InstallationKind.DEMO
    demo = env.get("KURSLOTSE_DEMO") == "1" or bool(env.get("KURSLOTSE_CLOCK_FILE"))
    belong_together(found, demo=demo or is_demo)


async def _asked(address: KafkaAddress, prefix: str, *, needed: bool) -> list[Found]:
    try:
        seconds = _SECONDS if needed else _SHORT_SECONDS
        return [await asyncio.to_thread(found_on, address, prefix, seconds=seconds)]
    except (KafkaException, TimeoutError):
        if needed:
            raise
        return []
