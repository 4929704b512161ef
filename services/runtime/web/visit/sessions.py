"""Keeps a browser's preferences, messages and the token of forms before sign-in in a signed cookie."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.runtime.http.buckets import Failures, source_of
from services.runtime.web.problems import problem, status_text

LASTS_SECONDS = 12 * 3600
LANGUAGES = ("de", "en")
THEMES = ("auto", "light", "dark")


@dataclass(slots=True)
class Session:
    """The state of a browser between two pages; never who is signed in, nor anything about a person.

    `token` protects the forms of strangers; who is signed in has the token of that session.
    """

    token: str = ""
    language: str = "de"
    theme: str = "auto"
    live: bool = True
    flashes: list[tuple[str, str]] = field(default_factory=list)
    fresh: bool = False
    changed: bool = False

    bound: str | None = None

    @property
    def csrf(self) -> str:
        """The token of this page's forms."""
        return self.bound or self.token

    def bind(self, csrf: str | None) -> None:
        """Use the token of the session of who is signed in; None: a new one for a stranger."""
        self.bound = csrf
        if csrf is None:
            self.token, self.changed = secrets.token_urlsafe(24), True

    def begin(self, csrf: str) -> None:
        """Use the token of a session that begins with this answer."""
        self.bound, self.changed = csrf, True

    def prefer(self, *, language: str | None, theme: str | None, live: str | None) -> None:
        """Set language, theme and whether pages renew themselves; unknown values are ignored."""
        if language in LANGUAGES:
            self.language, self.changed = language, True
        if theme in THEMES:
            self.theme, self.changed = theme, True
        if live in {"0", "1"}:
            self.live, self.changed = live == "1", True

    def flash(self, kind: str, text: str) -> None:
        """Keep a message for the next page."""
        self.flashes.append((kind, text))
        self.changed = True

    def take_flashes(self) -> list[tuple[str, str]]:
        """Return the messages kept for this page and drop them."""
        taken, self.flashes = self.flashes, []
        self.changed = self.changed or bool(taken)
        return taken


def cookie_prefix(*, secure: bool) -> str:
    """Return the prefix of cookie names; browsers take `__Host-` over https only, for one host."""
    return "__Host-" if secure else ""


def session_of(connection: HTTPConnection) -> Session:
    """Return the session of this request."""
    session = connection.state.session
    assert isinstance(session, Session)  # noqa: S101 - set by Sessions for every request
    return session


class Sessions:
    """Middleware that reads the cookie and writes it back only when something changed.

    Somebody who tries many cookies that we never signed is slowed down; a good one always passes.
    (A cookie written at every answer would let a poll that is under way undo a sign-out.)
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        service: str,
        secret: str,
        secure: bool,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._forged = Failures(monotonic, rate=1.0, burst=60)
        self._cookie = f"{cookie_prefix(secure=secure)}kurslotse_{service}"
        self._secure = "; Secure" if secure else ""
        self._serializer = URLSafeTimedSerializer(secret, salt=f"preferences-{service}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Set the request's session, and the cookie if it has changed."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        source = source_of(request.client.host if request.client else "")
        cookie = request.cookies.get(f"{self._cookie}_preferences")
        session = self._read(cookie, source)
        wait = self._forged.wait_of(source) if cookie and session.fresh else 0
        if wait:
            refused = problem(429, "attempts", status_text(429))
            refused.headers["Retry-After"] = str(wait)
            await refused(scope, receive, send)
            return
        scope.setdefault("state", {})["session"] = session

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and session.changed:
                headers = MutableHeaders(scope=message)
                for line in self._cookies(session):
                    headers.append("set-cookie", line)
            await send(message)

        await self._app(scope, receive, send_with_cookie)

    def _read(self, value: str | None, source: str) -> Session:
        fresh = Session(token=secrets.token_urlsafe(24), fresh=True)
        if not value:
            return fresh
        try:
            kept: Any = self._serializer.loads(value, max_age=LASTS_SECONDS)
        except SignatureExpired:
            return fresh
        except BadSignature:
            self._forged.count(source)
            return fresh
        try:
            return Session(
                token=kept["c"],
                language=kept["l"],
                theme=kept["t"],
                live=kept["v"],
                flashes=[(kind, text) for kind, text in kept["f"]],
            )
        except (KeyError, TypeError, ValueError):  # an older version's cookie
            return fresh

    def _cookies(self, session: Session) -> list[str]:
        value = self._serializer.dumps(
            {
                "c": session.token,
                "l": session.language,
                "t": session.theme,
                "v": session.live,
                "f": session.flashes,
            }
        )
        rules = f"; Path=/; SameSite=Lax; Max-Age={LASTS_SECONDS}{self._secure}"
        # The second cookie may be read by programs, which send it back as a header; the first may not.
        return [
            _line(f"{self._cookie}_preferences", value) + rules + "; HttpOnly",
            _line(f"{self._cookie}_csrf", session.csrf) + rules,
        ]


def _line(name: str, value: str) -> str:
    cookie: SimpleCookie = SimpleCookie()
    cookie[name] = value
    return cookie[name].OutputString()
