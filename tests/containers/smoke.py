"""Starts the compose files, lets a course and a person in through the door, and looks for both: figures.

`python -m tests.containers.smoke` runs both sides in one project, then each in a project of its own. The
names of images come from the environment, as in the compose files; deploy/local-images.env names those that
`make containers-images` builds.
"""

import json
import os
import re
import ssl
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.containers.engine import DEPLOY, Project, SmokeError, memory, run, size, until

IMAGE = os.environ.get("KURSLOTSE_IMAGE", "kurslotse/kurslotse:local")
BETWEEN = "kurslotse-smoke-between"
"""The network between the sides, while it is tried."""
STEERING = ("postgres-steering", "kafka", "gateway", "allocation")
SUPPORT = ("postgres-support", "notifications")
PORTS = {
    "GATEWAY": "18441",
    "CONSOLE": "18442",
    "SUPPORT": "18443",
    "MAIL": "18445",
    "GRAFANA_STEERING": "18451",
    "GRAFANA_SUPPORT": "18452",
}
GOLDEN = Path(__file__).parents[2] / "schemas" / "published" / "golden"
_OWN = """
import json, os, ssl, urllib.request
from services.runtime.base.settings import with_file
env = with_file(os.environ)
asked = urllib.request.Request("https://localhost:8444/status",
    headers={"Authorization": "Bearer " + env["KURSLOTSE_OPS_TOKEN"]})
print(urllib.request.urlopen(asked, context=ssl.create_default_context()).read().decode())
"""
_REACHES = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 2).close()
except OSError as error:
    print("no:", error)
else:
    print("yes")
"""


@dataclass
class Smoke:
    """One run on one or two projects; `figures` is what it found."""

    steering: Project
    support: Project
    secrets: Path
    figures: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def projects(self) -> tuple[Project, ...]:
        """The one project, or both."""
        return (self.steering,) if self.steering is self.support else (self.steering, self.support)

    def note(self, name: str, value: object) -> None:
        """Keep a figure and say it."""
        self.figures[name] = value
        sys.stdout.write(f"  {name}: {value}\n")
        sys.stdout.flush()

    def start(self) -> None:
        """Start all projects."""
        seconds = sum(project.up() for project in self.projects)
        self.note("up, all healthy, seconds", round(seconds, 1))

    def register(self, slug: str, kind: str) -> None:
        """Register a publisher by a command in a container."""
        said = self.steering.compose(
            *("run", "--rm", "--no-deps", "--no-TTY", "setup-steering", "publisher", "add", slug),
            *("--name", f"{slug} (erfunden)", "--kind", kind, "--kreis", "99001", "--no-authority"),
        )
        found = re.search(r"API key, shown only now: (\S+)", said)
        if found is None:
            raise SmokeError(f"no key was shown for {slug}")
        self.keys[slug] = found[1]

    def post(self, path: str, slug: str, body: Mapping[str, Any], kind: str) -> int:
        """Send JSON to the gateway's published port, over TLS; return the status."""
        context = ssl.create_default_context(cafile=str(self.secrets / "steering" / "trusted.pem"))
        asked = urllib.request.Request(
            f"https://localhost:{PORTS['GATEWAY']}{path}",
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.keys[slug]}", "Content-Type": kind},
        )
        try:
            with urllib.request.urlopen(asked, context=context, timeout=30) as answer:  # noqa: S310 -- the same
                return int(answer.status)
        except urllib.error.HTTPError as error:
            raise SmokeError(f"{path}: {error.code} {error.read().decode()[:500]}") from None

    def status(self, project: Project, service: str) -> dict[str, Any]:
        """Return what a service says about itself to who has its token."""
        found: dict[str, Any] = json.loads(project.python(service, _OWN))
        return found

    def settled(self) -> bool:
        """Return whether both sides have read everything."""
        said = [self.status(self.steering, "allocation"), self.status(self.support, "notifications")]
        return all(not one["outbox"] and not any(one["lag"].values()) for one in said)

    def rows(self) -> dict[str, int]:
        """Count what the journey left in the databases of both sides."""
        asked = {
            "courses": (self.steering, "steering", "allocation", "course"),
            "participants": (self.steering, "steering", "allocation", "participant"),
            "people with names": (self.support, "support", "notifications", "person"),
        }
        return {
            what: int(_query(project, side, service, f"SELECT count(*) FROM {table}"))
            for what, (project, side, service, table) in asked.items()
        }


