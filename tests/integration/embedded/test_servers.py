"""The embedded pair of servers as processes: started, killed, frozen, found, left behind."""

import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.topics import Family
from services.embedded.machine.home import Home, read_json
from services.embedded.machine.installation import open_installation
from services.embedded.machine.ports import choose_ports
from services.embedded.machine.processes import Identity
from services.embedded.machine.progress import PlainNarrator
from services.embedded.servers import kafka
from services.embedded.servers.launch import launched
from services.embedded.servers.pair import prepare_servers
from services.runtime.base.addresses import AddressError
from services.runtime.kafka.administration import KafkaAdmin, client_options, parse_address
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("pair"))


@pytest.fixture(scope="module")
def pair(home: Home) -> Iterator[dict[str, Any]]:
    with launched(home.root) as facts:
        yield facts


def child(home: Home, name: str) -> Identity | None:
    entry = read_json(home.children).get(name)
    return Identity(entry["pid"], entry["started"]) if entry else None


async def rows(pair: dict[str, Any]) -> int:
    """Count the rows that should be kept; 0 while the database cannot be asked."""
    try:
        connection = await asyncpg.connect(pair["database_url"], timeout=5)
    except (OSError, asyncpg.PostgresError):
        return 0
    try:
        count: int = await connection.fetchval("SELECT count(*) FROM kept")
        return count
    finally:
        await connection.close()


async def written(pair: dict[str, Any], topic: str) -> int:
    """Write a record and return how many there are now; 0 while that is not possible."""
    producer = AIOKafkaProducer(**client_options(parse_address(pair["kafka"])), request_timeout_ms=3000)
    try:
        await producer.start()
        sent = await producer.send_and_wait(topic, b"x")
        return int(sent.offset) + 1
    except (KafkaError, OSError):
        return 0
    finally:
        await producer.stop()


async def test_both_answer_and_are_what_they_should_be(pair: dict[str, Any], home: Home) -> None:
    connection = await asyncpg.connect(pair["database_url"])
    assert (await connection.fetchval("SHOW server_version")).startswith("18.")
    assert await connection.fetchval("SHOW listen_addresses") == "127.0.0.1"
    assert await connection.fetchval("SHOW unix_socket_directories") == ""
    assert await connection.fetchval("SHOW fsync") == "on"
    assert await connection.fetchval("SHOW synchronous_commit") == "on"
    await connection.execute("CREATE TABLE kept (id int)")
    await connection.close()
    log = home.log / "kafka.log"
    await wait_until(lambda: "Kafka Server started" in log.read_text(), what="the broker's log")


async def test_wrong_passwords_are_refused(pair: dict[str, Any]) -> None:
    wrong = pair["database_url"].replace("postgres:", "postgres:x", 1)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(wrong)
    port = parse_address(pair["kafka"]).servers.rpartition(":")[2]
    assert not await kafka.answers(int(port), "wrong")


def test_the_database_never_runs_as_root_and_its_data_is_its_own(pair: dict[str, Any], home: Home) -> None:
    assert pair["ready"]
    server = child(home, "postgres")
    assert server is not None
    uid = psutil.Process(server.pid).uids().effective
    data = home.postgres.resolve() / "data"
    assert uid != 0
    assert data.stat().st_uid == uid
    assert data.stat().st_mode & 0o077 == 0
    if os.geteuid() != 0:
        assert uid == os.geteuid()


def test_they_listen_on_the_loopback_interface_only(pair: dict[str, Any], home: Home) -> None:
    assert pair["ready"]
    for name in ("postgres", "kafka"):
        server = child(home, name)
        assert server is not None
        listening = [c.laddr.ip for c in psutil.Process(server.pid).net_connections() if c.status == "LISTEN"]
        assert listening
        assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


async def test_a_topic_that_nobody_made_stays_unmade(pair: dict[str, Any]) -> None:
    name = f"unmade-{uuid.uuid4().hex}"
    assert await written(pair, name) == 0
    assert name not in KafkaAdmin(parse_address(pair["kafka"])).topics("")


