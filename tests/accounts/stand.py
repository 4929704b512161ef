"""Sign-in on a real database: a small site, browsers without scripts, an authenticator app."""

import html
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

import asyncpg
import httpx
import pyotp
from fastapi import APIRouter, Depends
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response

from services.accounts.app import add_issuers, create_accounts
from services.accounts.context import Accounts
from services.accounts.domain import Role, Side
from services.accounts.invitations import handlers as invitations
from services.accounts.oidc.issuers import Issuer
from services.accounts.pages.menu import ADMINISTRATION, ORGANISATION
from services.accounts.people import store
from services.runtime.base.clock import SystemClock
from services.runtime.base.settings import ServiceSettings
from services.runtime.data.db import connect, open_pool, transaction
from services.runtime.http.gateway_administration import GatewayAdministration
from services.runtime.serve.service import Resources
from services.runtime.web.app import create_app
from services.runtime.web.pages import Site, web_of
from services.runtime.web.visit.guard import fresh_sign_in, signed_in
from services.runtime.web.visit.visitors import Visitor
from services.texts.filters import LOCALE, field_filters
from tests.accounts.authenticator import Authenticator
from tests.databases import Database
from tests.serving import NOWHERE

HOST = "kurslotse.test"
ADDRESS = f"https://{HOST}"
CHEAP = {"KURSLOTSE_ARGON2_PASSES": "1", "KURSLOTSE_ARGON2_MEMORY_KIB": "8192", "KURSLOTSE_ARGON2_LANES": "1"}
PASSWORD = "sieben rote Fahrräder"
KREIS, OTHER = "kreis-eins", "kreis-zwei"
_LINK = re.compile(r'id="link"[^>]*>([^<]+)<')


def _pages() -> APIRouter:
    made = APIRouter()

    @made.get("/")
    async def first(
        request: Request,
        visitor: Annotated[Visitor, Depends(signed_in(Role.COORDINATOR, reading=("auditor",)))],
    ) -> Response:
        return web_of(request).page(request, "error.html", message=f"hello {visitor.name}")

    @made.post("/careful", dependencies=[fresh_sign_in])
    async def careful(
        request: Request, _: Annotated[Visitor, Depends(signed_in(Role.COORDINATOR))]
    ) -> Response:
        return web_of(request).back(request, "/")

    return made


@dataclass
class Browser:
    """A browser without scripts; it reads the token of forms from the page that it saw last."""

    http: httpx.AsyncClient
    seen: str = ""
    app: pyotp.TOTP | None = None
    used: list[str] = field(default_factory=list)

    async def page(self, path: str, status: int = 200) -> str:
        answer = await self.http.get(path)
        assert answer.status_code == status, (path, answer.status_code, answer.text[:3000])
        self.seen = html.unescape(answer.text)
        return self.seen

    @property
    def csrf(self) -> str:
        return str(re.findall(r'name="csrf" value="([^"]+)"', self.seen)[0])

    async def form(self, path: str, **fields: Any) -> httpx.Response:  # noqa: ANN401 - fields of a form
        answer = await self.http.post(path, data={"csrf": self.csrf, **fields})
        if answer.headers.get("content-type", "").startswith("text/html"):
            self.seen = html.unescape(answer.text)
        return answer

    async def json(self, path: str, body: Mapping[str, Any]) -> httpx.Response:
        return await self.http.post(path, json=dict(body), headers={"x-csrf": self.csrf})

    async def follow(self, answer: httpx.Response) -> str:
        assert answer.status_code == 303, (answer.status_code, answer.text[:3000])
        return await self.page(answer.headers["location"])

    async def enrol(self, link: str, email: str, name: str = "Ada Beispiel") -> httpx.Response:
        """Accept an invitation with password and app."""
        page = await self.page(link)
        return await self.form(f"{link}/password", **self.new_password(page), email=email, name=name)

    def new_password(self, page: str) -> dict[str, str]:
        """Fill in a form with a new password and the app's code, as a person with a telephone does."""
        secret = re.findall(r'translate="no">([A-Z2-7 ]+)<', page)[0].replace(" ", "")
        sealed = re.findall(r'name="sealed" value="([^"]+)"', page)[0]
        self.app = pyotp.TOTP(secret)
        return {"password": PASSWORD, "repeat": PASSWORD, "sealed": sealed, "code": self.app.now()}

    async def sign_in(self, email: str, code: str, password: str = PASSWORD) -> httpx.Response:
        await self.page("/sign-in")
        return await self.form("/sign-in", email=email, password=password, code=code)

    async def sign_in_with(self, passkey: Authenticator) -> httpx.Response:
        await self.page("/sign-in")
        options = (await self.json("/sign-in/passkey/options", {})).json()
        return await self.json("/sign-in/passkey", {"credential": passkey.sign(options)})

    async def enrol_with(self, link: str, passkey: Authenticator, **body: str) -> httpx.Response:
        await self.page(link)
        options = (await self.json(f"{link}/passkey/options", {})).json()
        return await self.json(f"{link}/passkey", {"credential": passkey.make(options), **body})


