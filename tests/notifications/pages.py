"""The pages with names on a world: browsers of several offices, and a gateway that takes everything."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import asyncpg
import httpx
from prometheus_client import CollectorRegistry

from services.accounts.demo.load import DemoPeople, load
from services.accounts.domain import Side
from services.notifications.delivery.webhooks.sender import WebhookSender
from services.notifications.pages.app import create_pages
from services.notifications.pages.roles import CLERK, COUNSELLOR, PROVIDER
from services.places.current import CurrentPlaces
from services.runtime.base.settings import ServiceSettings
from services.runtime.data.db import transaction
from services.runtime.http.gateway_client import GatewayClient
from services.runtime.serve.service import Resources
from tests.accounts.people import people_of
from tests.notifications import world as worlds
from tests.notifications.world import PUBLISHERS, SISTERS, World
from tests.serving import DEMO_NOWHERE

ROLES = {worlds.DESK: CLERK, worlds.JOBCENTER: CLERK, worlds.PROVIDER: PROVIDER, worlds.MBE: COUNSELLOR}
ROLES |= {worlds.JMD: COUNSELLOR, worlds.OTHER: COUNSELLOR}
ROLES |= {sister: ROLES[office] for office, sister in SISTERS.items()}


KINDS = {CLERK: "registering_office", PROVIDER: "provider", COUNSELLOR: "counselling"}


def staff() -> DemoPeople:
    """Invent one person for each office, called like it."""
    return people_of(
        [
            {
                "slug": slug,
                "name": f"Stelle {slug}",
                "kind": KINDS[role],
                "kreise": ["99001"],
                "tenant": PUBLISHERS[slug][0],
                "publisher": slug,
            }
            for slug, role in ROLES.items()
        ],
        [
            {"key": slug, "name": f"Person {slug}", "organisation": slug, "roles": [role]}
            for slug, role in ROLES.items()
        ],
    )


@dataclass
class Gateway:
    """A gateway that takes what it gets."""

    taken: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.taken.append(json.loads(request.content))
        return httpx.Response(202, json={})


@dataclass
class Browser:
    """A browser without scripts, signed in for one office."""

    http: httpx.AsyncClient
    csrf: str = ""

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.http.get(path, headers=headers)

    async def post(self, path: str, **values: Any) -> httpx.Response:  # noqa: ANN401 - fields of a form
        return await self.http.post(path, data={"csrf": self.csrf, **values})

    async def page(self, path: str) -> str:
        answer = await self.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:2000])
        return answer.text


@dataclass
class Pages:
    """The application and a browser for each office."""

    gateway: Gateway
    browsers: dict[str, Browser]

    def __getitem__(self, office: str) -> Browser:
        return self.browsers[office]


@dataclass(frozen=True, slots=True)
class WorldClock:
    """The clock of a world."""

    world: World

    def now(self) -> datetime:
        return self.world.now


def further(*people: tuple[str, str, str]) -> DemoPeople:
    """Invent more people, by key, office and role."""
    everybody = staff()
    named = {office for _, office, _ in people}
    return people_of(
        [one.model_dump() for one in everybody.organisations if one.slug in named],
        [
            {"key": key, "name": f"Person {key}", "organisation": office, "roles": [role]}
            for key, office, role in people
        ],
    )


@asynccontextmanager
async def pages_on(
    world: World,
    *offices: str,
    web: asyncpg.Pool | None = None,
    places: CurrentPlaces | None = None,
    people: DemoPeople | None = None,
    smtp: str | None = None,
    hooks: WebhookSender | None = None,
) -> AsyncIterator[Pages]:
    """Open the pages, with a browser signed in for each of these offices, or of these further `people`."""
    gateway = Gateway()
    transport = httpx.MockTransport(lambda request: gateway.answer(request))  # noqa: PLW0108 - tests answer otherwise
    async with AsyncExitStack() as stack:
        async with transaction(world.worker) as conn:
            await load(conn, Side.SUPPORT, staff())
            if people is not None:
                await load(conn, Side.SUPPORT, people)
        client = await stack.enter_async_context(httpx.AsyncClient(transport=transport))
        env = DEMO_NOWHERE | ({"KURSLOTSE_SMTP": smtp} if smtp else {})
        settings = ServiceSettings.from_env("notifications", env)
        resources = Resources(
            settings, WorldClock(world), CollectorRegistry(), world.worker, web or world.web
        )
        door = GatewayClient(client, "https://gateway.invalid", "key")
        app = create_pages(resources, world.secrets, door, places=places)
        if hooks is not None:
            app.state.context = replace(app.state.context, hooks=hooks)
        pages = Pages(gateway, {})
        for office in offices:
            http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://kurslotse.test")
            await stack.enter_async_context(http)
            signed = await http.post("/demo/sign-in", json={"person": office})
            pages.browsers[office] = Browser(http, signed.json()["csrf"])
        yield pages


def said(page: str) -> list[str]:
    """Return the messages and errors that a page shows."""
    return re.findall(r'kern-title">(.*?)</span>|kern-error[^>]*>.*?<span[^>]*>(.*?)</span>', page, re.DOTALL)
