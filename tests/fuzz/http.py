"""Sends wrong requests to every HTTP route: python -m tests.fuzz.http --seconds 600 [--seed 1] [--dump DIR].

Starts a demo with people and courses, asks with and without session and key, and fails on an answer of
500 to 599 (a 503 that says when to come back is none) or on memory that grows.
"""

import argparse
import asyncio
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import psutil

from services.embedded.machine.home import Home, read_json
from services.embedded.machine.installation import SERVICES, open_installation
from services.embedded.servers.launch import launched
from tests.fuzz.routes import OPS, apps, document
from tests.fuzz.values import Values

PEOPLE = {
    "allocation": ("jana-vogt", "peter-lindner", "mira-kern", "rita-falk"),
    "notifications": ("ole-brandt", "mira-kern", "sara-demir", "eva-lang", "tim-albers"),
}
AT_ONCE = 6
WARM_SECONDS = 20.0
RENEW_SECONDS = 5.0
MOST_GROWTH = 1.6
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_BAD_HEADER = re.compile(r"[^\x20-\x7e]")


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path, with its description."""

    service: str
    method: str
    path: str
    operation: Mapping[str, Any]
    components: Mapping[str, Any]


@dataclass
class Run:
    """The figures of one run."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    routes: set[tuple[str, str, str]] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    memory: dict[str, list[int]] = field(default_factory=dict)

    def ratio(self, service: str) -> float:
        """Return the largest memory after the warm-up, compared with its end."""
        seen = self.memory.get(service, [])
        return max(seen) / seen[0] if seen else 0.0


def routes(documents: Mapping[str, Mapping[str, Any]]) -> Iterator[Route]:
    for service, described in documents.items():
        for path, methods in described["paths"].items():
            for method, operation in methods.items():
                yield Route(service, method.upper(), path, operation, described["components"])
        for path in OPS:
            yield Route(f"{service} ops", "GET", path, {}, {})