def _query(project: Project, side: str, service: str, text: str) -> str:
    script = (
        f'PGPASSWORD="$(cat /run/secrets/postgres.password)" psql -h /var/run/postgresql -U postgres'
        f' -d kurslotse_{service} -tAc "{text}"'
    )
    return project.execute(f"postgres-{side}", "sh", "-c", script).strip()


def journey(smoke: Smoke) -> None:
    """Let a course and a person in, see their effect on both sides, stop, start, see it again."""
    smoke.start()
    smoke.register("kurs-nord", "provider")
    smoke.register("amt-ost", "office")
    course = json.loads(
        (GOLDEN / "de.kurslotse.course-announced.v1.jsonl").read_text("utf-8").splitlines()[0]
    )
    event = {
        "specversion": "1.0",
        "id": str(uuid4()),
        "type": "de.kurslotse.course-announced.v1",
        "source": "kurs-nord",
        "datacontenttype": "application/json",
        "data": course,
    }
    began = time.monotonic()
    kind = "application/cloudevents+json"
    smoke.note("course accepted, status", smoke.post("/v1/events", "kurs-nord", event, kind))
    person = json.loads(
        (GOLDEN / "de.kurslotse.participant-registered.v1.jsonl").read_text("utf-8").splitlines()[0]
    )
    registration = {
        "id": str(uuid4()),
        "event": person,
        "contact": {"family_name": "Erfunden", "given_name": "Erika", "birth_date": "1991-07-03"},
    }
    smoke.note(
        "person accepted, status",
        smoke.post("/v1/registrations", "amt-ost", registration, "application/json"),
    )
    until("both sides have both", lambda: all(smoke.rows().values()))
    smoke.note("effect on both sides, seconds", round(time.monotonic() - began, 1))
    until("both sides are up to date", smoke.settled)
    before = smoke.status(smoke.steering, "allocation")
    smoke.note("allocation's events", before["events"])
    wall(smoke)
    watched(smoke)
    smoke.note("memory", memory("kurslotse-smoke"))
    rows = smoke.rows()
    smoke.note("down, seconds", round(sum(project.down() for project in smoke.projects), 1))
    smoke.start()
    after = smoke.status(smoke.steering, "allocation")
    lost = {name for name, number in before["events"].items() if after["events"].get(name, 0) < number}
    if lost or smoke.rows() != rows:
        raise SmokeError(f"down and up lost {sorted(lost)}: {rows} became {smoke.rows()}")
    smoke.note("after down and up", rows)
    smoke.note("the same event again, status", smoke.post("/v1/events", "kurs-nord", event, kind))
    broken = [one["id"] for one in after["invariants"] if not one["ok"]]
    if broken:
        raise SmokeError(f"invariants broken: {broken}")


def wall(smoke: Smoke) -> None:
    """Try to cross from each side to the other."""
    for project, service, host in (
        (smoke.steering, "allocation", "gateway"),
        (smoke.support, "notifications", "kafka"),
    ):
        port = 8443 if host == "gateway" else 9092
        if not project.execute(service, "python", "-c", _REACHES, host, str(port)).startswith("yes"):
            raise SmokeError(f"{service} does not reach {host}:{port}, which it needs")
    kept = 0
    for project, service, host, port in (
        (smoke.steering, "allocation", "notifications", 8443),
        (smoke.steering, "allocation", "notifications", 8444),
        (smoke.steering, "allocation", "postgres-support", 5432),
        (smoke.steering, "allocation", "postgres-steering", 5432),
        (smoke.support, "notifications", "allocation", 8443),
        (smoke.support, "notifications", "allocation", 8444),
        (smoke.support, "notifications", "postgres-steering", 5432),
        (smoke.support, "notifications", "prometheus-steering", 9090),
    ):
        said = project.execute(service, "python", "-c", _REACHES, host, str(port))
        if not said.startswith("no"):
            raise SmokeError(f"{service} reaches {host}:{port}")
        kept += 1
    for project, service in ((smoke.steering, "allocation"), (smoke.support, "notifications")):
        for command in ("touch /opt/kurslotse/x", "touch /x", "cat /proc/1/root/etc/shadow"):
            refused = project.execute(service, "sh", "-c", f"{command} 2>/dev/null || echo refused")
            if "refused" not in refused:
                raise SmokeError(f"{service}: {command} was not refused")
            kept += 1
    smoke.note("tries to cross the wall or to write, all refused", kept)


