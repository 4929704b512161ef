"""Tests claims of a certified server that lead to no role, with the file of issuers as a Kreis writes it."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.accounts.stand import KREIS, Stand, stand_on
from tests.conftest import MakeDatabase
from tests.integration.accounts.oidc.browser import Browser
from tests.integration.accounts.oidc.conftest import address_of, served
from tests.integration.accounts.oidc.server import CLIENT_ID, CLIENT_SECRET

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

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[Stand, Browser]]:
        """Serve the site on a database that is its own."""
        env = {"KURSLOTSE_ISSUERS": str(self.file), "KREIS_SECRET": CLIENT_SECRET}
        address = address_of(self.socket)
        async with (
            stand_on(await self.database("allocation"), env, address=address) as stand,
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


async def test_claims_that_map_to_nothing_are_told_in_a_sentence(place: Place) -> None:
    place.write(group="nobody-has-this")
    async with place.open() as (stand, browser):
        page = await browser.sign_in("ada", query="?next=/")
        assert page.status_code == 403
        assert "keine Rolle" in page.text
        assert await stand.value("SELECT count(*) FROM accounts.session") == 0


async def test_an_organisation_that_nobody_knows_gives_nothing(place: Place) -> None:
    place.write(organisation="kreis-unbekannt")
    async with place.open() as (stand, browser):
        page = await browser.sign_in("ada", query="?next=/")
        assert page.status_code == 403
        assert await stand.value("SELECT count(*) FROM accounts.person") == 0
