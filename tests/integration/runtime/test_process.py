"""Tests a service as a process: its answers, how it stops, and what makes it stop."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from services.runtime.base.settings import LoopSettings
from tests.identity import IDENTITY_KEY_TEXT
from tests.serving import OPS_TOKEN, REPOSITORY, TOLD
from tests.small_service import DEADLY
from tests.stand import Stand, announcement, completed
from tests.waiting import wait_until


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@dataclass
class Running:
    process: asyncio.subprocess.Process
    ops: str
    log: list[dict[str, Any]]

    async def get(self, path: str, *, told: bool = True) -> httpx.Response | None:
        try:
            async with httpx.AsyncClient() as client:
                return await client.get(f"{self.ops}{path}", headers=TOLD if told else {}, timeout=10.0)
        except httpx.TransportError:
            return None

    async def ready(self) -> bool:
        answer = await self.get("/health/ready")
        return answer is not None and answer.status_code == 200

    async def ended(self, deadline: float = 30.0) -> int:
        return await asyncio.wait_for(self.process.wait(), deadline)

    async def read_log(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.log.append(json.loads(line) if line.startswith(b"{") else {"message": line.decode()})


@asynccontextmanager
async def running(stand: Stand, mode: str) -> AsyncIterator[Running]:
    settings = stand.settings
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.small_service",
        mode,
        cwd=REPOSITORY,
        stderr=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            "KURSLOTSE_PREFIX": stand.prefix,
            "KURSLOTSE_DEMO": "1",
            "KURSLOTSE_DB_WORKER": settings.db_worker,
            "KURSLOTSE_DB_WEB": settings.db_web,
            "KURSLOTSE_DB_STATUS": settings.db_status,
            "KURSLOTSE_SERVICE_KAFKA": settings.kafka,
            "KURSLOTSE_HTTP": "127.0.0.1:1",
            "KURSLOTSE_OPS": f"127.0.0.1:{port}",
            "KURSLOTSE_IDENTITY_KEY": IDENTITY_KEY_TEXT,
            "KURSLOTSE_OPS_TOKEN": OPS_TOKEN,
        },
    )
    found = Running(process, f"http://127.0.0.1:{port}", [])
    reading = asyncio.create_task(found.read_log())
    try:
        yield found
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await asyncio.wait_for(reading, 10.0)


async def test_it_answers_and_stops_when_told(stand: Stand) -> None:
    await stand.know()
    async with running(stand, "fine") as service:
        await wait_until(service.ready, 40.0)
        await stand.say(announcement("a"))
        await stand.read_up_to(1)
        status: dict[str, Any] = {}

        async def quiet() -> bool:
            answer = await service.get("/status")
            assert answer is not None
            status.update(answer.json())
            return not any(status["lag"].values())

        await wait_until(quiet)
        assert status["events"] == {"de.kurslotse.course-announced.v1": 1}
        assert set(status["lag"]) == {
            f"{stand.prefix}kurslotse.allocation.in|{stand.in_topic()}",
            f"{stand.prefix}kurslotse.allocation.publishers|{stand.prefix}kurslotse.publishers",
        }
        assert [(one["id"], one["ok"]) for one in status["invariants"]] == [("I1", True)]
        live, metrics = await service.get("/health/live"), await service.get("/metrics")
        assert live is not None
        assert live.status_code == 200
        assert metrics is not None
        assert 'kurslotse_records_total{outcome="applied",reader="in"} 1.0' in metrics.text
        assert 'kurslotse_records_total{outcome="refused",reader="in"} 0.0' in metrics.text
        page, document = await service.get("/asyncapi"), await service.get("/asyncapi.json")
        assert document is not None
        assert set(document.json()["channels"]) == {"in", "publishers"}
        assert {"CourseAnnounced", "PublisherAnnounced"} <= set(document.json()["components"]["schemas"])
        assert page is not None
        assert '<a href="#CourseAnnounced">' in page.text
        assert '<h3 id="CourseAnnounced">' in page.text
        assert "//" not in page.text.replace(stand.servers.kafka, "")  # nothing is loaded from elsewhere
        for path in ("/metrics", "/status", "/under-way", "/asyncapi", "/asyncapi.json"):
            untold = await service.get(path, told=False)
            assert untold is not None
            assert (untold.status_code, untold.json()) == (401, {"error": "token"})
        probe = await service.get("/health/ready", told=False)
        assert probe is not None
        assert probe.json() == {"ok": True}
        service.process.send_signal(signal.SIGTERM)
        assert await service.ended() == 0
    assert all("message" in line and "service" in line for line in service.log)


async def test_an_event_that_ends_its_process_is_set_aside_and_the_others_are_read(stand: Stand) -> None:
    """As by a kill, a fault in C code or too little memory: nobody can catch it, only count it before."""
    await stand.know()
    deadly = announcement("b", title=DEADLY)
    await stand.say(announcement("a"), completed("a", 1), deadly, completed("a", 2), announcement("c"))
    deaths = 0
    for _ in range(8):
        async with running(stand, "dies") as service:
            await wait_until(lambda: _over(stand, service), 40.0)
            if service.process.returncode is None:
                break
            deaths += 1
    assert deaths == 1 + LoopSettings().crash_tries  # once in its batch, then alone
    (refused,) = await stand.fetch('SELECT "offset", code, params FROM runtime.quarantine')
    assert (refused["offset"], refused["code"]) == (2, "refused_after_crashes")
    assert refused["params"] == {"times": 3, "error": "process_ended"}
    assert await stand.value("SELECT count(*) FROM runtime.inbox WHERE state = 'applied'") == 4
    assert await stand.verdicts() == [("rejected", "refused_after_crashes")]


async def test_a_process_killed_between_batches_sets_nothing_aside(stand: Stand) -> None:
    await stand.know()
    for n in range(4):
        await stand.say(announcement(f"a{n}"))
        async with running(stand, "fine") as service:
            await stand.read_up_to(n + 1, deadline=40.0)
            service.process.kill()
            await service.ended()
    assert await stand.fetch("SELECT FROM runtime.quarantine") == []


async def _over(stand: Stand, service: Running) -> bool:
    return (
        service.process.returncode is not None
        or await stand.value(
            "SELECT coalesce(max(next_offset), 0) FROM runtime.stored_offset WHERE topic = $1",
            stand.in_topic(),
        )
        == 5
    )


async def test_a_background_task_that_ends_ends_the_process(stand: Stand) -> None:
    async with running(stand, "ends") as service:
        assert await service.ended(60.0) == 1
    assert any(line.get("where") == "ends" for line in service.log)


async def test_a_frozen_process_is_ended_by_the_hard_deadline(stand: Stand) -> None:
    async with running(stand, "blocks") as service:
        await wait_until(lambda: any(line["message"] == "started" for line in service.log), 40.0)
        await asyncio.sleep(0.5)
        service.process.send_signal(signal.SIGTERM)
        assert await service.ended(30.0) == 70
