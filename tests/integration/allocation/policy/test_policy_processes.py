"""A policy activated on the pages of one process is soon known to another one that has no timers."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import orjson

from services.allocation.policy.domain import PACKAGED
from tests.allocation.builders import NOW
from tests.allocation.process import environment
from tests.conftest import MakeDatabase, MakeTopics
from tests.databases import Database
from tests.serving import REPOSITORY, Servers
from tests.waiting import wait_until

DOCUMENT = """\
valid_from: 2000-01-01
source: "decided for a test"
automatic: []
reservation: {days: 5, present_days: 3}
cadence: {every: daily, hour: 6, near_start_days: 14}
limits: {latest_start_days: 100, late_entry: false}
goals: [priority, waiting]
"""


@asynccontextmanager
async def pages(
    servers: Servers, database: Database, prefix: str, folder: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """Run a process with the pages only."""
    env = environment(servers, database, prefix, folder)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.cli", "run", "allocation", "--roles", "web", cwd=REPOSITORY, env=env
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://{env['KURSLOTSE_HTTP']}", timeout=20) as http:

            async def answers() -> bool:
                assert process.returncode is None, f"ended with {process.returncode}"
                try:
                    return (await http.get("/sign-in")).status_code == 200
                except httpx.TransportError:
                    return False

            await wait_until(answers, 90, what="the pages answer")
            yield http
    finally:
        process.terminate()
        await process.wait()


async def _signed_in(http: httpx.AsyncClient, person: str) -> str:
    csrf: str = (await http.post("/demo/sign-in", json={"person": person})).json()["csrf"]
    return csrf


async def _days(http: httpx.AsyncClient) -> int:
    days: int = (await http.get("/api/v1/policy")).json()["policy"]["reservation"]["days"]
    return days


async def test_every_process_knows(
    servers: Servers, database: MakeDatabase, topics: MakeTopics, prefix: str, tmp_path: Path
) -> None:
    await topics()  # which say, too, whose installation the broker is of
    own = await database("allocation")
    (tmp_path / "policy.yaml").write_text(PACKAGED.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "clock.json").write_bytes(orjson.dumps({"now": NOW.isoformat()}))
    async with AsyncExitStack() as stack:
        jana = await stack.enter_async_context(pages(servers, own, prefix, tmp_path))
        peter = await stack.enter_async_context(pages(servers, own, prefix, tmp_path))
        csrf = await _signed_in(jana, "jana-vogt")
        kept = await jana.post("/policy/edit", data={"csrf": csrf, "document": DOCUMENT, "do": "save"})
        address = kept.headers["location"]
        why = {"csrf": csrf, "reason": "as the council has decided"}
        assert (await jana.post(f"{address}/submit", data=why)).status_code == 303
        token = await _signed_in(peter, "peter-lindner")
        assert await _days(jana) == await _days(peter) == 10

        seen = (await peter.get(address)).text.partition('name="seen" value="')[2][:64]
        done = await peter.post(f"{address}/activate", data={"csrf": token, "seen": seen})
        assert done.status_code == 303
        assert await _days(peter) == 5  # at once

        async def known() -> bool:
            return await _days(jana) == 5

        await wait_until(known, 15, what="the other process knows")
