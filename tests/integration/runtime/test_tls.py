"""A service that speaks TLS itself answers other machines, and only who trusts its authority reads it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from deploy.containers.certificates import Authority
from services.embedded.machine.ports import listening
from services.runtime.base.addresses import Proxies
from services.runtime.base.settings import HttpAddress
from services.runtime.http.door import Door
from services.runtime.http.server import serve
from services.runtime.http.trust import trusted
from tests.containers.__main__ import free_port
from tests.waiting import wait_until


async def _scheme(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.url.scheme)


APP = Starlette(routes=[Route("/scheme", _scheme)])


@asynccontextmanager
async def served(tls: Path) -> AsyncIterator[str]:
    port, stop = free_port(), asyncio.Event()
    door = Door(APP, Proxies(), encrypted=True)
    task = asyncio.create_task(serve(door, HttpAddress("127.0.0.1", port), stop, tls))
    try:
        await wait_until(lambda: listening(port))
        yield f"https://localhost:{port}/scheme"
    finally:
        stop.set()
        await task


async def test_tls_is_spoken_to_who_trusts_the_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    authority.make("test")
    authority.issue(tmp_path / "service.pem", ["localhost"])
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    async with served(tmp_path / "service.pem") as url:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
        async with httpx.AsyncClient(trust_env=False, verify=trusted()) as client:
            assert (await client.get(url)).text == "https"
        monkeypatch.delenv("SSL_CERT_FILE")
        async with httpx.AsyncClient(trust_env=False, verify=trusted()) as client:
            with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
                await client.get(url)
        async with httpx.AsyncClient(trust_env=False) as client:
            with contextlib.suppress(httpx.HTTPError):  # plain text gets no answer at all
                answer = await client.get(url.replace("https", "http", 1))
                pytest.fail(f"answered {answer.status_code}")


@pytest.mark.parametrize(("encrypted", "status"), [(True, 200), (False, 403)])
async def test_other_machines_are_answered_where_the_server_speaks_tls(encrypted: bool, status: int) -> None:
    door = Door(APP, Proxies(), encrypted=encrypted)
    transport = httpx.ASGITransport(app=door, client=("10.1.2.3", 5))
    async with httpx.AsyncClient(transport=transport, base_url="https://service") as client:
        assert (await client.get("/scheme")).status_code == status
