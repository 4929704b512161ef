"""Runs the support side's pages alone, on a database of its own, where filling a Kreis would be too slow."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import httpx
import uvicorn
from prometheus_client import CollectorRegistry

from services.accounts.demo.load import DemoPeople, load
from services.accounts.domain import Side
from services.notifications.pages.app import create_pages
from services.runtime.base.settings import ServiceSettings
from services.runtime.data.db import transaction
from services.runtime.http.gateway_client import GatewayClient
from services.runtime.serve.service import Resources
from tests.databases import Templates
from tests.notifications.pages import Gateway, WorldClock, staff
from tests.notifications.world import World, world_on
from tests.serving import DEMO_NOWHERE

T = TypeVar("T")
_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class SupportSide:
    """The running pages, and the world behind them, which lives on a thread of its own."""

    url: str
    world: World
    loop: asyncio.AbstractEventLoop
    gateway: Gateway
    """What the pages have said on behalf of others."""

    def do(self, what: Callable[[World], Awaitable[T]]) -> T:
        """Have something happen in the world."""

        async def done() -> T:
            return await what(self.world)

        return asyncio.run_coroutine_threadsafe(done(), self.loop).result(_SECONDS)


@contextmanager
def support_side(
    templates: Templates, prefix: str, people: DemoPeople | None = None
) -> Iterator[SupportSide]:
    """Start the pages for the usual staff and these people; their gateway takes what it gets."""
    gateway = Gateway()
    ready: list[SupportSide] = []
    started, stop = threading.Event(), threading.Event()
    failed: list[BaseException] = []

    async def run() -> None:
        databases = [await templates.copy(service, prefix) for service in ("notifications", "keys")]
        try:
            taken = httpx.MockTransport(gateway.answer)
            async with world_on(*databases) as world, httpx.AsyncClient(transport=taken) as client:
                async with transaction(world.worker) as conn:
                    await load(conn, Side.SUPPORT, staff())
                    if people is not None:
                        await load(conn, Side.SUPPORT, people)
                settings = ServiceSettings.from_env("notifications", DEMO_NOWHERE)
                resources = Resources(
                    settings, WorldClock(world), CollectorRegistry(), world.worker, world.web
                )
                app = create_pages(
                    resources, world.secrets, GatewayClient(client, "https://gateway.invalid", "k")
                )
                listening = socket.create_server(("127.0.0.1", 0))
                server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
                serving = asyncio.create_task(server.serve(sockets=[listening]))
                url = f"http://127.0.0.1:{listening.getsockname()[1]}"
                ready.append(SupportSide(url, world, asyncio.get_running_loop(), gateway))
                started.set()
                await asyncio.to_thread(stop.wait)
                server.should_exit = True
                await serving
        finally:
            await templates.drop(databases)

    def work() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:  # noqa: BLE001 - told by the test
            failed.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    started.wait(_SECONDS)
    if failed or not ready:
        raise AssertionError("the support side did not start") from (failed[0] if failed else None)
    try:
        yield ready[0]
    finally:
        stop.set()
        thread.join(_SECONDS)
    assert not failed, failed