@dataclass
class Stand:
    """The site, its database, and how many browsers it takes."""

    accounts: Accounts
    http: Any
    conn: asyncpg.Connection
    worker: asyncpg.Pool
    registry: CollectorRegistry

    def browser(self) -> Browser:
        transport = httpx.ASGITransport(app=self.http)
        return Browser(httpx.AsyncClient(transport=transport, base_url=ADDRESS))

    async def invitation(
        self, *roles: Role, organisation: str = KREIS, email: str | None = None, name: str = "Ada Beispiel"
    ) -> str:
        """Invite somebody; return the path of the link."""
        async with transaction(self.accounts.pool) as conn:
            token = await invitations.invite(
                conn, organisation, roles=roles, name=name, email=email, by=invitations.COMMAND
            )
        return f"/invitation/{token}"

    async def enrolled(
        self,
        *roles: Role,
        organisation: str = KREIS,
        email: str = "ada@kreis.example",
        name: str = "Ada Beispiel",
    ) -> Browser:
        """Let somebody accept an invitation by password; return their browser, signed in."""
        browser = self.browser()
        link = await self.invitation(*roles, organisation=organisation, email=email)
        answer = await browser.enrol(link, email, name)
        assert answer.status_code == 303, answer.text[:3000]
        return browser

    async def value(self, query: str, *arguments: Any) -> Any:  # noqa: ANN401 - of the query
        return await self.conn.fetchval(query, *arguments)

    async def age(self, column: str, seconds: float) -> None:
        """Make all sessions older, as if time had passed."""
        await self.conn.execute(
            f"UPDATE accounts.session SET {column} = {column} - make_interval(secs => $1)", seconds
        )

    async def forget_codes(self) -> None:
        """Let the code of this half minute be used again, so that tests need not wait for the next one."""
        await self.conn.execute("UPDATE accounts.totp SET last_step = 0")


def link_on(page: str) -> str:
    """Return the path of the link that a page shows."""
    found = _LINK.search(page)
    assert found is not None
    return found[1].removeprefix(ADDRESS)


@asynccontextmanager
async def stand_on(
    database: Database,
    env: Mapping[str, str] | None = None,
    *,
    empty: bool = True,
    address: str = ADDRESS,
    issuers: Mapping[str, Issuer] | None = None,
    side: Side = Side.STEERING,
    administration: GatewayAdministration | None = None,
) -> AsyncIterator[Stand]:
    """Open the site on a database of a side; on the steering side with two Kreise and nobody in them."""
    registry = CollectorRegistry()
    settings = ServiceSettings.from_env(side.value, NOWHERE | {"KURSLOTSE_PUBLIC_URL": address})
    web = await open_pool(database.web, name="accounts-test", max_size=4)
    worker = await open_pool(database.worker, name="accounts-test-worker", max_size=2)
    resources = Resources(settings, SystemClock(), registry, worker, web)
    accounts = create_accounts(resources, env=CHEAP | dict(env or {}))
    accounts.administration = administration
    if issuers:
        add_issuers(accounts, issuers, "invented")
    site = Site(
        service=side.value,
        title="Kurslotse",
        templates=(),
        locales=(LOCALE,),
        filters=field_filters,
        menu={Role.ADMINISTRATOR.value: ADMINISTRATION},
        homes={Role.COORDINATOR.value: "/", Role.ADMINISTRATOR.value: ORGANISATION},
        demo=False,
        secure=address.startswith("https://"),
    )
    app = create_app(site, "invented", accounts, pages=[_pages()])
    conn = await connect(database.admin, name="accounts-test-looking")
    for slug, kreis in ((KREIS, "99001"), (OTHER, "99002")) if side is Side.STEERING else ():
        await store.put_organisation(
            conn, slug, name=slug, kind="kreis", kreise=(kreis,), tenant=None, publisher=None
        )
    if empty:
        await conn.execute("DELETE FROM accounts.person")  # the demo's
    try:
        yield Stand(accounts, app, conn, worker, registry)
    finally:
        await conn.close()
        await web.close()
        await worker.close()
