"""The head's policy change: by form, previewed, handed in, adopted by a second person, read by anybody."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.kreis import Kreis, wait_for
from tests.browser.visits import answered, sign_in, violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
WHY = "Der Jugendhilfeausschuss will kurze Wege und schnelle Antworten."


def test_the_heads_policy_change(
    kreis: Kreis, page: Page, browser_without_scripts: BrowserContext, pictures: Path
) -> None:
    """One person writes and hands in, the other one reads it in words and adopts it, anybody can read it."""
    site = kreis.console
    sign_in(page, site, "peter-lindner")
    page.goto(f"{site}/policy/form")
    page.fill('[name="valid_from"]', kreis.today.isoformat())
    page.fill('[name="source"]', "Kreistag, Sitzung vom 14.12.2026")
    page.fill('[name="reservation.days"]', "99")
    page.locator('button[value="save"]').first.click()
    expect(page.locator("#errors")).to_be_focused()
    assert "höchstens 60" in page.locator("#f-reservation-days-error").inner_text()
    page.fill('[name="reservation.days"]', "7")
    page.fill('[name="limits.travel_minutes"]', "45")
    expect(page.locator("#e-f-reservation-days")).to_contain_text("7 Tage Zeit")  # before anything is kept
    expect(page.locator("#e-f-limits-travel_minutes")).to_contain_text("höchstens 45 Minuten")
    assert violations(page) == []
    page.screenshot(path=pictures / "policy-form.png")
    page.locator('button[value="save"]').first.click()
    assert "Der Entwurf ist gespeichert" in answered(page)
    draft = page.url.partition("?")[0]

    page.click('form[action$="/preview"] button')
    wait_for(lambda: _reloaded(page, "Was die Vorschau ergab"), "the preview")
    assert "Was dies nicht sagen kann" in page.content()
    page.goto(draft)
    page.locator('form[action$="/submit"] textarea').fill(WHY)
    page.click('form[action$="/submit"] button')
    assert "vorgelegt" in answered(page)
    expect(page.locator('form[action$="/activate"]')).to_have_count(0)

    sign_in(page, site, "jana-vogt")
    page.locator("#n-policies a").first.click()
    expect(page.locator("#content")).to_contain_text(WHY)
    expect(page.locator("ins", has_text="7 Tage Zeit")).to_be_visible()
    expect(page.locator("#content")).to_contain_text("Was die Vorschau ergab")
    assert violations(page) == []
    page.screenshot(path=pictures / "policy-second-person.png", full_page=True)
    page.click('form[action$="/activate"] button')
    assert "in Kraft gesetzt" in answered(page)

    stranger = browser_without_scripts.new_page()
    stranger.set_viewport_size({"width": 320, "height": 700})
    stranger.goto(f"{site}/public/policy/99001")
    expect(stranger.locator("#content")).to_contain_text("höchstens 45 Minuten")
    expect(stranger.locator("#content")).to_contain_text("Kreistag, Sitzung vom 14.12.2026")
    for name in ("Vogt", "Lindner", WHY):
        assert name not in stranger.content()
    assert stranger.evaluate("document.documentElement.scrollWidth") <= 320
    stranger.emulate_media(media="print")
    stranger.screenshot(path=pictures / "policy-public-print.png", full_page=True)


def _reloaded(page: Page, text: str) -> bool:
    page.reload()
    return text in page.content()