@dataclass
class Client:
    """Asks one installation, as everybody who may ask and as nobody."""

    home: Home
    facts: Mapping[str, Any]
    values: Values
    run: Run
    sessions: dict[str, list[dict[str, str]]] = field(default_factory=dict)

    def address(self, service: str) -> str:
        addresses = self.facts["addresses"]
        if service.endswith(" ops"):
            return str(addresses[f"{service.removesuffix(' ops')}_ops"])
        name = {"gateway": "gateway", "allocation": "console", "notifications": "inbox"}[service]
        return str(httpx.URL(addresses[name]).copy_with(path="/")).rstrip("/")

    async def sign_in(self, http: httpx.AsyncClient) -> None:
        for service, people in PEOPLE.items():
            self.sessions[service] = [{}]
            for person in people:
                http.cookies.clear()
                answer = await http.post(f"{self.address(service)}/demo/sign-in", json={"person": person})
                if answer.is_success:
                    cookie = "; ".join(f"{name}={value}" for name, value in answer.cookies.items())
                    self.sessions[service].append({"Cookie": cookie, "X-CSRF": answer.json()["csrf"]})
        http.cookies.clear()
        made = open_installation(self.home)
        keys = [*read_json(self.home.work / "demo-keys.json").values()]
        keys.append(made.services["notifications"].gateway_key)
        self.sessions["gateway"] = [{}, *({"Authorization": f"Bearer {key}"} for key in keys)]
        self.sessions["notifications"].append({"Authorization": f"Bearer {made.shared.people_key}"})
        for service in SERVICES:
            token = made.services[service].ops_token
            self.sessions[f"{service} ops"] = [{}, {"Authorization": f"Bearer {token}"}]

    async def ask(self, http: httpx.AsyncClient, route: Route) -> None:
        chance = self.values.chance
        path = re.sub(r"\{[^}]+\}", lambda _: quote(self._part(), safe="") or "x", route.path)
        headers = dict(chance.choice(self.sessions[route.service]))
        if chance.random() < 0.2:
            headers["Accept-Language"] = _BAD_HEADER.sub("", self.values.text())[:2000].strip()
        if chance.random() < 0.3:
            headers["Accept"] = chance.choice(("application/json", "text/html", "*/*", "x"))
        if route.service == "gateway" and chance.random() < 0.3:
            headers["X-Kurslotse-Publisher"] = _BAD_HEADER.sub("", self.values.text())[:200].strip()
        content = self._body(route, headers)
        other = chance.choice(("GET", "POST", "PUT", "DELETE", "PATCH"))
        request = http.build_request(
            other if chance.random() < 0.03 else route.method,
            self.address(route.service) + path,
            params=self._query(route),
            headers=headers,
            content=content,
        )
        try:
            answer = await http.send(request)
        except httpx.HTTPError as error:
            self.run.answers[route.service, 0] += 1
            if not isinstance(error, httpx.ProtocolError | httpx.ReadError | httpx.WriteError):
                self.run.broken.append(f"{route.service} {route.method} {route.path}: {error!r}")
            return
        self.run.answers[route.service, answer.status_code] += 1
        self.run.routes.add((route.service, route.method, route.path))
        for found in _ID.findall(answer.text[:50_000])[:20]:
            self.values.know(found)
        if answer.status_code >= 500 and "retry-after" not in answer.headers:
            about = f"{request.method} {request.url!s:.300} {headers.get('Content-Type')} {content[:300]!r}"
            self.run.broken.append(f"{route.service} {answer.status_code} {about} -> {answer.text[:200]!r}")

    def _part(self) -> str:
        chance = self.values.chance
        return chance.choice(self.values.seen) if chance.random() < 0.6 else self.values.text()

    def _query(self, route: Route) -> dict[str, str]:
        chance, names = self.values.chance, ["kreis", "page", "after", "limit", "seen", "next", "dry_run"]
        names += [one["name"] for one in route.operation.get("parameters", ()) if one["in"] == "query"]
        return {chance.choice(names): self.values.text() for _ in range(chance.choice((0, 0, 1, 3)))}

    def _body(self, route: Route, headers: dict[str, str]) -> bytes:
        if route.method == "GET":
            return b""
        chance = self.values.chance
        content = route.operation.get("requestBody", {}).get("content", {"application/json": {}})
        kind = chance.choice(list(content))
        headers["Content-Type"] = kind
        if chance.random() < 0.05:
            others = ("", "text/plain", "multipart/form-data", f"{kind}; charset=x")
            headers["Content-Type"] = chance.choice(others)
        if chance.random() < 0.1:
            return _garbage(chance)
        value = self.values.of(content[kind].get("schema", {}), route.components)
        if "form" in kind and isinstance(value, dict):
            fields = [(str(name), str(one)) for name, one in value.items() if chance.random() < 0.2]
            if "Cookie" in headers and chance.random() < 0.3:
                fields.append(("csrf", headers["X-CSRF"]))
            return urlencode(fields).encode()
        return json.dumps(value).encode()


def _garbage(chance: random.Random) -> bytes:
    return chance.choice(
        (
            b"", b"{", b"[" * 5_000, b'{"a":' * 3_000, b'{"a":NaN}', b'"\\ud800"', b"\xff\xfe", b"\x00" * 100,
            chance.randbytes(500), b"x" * 70_000, b"PK\x03\x04" + chance.randbytes(200), b"<a>" * 2_000,
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n1\r\n--x--\r\n',
        )
    )  # fmt: skip


def write_documents(folder: Path) -> None:
    """Write an OpenAPI document of all routes of each service."""
    for name, app in apps().items():
        (folder / f"{name}.json").write_text(json.dumps(document(name, app)), encoding="utf-8")


async def watch(home: Home, run: Run, until: float) -> None:
    """Note the memory of each service's process every second, after the warm-up."""
    await asyncio.sleep(WARM_SECONDS)
    while time.monotonic() < until:
        for service, child in read_json(home.children).items():
            if service in SERVICES and psutil.pid_exists(child["pid"]):
                run.memory.setdefault(service, []).append(psutil.Process(child["pid"]).memory_info().rss)
        await asyncio.sleep(1.0)


