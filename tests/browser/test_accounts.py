"""A real installation from its first link on: passkey, invitation, password without scripts."""

import re
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from services.embedded.machine.home import Home
from services.embedded.servers.launch import launched
from tests.browser.kreis import wait_for
from tests.browser.visits import violations

pytestmark = pytest.mark.browser
PASSWORD = "sieben rote Fahrräder"
_LINK = re.compile(r"http://localhost:\d+/invitation/[\w-]{43}")


@pytest.fixture(scope="session")
def links(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The links that `kurslotse up` prints on an empty real installation: steering, support."""
    home = Home(tmp_path_factory.mktemp("real"))
    with launched(home.root, "up"):

        def printed() -> list[str]:
            found = _LINK.findall((home.root / "launched.log").read_text(encoding="utf-8"))
            return found if len(found) == 2 else []

        found = wait_for(printed, "two links")
        assert found is not None
        for log in home.log.glob("*.log"):
            assert "/invitation/" not in log.read_text(encoding="utf-8"), log
        yield found


def add_authenticator(page: Page) -> None:
    """Give the page a passkey in software that says yes to everything."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def sound(page: Page) -> None:
    """Assert that axe finds nothing, and that nothing is wider than a small telephone."""
    assert violations(page) == [], page.url
    page.set_viewport_size({"width": 320, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320, page.url
    page.set_viewport_size({"width": 1280, "height": 900})


def test_the_first_day(
    links: list[str], page: Page, browser_without_scripts: BrowserContext, pictures: Path
) -> None:
    add_authenticator(page)
    page.goto(links[0])
    sound(page)
    page.screenshot(path=pictures / "accounts-invitation.png", full_page=True)
    page.fill("#passkey-name", "Ada Beispiel")
    page.click('form[data-passkey="make"] button')
    expect(page.locator("h1")).to_have_text("Erste Schritte")
    sound(page)
    page.goto(links[0].partition("/invitation")[0] + "/organisation")
    expect(page.locator("h1")).to_have_text("Personen und Rollen")
    sound(page)
    page.fill("#kreise", "99001")
    page.locator("#content form[action='/organisation'] #name").fill("Kreis Beispiel")
    page.click("form[action='/organisation'] button")
    expect(page.locator("#content")).to_contain_text("Kreis Beispiel")

    page.locator("form[action='/organisation/invitations'] #invite-name").fill("Bo Probe")
    page.check("#role-coordinator")
    page.click("form[action='/organisation/invitations'] button")
    sound(page)
    link = page.locator("#link").inner_text()

    other = browser_without_scripts.new_page()
    other.goto(link)
    expect(other.locator('form[data-passkey="make"]')).to_be_hidden()
    secret = other.locator('.kl-id[translate="no"]').inner_text().replace(" ", "")
    other.fill("#email", "bo@kreis.example")
    other.fill("#password", PASSWORD)
    other.fill("#repeat", PASSWORD)
    other.fill("#code", pyotp.TOTP(secret).now())
    other.click('form[action$="/password"] button')
    expect(other.locator("h1")).to_have_count(1)
    assert other.url.rstrip("/") == link.partition("/invitation")[0]
    other.goto(other.url + "account")
    expect(other.locator("#content")).to_contain_text("Bo Probe")

    page.goto(link.partition("/invitation")[0] + "/account")
    sound(page)
    page.screenshot(path=pictures / "accounts-account.png", full_page=True)
    page.goto(page.url + "/password")
    sound(page)
    page.goto(link.partition("/invitation")[0] + "/organisation")
    page.click("text=Bo Probe")
    sound(page)
    page.goto(link.partition("/invitation")[0] + "/account")
    page.click("#content form[action='/sign-out'] button")
    expect(page.locator("h1")).to_have_text("Anmelden")
    sound(page)
    page.click('form[data-passkey="use"] button')
    expect(page.locator("h1")).to_have_text("Erste Schritte")


def test_the_support_side_knows_nobody_of_the_other(links: list[str], page: Page) -> None:
    add_authenticator(page)
    page.goto(links[1])
    page.fill("#passkey-name", "Cem Muster")
    page.click('form[data-passkey="make"] button')
    expect(page.locator("h1")).to_have_text("Erste Schritte")
    page.goto(links[1].partition("/invitation")[0] + "/organisation")
    expect(page.locator("#people")).not_to_contain_text("Ada Beispiel")


def test_a_passkey_that_is_not_used_says_so(links: list[str], page: Page) -> None:
    page.goto(links[0].partition("/invitation")[0] + "/sign-in")
    page.evaluate("() => { navigator.credentials.get = () => Promise.reject(new Error('no')); }")
    page.click('form[data-passkey="use"] button')
    expect(page.locator("[data-passkey-error]")).to_contain_text("Der Passkey wurde nicht benutzt")
