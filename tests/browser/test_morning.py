"""A coordinator's morning: several decided at once, one person looked for, a list narrowed and printed."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.kreis import Kreis, Program
from tests.browser.visits import answered, sign_in, violations

pytestmark = pytest.mark.browser


def test_a_coordinators_morning(
    kreis: Kreis, page: Page, browser_without_scripts: BrowserContext, pictures: Path
) -> None:
    """With the keyboard alone where it is quick; then the same lists small, printed and without scripts."""
    sign_in(page, kreis.console, "jana-vogt")
    expect(page.locator("#sentence")).to_contain_text("warten")
    assert violations(page) == []
    page.screenshot(path=pictures / "morning-today.png", full_page=True)
    with Program(kreis.console, "jana-vogt") as coordinator:
        proposals = coordinator.get("/api/v1/proposals", state="proposed")["proposals"]
    several = sorted(one["reference"] for one in proposals)[-2:]  # other tests have decided on some
    assert len(several) == 2

    page.goto(f"{kreis.console}/proposals")
    page.locator("summary", has_text="Filtern und sortieren").press("Enter")
    page.locator("#type").select_option("integration_general")
    page.locator("#narrow button.kern-btn").press("Enter")
    expect(page.locator(".kl-chips")).to_contain_text("Allgemeiner Integrationskurs")
    narrowed = page.url
    assert "type=integration_general" in narrowed
    for reference in several:
        page.locator("li.kl-proposal", has_text=reference).locator("input[name=placement]").press("Space")
    page.locator('button:has-text("Angekreuzte bestätigen")').press("Enter")
    assert "2 Vorschläge sind bestätigt" in answered(page)
    assert "type=integration_general" in page.url
    assert violations(page) == []

    page.locator("#find").fill(several[0])
    page.locator("#find").press("Enter")
    expect(page.locator("h1")).to_contain_text(several[0])
    headings = page.locator(".kl-story > h2").all_inner_texts()
    assert headings == ["Jetzt", "Wie es weitergeht", "Was Sie tun können", "Warum", "Verlauf"]
    assert violations(page) == []
    page.screenshot(path=pictures / "morning-person.png", full_page=True)
    person = page.url

    page.goto(f"{kreis.console}/waiting")
    page.locator("button.kl-sort", has_text="Wartet seit").press("Enter")
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("Wartet seit")
    page.emulate_media(media="print")
    expect(page.locator("#narrow")).not_to_be_visible()
    expect(page.locator(".kl-printonly")).to_be_visible()
    page.emulate_media(media="screen")

    plain = browser_without_scripts.new_page()
    plain.set_viewport_size({"width": 320, "height": 700})
    sign_in(plain, kreis.console, "jana-vogt")
    for address in (narrowed, person, f"{kreis.console}/waiting", f"{kreis.console}/reservations"):
        plain.goto(address)
        assert plain.evaluate("document.documentElement.scrollWidth") <= 320, address
    expect(plain.locator("main")).to_contain_text(several[0])
