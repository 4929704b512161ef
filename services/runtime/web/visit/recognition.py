"""Recognises who asks, before a page is looked for."""

from collections.abc import Awaitable, Callable

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.runtime.web.visit.sessions import session_of
from services.runtime.web.visit.visitors import SignedIn, SignIn

_WITHOUT_PEOPLE = ("/static/",)


class Recognition:
    """Middleware that keeps the session of each request, which is read once; static files need none."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        sign_in: SignIn,
        failed: Callable[[Request, Exception], Awaitable[Response]],
    ) -> None:
        self._app = app
        self._sign_in = sign_in
        self._failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Recognise, or answer that it is not possible now."""
        if scope["type"] != "http" or scope["path"].startswith(_WITHOUT_PEOPLE):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            found = await self._sign_in.recognise(request)
        except Exception as error:  # noqa: BLE001 - answered like an error of a page
            await (await self._failed(request, error))(scope, receive, send)
            return
        request.state.signed_in = found
        if found is not None:
            session_of(request).bind(found.csrf)
        await self._app(scope, receive, send)


def signed_in_of(connection: HTTPConnection) -> SignedIn | None:
    """Return the session of this request; None for a stranger."""
    found = getattr(connection.state, "signed_in", None)
    assert found is None or isinstance(found, SignedIn)  # noqa: S101 - set by Recognition
    return found


def forget(request: Request) -> None:
    """Answer this request as a stranger's from now on: its session has ended."""
    request.state.signed_in = None