@pytest.mark.timeout(120)
async def test_killed_servers_come_back_with_everything_in_them(pair: dict[str, Any], home: Home) -> None:
    topic = f"kept-{uuid.uuid4().hex}"
    KafkaAdmin(parse_address(pair["kafka"])).ensure_topics({topic: Family.IN})
    assert await written(pair, topic) == 1
    connection = await asyncpg.connect(pair["database_url"])
    await connection.execute("CREATE TABLE IF NOT EXISTS kept (id int)")
    await connection.execute("INSERT INTO kept VALUES (1), (2)")
    before = [child(home, name) for name in ("kafka", "postgres")]
    for server in before:
        assert server is not None
        os.kill(server.pid, signal.SIGKILL)
    connection.terminate()
    kept: int = await wait_until(lambda: rows(pair), deadline=30, what="the database is back")
    records: int = await wait_until(lambda: written(pair, topic), deadline=60, what="the broker is back")
    assert (kept, records) == (2, 2)
    after = [child(home, name) for name in ("kafka", "postgres")]
    assert None not in after
    assert not set(before) & set(after)


def test_a_second_start_finds_the_first(pair: dict[str, Any], home: Home) -> None:
    command = [sys.executable, "-m", "services.cli", "up", "--servers-only", "--home", str(home.root)]
    second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 0
    assert f"Already running in {home.root} (process {pair['pid']})" in second.stdout
    assert read_json(home.run)["pid"] == pair["pid"]


@pytest.mark.timeout(170)
async def test_what_a_killed_supervisor_left_behind_is_ended_by_the_next_start(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with launched(tmp_path, keep=True) as first:
        left = [server for name in ("kafka", "postgres") if (server := child(home, name))]
        assert len(left) == 2
        connection = await asyncpg.connect(first["database_url"])
        await connection.execute("CREATE TABLE kept AS SELECT 1")
        connection.terminate()
        for server in left:  # frozen, they cannot hear that their parent is gone
            os.kill(server.pid, signal.SIGSTOP)
        os.kill(first["pid"], signal.SIGKILL)
    assert all(server.alive() for server in left)
    with launched(tmp_path) as second:
        assert not [server for server in left if server.alive()]
        assert second["database_url"] == first["database_url"]
        assert second["kafka"] == first["kafka"]
        assert await rows(second) == 1
        assert "Ended 2 processes" in (tmp_path / "launched.log").read_text()
        now = [server for name in ("kafka", "postgres") if (server := child(home, name))]
    assert not [server for server in now if server.alive()], "a clean end leaves nobody"
    assert not home.run.exists()


async def test_servers_that_are_given_are_used_and_none_is_started(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make()
    given = {
        "KURSLOTSE_DATABASE_URL": "postgresql://u:p@db/x?sslmode=verify-full",
        "KURSLOTSE_KAFKA": "sasl+ssl://u:p@broker:9093",
    }
    servers = await prepare_servers(home, open_installation(home), PlainNarrator(), given)
    assert (servers.database_url, servers.kafka) == tuple(given.values())
    assert servers.programs == ()


async def test_given_servers_are_not_reached_in_plain_text(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make()
    plain = {"DATABASE_URL": "postgresql://u:secret@db/x", "KAFKA": "sasl://u:secret@broker:9092"}
    for name, address in plain.items():
        with pytest.raises(AddressError, match=f"^KURSLOTSE_{name} ") as refused:
            await prepare_servers(
                home, open_installation(home), PlainNarrator(), {f"KURSLOTSE_{name}": address}
            )
        assert "secret" not in str(refused.value)


def test_ports_are_kept_as_long_as_they_are_free(tmp_path: Path) -> None:
    remembered = tmp_path / "ports.json"
    first = choose_ports(["a", "b"], remembered)
    assert len(set(first.values())) == 2
    assert choose_ports(["a", "b", "c"], remembered).items() >= first.items()
    with _taken(first["a"]):
        second = choose_ports(["a", "b"], remembered)
    assert second["a"] != first["a"]
    assert second["b"] == first["b"]


def test_two_that_start_together_choose_different_ports(tmp_path: Path) -> None:
    names = ["a", "b", "c"]
    first = choose_ports(names, tmp_path / "ports.json")  # nobody listens there yet
    code = (
        "import sys, pathlib; from services.embedded.machine.ports import choose_ports;"
        "print(*choose_ports(['a', 'b', 'c'], pathlib.Path(sys.argv[1])).values())"
    )
    copied = tmp_path / "copied.json"
    copied.write_text((tmp_path / "ports.json").read_text())
    command = [sys.executable, "-c", code, str(copied)]
    second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    chosen = {int(port) for port in second.stdout.split()}
    assert len(chosen) == len(names)
    assert not chosen & set(first.values())
    assert choose_ports(names, tmp_path / "ports.json") == first


def _taken(port: int) -> socket.socket:

    holder = socket.create_server(("127.0.0.1", port))
    holder.listen()
    return holder
