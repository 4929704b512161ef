"""Publishers whose client speaks SCRAM wrongly sign in with PLAIN, one by one, on the broker of this home."""

import re
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, Producer

from services.embedded.machine.home import Home
from services.embedded.machine.installation import open_installation
from services.embedded.servers.launch import launched
from services.runtime.kafka.administration import parse_address
from services.runtime.kafka.plain_users import read_users
from tests.integration.embedded.test_kinds import kurslotse

pytestmark = pytest.mark.timeout(240)
ADD = ("publisher", "add", "schule", "--name", "Schule (erfunden)", "--kind", "provider", "--kreis", "99001")


def lets_in(home: Home, user: str, password: str) -> bool:
    """Return whether the broker takes a record of somebody who signs in with PLAIN."""
    refused: list[KafkaError] = []
    taken: list[int] = []
    where = parse_address(f"sasl://x:y@127.0.0.1:{_port(home)}").servers
    producer = Producer(
        {
            "bootstrap.servers": where,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": user,
            "sasl.password": password,
            "message.timeout.ms": 20_000,
            "log_level": 0,
            "error_cb": refused.append,
        }
    )
    producer.produce(
        "kurslotse.in.schule", b"{}", on_delivery=lambda error, _message: taken.append(error is None)
    )
    while not taken and not [one for one in refused if one.code() == KafkaError._AUTHENTICATION]:  # noqa: SLF001
        producer.poll(0.2)
    producer.purge()
    producer.flush(5)
    return taken[:1] == [True]


def _port(home: Home) -> str:
    for line in (home.kafka / "server.properties").read_text().splitlines():
        if line.startswith("advertised.listeners="):
            return line.rpartition(":")[2]
    raise AssertionError


def plain(home: Home) -> str:
    done = kurslotse("publisher", "rotate", "schule", "--plain", home=home.root)
    assert done.returncode == 0, done.stdout + done.stderr
    (password,) = re.findall(r"PLAIN, shown only now: (\S+)", done.stdout)
    return str(password)


def test_plain_opens_to_those_who_asked_for_it_and_to_nobody_else(tmp_path: Path) -> None:
    home = Home(tmp_path)
    kept = home.kafka / "plain-users.json"
    with launched(home.root, keep=True):
        for command in (("db", "apply"), (*ADD, "--no-authority")):
            done = kurslotse(*command, home=home.root)
            assert done.returncode == 0, done.stdout + done.stderr
        first, second = plain(home), plain(home)
        assert (kept.stat().st_mode & 0o777, read_users(kept)) == (0o600, {"pub.schule": second})
        assert not lets_in(home, "pub.schule", second), "not before the next start"
        elsewhere = kurslotse(
            "publisher", "rotate", "schule", "--plain", home=home.root, KURSLOTSE_KAFKA_PLAIN=""
        )
        assert (elsewhere.returncode, "over TLS only" in elsewhere.stderr) == (2, True)
    with launched(home.root):
        made = open_installation(home)
        assert lets_in(home, "pub.schule", second)
        assert not lets_in(home, "pub.schule", first)
        assert not lets_in(home, "admin", made.servers.kafka_admin)
        assert not lets_in(home, "gateway", made.services["gateway"].kafka)
        assert kurslotse("publisher", "deactivate", "schule", home=home.root).returncode == 0
        assert not lets_in(home, "pub.schule", second), "its access ends at once"
        assert read_users(kept) == {}
