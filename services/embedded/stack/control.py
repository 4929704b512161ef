"""Serves the supervisor's HTTP interface: what runs, what is under way, the demo's clock, new passwords."""

import contextlib
import hmac
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from services.embedded.machine.home import read_json, write_json
from services.embedded.machine.ports import HOST
from services.runtime.base.addresses import Proxies
from services.runtime.base.settings import HttpAddress
from services.runtime.http.door import Door
from services.runtime.http.server import config_of


class ClockError(Exception):
    """The clock cannot be set to this."""


def set_clock(path: Path, text: str) -> str:
    """Replace the business time; it never goes back."""
    try:
        wanted = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise ClockError("now must be an ISO 8601 time") from error
    if wanted.tzinfo is None:
        raise ClockError("now must have an offset")
    last = read_json(path).get("now")
    if last and datetime.fromisoformat(last) > wanted:
        raise ClockError(f"business time is {last} already and never goes back")
    write_json(path, {"now": wanted.isoformat()}, mode=0o644)
    return wanted.isoformat()


_Answer = Callable[[Request], Awaitable[JSONResponse]]


def _guarded(token: str, answer: _Answer) -> _Answer:
    async def check(request: Request) -> JSONResponse:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            return JSONResponse({"title": "wrong token"}, 401)
        return await answer(request)

    return check


def control_app(
    token: str,
    status: Callable[[], Awaitable[dict[str, Any]]],
    quiet: Callable[[], Awaitable[dict[str, Any]]],
    clock: Path | None,
    rotate: Callable[[], Awaitable[dict[str, Any]]],
) -> Starlette:
    """Build the app; every request must carry the token that run.json holds."""

    async def get_status(_request: Request) -> JSONResponse:
        return JSONResponse(await status())

    async def get_quiet(_request: Request) -> JSONResponse:
        return JSONResponse(await quiet())

    async def get_installation(_request: Request) -> JSONResponse:
        return JSONResponse({"kind": "real" if clock is None else "demo"})

    async def post_rotate(_request: Request) -> JSONResponse:
        return JSONResponse(await rotate())

    async def post_clock(request: Request) -> JSONResponse:
        if clock is None:
            return JSONResponse({"title": "only a demo has a clock that can be set"}, 403)
        try:
            body = await request.json()
            now = set_clock(clock, body["now"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return JSONResponse({"title": 'send {"now": "2025-10-06T05:00:00+00:00"}'}, 400)
        except ClockError as error:
            return JSONResponse({"title": str(error)}, 409)
        return JSONResponse({"now": now})

    return Starlette(
        routes=[
            Route("/status", _guarded(token, get_status)),
            Route("/quiet", _guarded(token, get_quiet)),
            Route("/installation", _guarded(token, get_installation)),
            Route("/clock", _guarded(token, post_clock), methods=["POST"]),
            Route("/rotate", _guarded(token, post_rotate), methods=["POST"]),
        ]
    )


class ControlServer(uvicorn.Server):
    """A server that leaves signals to the supervisor."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def control_server(app: Starlette, port: int) -> ControlServer:
    """Make the server; run it as a task with `serve()`."""
    return ControlServer(config_of(Door(app, Proxies()), HttpAddress(HOST, port)))
