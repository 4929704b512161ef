"""Speaks with the container engine as a person would: `docker compose`, `docker exec`, `docker stats`."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

DEPLOY = Path(__file__).parents[2] / "deploy"
_PATIENCE_SECONDS = 180.0


class SmokeError(Exception):
    """Something is not as it should be; the message says what."""


def run(command: Sequence[str], env: Mapping[str, str] | None = None, *, expect: int | None = 0) -> str:
    """Run a command and return what it said; raise SmokeError for another exit status."""
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=600)
    if expect is not None and done.returncode != expect:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise SmokeError(f"{' '.join(command[:8])} ended with {done.returncode}:\n{said}")
    return done.stdout + ("" if expect == 0 else done.stderr)


def until(what: str, found: Callable[[], bool], seconds: float = _PATIENCE_SECONDS) -> float:
    """Wait until something is so; return how long that took, in seconds."""
    began = time.monotonic()
    while not found():
        if time.monotonic() - began > seconds:
            raise SmokeError(f"after {seconds:.0f} s still not: {what}")
        time.sleep(0.5)
    return time.monotonic() - began


@dataclass(frozen=True, slots=True)
class Project:
    """A compose project: its files, its services, the environment that its settings come from."""

    name: str
    file: str
    services: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def compose(self, *arguments: str, expect: int | None = 0) -> str:
        """Run `docker compose` on this project."""
        command = ["docker", "compose", "--project-name", self.name, "--file", str(DEPLOY / self.file)]
        return run([*command, *arguments], self.env, expect=expect)

    def up(self) -> float:
        """Start it and wait until each service is healthy; return seconds."""
        began = time.monotonic()
        self.compose("up", "--detach")
        for service in self.services:
            until(f"{service} is healthy", partial(self.is_healthy, service))
        return time.monotonic() - began

    def down(self, *arguments: str) -> float:
        """Stop it; return seconds."""
        began = time.monotonic()
        self.compose("down", *arguments)
        return time.monotonic() - began

    def container(self, service: str) -> str:
        """Return the id of a service's container."""
        return self.compose("ps", "--all", "--quiet", service).strip()

    def is_healthy(self, service: str) -> bool:
        """Return whether the engine finds a service well."""
        answer = run(["docker", "inspect", "--format", "{{json .State}}", self.container(service)])
        found: dict[str, Any] = json.loads(answer)
        return bool(found.get("Health", {}).get("Status") == "healthy")

    def execute(self, service: str, *command: str, expect: int | None = 0) -> str:
        """Run a command in a service's container."""
        return run(["docker", "exec", self.container(service), *command], expect=expect)

    def python(self, service: str, code: str) -> str:
        """Run Python in a service's container, with what the service knows."""
        return self.execute(service, "python", "-c", code)


def memory(start: str) -> dict[str, str]:
    """Return container -> memory that it uses just now, of those whose names begin so."""
    lines = run(["docker", "stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}"]).splitlines()
    return {line.split()[0]: line.split()[1] for line in lines if line.startswith(start)}


def size(image: str) -> float:
    """Return an image's size in MB."""
    return int(run(["docker", "image", "inspect", "--format", "{{.Size}}", image])) / 1e6
