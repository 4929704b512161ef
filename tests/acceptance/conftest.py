"""Runs one demo for all acceptance tests: looks at it while it runs, leaves it to them when it has ended."""

import json
import secrets
from collections.abc import Iterator

import httpx
import pytest

from services.embedded.machine.home import Home
from services.embedded.machine.installation import open_installation
from services.runtime.kafka.administration import KafkaAdmin, parse_address
from tests.acceptance.installation import SERVICES, Installation, installed
from tests.serving import Servers

SECONDS = 20
DAYS = 18
LOOK_AT_DAY = 10


@pytest.fixture(scope="session")
def demo(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Run `kurslotse demo --seconds 20`, but some days at least, to its end."""
    prefix = f"acc{secrets.token_hex(3)}-"
    command = ("demo", "--seconds", str(SECONDS), "--no-browser")
    settings = {"KURSLOTSE_SIM_SPEED": "max", "KURSLOTSE_SIM_DAYS": str(DAYS)}
    with installed(tmp_path_factory.mktemp("demo"), prefix, servers, *command, settings=settings) as found:
        found.until("some days", 240, lambda: found.summary().get("days_played", 0) >= LOOK_AT_DAY)
        look(found)
        found.until_ended(SECONDS + 240)
        yield found
    admin = KafkaAdmin(parse_address(servers.kafka))
    admin.remove(topics=admin.topics(prefix), users=[])


def look(found: Installation) -> None:
    """Keep what can only be seen while it runs."""
    found.seen["status"] = found.status()
    with found.signed_in("allocation", "jana-vogt") as browser:
        for name, path in {
            "first page": "/",
            "proposals page": "/proposals",
            "courses page": "/courses",
            "waiting page": "/waiting",
            "figures": "/api/v1/figures",
            "proposals": "/api/v1/proposals",
        }.items():
            found.seen[name] = browser.get(path)
    with found.signed_in("notifications", "sara-demir") as browser:
        found.seen["inbox page"] = browser.get("/inbox")
        found.seen["inbox"] = browser.get(
            "/inbox", params={"state": "all"}, headers={"Accept": "application/json"}
        )
    with found.signed_in("notifications", "ole-brandt") as browser:
        found.seen["desk page"] = browser.get("/desk")
    for service in SERVICES:
        ops = found.facts["addresses"][f"{service}_ops"]
        token = open_installation(Home(found.home)).services[service].ops_token
        found.seen[f"{service} metrics"] = httpx.get(
            f"{ops}/metrics", headers={"Authorization": f"Bearer {token}"}, timeout=20, trust_env=False
        )
        (found.home / f"{service}-metrics.txt").write_text(found.seen[f"{service} metrics"].text)
    (found.home / "status.json").write_text(json.dumps(found.seen["status"]))
