"""The same day where the Kreis signs in at its own OpenID Connect server: in, out on either side, revoked."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from services.embedded.machine.home import Home
from services.embedded.servers.launch import launched
from tests.browser.day import day as days
from tests.browser.day.day import TOWNS, Day
from tests.browser.day.links import printed_links
from tests.browser.day.mails import Mails
from tests.browser.day.somebody import Somebody
from tests.browser.kreis import wait_for
from tests.integration.accounts.oidc.server import CLIENT_ID, CLIENT_SECRET, ServerSettings, server_running

pytestmark = pytest.mark.browser
_ISSUERS = """
issuers:
  - key: kreis
    name: {{de: Kreis Beispiel, en: Example county}}
    url: {server}
    client_id: {client}
    client_secret_file: {secret}
    organisations: [kreis]
    mappings:
      - valid_from: 2026-01-01
        rules:
          - {{claim: groups, values: [kl-koordination], organisation: kreis, role: coordinator}}
"""


def first_start(home: Home, smtp: str) -> Mapping[str, int]:
    """Start and stop an installation once: it has its ports and its first organisations then."""
    with launched(home.root, "up", keep=True, KURSLOTSE_SMTP=smtp):
        printed_links(home)
    found: dict[str, int] = json.loads(home.ports.read_text("utf-8"))
    return found


def sign_in_there(page: Page, site: str) -> None:
    """Sign in at the Kreis' server, as its person `ada`."""
    page.goto(site + "/sign-in")
    page.click('a[href*="/sign-in/oidc/kreis"]')
    page.wait_for_load_state()
    while "/interaction/" in page.url:
        if page.locator('input[name="login"]').count():
            page.fill('input[name="login"]', "ada")
            page.fill('input[name="password"]', "any")
        page.locator('form button[type="submit"]').first.click()
        page.wait_for_load_state()


@pytest.mark.timeout(900)
def test_the_same_day_with_the_kreis_own_server(
    browser: Browser, mails: tuple[Mails, str], pictures: Path, tmp_path: Path
) -> None:
    box, smtp = mails
    home = Home(tmp_path / "real")
    steering_site = f"http://localhost:{first_start(home, smtp)['allocation_http']}"
    (tmp_path / "towns.csv").write_text(TOWNS, "utf-8")
    (tmp_path / "secret").write_text(CLIENT_SECRET, "utf-8")
    (tmp_path / "secret").chmod(0o600)
    issuers = tmp_path / "issuers.yaml"
    with server_running(ServerSettings(site=steering_site), tmp_path / "oidc.log") as server:
        issuers.write_text(
            _ISSUERS.format(server=server, client=CLIENT_ID, secret=tmp_path / "secret"), "utf-8"
        )
        with launched(
            home.root,
            "up",
            KURSLOTSE_SMTP=smtp,
            KURSLOTSE_ALLOCATION_PUBLIC_URL=steering_site,
            KURSLOTSE_ALLOCATION_ISSUERS=str(issuers),
        ):
            links = printed_links(home)
            day = Day(
                browser=browser,
                steering=steering_site,
                support=links["support"].partition("/invitation")[0],
                pictures=pictures,
                mails=lambda: box.taken,
                towns=tmp_path / "towns.csv",
                colleague=lambda of_day, _link: by_the_server(of_day),
                prefix="oidc-",
            )
            try:
                days.live(day, links)
                signing_out_there_ends_it_here(day, server)
                a_role_that_is_taken_away_ends_it_at_once(day)
            finally:
                day.close()
    (pictures / "day-oidc-seconds.json").write_text(json.dumps(day.seconds, indent=1), "utf-8")


def by_the_server(day: Day) -> Somebody:
    """The coordinator has no account of ours: the Kreis' server says who it is and what it may do."""
    bo = day.person("Ada Beispiel", day.steering)
    sign_in_there(bo.page, day.steering)
    bo.goes("/account")
    expect(bo.page.locator("#content > p").first).to_contain_text("Koordination")
    return bo


def signing_out_there_ends_it_here(day: Day, server: str) -> None:
    """Signing out at the server ends the session at Kurslotse, without its page being asked."""
    bo = day.colleagues[0]
    bo.goes("/proposals")
    there = bo.context.new_page()
    there.goto(f"{server}/session/end")
    there.click('button[name="logout"], button[type="submit"]')
    there.wait_for_load_state()

    def ended() -> bool:
        bo.page.goto(day.steering + "/proposals")
        return "/sign-in" in bo.page.url

    wait_for(ended, "the session to end")
    bo.picture("oidc-14-signed-out-there")


def a_role_that_is_taken_away_ends_it_at_once(day: Day) -> None:
    """Whoever administers the Kreis takes the role away; the next page is closed already."""
    bo, ada = day.colleagues[0], day.people["Ada Amtmann"]
    sign_in_there(bo.page, day.steering)
    bo.goes("/proposals")
    ada.goes("/organisation")
    ada.page.locator("#people a", has_text="Ada Beispiel").click()
    ada.page.locator('form[action$="/end"] button').first.click()
    ada.page.wait_for_load_state()
    bo.page.goto(day.steering + "/proposals")
    assert re.search(r"/sign-in", bo.page.url) or "keine Rolle" in bo.page.content(), bo.page.url