def watched(smoke: Smoke) -> None:
    """Ask each side's Prometheus for what it has seen."""
    asked = ("promtool", "query", "instant", "http://localhost:9090")
    for project, side, jobs in ((smoke.steering, "steering", 2), (smoke.support, "support", 1)):

        def sees(project: Project = project, side: str = side, jobs: int = jobs) -> bool:
            return project.execute(f"prometheus-{side}", *asked, "sum(up)").count(f"=> {jobs} ") == 1

        until(f"{side}'s Prometheus reads {jobs} services", sees)
        names = project.execute(f"prometheus-{side}", *asked, 'count({__name__=~"kurslotse_.*"})')
        found = re.search(r"=> (\d+)", names)
        smoke.note(f"series that {side}'s Prometheus reads", int(found[1]) if found else 0)
        board = json.loads((DEPLOY / "grafana" / side / "dashboards" / f"{side}.json").read_text("utf-8"))
        questions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
        answered = [one for one in questions if project.execute(f"prometheus-{side}", *asked, one).strip()]
        smoke.note(f"questions of {side}'s board, with an answer now", f"{len(questions)}, {len(answered)}")


def prepare(folder: Path, image: str, *arguments: str) -> None:
    """Make secrets and certificates, in the image."""
    run(
        [
            *("docker", "run", "--rm", "--network", "none", "--read-only", "--user", "0:0"),
            *("--volume", f"{folder}:/secrets", "--entrypoint", "python", image),
            *("-m", "deploy.containers.prepare", *arguments),
        ]
    )


def environment(folder: Path, between: str) -> dict[str, str]:
    """Return the settings of a try: other ports, other secrets, another network than a real one."""
    ports = {f"KURSLOTSE_{name}_PORT": port for name, port in PORTS.items()}
    return {**os.environ, **ports, "KURSLOTSE_SECRETS": str(folder), "KURSLOTSE_BETWEEN": between}


def together(folder: Path, image: str) -> Smoke:
    """Run both sides in one project."""
    env = environment(folder, BETWEEN)
    project = Project("kurslotse-smoke", "compose.yaml", (*STEERING, *SUPPORT), env)
    prepare(folder, image, "together", "/secrets")
    return Smoke(project, project, folder)


def apart(folder: Path, image: str) -> Smoke:
    """Run each side in a project of its own; they exchange a hand-over file and a certificate."""
    env = environment(folder, BETWEEN)
    prepare(folder, image, "steering", "/secrets")
    prepare(folder, image, "support", "/secrets", "--hand-over", "/secrets/steering/hand-over.json")
    prepare(folder, image, "trust", "/secrets", "--authority", "/secrets/support/authority.pem")
    return Smoke(
        Project("kurslotse-smoke-steering", "compose.steering.yaml", STEERING, env),
        Project("kurslotse-smoke-support", "compose.support.yaml", SUPPORT, env),
        folder,
    )


PROJECTS: Mapping[str, Callable[[Path, str], Smoke]] = {"together": together, "apart": apart}
"""Both sides in one project, and each in one of its own."""


@contextmanager
def tried(name: str, make: Callable[[Path, str], Smoke], whole: dict[str, Any]) -> Iterator[Smoke]:
    """Make projects for a try and leave nothing behind; their figures are put into `whole`."""
    sys.stdout.write(f"{name}\n")
    with tempfile.TemporaryDirectory(prefix="kurslotse-smoke-") as place:
        run(["docker", "network", "create", BETWEEN])
        smoke: Smoke | None = None
        try:
            smoke = make(Path(place), IMAGE)
            yield smoke
        finally:
            if smoke is not None:
                whole[name] = smoke.figures
                for project in smoke.projects:
                    project.down("--volumes", "--timeout", "20")
            run(["docker", "network", "rm", BETWEEN])


def main() -> int:
    """Run both, one after the other; leave nothing behind."""
    whole: dict[str, Any] = {}
    for name, make in PROJECTS.items():
        try:
            with tried(name, make, whole) as smoke:
                journey(smoke)
        except SmokeError as error:
            sys.stdout.write(f"FAILED: {error}\n")
            return 1
    images = [
        value for key, value in sorted(os.environ.items()) if re.fullmatch(r"KURSLOTSE_(\w+_)?IMAGE", key)
    ]
    whole["images, MB"] = {one: round(size(one)) for one in images or [IMAGE]}
    sys.stdout.write(json.dumps(whole, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
