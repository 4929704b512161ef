"""The guide of the demo: each of its stops opens the page that it promises, as the person it names."""

import httpx
import pytest
from playwright.sync_api import Page, expect

from services.accounts.demo.guide import STOPS
from tests.browser.kreis import Kreis

pytestmark = pytest.mark.browser


def test_every_stop_is_one_click_from_the_sign_in_page(kreis: Kreis, page: Page) -> None:
    sites = {"allocation": kreis.console, "notifications": kreis.support}
    page.goto(kreis.console + "/sign-in")
    expect(page.locator("li:has([id^=stop-])")).to_have_count(len(STOPS))
    for number, stop in enumerate(STOPS, 1):
        page.goto(kreis.console + "/sign-in")
        item = page.locator(f"li:has(#stop-{number})")
        if stop.service != "allocation":
            item.locator("a").click()
            item = page.locator(f"li:has(#stop-{number})")
        item.locator("button").click()
        expect(page).to_have_url(sites[stop.service] + stop.address)
        cookies = {one["name"]: one["value"] for one in page.context.cookies(sites[stop.service])}
        answer = httpx.get(sites[stop.service] + "/account", cookies=cookies, trust_env=False)
        assert stop.person.replace("-", " ") in answer.text.lower()
