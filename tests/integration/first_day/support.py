"""The support side of a real installation on its first day: real sign-in, nobody there, nothing set up."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any, cast

import asyncpg
import httpx
from prometheus_client import CollectorRegistry

from schemas.gateway import PublisherAnnounced
from services.accounts.app import create_accounts
from services.accounts.context import Accounts
from services.accounts.domain import Role, Side
from services.accounts.invitations import handlers as invitations
from services.accounts.people import store
from services.notifications.delivery import mail_test
from services.notifications.delivery.domain import Attempted, Outcome
from services.notifications.pages.app import create_pages
from services.places.loading import load, read_file
from services.runtime.base.settings import ServiceSettings
from services.runtime.data.db import connect, transaction
from services.runtime.events import publishers
from services.runtime.serve.service import Resources
from tests.accounts.stand import ADDRESS, CHEAP, Browser
from tests.allocation.builders import Publisher
from tests.databases import Database
from tests.integration.first_day.steering import TOWNS
from tests.notifications.pages import WorldClock
from tests.notifications.world import World, world_on
from tests.serving import NOWHERE

KREIS = "99001"


@dataclass
class FirstDay:
    """The pages of an empty installation, its database, and browsers for it."""

    world: World
    accounts: Accounts
    app: Any
    conn: asyncpg.Connection
    """Administrator of the database."""
    announced: Publisher = field(default_factory=lambda: Publisher("gateway"))

    async def first_administrator(self) -> Browser:
        """Let somebody in by the link that `kurslotse up` prints."""
        async with transaction(self.world.worker) as conn:
            token = await invitations.first_link(conn, Side.SUPPORT)
        assert token is not None
        return await self.enrolled(f"/invitation/{token}", "ada@office.example")

    async def enrolled(self, link: str, email: str) -> Browser:
        transport = httpx.ASGITransport(app=self.app)
        browser = Browser(httpx.AsyncClient(transport=transport, base_url=ADDRESS))
        answer = await browser.enrol(link, email)
        assert answer.status_code == 303, answer.text[:2000]
        return browser

    async def invited(self, organisation: str, role: Role, email: str) -> Browser:
        async with transaction(self.accounts.pool) as conn:
            token = await invitations.invite(
                conn, organisation, roles=[role], name="Ben Beispiel", email=email, by=invitations.COMMAND
            )
        return await self.enrolled(f"/invitation/{token}", email)

    async def organisation(
        self, slug: str, kind: str, tenant: str, publisher: str | None, kreis: str = KREIS
    ) -> None:
        await store.put_organisation(
            self.conn, slug, name=slug, kind=kind, kreise=(kreis,), tenant=tenant, publisher=publisher
        )

    async def towns(self) -> None:
        raw = TOWNS.format(kreis=KREIS).encode()
        async with self.conn.transaction():
            await load(self.conn, read_file("towns.csv", raw, today=date(2026, 2, 1)))

    async def mail_is_taken(self) -> None:
        """Let a mail server take a test mail."""
        async with transaction(self.world.worker) as conn:
            await mail_test.record(conn, Attempted(Outcome.SENT, 250), self.world.now)

    async def publisher(self, slug: str, kind: str, organisation: str, *, authority: bool = False) -> None:
        """Let the gateway announce a publisher."""
        said = PublisherAnnounced(
            slug=slug,
            name=slug,
            kinds=(kind,),
            organisation=organisation,
            authority=authority,
            kreise=(KREIS,),
            event_types=(),
            version=1,
        )
        async with transaction(self.world.worker) as conn:
            await publishers.announced(conn, [self.announced.says(said)], self.world.now)


@asynccontextmanager
async def first_day_on(database: Database, keys: Database) -> AsyncIterator[FirstDay]:
    """Open the pages of a real installation on a database in which there is nobody."""
    async with world_on(database, keys) as world:
        conn = await connect(database.admin, name="first-day-looking")
        await conn.execute(
            "TRUNCATE accounts.person, accounts.organisation, accounts.given_role, accounts.identity,"
            " accounts.invitation, runtime.publisher, office CASCADE"
        )
        settings = ServiceSettings.from_env("notifications", NOWHERE | {"KURSLOTSE_PUBLIC_URL": ADDRESS})
        resources = Resources(settings, WorldClock(world), CollectorRegistry(), world.worker, world.web)
        accounts = create_accounts(resources, env=CHEAP)
        app = create_pages(resources, world.secrets, cast("Any", None), sign_in=accounts)
        try:
            yield FirstDay(world, accounts, app, conn)
        finally:
            await conn.close()
