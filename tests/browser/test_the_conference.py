"""The report for the Integrationskurskonferenz: the page of outcomes, then the same as PDF and workbook."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import BrowserContext, Page, expect
from pypdf import PdfReader

from tests.browser.kreis import Kreis, wait_for
from tests.browser.visits import sign_in, violations

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
SENDER = "Landratsamt, Stabsstelle Integration"
UNTIL_PUBLISHED = 150
"""Days from October until a quarter has been over for eight weeks."""


def test_the_report_for_the_conference(
    kreis: Kreis, page: Page, browser_without_scripts: BrowserContext, pictures: Path
) -> None:
    """The last of these tests in the Kreis: it puts its clock forward by five months."""
    kreis.forward(days=UNTIL_PUBLISHED)
    site = kreis.console
    sign_in(page, site, "peter-lindner")
    wait_for(lambda: _published(page, site), "a quarter to be published")
    assert violations(page) == []
    page.screenshot(path=pictures / "outcomes.png", full_page=True)
    for details in page.locator("main details > summary").all():
        details.press("Enter")
    assert violations(page) == []

    page.locator('main a[href^="/outcomes/report"]').press("Enter")
    page.locator("#sender").fill(SENDER)
    files = {}
    for kind in ("pdf", "xlsx"):
        with page.expect_download() as download:
            page.locator(f'button[name="kind"][value="{kind}"]').press("Enter")
        files[kind] = Path(download.value.path()).read_bytes()
    report = PdfReader(io.BytesIO(files["pdf"]))
    words = " ".join(" ".join(one.extract_text() for one in report.pages).split())
    assert SENDER in words
    assert "Kreis Musterland" in words
    cover = load_workbook(io.BytesIO(files["xlsx"])).worksheets[0]
    assert SENDER in [cell.value for row in cover.iter_rows() for cell in row]
    (pictures / "conference.pdf").write_bytes(files["pdf"])

    plain = browser_without_scripts.new_page()
    plain.set_viewport_size({"width": 320, "height": 700})
    sign_in(plain, site, "jana-vogt")
    for address in ("/outcomes", "/outcomes/report", "/outcomes/sources"):
        plain.goto(site + address)
        assert plain.evaluate("document.documentElement.scrollWidth") <= 320, address
    plain.goto(site + "/outcomes")
    expect(plain.locator("main table").first).to_be_attached()


def _published(page: Page, site: str) -> bool:
    page.goto(site + "/outcomes")
    return page.locator('main a[href^="/outcomes/report"]').count() > 0
