"""Makes what the containers of an installation are given: secrets, settings and certificates, as files.

Run it in the image, as root, before the first start and after every change of secrets; it makes only what
is missing and writes the rest again from what it finds:

    python -m deploy.containers.prepare together /secrets
    python -m deploy.containers.prepare steering /secrets                      # or apart: the one side,
    python -m deploy.containers.prepare support /secrets --hand-over FILE      # the other, elsewhere,
    python -m deploy.containers.prepare trust /secrets --authority FILE        # and the one side again
"""

import argparse
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from deploy.containers.certificates import Authority, write_secret
from schemas.codes import InstallationKind
from services.embedded.machine.home import Home, write_json
from services.embedded.machine.installation import (
    Installation,
    described,
    name_home,
    open_installation,
    password,
)
from services.embedded.servers.kafka import ADMIN, Node, properties, scram
from services.embedded.servers.pair import Servers
from services.embedded.stack.apply import SIDES
from services.embedded.stack.environment import Addresses, Setting, kafka_address, of_service
from services.runtime.base.installation import Identity

SETUP, PROMETHEUS, GRAFANA, POSTGRES, KAFKA, MAIL = 10_000, 65_534, 472, 999, 1_000, 10_004
SERVICES = {"gateway": 10_001, "allocation": 10_002, "notifications": 10_003}
"""User ids in the containers: each reads its own files and no others."""
KAFKA_PORT, HTTP_PORT = 9092, 8443
HAND_OVER = "hand-over.json"
_DATABASE = "postgresql://postgres:{}@%2Frun%2Fpostgresql/postgres"  # a socket: the servers are on no network


class PrepareError(Exception):
    """Something is missing or does not fit; the message says what to do."""


class InContainers(Addresses):
    """Where the services listen and find each other: a host for each, TLS everywhere."""

    def where(self, service: str, door: str) -> str:  # noqa: ARG002 -- each has a container of its own
        """Return where a service listens in its own container."""
        return f"0.0.0.0:{HTTP_PORT if door == 'http' else HTTP_PORT + 1}"

    def url(self, service: str, door: str = "http") -> str:  # noqa: ARG002 -- only pages and API are asked for
        """Return how the other containers reach a service."""
        return os.environ.get(f"KURSLOTSE_{service.upper()}_ADDRESS") or f"https://{service}:{HTTP_PORT}"


@dataclass(frozen=True, slots=True)
class Side:
    """The folder of one side's files."""

    name: str
    folder: Path

    @property
    def home(self) -> Home:
        """The side's own installation.json."""
        return Home(self.folder / "home")

    @property
    def authority(self) -> Authority:
        """The side's own certificate authority."""
        return Authority(self.folder)

    @property
    def trusted(self) -> Path:
        """The certificate authorities that this side's containers trust."""
        return self.folder / "trusted.pem"

    def open(self) -> None:
        """Make folders and authority."""
        self.home.root.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)  # the engine passes through; every file in it has one reader
        self.authority.make(f"Kurslotse {self.name}")
        self.trust(self.authority.certificate.read_text("ascii"))

    def trust(self, certificate: str) -> None:
        """Trust one more authority."""
        known = self.trusted.read_text("ascii") if self.trusted.exists() else ""
        if certificate not in known:
            self.trusted.write_text(known + certificate, "ascii")
        self.trusted.chmod(0o644)

    def give(self, name: str, text: str, uid: int) -> None:
        """Write a file for one user."""
        path = self.folder / name
        write_secret(path, text.encode())
        os.chown(path, uid, uid)

    def certify(self, name: str, uid: int) -> None:
        """Write key and certificate of a server."""
        path = self.folder / f"{name}.pem"
        more = [host for host in os.environ.get("KURSLOTSE_MORE_HOSTS", "").split(",") if host]
        self.authority.issue(path, [name, "localhost", "127.0.0.1", *more])
        os.chown(path, uid, uid)


def prepare_steering(side: Side) -> None:
    """Make the files of the steering side, which also runs Kafka and the gateway."""
    side.open()
    found = open_installation(side.home)
    if found.identity is None:
        found = name_home(side.home, Identity(uuid4(), InstallationKind.REAL))
    _give_kafka(side, found)
    broker = f"sasl+ssl://{ADMIN}:{found.servers.kafka_admin}@{_kafka_host()}"
    _give_services(side, found, broker)
    handed = {
        "identity": described(found.identity),
        "shared": {
            "people_key": found.shared.people_key,
            "identity_key": found.shared.identity_key,
        },
        "services": {
            "notifications": {
                "kafka": found.services["notifications"].kafka,
                "gateway_key": found.services["notifications"].gateway_key,
            }
        },
    }
    whole = {"installation": handed, "authority": side.authority.certificate.read_text("ascii")}
    write_secret(side.folder / HAND_OVER, json.dumps(whole, indent=1).encode())


