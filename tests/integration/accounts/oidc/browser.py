"""Signs in as a browser does: follows redirects, keeps cookies, fills in the server's forms."""

import html
import re
import ssl
from collections.abc import Mapping
from http.cookiejar import Cookie
from urllib.parse import urljoin

import httpx

_FORM = re.compile(r"<form[^>]*action=\"([^\"]+)\"")
_HIDDEN = re.compile(r"<input[^>]*type=\"hidden\"[^>]*name=\"([^\"]+)\"[^>]*value=\"([^\"]*)\"")
_LINK = re.compile(r"<a[^>]*href=\"([^\"]+)\"")
_MOST_STEPS = 20
_FLOW = "kurslotse_test_oidc"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Spares clients of this machine the reading of all certificates, which takes longer than a sign-in."""


def form_of(page: httpx.Response) -> tuple[str, Mapping[str, str]]:
    """Return where the first form of a page leads, and what stands in it unseen."""
    action = _FORM.search(page.text)
    assert action, page.text
    hidden = {name: html.unescape(value) for name, value in _HIDDEN.findall(page.text)}
    return urljoin(str(page.url), html.unescape(action[1])), hidden


def links_of(page: httpx.Response) -> list[str]:
    """Return where the links of a page lead."""
    return [urljoin(str(page.url), html.unescape(link)) for link in _LINK.findall(page.text)]


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Return status and reason of an answer that our site gives to programs."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    said = answer.json()
    assert said["detail"].endswith("."), said
    return answer.status_code, str(said["code"])


class Browser:
    """One person's browser; unless it reads pages, our site tells it problems as it does to programs."""

    def __init__(self, site: str, *, reads_pages: bool = False) -> None:
        self.site = site
        self.asked = 0
        """How often a server asked for login and password."""
        self._reads_pages = reads_pages
        self.http = httpx.AsyncClient(
            trust_env=False,
            timeout=20,
            event_hooks={"request": [self._accept]},
            headers={"Accept": "text/html"},
        )

    async def _accept(self, request: httpx.Request) -> None:
        if not self._reads_pages and str(request.url).startswith(self.site):
            request.headers["Accept"] = "application/json"

    async def prefer(self, language: str) -> None:
        """Choose a language with the form that stands on every page of our site."""
        action, hidden = form_of(await self.http.get(f"{self.site}/nowhere"))
        assert (await self.http.post(action, data={**hidden, "language": language})).is_redirect

    async def follow(self, answer: httpx.Response, stop: str | None = None) -> httpx.Response:
        """Follow redirects; `stop`: return the redirect whose target begins so, without following it."""
        for _ in range(_MOST_STEPS):
            if not answer.has_redirect_location:
                return answer
            target = urljoin(str(answer.url), answer.headers["location"])
            if stop is not None and target.startswith(stop):
                return answer
            answer = await self.http.get(target)
        raise AssertionError("led round in circles")

    async def begin(self, issuer: str = "kreis", query: str = "") -> httpx.Response:
        """Ask our site for a sign-in; return the redirect to the server."""
        return await self.http.get(f"{self.site}/sign-in/oidc/{issuer}{query}")

    async def sign_in(
        self, login: str, *, issuer: str = "kreis", query: str = "?next=/me", stop: str | None = None
    ) -> httpx.Response:
        """Sign in at the server and return the page where it ends."""
        page = await self.follow(await self.begin(issuer, query), stop)
        while "/interaction/" in str(page.url) and not page.has_redirect_location:
            action, hidden = form_of(page)
            filled = dict(hidden)
            if hidden.get("prompt") == "login":
                self.asked += 1
                filled |= {"login": login, "password": "any"}
            page = await self.follow(await self.http.post(action, data=filled), stop)
        return page

    async def return_address(self, login: str) -> str:
        """Sign in at the server, but do not go back to our site; return where it would lead."""
        answer = await self.sign_in(login, stop=f"{self.site}/sign-in/oidc/")
        return str(answer.headers["location"])

    def flow_cookie(self) -> Cookie | None:
        """Return the cookie of the sign-in that is under way, for whoever wants to keep it."""
        return next((one for one in self.http.cookies.jar if one.name == _FLOW), None)

    def keep(self, *cookies: Cookie) -> None:
        """Take cookies from elsewhere."""
        for cookie in cookies:
            self.http.cookies.jar.set_cookie(cookie)

    async def me(self) -> httpx.Response:
        """Ask our site who is signed in."""
        return await self.http.get(f"{self.site}/me")

    async def sign_out_there(self, server: str) -> httpx.Response:
        """Sign out at the server."""
        return await self.confirm_sign_out(await self.http.get(f"{server}/session/end"))

    async def confirm_sign_out(self, page: httpx.Response) -> httpx.Response:
        """Say yes to the server's question; return the page where it ends."""
        action, hidden = form_of(page)
        return await self.follow(await self.http.post(action, data={**hidden, "logout": "yes"}))
