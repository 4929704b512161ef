"""Every page: no finding of axe (WCAG 2.2 AA), usable by keyboard, in light and dark."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.kreis import COUNSELLING, Kreis, Program, wait_for
from tests.browser.visits import PAGES, sign_in, violations, visit

pytestmark = pytest.mark.browser
_WIDTH = "document.documentElement.scrollWidth"


@pytest.fixture(scope="session")
def lively(kreis: Kreis) -> Kreis:
    """Something on every list: an open offer, somebody on the roster, an alert."""
    placement = kreis.confirmed("J-25-001")
    kreis.confirmed("J-25-004")
    kreis.confirmed("J-25-005")
    with Program(kreis.support, "sara-demir") as counsellor:
        kreis.accept("J-25-001", placement)
        wait_for(lambda: kreis.confirm_place("J-25-001", placement), "the place to be confirmed")
        wait_for(lambda: counsellor.get("/inbox", state="all")["alerts"], "an alert")
    return kreis


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("site", "person"), [(site, person) for site, people in PAGES.items() for person in people]
)
def test_axe_finds_nothing(lively: Kreis, page: Page, site: str, person: str, theme: str) -> None:
    url = lively.console if site == "console" else lively.support
    if person == "-":
        page.goto(url + "/sign-in")
    else:
        sign_in(page, url, person)
    page.click(f'button[name="theme"][value="{theme}"]')
    for address in PAGES[site][person]:
        visit(page, url, address)
        assert violations(page) == [], f"{site} {person} {address} {theme}: {page.url}"
        assert page.locator("html").get_attribute("lang") == "de"
        assert page.locator("h1").count() == 1, address


def test_the_keyboard_reaches_everything(lively: Kreis, page: Page) -> None:
    sign_in(page, lively.console, "jana-vogt")
    page.goto(lively.console + "/waiting")
    page.keyboard.press("Tab")
    skip = page.locator(":focus")
    expect(skip).to_have_text("Zum Inhalt springen")
    assert skip.bounding_box()["y"] >= 0  # type: ignore[index]
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    seen = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        seen.add(focused.inner_text()[:30])
        outline = focused.evaluate(
            "(one) => [getComputedStyle(one).outlineStyle, getComputedStyle(one).boxShadow]"
        )
        assert outline != ["none", "none"], focused.inner_text()
    assert len(seen) > 5
    page.locator("th a").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(re.compile("Person J-"))


def test_targets_are_large_enough(lively: Kreis, page: Page) -> None:
    sign_in(page, lively.console, "jana-vogt")
    for address in ("/", "/proposals", "/waiting"):
        page.goto(lively.console + address)
        small = page.evaluate(
            """() => [...document.querySelectorAll("button, input:not([type=hidden]), select, nav a")]
                .map((one) => [one.outerHTML.slice(0, 90), one.getBoundingClientRect()])
                .filter(([_, box]) => box.width && (box.width < 24 || box.height < 24))
                .map(([html]) => html)"""
        )
        assert small == []


def test_nothing_is_lost_on_a_small_screen(lively: Kreis, page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 720})
    sign_in(page, lively.console, "jana-vogt")
    for address in ("/", "/proposals", "/waiting", "/courses", "/policy", "/remedies", "/runs"):
        page.goto(lively.console + address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, address


def test_sheets_are_read_without_a_script_on_a_small_screen(lively: Kreis, browser: Browser) -> None:
    with browser.new_context(java_script_enabled=False, viewport={"width": 320, "height": 720}) as context:
        page = context.new_page()
        page.goto(f"{lively.support}/help/{COUNSELLING}")
        page.click('nav a[lang="fa"]')
        assert page.locator("html").get_attribute("dir") == "rtl"
        assert page.evaluate(_WIDTH) <= 320
        sign_in(page, lively.support, "ole-brandt")
        page.goto(lively.support + "/classes")
        page.click("th a")
        page.click('button:has-text("Diese Einwilligungen eintragen")')
        expect(page.locator("#people-error")).to_be_visible()
        for address in ("/consent-forms", "/consent-forms/ar", "/letterhead"):
            assert page.evaluate(_WIDTH) <= 320, page.url
            page.goto(lively.support + address)
        assert page.locator("article.kl-letter").count() == 0
        page.goto(lively.support + "/desk")
        page.click("td a")
        page.select_option("#language", "ar")
        page.click('button:has-text("In dieser Sprache zeigen")')
        sheet = page.locator('article[lang="ar"]')
        assert sheet.evaluate("(one) => getComputedStyle(one).direction") == "rtl"
        assert page.evaluate(_WIDTH) <= 320


def test_axe_finds_nothing_on_public_pages_and_sheets(lively: Kreis, page: Page) -> None:
    for language in ("de", "ar", "uk"):
        page.goto(f"{lively.support}/help/{COUNSELLING}?lang={language}")
        assert violations(page) == [], language
    sign_in(page, lively.support, "ole-brandt")
    page.goto(lively.support + "/classes")
    page.click("th a")
    assert violations(page) == [], page.url
    page.goto(lively.support + "/desk")
    page.click("td a")
    page.goto(f"{page.url}?language=fa")
    assert violations(page) == [], page.url


def test_mistakes_are_told_at_their_field(lively: Kreis, page: Page) -> None:
    sign_in(page, lively.support, "ole-brandt")
    page.goto(lively.support + "/register")
    page.fill("#family_name", "Nurname")
    page.click('button:has-text("Speichern")')
    expect(page.locator("#family_name")).to_have_value("Nurname")
    expect(page.locator("#given_name-error")).to_contain_text("Bitte geben Sie den Vornamen ein.")
    assert page.locator("#given_name").get_attribute("aria-invalid") == "true"
    assert violations(page) == []
    page.locator(".kern-alert a").first.click()
    expect(page.locator("#given_name")).to_be_focused()
