"""How the embedded broker is configured."""

import base64
import hashlib
import re
from pathlib import Path

import pytest

from services.embedded.machine.installation import ServerSecrets
from services.embedded.servers.kafka import Node, java, properties, scram, write_configuration


@pytest.fixture
def node(tmp_path: Path) -> Node:
    secrets = ServerSecrets("pg", "admin-pw", "controller-pw", "abc")
    return Node(
        tmp_path / "kafka", tmp_path / "kafka.log", 9092, 9093, [Path("a.jar"), Path("b.jar")], secrets
    )


def test_nobody_gets_in_without_a_password_and_nothing_is_allowed_by_default(node: Node) -> None:
    found = properties(node)
    assert found["listener.security.protocol.map"] == "CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT"
    assert found["sasl.enabled.mechanisms"] == "SCRAM-SHA-512,PLAIN"
    assert found["listener.name.client.plain.sasl.jaas.config"].endswith("PlainLoginModule required;")
    assert found["authorizer.class.name"].endswith(".StandardAuthorizer")
    assert found["allow.everyone.if.no.acl.found"] == "false"
    assert "ANONYMOUS" not in found["super.users"]
    assert all(
        listener.partition("://")[2].startswith("127.0.0.1:") for listener in found["listeners"].split(",")
    )


def test_the_traps_are_closed(node: Node) -> None:
    found = properties(node)
    assert found["auto.create.topics.enable"] == "false"
    assert found["log.message.timestamp.type"] == "LogAppendTime"
    assert found["group.initial.rebalance.delay.ms"] == "0"
    assert (found["broker.session.timeout.ms"], found["broker.heartbeat.interval.ms"]) == ("2000", "500")
    factors = [value for name, value in found.items() if name.endswith((".replication.factor", ".min.isr"))]
    assert len(factors) == 5
    assert set(factors) == {"1"}


def test_what_holds_passwords_is_readable_by_its_owner_only(node: Node) -> None:
    write_configuration(node)
    write_configuration(node)
    assert "admin-pw" in node.properties.read_text()
    assert node.properties.stat().st_mode & 0o777 == 0o600


def test_the_broker_knows_the_administrator_and_its_command_shows_no_password(node: Node) -> None:
    described = scram("admin", "admin-pw")
    salt, salted = re.findall(r'="([^"]+)"', described)
    made = hashlib.pbkdf2_hmac("sha512", b"admin-pw", base64.b64decode(salt), 8192)
    assert base64.b64decode(salted) == made
    assert not [part for part in java(node, "kafka.Kafka", str(node.properties)) if "pw" in part]
