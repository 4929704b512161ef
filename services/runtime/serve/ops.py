"""Answers operators on a port of its own: live, ready, metrics, status, AsyncAPI."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from services.runtime.base.failures import Meaning, meaning_of, name_of
from services.runtime.serve.asyncapi_page import page_of
from services.runtime.serve.status import ServiceStatus, UnderWay

_READY_FOR_SECONDS = 1.0
Answer = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the process is well, and what is said of each part that is checked."""

    ok: bool
    parts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answers:
    """The functions that answer the routes.

    `asyncapi` returns the document of what the process reads; None where it does not consume.
    """

    live: Callable[[], Health]
    ready: Callable[[], Awaitable[Health]]
    status: Callable[[], Awaitable[ServiceStatus]]
    under_way: Callable[[], Awaitable[UnderWay]]
    asyncapi: Callable[[], Mapping[str, Any] | None]
    registry: CollectorRegistry


def ops_app(answers: Answers, token: str) -> Starlette:
    """Make the application: probes answer everybody with yes or no, the rest who has the token.

    Without a token nobody is told anything.
    """
    return _Ops(answers, token).app()


class _Ops:
    def __init__(self, answers: Answers, token: str) -> None:
        self._answers, self._token = answers, token
        self._recently = _Recent(answers.ready)

    def app(self) -> Starlette:
        told = {
            "/status": self._status,
            "/under-way": self._under_way,
            "/metrics": self._metrics,
            "/asyncapi": _described(self._answers, lambda document: HTMLResponse(page_of(document))),
            "/asyncapi.json": _described(self._answers, _json),
        }
        return Starlette(
            routes=[
                Route("/health/live", self._live),
                Route("/health/ready", self._ready),
                *(Route(path, self._guarded(answer)) for path, answer in told.items()),
            ]
        )

    def _told_to(self, request: Request) -> bool:
        kind, _, sent = request.headers.get("authorization", "").partition(" ")
        known = hmac.compare_digest(sent.encode(), self._token.encode())
        return bool(self._token) and kind.lower() == "bearer" and known

    def _guarded(self, answer: Answer) -> Answer:
        async def check(request: Request) -> Response:
            if not self._told_to(request):
                return _json({"error": "token"}, 401, {"WWW-Authenticate": "Bearer"})
            return await answer(request)

        return check

    async def _live(self, request: Request) -> Response:
        return _health(self._answers.live(), detailed=self._told_to(request))

    async def _ready(self, request: Request) -> Response:
        return _health(await self._recently.get(), detailed=self._told_to(request))

    async def _status(self, _request: Request) -> Response:
        return await _told(self._answers.status)

    async def _under_way(self, _request: Request) -> Response:
        return await _told(self._answers.under_way)

    async def _metrics(self, _request: Request) -> Response:
        return Response(generate_latest(self._answers.registry), media_type=CONTENT_TYPE_LATEST)


async def _told(answer: Callable[[], Awaitable[ServiceStatus | UnderWay]]) -> Response:
    try:
        return _json(asdict(await answer()))
    except Exception as error:
        if meaning_of(error, connection_dead=True) is not Meaning.TRANSIENT:
            raise
        return _json({"error": name_of(error)}, 503)


class _Recent:
    """Keeps an answer for a moment: however often everybody asks, the servers are asked once a second."""

    def __init__(self, ask: Callable[[], Awaitable[Health]]) -> None:
        self._ask, self._lock = ask, asyncio.Lock()
        self._found: Health | None = None
        self._until = 0.0

    async def get(self) -> Health:
        """Return the answer of the last second, or ask."""
        async with self._lock:
            loop = asyncio.get_running_loop()
            if self._found is None or loop.time() >= self._until:
                self._found = await self._ask()
                self._until = loop.time() + _READY_FOR_SECONDS
            return self._found


def _described(answers: Answers, render: Callable[[Mapping[str, Any]], Response]) -> Answer:
    async def asyncapi(_request: Request) -> Response:
        document = answers.asyncapi()
        if document is None:
            return PlainTextResponse("this process does not consume", 404)
        return render(document)

    return asyncapi


def _health(health: Health, *, detailed: bool) -> Response:
    parts = {"parts": dict(health.parts)} if detailed else {}
    return _json({"ok": health.ok} | parts, 200 if health.ok else 503)


def _json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:  # noqa: ANN401 - any JSON value
    return Response(
        orjson.dumps(content, default=float),
        status_code=status,
        media_type="application/json",
        headers=dict(headers or {}),
    )
