"""Tests signing out here and at the OpenID Connect server, and logout tokens that are not to be believed."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.integration.accounts.oidc.browser import NO_TLS, Browser, links_of
from tests.integration.accounts.oidc.conftest import MakeSite, RunningSite, issuer_at
from tests.integration.accounts.oidc.liar import Liar
from tests.integration.accounts.oidc.server import CLIENT_ID, ServerSettings, server_running
from tests.waiting import wait_until

Claims = dict[str, Any]
_EVENT = "http://schemas.openid.net/event/backchannel-logout"


async def test_signing_out_here_signs_out_there_and_leads_back(site: RunningSite, server: str) -> None:
    browser = site.browser(reads_pages=True)
    await browser.sign_in("ada")
    page = await browser.http.post(f"{site.address}/me/sign-out")
    assert (await browser.me()).status_code == 401
    (onwards,) = [link for link in links_of(page) if link.startswith(server)]
    assert f'content="0; url={server}/session/end' in page.text
    asked = parse_qs(urlsplit(onwards).query)
    assert asked["post_logout_redirect_uri"] == [f"{site.address}/sign-in"]
    back = await browser.confirm_sign_out(await browser.http.get(onwards))
    assert str(back.url).startswith(f"{site.address}/sign-in")
    asked_before = browser.asked
    await browser.sign_in("ada")
    assert browser.asked == asked_before + 1  # the server does not know this browser any longer


async def test_signing_out_there_ends_the_session_here_and_no_other(site: RunningSite, server: str) -> None:
    one, other = site.browser(), site.browser()
    for browser in (one, other):
        assert (await browser.sign_in("ada")).status_code == 200
    await one.sign_out_there(server)

    async def ended() -> bool:
        return (await one.me()).status_code == 401

    await wait_until(ended)
    assert (await other.me()).status_code == 200


async def test_a_server_that_is_down_keeps_nobody_signed_in_here(
    make_site: MakeSite, site: RunningSite, log: Path
) -> None:
    with server_running(ServerSettings(site.address), log) as address:
        site = await make_site(issuer_at(address))
        browser = site.browser()
        await browser.sign_in("ada")
    site = await make_site(issuer_at(address), door=site.door)
    answer = await browser.http.post(f"{site.address}/me/sign-out")
    assert answer.headers["location"] == "/sign-in"
    assert (await browser.me()).status_code == 401


def _claims(liar: Liar, **changes: object) -> Claims:
    now = time.time()
    said = {
        "iss": liar.own,
        "aud": CLIENT_ID,
        "iat": now,
        "exp": now + 120,
        "jti": f"invented-{now}",
        "sub": "ada",
        "events": {_EVENT: {}},
    }
    return {name: value for name, value in (said | changes).items() if value is not None}


async def _sent(site: RunningSite, token: str | None, content_type: str = "") -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, verify=NO_TLS) as http:
        headers = {"Content-Type": content_type} if content_type else {}
        form = {} if token is None else {"logout_token": token}
        return await http.post(f"{site.address}/sign-in/oidc/kreis/logout", data=form, headers=headers)


@pytest.fixture
async def signed_in(make_site: MakeSite, liar: Liar) -> tuple[RunningSite, Browser]:
    """A site at which somebody is signed in by the liar's server, whose keys are known."""
    liar.publish_own_key()
    site = await make_site(issuer_at(liar.own))
    browser = site.browser()
    assert (await browser.sign_in("ada")).status_code == 200
    return site, browser


@pytest.mark.parametrize("whose", ["sub", "sid", "both"])
@pytest.mark.parametrize("header", [{"typ": "logout+jwt"}, {"typ": "JWT"}])
async def test_a_logout_token_is_believed_once(
    signed_in: tuple[RunningSite, Browser], liar: Liar, whose: str, header: dict[str, str]
) -> None:
    site, browser = signed_in
    ((identity, _),) = site.door.open.values()
    named: dict[str, Claims] = {
        "sub": {"sub": "ada"},
        "sid": {"sub": None, "sid": identity.sid},
        "both": {"sub": "ada", "sid": identity.sid},
    }
    token = liar.signed(_claims(liar, **named[whose]), header)
    assert (await _sent(site, token)).status_code == 200
    assert (await browser.me()).status_code == 401
    await browser.sign_in("ada")
    again = await _sent(site, token)
    assert again.status_code == 400
    assert (await browser.me()).status_code == 200


def _with(**changes: object) -> Callable[[Liar], str]:
    return lambda liar: liar.signed(_claims(liar, **changes), {"typ": "logout+jwt"})


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(_with(iss="https://other.invalid"), id="another issuer"),
        pytest.param(_with(aud="another-client"), id="another client"),
        pytest.param(_with(iat=time.time() + 3_600), id="from the future"),
        pytest.param(_with(iat=time.time() - 3_600), id="old"),
        pytest.param(_with(iat=None), id="without a time"),
        pytest.param(_with(exp=time.time() - 3_600), id="expired"),
        pytest.param(_with(jti=None), id="without a number"),
        pytest.param(_with(jti=7), id="with a number that is no text"),
        pytest.param(_with(events=None), id="without an event"),
        pytest.param(_with(events={"other": {}}), id="of another event"),
        pytest.param(_with(events={_EVENT: "now"}), id="of an event that is no object"),
        pytest.param(_with(events=[_EVENT]), id="of a list of events"),
        pytest.param(_with(nonce="invented"), id="with a nonce"),
        pytest.param(_with(sub=None), id="about nobody"),
        pytest.param(_with(sub=["ada"]), id="about a list"),
        pytest.param(_with(sid=7), id="about a number"),
        pytest.param(lambda liar: liar.signed(_claims(liar), {"typ": "at+jwt"}), id="of another type"),
        pytest.param(lambda liar: liar.signed(_claims(liar), {"kid": "first"}), id="signed by another key"),
        pytest.param(lambda liar: liar.signed(_claims(liar), {"kid": "unknown"}), id="of an unknown key"),
        pytest.param(lambda _: "no-token", id="no token"),
        pytest.param(lambda _: None, id="nothing"),
    ],
)
async def test_a_forged_logout_token_ends_nothing(
    signed_in: tuple[RunningSite, Browser], liar: Liar, forged: Callable[[Liar], str | None]
) -> None:
    site, browser = signed_in
    answer = await _sent(site, forged(liar))
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"
    assert answer.headers["cache-control"] == "no-store"
    assert (await browser.me()).status_code == 200


async def test_an_id_token_is_no_logout_token(signed_in: tuple[RunningSite, Browser]) -> None:
    site, browser = signed_in
    ((identity, _),) = site.door.open.values()
    assert (await _sent(site, identity.id_token)).status_code == 400
    assert (await _sent(site, identity.id_token, "text/plain")).status_code == 400
    assert (await browser.me()).status_code == 200
