"""Sets and reads the cookie of a session, and names the device that a browser says it runs on."""

import re
import secrets

from starlette.requests import Request
from starlette.responses import Response

from services.runtime.web.visit.sessions import cookie_prefix

_TOKEN = re.compile(r"^[A-Za-z0-9_-]{43}\Z")
_BROWSERS = (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def new_token() -> str:
    """Return a random token of 256 bits."""
    return secrets.token_urlsafe(32)


def cookie_name(service: str, *, secure: bool) -> str:
    """Return the name of the session's cookie."""
    return f"{cookie_prefix(secure=secure)}kurslotse_{service}"


def token_of(request: Request, name: str) -> str | None:
    """Return the token that a browser sent, if it can be one."""
    value = request.cookies.get(name, "")
    return value if _TOKEN.match(value) else None


def keep(response: Response, name: str, token: str, *, secure: bool) -> None:
    """Give the browser the token, until it is closed; how long it opens anything is said by its row."""
    response.set_cookie(name, token, path="/", httponly=True, samesite="lax", secure=secure)


def drop(response: Response, name: str, *, secure: bool) -> None:
    """Take the token from the browser."""
    response.delete_cookie(name, path="/", httponly=True, samesite="lax", secure=secure)


def device_of(request: Request) -> str:
    """Return browser and system in two words; empty if a program asks.

    Nothing else of the User-Agent is kept: it would tell people apart.
    """
    agent = request.headers.get("user-agent", "")
    found = [next((name for mark, name in marks if mark in agent), "") for marks in (_BROWSERS, _SYSTEMS)]
    return ", ".join(part for part in found if part)
