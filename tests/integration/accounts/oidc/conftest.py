"""A site on a port of its own, and certified servers at which people sign in to it."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.types import ASGIApp

from services.accounts.oidc.door import GivenRole
from services.accounts.oidc.fetching import new_client
from services.accounts.oidc.issuers import Issuer, RoleMapping, RoleRule
from services.runtime.http.server import OurServer
from tests.integration.accounts.oidc.browser import NO_TLS, Browser
from tests.integration.accounts.oidc.liar import Liar
from tests.integration.accounts.oidc.server import CLIENT_ID, CLIENT_SECRET, ServerSettings, server_running
from tests.integration.accounts.oidc.site import SessionsInMemory, build_site
from tests.waiting import wait_until


def listening() -> socket.socket:
    """Listen on a free port of this machine."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", 0))
    made.listen()
    return made


def address_of(own: socket.socket) -> str:
    """Return the address of who listens there."""
    return f"http://127.0.0.1:{own.getsockname()[1]}"


@asynccontextmanager
async def served(app: ASGIApp, own: socket.socket) -> AsyncIterator[None]:
    """Serve an application on a socket, which stays open for the next one."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    server = OurServer(config)
    serving = asyncio.create_task(server.serve(sockets=[own.dup()]))
    await wait_until(lambda: server.started or serving.done())
    try:
        yield
    finally:
        server.should_exit = True
        await serving


@pytest.fixture(scope="session")
def site_socket() -> Iterator[socket.socket]:
    with listening() as own:
        yield own


@pytest.fixture(scope="session")
def liar_socket() -> Iterator[socket.socket]:
    with listening() as own:
        yield own


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("oidc") / "servers.log"


@pytest.fixture(scope="session")
def server(site_socket: socket.socket, log: Path) -> Iterator[str]:
    """Address of an honest server."""
    with server_running(ServerSettings(site=address_of(site_socket)), log) as address:
        yield address


@pytest.fixture(scope="session")
def server_behind(site_socket: socket.socket, liar_socket: socket.socket, log: Path) -> Iterator[str]:
    """Address of an honest server that a liar stands in front of."""
    settings = ServerSettings(site=address_of(site_socket), issuer=address_of(liar_socket))
    with server_running(settings, log) as address:
        yield address


@pytest.fixture
async def liar(server_behind: str, liar_socket: socket.socket) -> AsyncIterator[Liar]:
    """A proxy that changes what a real server says; tells the truth until told otherwise."""
    made = Liar(server_behind, address_of(liar_socket))
    async with made, served(made.app, liar_socket):
        yield made


@dataclass
class Clock:
    """A clock that tests move."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@dataclass
class RunningSite:
    """A site that answers."""

    address: str
    door: SessionsInMemory
    clock: Clock
    browsers: list[Browser] = field(default_factory=list)

    def browser(self, *, reads_pages: bool = False) -> Browser:
        self.browsers.append(Browser(self.address, reads_pages=reads_pages))
        return self.browsers[-1]


MakeSite = Callable[..., Awaitable[RunningSite]]
RULES = (RoleRule("groups", frozenset({"kl-koordination"}), GivenRole("kreis-muster", "coordinator")),)


def issuer_at(url: str, **changes: Any) -> Issuer:  # noqa: ANN401 - fields of an issuer
    """Build the issuer of a server."""
    made = Issuer(
        key="kreis",
        names={"de": "Kreis Muster", "en": "Muster County"},
        url=url,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        organisations=frozenset({"kreis-muster"}),
        mappings=(RoleMapping(date(2026, 1, 1), RULES),),
    )
    return replace(made, **changes)


@pytest.fixture
async def make_site(site_socket: socket.socket) -> AsyncIterator[MakeSite]:
    """Start the site with these issuers; a second call replaces the first, as a restart does."""
    running: list[Any] = []
    browsers: list[Browser] = []
    client = new_client(NO_TLS)

    async def make(*issuers: Issuer, door: SessionsInMemory | None = None) -> RunningSite:
        while running:
            await running.pop().__aexit__(None, None, None)
        address, clock = address_of(site_socket), Clock()
        site = RunningSite(address, door or SessionsInMemory(), clock, browsers)
        serving = served(build_site(_listed(issuers), site.door, address, client, clock), site_socket)
        await serving.__aenter__()
        running.append(serving)
        return site

    yield make
    for browser in browsers:
        await browser.http.aclose()
    for serving in running:
        await serving.__aexit__(None, None, None)
    await client.aclose()


def _listed(issuers: Sequence[Issuer]) -> Sequence[Issuer]:
    assert issuers, "a site needs an issuer"
    return issuers


@pytest.fixture
async def site(make_site: MakeSite, server: str) -> RunningSite:
    """A site whose only issuer is the honest server."""
    return await make_site(issuer_at(server))
