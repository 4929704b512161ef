"""Prepares PostgreSQL and Kafka: the embedded ones, or those that a setting names."""

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from services.embedded.machine.children import Program
from services.embedded.machine.home import Home
from services.embedded.machine.installation import Installation
from services.embedded.machine.ports import choose_ports
from services.embedded.machine.progress import Narrator
from services.embedded.servers import kafka, postgres
from services.embedded.servers.jars import bring_jars, cache_folder, read_pins
from services.runtime.base.addresses import require_encrypted


@dataclass(frozen=True, slots=True)
class Servers:
    """Administrative addresses, and the programs that must run for them.

    `own` says that both servers are this home's own, and nobody else's.
    """

    database_url: str = field(repr=False)
    kafka: str = field(repr=False)
    programs: tuple[Program, ...] = ()
    own: bool = False


async def prepare_servers(
    home: Home, installation: Installation, narrator: Narrator, env: Mapping[str, str]
) -> Servers:
    """Prepare the servers that `KURSLOTSE_DATABASE_URL` and `KURSLOTSE_KAFKA` do not name.

    Raises:
        AddressError: one that is named would be reached in plain text over a network.
    """
    given_database = env.get("KURSLOTSE_DATABASE_URL")
    given_kafka = env.get("KURSLOTSE_KAFKA")
    for name in ("KURSLOTSE_DATABASE_URL", "KURSLOTSE_KAFKA"):
        if env.get(name):
            require_encrypted(name, env[name])
    secrets = installation.servers
    ports = choose_ports(("postgres", "kafka", "kafka_controller"), home.ports)
    programs = []
    database_url, address = given_database, given_kafka
    if not given_kafka:
        jars = await _jars(narrator, env)
        node = kafka.Node(
            home.kafka, home.log / "kafka.log", ports["kafka"], ports["kafka_controller"], jars, secrets
        )
        kafka.write_configuration(node)
        with narrator.step("Preparing Apache Kafka"):
            await kafka.format_storage(node, env)
        programs.append(kafka.program(node, env))
        address = node.address
    if not given_database:
        cluster = postgres.place(home, ports["postgres"], secrets.postgres)
        with narrator.step("Preparing PostgreSQL"):
            await postgres.make_cluster(cluster, env)
        programs.append(postgres.program(cluster, env))
        database_url = cluster.address
    own = not given_database and not given_kafka
    return Servers(database_url or "", address or "", tuple(programs), own)


async def _jars(narrator: Narrator, env: Mapping[str, str]) -> tuple[Path, ...]:
    stop = threading.Event()
    try:
        return await asyncio.to_thread(bring_jars, cache_folder(env), narrator, read_pins(), stop)
    finally:
        stop.set()  # cancelled: the download's threads end at their next chunk
