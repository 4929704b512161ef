"""`kurslotse publisher` and `kurslotse import` as people type them."""

import asyncio
import json
import stat
import sys
from pathlib import Path

from tests.fixtures.gateway.process import Gateway
from tests.serving import REPOSITORY

FIXTURES = Path(__file__).parents[2] / "fixtures" / "gateway"


async def kurslotse(gateway: Gateway, *arguments: str) -> tuple[int, str]:
    """Run the command; return exit status and what it said."""
    env = gateway.environment() | {
        "KURSLOTSE_DATABASE_URL": gateway.servers.database_url,
        "KURSLOTSE_KAFKA": gateway.servers.kafka,
        "KURSLOTSE_HOME": str(gateway.home / "kurslotse"),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.cli",
        *arguments,
        env=env,
        cwd=REPOSITORY,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode or 0, said.decode()


async def test_publisher_commands(gateway: Gateway) -> None:
    listed = gateway.home / "publishers.json"
    listed.write_text(
        json.dumps(
            [
                {
                    "slug": "schule",
                    "name": "Schule (erfunden)",
                    "kinds": ["provider"],
                    "kreise": ["99001"],
                    "authority": False,
                },
                {
                    "slug": "amt",
                    "name": "Amt (erfunden)",
                    "kinds": ["office"],
                    "kreise": ["99001"],
                    "authority": False,
                },
            ]
        )
    )
    keys = gateway.home / "keys.json"
    code, said = await kurslotse(gateway, "publisher", "load", str(listed), "--key-file", str(keys))
    assert code == 0, said
    assert "kl_" not in said
    made = json.loads(keys.read_text())
    assert set(made) == {"schule", "amt"}
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    code, said = await kurslotse(gateway, "publisher", "load", str(listed), "--key-file", str(keys))
    assert code == 0, said
    assert json.loads(keys.read_text()) == made
    code, said = await kurslotse(
        gateway,
        *("publisher", "add", "Große Schule", "--name", "x", "--kind", "provider", "--kreis", "99001"),
        "--no-authority",
    )
    assert code == 2
    assert "lower case letters" in said
    code, said = await kurslotse(gateway, "publisher", "list")
    assert code == 0
    assert [line.split("\t")[:2] for line in said.splitlines()] == [["amt", "active"], ["schule", "active"]]


async def test_import_commands(gateway: Gateway) -> None:
    catalogue = str(FIXTURES / "catalogue_full.xml")
    code, said = await kurslotse(gateway, "import", "open-qcat", catalogue, "--publisher", "schule")
    assert code == 0, said
    assert "4 with news" in said
    assert "min_means" in said
    people, rest = str(FIXTURES / "people_cp1252.csv"), gateway.home / "rest.csv"
    asked = ("import", "participants", people, "--publisher", "amt", "--rest", str(rest))
    code, said = await kurslotse(gateway, *asked)
    assert code == 2
    assert "--mapping" in said
    mapping = str(FIXTURES / "people_mapping.yaml")
    code, said = await kurslotse(gateway, *asked, "--mapping", mapping)
    assert code == 1, "nobody keeps names here, so nobody may be registered"
    assert "Kanarienvogel" not in said
    assert rest.read_text(encoding="utf-8-sig").splitlines()[0].endswith("Grund")
    assert stat.S_IMODE(rest.stat().st_mode) == 0o600
