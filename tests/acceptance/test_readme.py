"""README's "With servers of your own", run as it is written, on the servers of the tests."""

import asyncio
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from services.embedded.machine.home import read_json
from services.runtime.base.addresses import by_name
from tests.cleaning import clean
from tests.serving import REPOSITORY, Servers
from tests.waiting import wait_until

TOWNS = "ags;name;postcodes;kreis\n03459001;Beispielhausen;49101;Kreis Beispiel\n"


def commands() -> list[str]:
    """Return the commands of the section, without what they say behind a #."""
    text = (REPOSITORY / "README.md").read_text("utf-8")
    section = text[text.index("**With servers of your own**") : text.index("**In containers**")]
    lines = re.findall(r"^    (kurslotse .*)$", section, re.MULTILINE)
    return [line.partition(" #")[0].strip() for line in lines]


@pytest.fixture
def env(servers: Servers, prefix: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    (tmp_path / "towns.csv").write_text(TOWNS, "utf-8")
    yield os.environ | {
        "KURSLOTSE_HOME": str(tmp_path / "home"),
        "KURSLOTSE_PREFIX": prefix,
        "KURSLOTSE_DATABASE_URL": servers.database_url,
        "KURSLOTSE_KAFKA": servers.kafka,
        "PYTHONPATH": str(REPOSITORY),
    }
    clean(servers, prefix, ("vhs", "jobcenter"))


def run(command: str, env: dict[str, str], folder: Path) -> subprocess.Popen[str]:
    _, *arguments = shlex.split(command)
    asked = [sys.executable, "-m", "services.cli", *arguments]
    return subprocess.Popen(
        asked, env=env, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_servers_of_your_own(env: dict[str, str], tmp_path: Path) -> None:
    applied, initialised, started = commands()
    assert [shlex.split(one)[1] for one in (applied, initialised, started)] == ["db", "init", "up"]
    for command in (applied, initialised):
        done = run(command, env, tmp_path)
        said, _ = done.communicate(timeout=150)
        assert done.returncode == 0, said
    assert said.count("/invitation/") == 2
    assert "[x] 2. Load the directory of towns" in said
    process = run(started, env, tmp_path)
    try:
        facts = asyncio.run(_started(tmp_path / "home" / "run.json"))
        page = httpx.get(by_name(f"{facts['addresses']['console']}sign-in"))
        assert page.status_code == 200
        assert "Passkey" in page.text
    finally:
        process.terminate()
        process.communicate(timeout=60)


async def _started(path: Path) -> dict[str, dict[str, str]]:
    await wait_until(lambda: read_json(path).get("ready"), deadline=90.0)
    facts: dict[str, dict[str, str]] = read_json(path)
    return facts
