"""Reads what browsers and programs send to pages: JSON strictly, forms within limits, large ones by name."""

from collections.abc import Callable
from typing import Any, TypeVar

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.runtime.http.allowance import allow_larger
from services.runtime.http.json_body import JsonError, read_json
from services.runtime.web.languages import msgid
from services.runtime.web.problems import PageError, problem, status_text

MOST_FIELDS, MOST_FILES = 1_000, 1
_LIMIT = "kurslotse_body_limit"
_READ = {"GET", "HEAD", "OPTIONS"}
NOT_JSON = msgid("The request is not valid JSON. Please check brackets, quotes and the encoding (UTF-8).")

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def takes_up_to(limit: int) -> Callable[[Endpoint], Endpoint]:
    """Mark a page function that takes larger bodies than others, of people who are signed in."""

    def marked(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _LIMIT, limit)
        return endpoint

    return marked


def allow_marked(request: Request) -> None:
    """Allow the larger body of a marked page function; the caller has seen that somebody is signed in."""
    limit = getattr(request.scope.get("endpoint"), _LIMIT, None)
    if isinstance(limit, int):
        allow_larger(request, limit)


async def form_of(request: Request) -> FormData:
    """Read a form with a bounded number of fields and files; the request keeps it for whoever asks again.

    Raises:
        PageError: it cannot be read, for instance in the encoding that it names.
    """
    try:
        return await request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS)
    except (LookupError, UnicodeError):
        raise PageError(400, "form", status_text(422)) from None


class StrictJson:
    """Middleware that answers 400 to a JSON body which two readers would understand differently.

    The body is as small as anybody's may be: the server in front has counted it. What cannot be read is
    answered here, in front of the application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a JSON body and pass it on."""
        if scope["type"] != "http" or scope["method"] in _READ or not _is_json(scope):
            await self._app(scope, receive, send)
            return
        try:
            raw = await Request(scope, receive).body()
            if raw.strip():
                read_json(raw)
        except ClientDisconnect:
            return
        except HTTPException as error:  # too large or too slow
            await problem(error.status_code, "body", status_text(error.status_code))(scope, receive, send)
        except JsonError as error:
            await problem(400, f"json_{error.code}", NOT_JSON)(scope, receive, send)
        else:
            await self._app(scope, _replayed(raw, receive), send)


def _is_json(scope: Scope) -> bool:
    return any(name == b"content-type" and b"json" in value.lower() for name, value in scope["headers"])


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def first() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return first
