"""A person of the day: a browser of their own, a passkey in software, what they click."""

import re
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.kreis import wait_for

_AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@dataclass
class Somebody:
    """Who opens pages, under a name, at one side's address."""

    name: str
    site: str
    context: BrowserContext
    page: Page
    pictures: Path
    prefix: str = ""

    @classmethod
    def with_passkey(
        cls, browser: Browser, name: str, site: str, pictures: Path, prefix: str = ""
    ) -> "Somebody":
        """Open a browser window with an authenticator that says yes."""
        context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="de-DE")
        context.set_default_timeout(20_000)
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("WebAuthn.enable")
        session.send("WebAuthn.addVirtualAuthenticator", {"options": _AUTHENTICATOR})
        return cls(name, site, context, page, pictures, prefix)

    def picture(self, what: str) -> None:
        """Keep a picture of the page."""
        self.page.screenshot(path=self.pictures / f"day-{self.prefix}{what}.png", full_page=True)

    def goes(self, path: str) -> None:
        """Open a page of the site."""
        answer = self.page.goto(self.site + path)
        assert answer is not None
        assert answer.ok, (answer.status, self.page.url, self.text()[:800])

    def text(self) -> str:
        """Return what the page says."""
        return self.page.locator("#content").inner_text()

    def comes(self, link: str) -> None:
        """Open an invitation and make a passkey."""
        self.page.goto(link)
        self.page.fill("#passkey-name", self.name)
        self.page.click('form[data-passkey="make"] button')
        self.page.wait_for_url(re.compile(r"^(?!.*invitation)"))

    def fills(self, form: str, **values: str) -> None:
        """Fill in fields of the form that goes to an address; of a list, the value is chosen."""
        for name, value in values.items():
            found = self.page.locator(f'form[action="{form}"] [name="{name}"]').first
            if found.evaluate("one => one.tagName") == "SELECT":
                found.select_option(value)
            else:
                found.fill(value)

    def sends(self, form: str, *, button: str = "") -> str:
        """Press the button of a form; return what the next page says on top, or everything it says."""
        found = self.page.locator(f'form[action="{form}"] button')
        (found.filter(has_text=button) if button else found.first).first.click()
        self.page.wait_for_load_state()
        said = self.page.locator('[role="status"] .kern-title, [role="alert"] .kern-title').all_inner_texts()
        wrong = self.page.locator(".kern-error").all_inner_texts()
        assert not wrong, wrong
        return " | ".join(said)

    def gives_oneself(self, *roles: str) -> None:
        """Give oneself roles of the own organisation, as its administrator."""
        for role in roles:
            self.goes("/organisation")
            self.page.locator("#people a", has_text=self.name).click()
            self.page.select_option("#role", role)
            self.page.locator('form[action$="/roles"] button').click()
            self.page.wait_for_load_state()

    def wears(self, role: str) -> None:
        """Work in another of one's roles from now on."""
        self.goes("/account")
        one = self.page.locator("form[action='/account/role']", has_text=role)
        if one.count():
            one.locator("button").first.click()
            self.page.wait_for_load_state()
            self.goes("/account")
        expect(self.page.locator("#content > p").first).to_contain_text(role)

    def invites(self, name: str, *roles: str) -> str:
        """Make an invitation into the own organisation; return the link."""
        self.goes("/organisation")
        self.fills("/organisation/invitations", name=name)
        for role in roles:
            self.page.check(f"#role-{role}")
        self.sends("/organisation/invitations")
        return self.link()

    def link(self) -> str:
        """Return the link that the page shows once."""
        return self.page.locator("#link").inner_text()

    def shows_again(self) -> None:
        """Sign in once more where something important asks for it."""
        if self.page.locator('form[data-passkey="use"]').count():
            self.page.click('form[data-passkey="use"] button')
            self.page.wait_for_url(re.compile(r"^(?!.*sign-in)"))

    def waits_for(self, path: str, text: str) -> None:
        """Open a page again and again until it says something."""

        def there() -> bool:
            self.goes(path)
            return text in self.text()

        wait_for(there, f"{text!r} on {path}")

    def heading(self, text: str) -> None:
        """Expect a heading."""
        expect(self.page.locator("h1")).to_have_text(text)
