"""Sessions that an issuer's sign-in begins: roles by claims, no account by e-mail address, its end."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.accounts.domain import Role
from services.accounts.issuer_door import IssuerDoor
from services.runtime.web.visit.guard import anybody
from tests.accounts.stand import KREIS, Browser, Stand


@dataclass(frozen=True)
class Identity:
    issuer: str = "kreis"
    subject: str = "s-1"
    sid: str | None = "one"
    name: str = "Ida Beispiel"
    id_token: str = "the ID token"
    auth_time: datetime | None = None


@dataclass(frozen=True)
class Claimed:
    organisation: str
    role: str


COORDINATOR = Claimed(KREIS, "coordinator")


@dataclass
class Issuer:
    """A route that lets in whoever it is told to."""

    stand: Stand
    identity: Identity
    roles: Sequence[Claimed] = (COORDINATOR,)

    def browser(self) -> Browser:
        door = IssuerDoor(self.stand.accounts, lambda issuer, token: (issuer, token))
        made = APIRouter()

        @made.get("/issuer", dependencies=[anybody])
        async def enter(request: Request) -> Response:
            return await door.sign_in(request, self.identity, self.roles, "/")

        @made.get("/issuer/current", dependencies=[anybody])
        async def current(request: Request) -> Response:
            return JSONResponse(await door.current(request))

        self.stand.http.include_router(made)
        return self.stand.browser()


@pytest.fixture
def issuer(stand: Stand) -> Issuer:
    return Issuer(stand, Identity())


async def test_claims_let_somebody_in_and_the_token_is_kept_sealed(stand: Stand, issuer: Issuer) -> None:
    browser = issuer.browser()
    assert "hello Ida Beispiel" in await browser.follow(await browser.http.get("/issuer"))
    assert (await browser.http.get("/issuer/current")).json() == ["kreis", "the ID token"]
    assert b"the ID token" not in await stand.value("SELECT id_token FROM accounts.session")
    door = IssuerDoor(stand.accounts, lambda *told: told)
    assert await door.end_by_issuer("kreis", subject=None, sid="one") == 1
    assert (await browser.http.get("/")).status_code == 303


async def test_a_role_that_claims_give_no_more_ends(stand: Stand, issuer: Issuer) -> None:
    issuer.roles = (COORDINATOR, Claimed(KREIS, "auditor"))
    browser = issuer.browser()
    await browser.http.get("/issuer")
    issuer.roles = (Claimed(KREIS, "auditor"),)
    await browser.http.get("/issuer")
    left = await stand.conn.fetch("SELECT role FROM accounts.given_role WHERE ended_at IS NULL")
    assert [row["role"] for row in left] == ["auditor"]
    issuer.roles = ()
    assert (await browser.http.get("/issuer")).status_code == 403
    assert await stand.value("SELECT count(*) FROM accounts.person") == 1


@pytest.mark.parametrize("role", [Claimed("nowhere", "coordinator"), Claimed(KREIS, "counsellor")])
async def test_impossible_roles_are_none(stand: Stand, issuer: Issuer, role: Claimed) -> None:
    issuer.roles = (role,)
    assert (await issuer.browser().http.get("/issuer")).status_code == 403
    assert await stand.value("SELECT count(*) FROM accounts.person") == 0


async def test_nobody_is_recognised_by_anything_but_the_subject(stand: Stand, issuer: Issuer) -> None:
    await stand.enrolled(Role.ADMINISTRATOR, name="Ida Beispiel")
    browser = issuer.browser()
    await browser.http.get("/issuer")
    issuer.identity = replace(issuer.identity, issuer="other")
    await issuer.stand.browser().http.get("/issuer")
    assert await stand.value("SELECT count(*) FROM accounts.person") == 3


async def test_who_was_deactivated_stays_out(stand: Stand, issuer: Issuer) -> None:
    browser = issuer.browser()
    await browser.http.get("/issuer")
    await stand.conn.execute("UPDATE accounts.person SET active = false, ended_at = now()")
    assert (await browser.http.get("/")).status_code == 303
    assert (await browser.http.get("/issuer")).status_code == 403


async def test_an_old_sign_in_at_the_issuer_is_not_fresh_here(stand: Stand, issuer: Issuer) -> None:
    issuer.identity = replace(issuer.identity, auth_time=datetime.now(UTC) - timedelta(minutes=10))
    browser = issuer.browser()
    await browser.http.get("/issuer")
    await browser.page("/account")
    assert (await browser.form("/careful")).headers["location"] == "/sign-in/again"
    issuer.identity = replace(issuer.identity, auth_time=datetime.now(UTC) + timedelta(minutes=10))
    await browser.http.get("/issuer")
    assert await stand.value("SELECT max(fresh_at) <= now() FROM accounts.session")
