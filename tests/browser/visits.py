"""Lists the pages of each visitor and runs axe on them."""

from collections.abc import Mapping
from typing import Any

from playwright.sync_api import BrowserContext, Page

from services.runtime.web.vendor import MODULES

AXE = (MODULES / "axe-core" / "axe.min.js").read_text("utf-8")
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN = """async (rules) => {
  const result = await axe.run(document, {runOnly: rules});
  return result.violations.map((v) => `${v.id} (${v.impact}): ${v.nodes.map((n) => n.html).join(" | ")}`);
}"""

PAGES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "console": {
        "-": ("/sign-in", "/public/policy/99001"),
        "jana-vogt": (
            "/",
            "/proposals",
            "/reservations",
            "/authority",
            "/waiting",
            "/waiting?deadline=1",
            "/courses",
            "/courses?below=1",
            "/providers",
            "/outcomes",
            "/runs",
            "/runs >> th a",
            "/remedies",
            "/what-if",
            "/next-course",
            "/pooling",
            "/forecast",
            "/needs",
            "/compare",
            "/policy",
            "/policy/edit",
            "/policy/form",
            "/nothing",
            "/proposals >> .kl-proposal a.kern-btn",
            "/waiting >> th a",
            "/courses >> th a",
        ),
        "mira-kern": ("/provider", "/provider >> th a", "/provider-policy"),
    },
    "support": {
        "-": ("/sign-in",),
        "ole-brandt": (
            "/desk",
            "/register",
            "/people",
            "/people >> th a",
            "/desk >> td a",
            "/classes",
            "/consent-forms",
            "/consent-forms/ar",
            "/letterhead",
        ),
        "mira-kern": ("/roster", "/roster >> th a"),
        "sara-demir": ("/needs", "/inbox", "/inbox?state=all", "/inbox?state=all >> #alerts th a"),
        "eva-lang": (
            "/inbox",
            "/inbox/team",
            "/inbox/rules",
            "/inbox/rules/change",
            "/inbox/evaluation",
            "/figures",
        ),
    },
}
"""Site -> person -> addresses; `address >> selector` follows a link there."""


def sign_in(page: Page, site: str, person: str) -> None:
    page.goto(f"{site}/sign-in")
    page.click(f'.kl-cards button[name="person"][value="{person}"]')
    page.wait_for_load_state()


def visit(page: Page, site: str, address: str) -> None:
    path, _, selector = address.partition(" >> ")
    page.goto(site + path)
    if selector:
        page.locator(selector).first.click()
        page.wait_for_load_state()


def violations(page: Page) -> list[str]:
    """Run axe; its script comes through the browser's own door, so the content policy stays on."""
    page.evaluate(AXE)
    found: list[str] = page.evaluate(_RUN, _RULES)
    return found


def answered(page: Page) -> str:
    """Return the messages that the page shows after a form."""
    page.wait_for_load_state()
    return " ".join(page.locator(".kern-alert").all_inner_texts())


def cookie(context: BrowserContext, name: str) -> dict[str, Any]:
    return next(dict(one) for one in context.cookies() if one.get("name") == name)
