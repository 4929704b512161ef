"""Sign-in at a certified server with sessions in a real database: in, out on either side, fresh, revoked."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from services.accounts.people import store
from tests.accounts.stand import Stand, stand_on
from tests.conftest import MakeDatabase
from tests.integration.accounts.oidc.browser import Browser, form_of, links_of
from tests.integration.accounts.oidc.conftest import address_of, issuer_at, served
from tests.waiting import wait_until


@pytest.fixture
async def stand(database: MakeDatabase, server: str, site_socket: socket.socket) -> AsyncIterator[Stand]:
    made, address = await database("allocation"), address_of(site_socket)
    async with stand_on(made, address=address, issuers={"kreis": issuer_at(server)}) as stand:
        await store.put_organisation(
            stand.conn,
            "kreis-muster",
            name="Muster",
            kind="kreis",
            kreise=("99005",),
            tenant=None,
            publisher=None,
        )
        async with served(stand.http, site_socket):
            yield stand


@asynccontextmanager
async def signed_in(site_socket: socket.socket) -> AsyncIterator[Browser]:
    browser = Browser(address_of(site_socket), reads_pages=True)
    try:
        page = await browser.sign_in("ada", query="?next=/")
        assert page.status_code == 200, page.text[:2000]
        assert "hello " in page.text
        yield browser
    finally:
        await browser.http.aclose()


async def test_the_sign_in_page_names_the_issuer(stand: Stand) -> None:
    page = await stand.browser().page("/sign-in?next=/account")
    assert 'href="/sign-in/oidc/kreis?next=%2Faccount"' in page or "/sign-in/oidc/kreis?next=/account" in page
    assert "Kreis Muster" in page


async def test_signing_out_there_ends_the_session_here(
    stand: Stand, site_socket: socket.socket, server: str
) -> None:
    async with signed_in(site_socket) as browser:
        await browser.sign_out_there(server)

        async def ended() -> bool:
            return (await browser.http.get(f"{browser.site}/")).status_code == 303

        await wait_until(ended)
    assert await stand.value("SELECT ended_why FROM accounts.session") == "issuer"


async def test_signing_out_here_leads_on_to_the_server(
    stand: Stand, site_socket: socket.socket, server: str
) -> None:
    async with signed_in(site_socket) as browser:
        _, hidden = form_of(await browser.http.get(f"{browser.site}/account"))
        page = await browser.http.post(f"{browser.site}/sign-out", data={"csrf": hidden["csrf"]})
        assert [link for link in links_of(page) if link.startswith(f"{server}/session/end")]
        assert (await browser.http.get(f"{browser.site}/")).status_code == 303
    assert await stand.value("SELECT ended_why FROM accounts.session") == "signed_out"


async def test_a_revoked_role_ends_access_at_once(stand: Stand, site_socket: socket.socket) -> None:
    async with signed_in(site_socket) as browser:
        await stand.conn.execute("UPDATE accounts.given_role SET ended_by = 'x', ended_at = now()")
        assert (await browser.http.get(f"{browser.site}/")).status_code == 303


async def test_what_is_important_asks_the_person_at_the_server_again(
    stand: Stand, site_socket: socket.socket
) -> None:
    async with signed_in(site_socket) as browser:
        await stand.age("fresh_at", 301)
        _, hidden = form_of(await browser.http.get(f"{browser.site}/account"))
        asked = await browser.http.post(f"{browser.site}/careful", data={"csrf": hidden["csrf"]})
        assert asked.headers["location"] == "/sign-in/again"
        again = await browser.http.get(f"{browser.site}/sign-in/again?next=/account")
        (link,) = [one for one in links_of(again) if "/sign-in/oidc/" in one]
        assert "fresh=true" in link
        before = browser.asked
        await browser.sign_in("ada", query="?fresh=true&next=/account")
        assert browser.asked == before + 1
        _, hidden = form_of(await browser.http.get(f"{browser.site}/account"))
        done = await browser.http.post(f"{browser.site}/careful", data={"csrf": hidden["csrf"]})
        assert done.headers["location"] == "/"
