"""Signs in at a certified server and works with Kurslotse's own accounts, sessions and roles."""

import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.accounts.oidc.fetching import new_client
from tests.accounts.stand import KREIS, Stand, stand_on
from tests.conftest import MakeDatabase
from tests.integration.accounts.oidc.browser import NO_TLS, Browser, links_of
from tests.integration.accounts.oidc.conftest import address_of, served
from tests.integration.accounts.oidc.server import CLIENT_ID, CLIENT_SECRET
from tests.waiting import wait_until

_FILE = """
issuers:
  - key: kreis
    name: {{de: Kreis Muster, en: Muster County}}
    url: {server}
    client_id: {client}
    client_secret_env: KREIS_SECRET
    organisations: [{organisation}]
    mappings:
      - valid_from: 2026-01-01
        rules:
          - {{claim: groups, values: [{group}], organisation: {organisation}, role: coordinator}}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the sites of a test are made: database, socket, server, file of issuers."""

    database: MakeDatabase
    socket: socket.socket
    server: str
    file: Path

    def write(self, group: str = "kl-koordination", organisation: str = KREIS) -> None:
        text = _FILE.format(server=self.server, client=CLIENT_ID, organisation=organisation, group=group)
        self.file.write_text(text, "utf-8")

    async def open(self) -> AsyncIterator[tuple[Stand, Browser]]:
        """Serve the site on a database that is its own."""
        env = {"KURSLOTSE_ISSUERS": str(self.file), "KREIS_SECRET": CLIENT_SECRET}
        address = address_of(self.socket)
        async with (
            new_client(NO_TLS) as client,
            stand_on(await self.database("allocation"), env, address=address, client=client) as stand,
            served(stand.http, self.socket),
        ):
            browser = Browser(address, reads_pages=True)
            yield stand, browser
            await browser.http.aclose()


@pytest.fixture
def place(database: MakeDatabase, site_socket: socket.socket, server: str, tmp_path: Path) -> Place:
    made = Place(database, site_socket, server, tmp_path / "issuers.yaml")
    made.write()
    return made


@pytest.fixture
async def opened(place: Place) -> AsyncIterator[tuple[Stand, Browser]]:
    async for stand, browser in place.open():
        yield stand, browser


async def test_claims_give_a_role_and_both_sides_are_signed_out_here(
    opened: tuple[Stand, Browser], server: str
) -> None:
    stand, browser = opened
    page = await browser.http.get(f"{browser.site}/sign-in")
    assert "Kreis Muster" in page.text
    first = await browser.sign_in("ada", query="?next=/")
    assert first.status_code == 200, first.text[:2000]
    assert "hello Ada" in first.text
    assert await stand.value("SELECT count(*) FROM accounts.given_role WHERE given_by = 'issuer:kreis'") == 1
    csrf = first.text.split('name="csrf" value="')[1].split('"')[0]
    bye = await browser.http.post(f"{browser.site}/sign-out", data={"csrf": csrf})
    assert "hello" not in bye.text
    assert [link for link in links_of(bye) if link.startswith(f"{server}/session/end")]
    assert (await browser.http.get(f"{browser.site}/")).headers["location"].startswith("/sign-in")


async def test_signing_out_there_ends_the_session_here(opened: tuple[Stand, Browser], server: str) -> None:
    stand, browser = opened
    await browser.sign_in("ada", query="?next=/")
    await browser.sign_out_there(server)

    async def ended() -> bool:
        return (await browser.http.get(f"{browser.site}/")).status_code == 303

    await wait_until(ended)
    assert await stand.value("SELECT ended_why FROM accounts.session") == "issuer"


async def test_a_role_that_was_ended_ends_access_with_the_next_request(
    opened: tuple[Stand, Browser],
) -> None:
    stand, browser = opened
    await browser.sign_in("ada", query="?next=/")
    assert (await browser.http.get(f"{browser.site}/")).status_code == 200
    await stand.conn.execute("UPDATE accounts.given_role SET ended_at = now(), ended_by = 'test'")
    assert (await browser.http.get(f"{browser.site}/")).headers["location"].startswith("/sign-in")


async def test_claims_that_map_to_nothing_are_told_in_a_sentence(place: Place) -> None:
    place.write(group="nobody-has-this")
    async for stand, browser in place.open():
        page = await browser.sign_in("ada", query="?next=/")
        assert page.status_code == 403
        assert "keine Rolle" in page.text
        assert await stand.value("SELECT count(*) FROM accounts.session") == 0


async def test_an_organisation_that_nobody_knows_gives_nothing(place: Place) -> None:
    place.write(organisation="kreis-unbekannt")
    async for stand, browser in place.open():
        page = await browser.sign_in("ada", query="?next=/")
        assert page.status_code == 403
        assert await stand.value("SELECT count(*) FROM accounts.person") == 0