def prepare_support(side: Side, hand_over: Path) -> None:
    """Make the files of the support side from what the steering side handed over."""
    try:
        given = json.loads(hand_over.read_text("utf-8"))
        installation, authority = given["installation"], given["authority"]
    except (OSError, ValueError, KeyError) as error:
        raise PrepareError(
            f"{hand_over}: the steering side's {HAND_OVER} is expected ({type(error).__name__})"
        ) from None
    side.open()
    side.trust(authority)
    if not side.home.installation.exists():
        write_json(side.home.installation, installation)
    found = open_installation(side.home)
    if described(found.identity) != installation["identity"]:
        raise PrepareError(f"{hand_over} is of another installation than {side.folder}")
    broker = f"sasl+ssl://{ADMIN}:-@{_kafka_host()}"
    own = kafka_address(broker, "notifications", found.services["notifications"].kafka)
    _give_services(side, found, own)
    side.certify("mail", MAIL)


_OF_MESSAGES = ("KURSLOTSE_BOUNCES", "KURSLOTSE_WEBHOOK_NETWORKS")


def _give_services(side: Side, found: Installation, broker: str) -> None:
    servers = Servers(_DATABASE.format(found.servers.postgres), broker)
    setting = Setting(found, servers, InContainers({}), smtp_sink="mail:1025")
    side.give("postgres.password", found.servers.postgres, POSTGRES)
    side.give(
        "setup.settings",
        f"KURSLOTSE_DATABASE_URL={servers.database_url}\nKURSLOTSE_KAFKA={servers.kafka}\n",
        SETUP,
    )
    for service in SIDES[side.name]:
        composed = of_service(service, setting, {})
        if "KURSLOTSE_SMTP" in composed:
            composed["KURSLOTSE_SMTP"] = (
                os.environ.get("KURSLOTSE_SMTP") or f"smtp+starttls://{setting.smtp_sink}"
            )
        if service == "notifications":
            composed |= {name: os.environ[name] for name in _OF_MESSAGES if os.environ.get(name)}
        # what is no secret stands in the image and in compose files, where it can be changed
        lines = [
            f"{name}={value}\n"
            for name, value in sorted(composed.items())
            if name not in {"KURSLOTSE_HTTP", "KURSLOTSE_OPS", "KURSLOTSE_PUBLIC_URL", "PYTHONUNBUFFERED"}
        ]
        side.give(f"{service}.settings", "".join(lines), SERVICES[service])
        side.give(f"{service}.token", found.services[service].ops_token, PROMETHEUS)
        side.certify(service, SERVICES[service])
    admin = side.folder / "grafana.password"
    side.give(admin.name, admin.read_text("ascii") if admin.exists() else password(), GRAFANA)
    for path in [side.home.root, side.home.installation]:
        os.chown(path, SETUP, SETUP)


def _give_kafka(side: Side, found: Installation) -> None:
    """Write the broker's configuration: the embedded one's, with TLS for everybody."""
    folder = Path("/var/lib/kafka")
    node = Node(folder, folder / "kafka.log", KAFKA_PORT, KAFKA_PORT + 1, (), found.servers)
    settings = properties(node) | {
        "listeners": f"CLIENT://0.0.0.0:{KAFKA_PORT},CONTROLLER://127.0.0.1:{KAFKA_PORT + 1}",
        "advertised.listeners": f"CLIENT://{_kafka_host()}",
        "listener.security.protocol.map": "CLIENT:SASL_SSL,CONTROLLER:SASL_PLAINTEXT",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": "/run/secrets/kafka.pem",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": "/run/secrets/trusted.pem",
    }
    text = "".join(f"{name}={value}\n" for name, value in settings.items())
    side.give("kafka.properties", text, KAFKA)
    side.give("kafka.scram", scram(ADMIN, found.servers.kafka_admin), KAFKA)
    side.give("kafka.cluster", found.servers.cluster_id, KAFKA)
    side.certify("kafka", KAFKA)


def _kafka_host() -> str:
    return os.environ.get("KURSLOTSE_KAFKA_ADDRESS") or f"kafka:{KAFKA_PORT}"


def main(arguments: list[str]) -> int:
    """Prepare one side or both."""
    parser = argparse.ArgumentParser(description="Makes secrets, settings and certificates of containers.")
    parser.add_argument("what", choices=("together", *SIDES, "trust"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hand-over", type=Path, help=f"the steering side's {HAND_OVER}")
    parser.add_argument("--authority", type=Path, help="the support side's authority.pem")
    asked = parser.parse_args(arguments)
    steering, support = (Side(name, asked.folder / name) for name in SIDES)
    try:
        if asked.what in {"together", "steering"}:
            prepare_steering(steering)
        if asked.what in {"together", "support"}:
            prepare_support(support, asked.hand_over or steering.folder / HAND_OVER)
        if asked.what in {"together", "trust"}:
            steering.trust((asked.authority or support.authority.certificate).read_text("ascii"))
    except (PrepareError, OSError) as error:
        sys.stderr.write(f"prepare: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
