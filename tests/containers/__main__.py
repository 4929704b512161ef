"""Runs the integration tests against PostgreSQL and Kafka in containers: `make test-containers`."""

import base64
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from docker.errors import DockerException  # type: ignore[import-untyped]
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.waiting_utils import wait_for_logs

from services.embedded.machine.installation import ServerSecrets, cluster_id, password
from services.embedded.machine.ports import HOST
from services.embedded.servers.kafka import ADMIN, Node, properties, scram

POSTGRES = os.environ.get("KURSLOTSE_POSTGRES_IMAGE") or "postgres:18"
KAFKA = os.environ.get("KURSLOTSE_KAFKA_IMAGE") or "apache/kafka:4.3.0"
_KAFKA_HOME = "/opt/kafka/bin"
_START_SECONDS = 120
SPREAD = ("-n", "logical", "--maxprocesses", "4", "--dist", "worksteal")
"""As `make test` does: in as many processes as the machine has processors."""


def free_port() -> int:
    """Return a port that is free just now: the broker must be told before it starts how it is reached."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port: int = holder.getsockname()[1]
    return port


def on_loopback(container: DockerContainer, inside: int, outside: int) -> DockerContainer:
    """Publish a port to this machine only: what travels to it is in plain text."""
    ports: dict[str, Any] = container.ports
    ports[f"{inside}/tcp"] = (HOST, outside)
    return container


def postgres(port: int, secret: str) -> DockerContainer:
    """Describe the database."""
    made = (
        DockerContainer(POSTGRES)
        .with_env("POSTGRES_PASSWORD", secret)
        .with_env(
            "POSTGRES_INITDB_ARGS", "--auth=scram-sha-256 --locale-provider=builtin --builtin-locale=C.UTF-8"
        )
        .with_command("postgres -c max_connections=300")
    )
    return on_loopback(made, 5432, port)


def broker(port: int, secrets: ServerSecrets) -> DockerContainer:
    """Describe the broker, with the configuration of the embedded one: SASL and ACLs on."""
    node = Node(Path("/tmp/kafka"), Path("/tmp/kafka.log"), port, 9093, (), secrets)  # noqa: S108 -- in the container
    settings = properties(node) | {"listeners": f"CLIENT://0.0.0.0:{port},CONTROLLER://127.0.0.1:9093"}
    text = "".join(f"{name}={value}\n" for name, value in settings.items())
    encoded = base64.b64encode(text.encode()).decode()
    script = (
        f"echo {encoded} | base64 -d > /tmp/server.properties"
        f" && {_KAFKA_HOME}/kafka-storage.sh format --config /tmp/server.properties"
        f" --cluster-id {secrets.cluster_id} --add-scram '{scram(ADMIN, secrets.kafka_admin)}'"
        f" && exec {_KAFKA_HOME}/kafka-server-start.sh /tmp/server.properties"
    )
    return on_loopback(DockerContainer(KAFKA).with_command(["bash", "-c", script]), port, port)


def main(arguments: list[str]) -> int:
    """Start both, run the tests with their addresses, stop both."""
    secrets = ServerSecrets(password(), password(), password(), cluster_id())
    kafka_port, postgres_port = free_port(), free_port()
    # both end with this block: nothing is left for testcontainers' helper, whose image not every place has
    testcontainers_config.ryuk_disabled = True
    try:
        with postgres(postgres_port, secrets.postgres) as database, broker(kafka_port, secrets) as kafka:
            wait_for_logs(database, "database system is ready to accept connections", timeout=_START_SECONDS)
            wait_for_logs(kafka, "Kafka Server started", timeout=_START_SECONDS)
            env = os.environ | {
                "KURSLOTSE_DATABASE_URL": f"postgresql://postgres:{secrets.postgres}@{HOST}:{postgres_port}/postgres",
                "KURSLOTSE_KAFKA": f"sasl://{ADMIN}:{secrets.kafka_admin}@{HOST}:{kafka_port}",
            }
            tests = arguments or ["tests/contract", "tests/integration"]
            command = [sys.executable, "-m", "pytest", *SPREAD, *tests]
            return subprocess.run(command, env=env, check=False).returncode
    except DockerException as error:
        sys.stderr.write(f"Containers need a running Docker (or DOCKER_HOST): {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
