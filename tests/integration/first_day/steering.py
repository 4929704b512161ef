"""The steering side of a real installation on its first day: real sign-in, nobody there, nothing set up."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import asyncpg
import httpx
from prometheus_client import CollectorRegistry

from schemas.gateway import PublisherAnnounced
from services.accounts.app import create_accounts
from services.accounts.context import Accounts
from services.accounts.domain import Role, Side
from services.accounts.invitations import handlers as invitations
from services.accounts.people import store
from services.allocation.acts.placements import Placements
from services.allocation.console.app import create_console
from services.allocation.law.rulebook import load_rulebook
from services.allocation.policy.current import CurrentPolicies
from services.allocation.policy.domain import load_policies
from services.allocation.policy.terms import PolicyTerms
from services.places.loading import load, read_file
from services.runtime.base.settings import ServiceSettings
from services.runtime.data.db import connect, open_pool, transaction
from services.runtime.events import publishers
from services.runtime.http.gateway_client import GatewayClient
from services.runtime.serve.service import Resources
from tests.accounts.stand import ADDRESS, CHEAP, Browser
from tests.allocation.builders import KREIS, NOW, Publisher
from tests.allocation.world import World, world_of
from tests.databases import Database
from tests.integration.allocation.console.client import Watch
from tests.serving import NOWHERE

TOWNS = "ags;name;postcodes\n{kreis}001;Musterstadt, Stadt;99990\n{kreis}002;Beispielhausen;99991\n"


@dataclass
class FirstDay:
    """The console of an empty installation, its database, and browsers for it."""

    world: World
    accounts: Accounts
    app: Any
    conn: asyncpg.Connection
    """Administrator of the database."""
    announced: Publisher = field(default_factory=lambda: Publisher("gateway"))

    def browser(self) -> Browser:
        transport = httpx.ASGITransport(app=self.app)
        return Browser(httpx.AsyncClient(transport=transport, base_url=ADDRESS))

    async def first_administrator(self, email: str = "ada@kreis.example") -> Browser:
        """Let somebody in by the link that `kurslotse up` prints."""
        async with transaction(self.world.pool) as conn:
            token = await invitations.first_link(conn, Side.STEERING)
        assert token is not None
        return await self.enrolled(f"/invitation/{token}", email)

    async def enrolled(self, link: str, email: str, name: str = "Ada Beispiel") -> Browser:
        browser = self.browser()
        answer = await browser.enrol(link, email, name)
        assert answer.status_code == 303, answer.text[:2000]
        return browser

    async def invited(self, organisation: str, role: Role, email: str) -> Browser:
        async with transaction(self.accounts.pool) as conn:
            token = await invitations.invite(
                conn, organisation, roles=[role], name="Ben Beispiel", email=email, by=invitations.COMMAND
            )
        return await self.enrolled(f"/invitation/{token}", email, "Ben Beispiel")

    async def organisation(self, slug: str, kind: str, kreis: str, publisher: str | None = None) -> None:
        await store.put_organisation(
            self.conn, slug, name=slug, kind=kind, kreise=(kreis,), tenant=publisher, publisher=publisher
        )

    async def towns(self, kreis: str = KREIS) -> None:
        raw = TOWNS.format(kreis=kreis).encode()
        async with self.conn.transaction():
            await load(self.conn, read_file("towns.csv", raw, today=date(2026, 2, 1)))

    async def publisher(self, slug: str, kind: str, kreis: str = KREIS) -> None:
        """Let the gateway announce a publisher."""
        said = PublisherAnnounced(
            slug=slug,
            name=slug,
            kinds=(kind,),
            organisation=slug,
            kreise=(kreis,),
            event_types=(),
            version=1,
        )
        incoming = self.announced.says(said)
        async with transaction(self.world.pool) as conn:
            await publishers.announced(conn, [incoming], NOW)


async def standing(browser: Browser) -> dict[str, bool]:
    """Return which steps the page says are done."""
    page = await browser.page("/first-day")
    steps = re.findall(r'id="step-([a-z-]+)">(.*?)</li>', page, re.DOTALL)
    return {code: "kern-badge--success" in text for code, text in steps}


async def undone(browser: Browser) -> Sequence[str]:
    """Return the steps that the page says are missing."""
    return [code for code, done in (await standing(browser)).items() if not done]


@asynccontextmanager
async def first_day_on(
    database: Database, prefix: str, gateway: GatewayClient | None = None
) -> AsyncIterator[FirstDay]:
    """Open the console of a real installation on a database in which there is nobody."""
    worker = await open_pool(database.worker, name="first-day", max_size=4)
    web = await open_pool(database.web, name="first-day-web", max_size=4)
    conn = await connect(database.admin, name="first-day-looking")
    await conn.execute(
        "TRUNCATE accounts.person, accounts.organisation, accounts.given_role, accounts.identity,"
        " accounts.invitation CASCADE"
    )
    settings = ServiceSettings.from_env("allocation", NOWHERE | {"KURSLOTSE_PUBLIC_URL": ADDRESS})
    registry = CollectorRegistry()
    resources = Resources(settings, Watch(), registry, worker, web)
    accounts = create_accounts(resources, env=CHEAP)
    policies, rulebook = CurrentPolicies(load_policies(), worker), load_rulebook()
    placements = Placements(prefix, PolicyTerms(policies, rulebook))
    app = create_console(resources, placements, rulebook, policies, sign_in=accounts, gateway=gateway)
    try:
        yield FirstDay(world_of(database, worker, prefix), accounts, app, conn)
    finally:
        await conn.close()
        await web.close()
        await worker.close()
