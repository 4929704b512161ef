"""Opens the console on a world of invented courses and people, for a browser without scripts."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
from prometheus_client import CollectorRegistry

from services.allocation.acts.placements import Placements
from services.allocation.console.app import create_console
from services.allocation.law.rulebook import load_rulebook
from services.allocation.policy.current import CurrentPolicies
from services.places.current import CurrentPlaces
from services.runtime.base.settings import ServiceSettings
from services.runtime.data.db import open_pool
from services.runtime.http.gateway_client import GatewayClient
from services.runtime.serve.service import Resources
from tests.allocation.builders import NOW, OFFICE, OTHER_PROVIDER, PROVIDER, announced, person, registered
from tests.allocation.world import FixedTerms, World, world_on
from tests.databases import Database
from tests.serving import DEMO_NOWHERE

WHY = "the person waits for a day care place"


@dataclass
class Watch:
    """A clock that tests put forward."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@dataclass
class ConsoleClient:
    """A browser without scripts, signed in, on the console of a world."""

    world: World
    http: httpx.AsyncClient
    watch: Watch
    csrf: str = ""

    async def sign_in(self, who: str = "jana-vogt") -> None:
        signed = await self.http.post("/demo/sign-in", json={"person": who})
        self.csrf = signed.json()["csrf"]

    async def page(self, path: str) -> str:
        answer = await self.http.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:2000])
        return answer.text

    async def form(self, path: str, **values: Any) -> httpx.Response:  # noqa: ANN401
        return await self.http.post(path, data={"csrf": self.csrf, **values})

    async def done(self, path: str, **values: Any) -> str:  # noqa: ANN401
        """Send a form, follow to the next page, return what is said there."""
        answer = await self.form(path, **values)
        assert answer.status_code == 303, (path, answer.status_code, answer.text[:2000])
        return _said(await self.page(answer.headers["location"]))

    async def api(self, path: str, body: Any = None) -> httpx.Response:  # noqa: ANN401
        return await self.http.post(f"/api/v1{path}", json=body or {}, headers={"x-csrf": self.csrf})


def _said(page: str) -> str:
    found = re.findall(
        r'role="(?:status|alert)"[^>]*>.*?<span class="kern-title">(.*?)</span>', page, re.DOTALL
    )
    return " | ".join(found)


@asynccontextmanager
async def console_on(
    database: Database,
    prefix: str,
    *,
    gateway: GatewayClient | None = None,
    places: CurrentPlaces | None = None,
    policies: CurrentPolicies | None = None,
) -> AsyncIterator[ConsoleClient]:
    """Open the console on a database with three courses and two people, signed in as a coordinator."""
    async with world_on(database, prefix, steps=frozenset()) as world:
        web = await open_pool(database.web, name="console-test", max_size=4)
        settings, watch = ServiceSettings.from_env("allocation", DEMO_NOWHERE), Watch()
        resources = Resources(settings, watch, CollectorRegistry(), world.pool, web)
        placements = Placements(prefix, FixedTerms(frozenset()))
        app = create_console(resources, placements, load_rulebook(), policies, gateway=gateway, places=places)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://kurslotse.test") as http:
            client = ConsoleClient(world, http, watch)
            for own in ("k1", "k2"):
                await world.must(
                    PROVIDER, announced(own, title=f"Kurs {own}", minimum=2, own_number=f"N-{own}")
                )
            await world.must(OTHER_PROVIDER, announced("o1"))
            for reference in ("p1", "p2"):
                await world.must(OFFICE, registered(reference))
            await client.sign_in()
            yield client
        await web.close()


def person_address(reference: str = "p1") -> str:
    return f"/people/{person(reference)}"


async def only_row(world: World, query: str) -> tuple[Any, ...]:
    (row,) = await world.rows(query)
    return tuple(row)
