"""Starts the real command with its real processes and watches it from outside."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import pytest

from tests.serving import REPOSITORY, Servers

T = TypeVar("T")

SERVICES = ("gateway", "allocation", "notifications")
_START_SECONDS = 120.0
_STOP_SECONDS = 60.0


@dataclass
class Installation:
    """An installation as people and programs see it, from outside."""

    home: Path
    prefix: str
    servers: Servers
    process: subprocess.Popen[bytes]
    output: Path
    seen: dict[str, Any] = field(default_factory=dict)

    @property
    def facts(self) -> dict[str, Any]:
        """What run.json says."""
        return read_json(self.home / "run.json")

    @property
    def simulator(self) -> Path:
        """The simulator's own folder."""
        return self.home / "work" / "simulator"

    def database(self, service: str) -> str:
        """Return the administrator's address of a service's database."""
        parts = urlsplit(self.servers.database_url)
        name = f"{self.prefix.replace('-', '_')}kurslotse_{service}"
        return parts._replace(path=f"/{name}").geturl()

    @property
    def databases(self) -> dict[str, str]:
        """Return service -> address."""
        return {service: self.database(service) for service in SERVICES}

    @property
    def kafka(self) -> dict[str, Any]:
        """Return the administrator's settings of a Kafka client."""
        parts = urlsplit(self.servers.kafka)
        settings: dict[str, Any] = {"bootstrap.servers": f"{parts.hostname}:{parts.port}"}
        if parts.scheme.startswith("sasl"):
            settings |= {
                "security.protocol": "SASL_SSL" if "ssl" in parts.scheme else "SASL_PLAINTEXT",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": parts.username,
                "sasl.password": parts.password,
            }
        return settings

    def status(self) -> dict[str, Any]:
        """Run `kurslotse status --json`."""
        done = subprocess.run(
            [sys.executable, "-m", "services.cli", "status", "--json", "--home", str(self.home)],
            cwd=REPOSITORY,
            capture_output=True,
            check=True,
            timeout=60,
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def summary(self) -> dict[str, Any]:
        """Return the simulator's figures so far."""
        return read_json(self.simulator / "summary.json")

    def until(self, what: str, seconds: float, true: Callable[[], T]) -> T:
        """Wait until something is true while the process lives; return it."""
        deadline = time.monotonic() + seconds
        while not (found := true()):
            assert self.process.poll() is None, f"ended before {what}:\n{self.tail()}"
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}\n{self.tail()}"
            time.sleep(0.1)
        return found

    def until_ended(self, seconds: float) -> int:
        """Wait until the process ends by itself; return its exit status."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            pytest.fail(f"did not end within {seconds} s:\n{self.tail()}")

    def tail(self) -> str:
        """Return the end of what it printed and of what the processes logged."""
        logs = [self.output, *sorted((self.home / "log").glob("*.log"))]
        ends = [(log.name, log.read_text(errors="replace")[-1500:]) for log in logs if log.exists()]
        return "\n".join(f"--- {name}\n{end}" for name, end in ends)

    def simulating(self, seconds: float, **settings: str) -> subprocess.Popen[bytes]:
        """Start the simulator beside an installation that runs with `up --demo`."""
        facts, ports = self.facts, read_json(self.home / "ports.json")
        parts = {name: urlsplit(facts["addresses"][name]) for name in ("console", "inbox")}
        at = {name: f"{found.scheme}://{found.netloc}" for name, found in parts.items()}
        env = {name: value for name, value in os.environ.items() if not name.startswith("KURSLOTSE_")}
        env |= {
            "KURSLOTSE_GATEWAY_URL": facts["addresses"]["gateway"],
            "KURSLOTSE_CONSOLE_URL": at["console"],
            "KURSLOTSE_SUPPORT_URL": at["inbox"],
            "KURSLOTSE_CONTROL_URL": facts["control"]["url"],
            "KURSLOTSE_CONTROL_TOKEN": facts["control"]["token"],
            "KURSLOTSE_SMTP_SINK": f"127.0.0.1:{ports['smtp_sink']}",
            "KURSLOTSE_SIM_KEYS": str(self.home / "work" / "demo-keys.json"),
            "KURSLOTSE_SIM_STATE": str(self.simulator),
            "KURSLOTSE_SIM_SPEED": "max",
            **settings,
        }
        self.simulator.mkdir(exist_ok=True)
        with (self.home / "log" / "simulator.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "services.simulator", "--seconds", str(seconds)],
                env=env,
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @contextmanager
    def signed_in(self, service: str, person: str) -> Iterator[httpx.Client]:
        """Open a browser in which a demo person has signed in."""
        address = self.facts["addresses"]["console" if service == "allocation" else "inbox"]
        parts = urlsplit(address)
        with httpx.Client(
            base_url=f"{parts.scheme}://{parts.netloc}", timeout=60, trust_env=False
        ) as browser:
            answer = browser.post(
                "/demo/sign-in", json={"person": person}, headers={"Accept": "application/json"}
            )
            answer.raise_for_status()
            browser.headers["X-CSRF"] = answer.json()["csrf"]
            yield browser


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a file that may not be there yet."""
    try:
        found = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def installed(
    home: Path, prefix: str, servers: Servers | None, *command: str, settings: Mapping[str, str] | None = None
) -> Iterator[Installation]:
    """Run a command of `kurslotse` until the block ends; without servers it brings its own."""
    home.mkdir(parents=True, exist_ok=True)
    ours = ("KURSLOTSE_DATABASE_URL", "KURSLOTSE_KAFKA", "KURSLOTSE_HOME", "KURSLOTSE_POLICY")
    env = {name: value for name, value in os.environ.items() if name not in ours}
    env |= {"KURSLOTSE_HOME": str(home), "KURSLOTSE_PREFIX": prefix, **(settings or {})}
    if servers is not None:
        command = (*command, "--own-servers")
        env |= {"KURSLOTSE_DATABASE_URL": servers.database_url, "KURSLOTSE_KAFKA": servers.kafka}
    output = home / "output.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.cli", *command],
            env=env,
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    installation = Installation(home, prefix, servers or Servers("", ""), process, output)
    try:
        installation.until("ready", _START_SECONDS, lambda: installation.facts.get("ready"))
        if servers is None:
            facts = installation.facts
            installation.servers = Servers(facts["database_url"], facts["kafka"])
        yield installation
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