async def fuzz(
    home: Home, facts: Mapping[str, Any], seconds: float, seed: int, program: str | None = None
) -> Run:
    """Ask for so many seconds; beside us Schemathesis, if it is named."""
    values, run = Values(random.Random(seed)), Run()
    known = list(routes({name: document(name, app) for name, app in apps().items()}))
    client = Client(home, facts, values, run)
    until = time.monotonic() + seconds
    async with httpx.AsyncClient(timeout=70.0, trust_env=False) as http:
        await client.sign_in(http)

        async def work() -> None:
            while time.monotonic() < until:
                http.cookies.clear()
                await client.ask(http, values.chance.choice(known))

        async def renew() -> None:
            """Sign in again and again: some of what is asked signs people out."""
            async with httpx.AsyncClient(timeout=70.0, trust_env=False) as own:
                while time.monotonic() + RENEW_SECONDS < until:
                    await asyncio.sleep(RENEW_SECONDS)
                    await client.sign_in(own)

        begun = [asyncio.create_task(work()) for _ in range(AT_ONCE)]
        begun += [asyncio.create_task(renew()), asyncio.create_task(watch(home, run, until))]
        if program is not None:
            write_documents(home.work)
            for told in await schemathesis(program, client, home.work, seconds):
                sys.stdout.write(told + "\n")
        await asyncio.gather(*begun)
    sys.stdout.write(f"{len(run.routes)} of {len(known)} routes answered\n")
    return run


async def schemathesis(program: str, client: Client, documents: Path, seconds: float) -> list[str]:
    """Let Schemathesis ask each service as nobody and as somebody; return the ends of its reports."""
    told = []
    asked = [(service, who) for service in SERVICES for who in client.sessions[service][:2]]
    for service, headers in asked:
        command = [program, "run", str(documents / f"{service}.json"), "--url", client.address(service)]
        command += [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
        command += ["--checks", "not_a_server_error", "--max-time", str(int(seconds / len(asked)))]
        command += ["--no-color", "--warnings", "off", "--suppress-health-check", "all", "--workers", "2"]
        command += ["--generation-database", "none", "--request-timeout", "70"]
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=documents
        )
        output, _ = await process.communicate()
        who = "somebody" if headers else "nobody"
        told.append(f"schemathesis, {service} as {who}: {process.returncode}\n{output.decode()[-3000:]}")
    return told


def report(run: Run) -> int:
    """Write the figures; return 1 if something broke."""
    for (service, status), number in sorted(run.answers.items()):
        sys.stdout.write(f"  {service:<20} {status} {number:>7}\n")
    for line in list(dict.fromkeys(run.broken))[:40]:
        sys.stdout.write(f"  BROKEN {line}\n")
    grown = {service: round(run.ratio(service), 2) for service in SERVICES}
    sys.stdout.write(f"{sum(run.answers.values())} requests, {len(run.broken)} broken, memory {grown}\n")
    return 1 if run.broken or max(grown.values()) > MOST_GROWTH else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.http")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--schemathesis", help="path of its program `st`, which is run beside")
    parser.add_argument("--dump", type=Path, help="only write the OpenAPI documents of all routes there")
    asked = parser.parse_args()
    if asked.dump is not None:
        asked.dump.mkdir(parents=True, exist_ok=True)
        write_documents(asked.dump)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        with launched(
            home.root,
            "demo",
            "--no-browser",
            KURSLOTSE_SIM_PEOPLE="300",
            KURSLOTSE_SIM_HISTORY="20",
            KURSLOTSE_SIM_SPEED="1",
            KURSLOTSE_ARGON2_MEMORY_KIB="8192",  # two hashes of the usual size hide 128 MiB of anything else
        ) as facts:
            return report(asyncio.run(fuzz(home, facts, asked.seconds, asked.seed, asked.schemathesis)))


if __name__ == "__main__":
    sys.exit(main())
