"""The ops port: probes say yes or no to everybody, the rest is for who has the token."""

import asyncio
from typing import cast

import httpx
import pytest
from prometheus_client import CollectorRegistry

from services.runtime.base.metrics import RefusalMetrics
from services.runtime.serve.ops import Answers, Health, ops_app
from services.runtime.serve.status import ServiceStatus, UnderWay

TOKEN = "t" * 48
GUARDED = ("/metrics", "/status", "/under-way", "/asyncapi", "/asyncapi.json")
ASKED: list[int] = []


async def _ready() -> Health:
    ASKED.append(1)
    await asyncio.sleep(0)
    return Health(ok=True, parts={"database": "answers"})


async def _status() -> ServiceStatus:
    raise ConnectionResetError


def client(token: str) -> httpx.AsyncClient:
    registry = CollectorRegistry()
    RefusalMetrics(registry).of("web")(413)
    answers = Answers(
        live=lambda: Health(ok=False, parts={"consume": "stalled"}),
        ready=_ready,
        status=_status,
        under_way=cast("UnderWay", _status),  # type: ignore[arg-type]
        asyncapi=lambda: None,
        registry=registry,
    )
    transport = httpx.ASGITransport(app=ops_app(answers, token))
    return httpx.AsyncClient(transport=transport, base_url="http://ops")


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x"]
)
@pytest.mark.parametrize("path", GUARDED)
async def test_nothing_is_told_without_the_token(path: str, header: str | None) -> None:
    async with client(TOKEN) as http:
        answer = await http.get(path, headers={} if header is None else {"Authorization": header})
    assert (answer.status_code, answer.json()) == (401, {"error": "token"})


@pytest.mark.parametrize("path", GUARDED)
async def test_without_a_token_set_nobody_is_told(path: str) -> None:
    async with client("") as http:
        for header in ("Bearer ", "Bearer", "bearer  "):
            assert (await http.get(path, headers={"Authorization": header})).status_code == 401


async def test_who_has_the_token_is_told() -> None:
    async with client(TOKEN) as http:
        told = {"Authorization": f"bearer {TOKEN}"}
        metrics = await http.get("/metrics", headers=told)
        assert 'kurslotse_http_refused_total{server="web",status="413"} 1.0' in metrics.text
        assert 'kurslotse_http_refused_total{server="ops",status="503"} 0.0' in metrics.text
        assert (await http.get("/status", headers=told)).json() == {"error": "ConnectionResetError"}
        assert (await http.get("/asyncapi", headers=told)).status_code == 404


async def test_probes_say_yes_or_no_and_ask_the_servers_once_a_second() -> None:
    ASKED.clear()
    async with client(TOKEN) as http:
        live = await http.get("/health/live")
        assert (live.status_code, live.json()) == (503, {"ok": False})
        answers = await asyncio.gather(*(http.get("/health/ready") for _ in range(50)))
        assert {answer.text for answer in answers} == {'{"ok":true}'}
        told = await http.get("/health/ready", headers={"Authorization": f"Bearer {TOKEN}"})
        assert told.json()["parts"] == {"database": "answers"}
    assert len(ASKED) == 1
