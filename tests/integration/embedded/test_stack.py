"""Everything on one machine: servers, services, control door, supervision."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil
import pytest
from confluent_kafka import KafkaException

from services.embedded.machine.home import Home, read_json
from services.embedded.machine.installation import SERVICES, open_installation, secrets_of
from services.embedded.machine.processes import Identity
from services.embedded.servers.launch import launched
from services.embedded.stack.discovery import environment_of
from services.runtime.kafka.administration import parse_address
from services.runtime.kafka.installation import found_on
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)
ELSEWHERE = {
    "KURSLOTSE_DATABASE_URL": "postgresql://somebody:else@127.0.0.1:1/postgres",
    "KURSLOTSE_KAFKA": "sasl://somebody:else@127.0.0.1:1",
}
"""Servers that a person's environment names; a demo leaves them alone."""
PARTS = {"kafka", "postgres", *SERVICES}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("stack"))


@pytest.fixture(scope="module")
def stack(home: Home) -> Iterator[dict[str, Any]]:
    with launched(
        home.root,
        "up",
        "--demo",
        KURSLOTSE_DATABASE_URL=ELSEWHERE["KURSLOTSE_DATABASE_URL"],
        KURSLOTSE_KAFKA=ELSEWHERE["KURSLOTSE_KAFKA"],
    ) as facts:
        yield facts


@pytest.fixture
def control(stack: dict[str, Any]) -> Iterator[httpx.Client]:
    door = stack["control"]
    headers = {"Authorization": f"Bearer {door['token']}"}
    with httpx.Client(base_url=door["url"], headers=headers, timeout=30) as client:
        yield client


def kurslotse(*arguments: str, home: Home, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "services.cli", *arguments]
    env = {name: text for name, text in os.environ.items() if not name.startswith("KURSLOTSE_")}
    env |= {"KURSLOTSE_HOME": str(home.root)} | settings
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=240, check=False)


def test_status_says_where_everything_is_and_no_secret(stack: dict[str, Any], home: Home) -> None:
    answer = kurslotse("status", "--json", home=home)
    assert answer.returncode == 0
    said = json.loads(answer.stdout)
    assert said["running"]
    assert said["pid"] == stack["pid"]
    assert {one["name"] for one in said["processes"]} == PARTS
    assert all(one["pid"] and one["rss_bytes"] > 0 for one in said["processes"])
    assert set(said["services"]) == set(SERVICES)
    assert {"postgres", "kafka", "gateway_http", "control"} <= set(said["ports"])
    assert said["invariants"]
    assert not [one for one in said["invariants"] if not one["ok"]]
    assert len(said["lag"]) > len(SERVICES)
    told = answer.stdout + kurslotse("status", home=home).stdout
    for secret in _secrets(home):
        assert secret not in told


def test_a_demo_leaves_the_servers_alone_that_the_environment_names(
    stack: dict[str, Any], home: Home
) -> None:
    assert stack["database_url"] not in ELSEWHERE.values()
    assert stack["installation"]["kind"] == "demo"
    said = (home.root / "launched.log").read_text()
    assert "Not used: KURSLOTSE_DATABASE_URL, KURSLOTSE_KAFKA. The demo brings its own servers" in said
    status = json.loads(kurslotse("status", "--json", home=home).stdout)
    assert status["installation"] == stack["installation"]
    wrong = kurslotse("publisher", "list", home=home, **ELSEWHERE)
    assert wrong.returncode != 0


def _secrets(home: Home) -> list[str]:
    return list(secrets_of(open_installation(home)).values())


def test_a_process_holds_its_own_secrets_only(stack: dict[str, Any], home: Home) -> None:
    assert stack["ready"]
    made = open_installation(home)
    for service in SERVICES:
        pid = read_json(home.children)[service]["pid"]
        held = "\n".join(psutil.Process(pid).environ().values())
        assert made.services[service].worker in held
        for other in SERVICES:
            if other != service:
                assert made.services[other].worker not in held
                assert made.services[other].kafka not in held
        assert made.servers.postgres not in held
        assert made.servers.kafka_admin not in held


def test_business_time_goes_forward_for_all_services_and_it_becomes_quiet(
    stack: dict[str, Any], control: httpx.Client, home: Home
) -> None:
    assert control.post("/clock", json={"now": "2025-10-06T06:00:00+00:00"}).status_code == 200
    assert control.post("/clock", json={"now": "2025-10-05T06:00:00+00:00"}).status_code == 409
    for service in SERVICES:
        address = f"{stack['addresses'][f'{service}_ops']}/status"
        assert httpx.get(address, timeout=30).status_code == 401
        token = open_installation(home).services[service].ops_token
        said = httpx.get(address, headers={"Authorization": f"Bearer {token}"}, timeout=30).json()
        assert said["now"].startswith("2025-10-06T06:00:00")
    asyncio.run(wait_until(lambda: control.get("/quiet").json()["quiet"], deadline=60, what="quiet"))


