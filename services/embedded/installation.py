"""The secrets of one installation, made once and kept from everybody but their owner."""

import base64
import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any

from services.embedded.home import Home, read_json, write_json


@dataclass(frozen=True, slots=True)
class ServerSecrets:
    """What the embedded servers were set up with."""

    postgres: str = field(repr=False)
    kafka_admin: str = field(repr=False)
    kafka_controller: str = field(repr=False)
    cluster_id: str


def cluster_id() -> str:
    """Make a Kafka cluster id; one that began with "-" would be taken for an option."""
    while True:
        made = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not made.startswith("-"):
            return made


def password() -> str:
    """Make a password that needs no quoting in an address."""
    return secrets.token_hex(24)


def server_secrets(home: Home) -> ServerSecrets:
    """Read the embedded servers' secrets, making them at the first start."""

    def make(section: dict[str, Any]) -> None:
        section.setdefault("postgres", password())
        section.setdefault("kafka_admin", password())
        section.setdefault("kafka_controller", password())
        section.setdefault("cluster_id", cluster_id())

    document = read_json(home.installation)
    section = document.setdefault("servers", {})
    make(section)
    write_json(home.installation, document)
    return ServerSecrets(**section)
