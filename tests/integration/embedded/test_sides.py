"""`kurslotse db apply --side` makes one side's databases, as two organisations do it one after the other."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from services.embedded.stack.environment import kafka_address
from services.runtime.data import roles
from services.runtime.kafka.administration import KafkaAdmin, parse_address, service_user
from tests.broker import users
from tests.serving import REPOSITORY, Servers


@pytest.fixture
def prefix(prefix: str, servers: Servers) -> Iterator[str]:
    yield prefix
    admin = KafkaAdmin(parse_address(servers.kafka))
    named = [service_user(service, prefix) for service in ("gateway", "allocation", "notifications")]
    admin.remove(topics=admin.topics(prefix), users=named)


def command(
    options: list[str], home: Path, prefix: str, database_url: str, kafka: str
) -> subprocess.CompletedProcess[str]:
    env = os.environ | {
        "KURSLOTSE_HOME": str(home),
        "KURSLOTSE_PREFIX": prefix,
        "KURSLOTSE_DATABASE_URL": database_url,
        "KURSLOTSE_KAFKA": kafka,
    }
    asked = [sys.executable, "-m", "services.cli", "db", "apply", *options]
    return subprocess.run(asked, env=env, cwd=REPOSITORY, capture_output=True, text=True, check=False)


def apply(side: str, home: Path, prefix: str, database_url: str, kafka: str) -> None:
    done = command(["--side", side], home, prefix, database_url, kafka)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "This is the real installation" in done.stdout


async def databases(servers: Servers, prefix: str) -> set[str]:
    conn = await asyncpg.connect(servers.database_url)
    try:
        start = roles.database_name(prefix, "x").removesuffix("x")
        rows = await conn.fetch("SELECT datname FROM pg_database WHERE starts_with(datname, $1)", start)
        return {row["datname"].removeprefix(start) for row in rows}
    finally:
        await conn.close()


async def test_each_side_makes_its_own(servers: Servers, prefix: str, tmp_path: Path) -> None:
    steering, support = tmp_path / "steering", tmp_path / "support"
    try:
        apply("steering", steering, prefix, servers.database_url, servers.kafka)
        assert await databases(servers, prefix) == {"gateway", "allocation"}
        assert {service_user(name, prefix) for name in ("gateway", "allocation", "notifications")} <= set(
            users(servers.kafka)
        )
        made = json.loads((steering / "installation.json").read_text())
        handed = {
            "identity": made["identity"],
            "services": {"notifications": made["services"]["notifications"]},
        }
        support.mkdir()
        (support / "installation.json").write_text(json.dumps(handed))
        own = kafka_address(
            servers.kafka, service_user("notifications", prefix), made["services"]["notifications"]["kafka"]
        )
        apply("support", support, prefix, servers.database_url, own)
        assert await databases(servers, prefix) == {"gateway", "allocation", "notifications", "keys"}
    finally:
        admin = await asyncpg.connect(servers.database_url)
        for name in ("gateway", "allocation", "notifications", "keys"):
            await roles.drop_database(admin, roles.database_name(prefix, name))
        await admin.close()


def test_the_support_side_waits_for_its_kafka_user(servers: Servers, prefix: str, tmp_path: Path) -> None:
    nobody = kafka_address(servers.kafka, service_user("notifications", prefix), "not-made-yet")
    done = command(["--side", "support"], tmp_path, prefix, servers.database_url, nobody)
    assert done.returncode == 1
    assert "the steering side is set up first" in " ".join((done.stdout + done.stderr).split())
    assert "Traceback" not in done.stdout + done.stderr


def test_passwords_of_containers_are_not_replaced_by_command(tmp_path: Path) -> None:
    settings = tmp_path / "setup.settings"
    settings.write_text("KURSLOTSE_DATABASE_URL=postgresql://nobody@127.0.0.1:1/postgres\n")
    env = os.environ | {"KURSLOTSE_HOME": str(tmp_path), "KURSLOTSE_SETTINGS": str(settings)}
    asked = [sys.executable, "-m", "services.cli", "db", "rotate"]
    done = subprocess.run(asked, env=env, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "nothing was changed" in " ".join((done.stdout + done.stderr).split())