def test_the_pages_are_there(stack: dict[str, Any]) -> None:
    for page in ("console", "desk", "inbox"):
        answer = httpx.get(stack["addresses"][page], follow_redirects=True, timeout=30)
        assert answer.status_code in {200, 401}, page
        assert "<html" in answer.text


async def test_a_killed_service_comes_back_and_the_others_stay(stack: dict[str, Any], home: Home) -> None:
    before = read_json(home.children)
    os.kill(before["gateway"]["pid"], signal.SIGKILL)

    def back() -> bool:
        now = read_json(home.children).get("gateway", {}).get("pid")
        return now not in {None, before["gateway"]["pid"]} and ready(stack, "gateway")

    await wait_until(back, deadline=60, what="the gateway is back")
    after = read_json(home.children)
    assert {name: after[name] for name in PARTS - {"gateway"}} == {
        name: before[name] for name in PARTS - {"gateway"}
    }


def ready(stack: dict[str, Any], service: str) -> bool:
    try:
        return httpx.get(f"{stack['addresses'][f'{service}_ops']}/health/ready", timeout=5).is_success
    except httpx.HTTPError:
        return False


def test_commands_of_services_find_the_installation(stack: dict[str, Any], home: Home) -> None:
    assert stack["ready"]
    listed = kurslotse("publisher", "list", home=home)
    assert listed.returncode == 0, listed.stderr
    assert "jobcenter-musterland" in listed.stdout
    again = kurslotse("db", "apply", "--kind", "demo", home=home)
    assert again.returncode == 0, again.stdout + again.stderr


async def test_passwords_are_replaced_while_everything_runs(stack: dict[str, Any], home: Home) -> None:
    before, secrets_before = read_json(home.children), secrets_of(open_installation(home))
    old = environment_of("gateway", {"KURSLOTSE_HOME": str(home.root)})
    done = kurslotse("db", "rotate", home=home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(ready(stack, service) for service in SERVICES)
    after, now = read_json(home.children), secrets_of(open_installation(home))
    stay = {name for name in now if now[name] == secrets_before[name]}
    assert stay == {
        *(f"servers.{name}" for name in ("postgres", "kafka_admin", "kafka_controller")),
        *(f"{service}.web_secret" for service in SERVICES),
        *("shared.kek", "shared.installation_key", "shared.identity_key"),
    }
    assert not [name for name in SERVICES if before[name] == after[name]]
    for kind in ("WORKER", "WEB", "STATUS"):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(old[f"KURSLOTSE_DB_{kind}"])
    with pytest.raises(KafkaException):
        found_on(parse_address(old["KURSLOTSE_SERVICE_KAFKA"]), "", seconds=3)
    new = environment_of("gateway", {"KURSLOTSE_HOME": str(home.root)})
    assert found_on(parse_address(new["KURSLOTSE_SERVICE_KAFKA"]), "").identity is not None


def test_no_process_shows_a_secret_in_its_arguments_and_no_log_in_its_lines(
    stack: dict[str, Any], home: Home
) -> None:
    secrets = secrets_of(open_installation(home)) | {
        "control token": stack["control"]["token"],
        **{f"key of {slug}": key for slug, key in read_json(home.work / "demo-keys.json").items()},
    }
    assert len(secrets) > 30
    family = [psutil.Process(stack["pid"]), *psutil.Process(stack["pid"]).children(recursive=True)]
    shown = {process.pid: Path(f"/proc/{process.pid}/cmdline").read_bytes().decode() for process in family}
    assert sum("kafka.Kafka" in line for line in shown.values()) == 1
    logs = {path.name: path.read_text(errors="replace") for path in home.log.iterdir()}
    logs["launched.log"] = (home.root / "launched.log").read_text()
    assert len(logs) > len(PARTS)
    for name, secret in secrets.items():
        assert not [line for line in shown.values() if secret in line], name
        assert not [log for log, text in logs.items() if secret in text], name


def test_down_stops_everything(home: Home, stack: dict[str, Any]) -> None:
    left = [Identity(one["pid"], one["started"]) for one in read_json(home.children).values()]
    assert len(left) == len(PARTS)
    assert kurslotse("down", home=home).returncode == 0
    assert not [one for one in [*left, Identity(stack["pid"], stack["started"])] if one.alive()]
    commands = [" ".join(one.info["cmdline"] or ()) for one in psutil.process_iter(["cmdline"])]
    ours = [command for command in commands if str(home.root) in command]
    assert ours == []
    assert kurslotse("status", home=home).returncode == 1
