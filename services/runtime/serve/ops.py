"""Answers operators on a port of its own: live, ready, metrics, status, AsyncAPI."""

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


def ops_app(answers: Answers) -> Starlette:
    """Make the application. It shows no person and needs no sign-in, but belongs on an inner network."""

    async def live(_request: Request) -> Response:
        return _health(answers.live())

    async def ready(_request: Request) -> Response:
        return _health(await answers.ready())

    async def told(answer: Callable[[], Awaitable[ServiceStatus | UnderWay]]) -> Response:
        try:
            return _json(asdict(await answer()))
        except Exception as error:
            if meaning_of(error, connection_dead=True) is not Meaning.TRANSIENT:
                raise
            return _json({"error": name_of(error)}, 503)

    async def status(_request: Request) -> Response:
        return await told(answers.status)

    async def under_way(_request: Request) -> Response:
        return await told(answers.under_way)

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(answers.registry), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[
            Route("/health/live", live),
            Route("/health/ready", ready),
            Route("/status", status),
            Route("/under-way", under_way),
            Route("/metrics", metrics),
            Route("/asyncapi", _described(answers, lambda document: HTMLResponse(page_of(document)))),
            Route("/asyncapi.json", _described(answers, _json)),
        ]
    )


def _described(
    answers: Answers, render: Callable[[Mapping[str, Any]], Response]
) -> Callable[[Request], Awaitable[Response]]:
    async def asyncapi(_request: Request) -> Response:
        document = answers.asyncapi()
        if document is None:
            return PlainTextResponse("this process does not consume", 404)
        return render(document)

    return asyncapi


def _health(health: Health) -> Response:
    return _json({"ok": health.ok, "parts": dict(health.parts)}, 200 if health.ok else 503)


def _json(content: Any, status: int = 200) -> Response:  # noqa: ANN401 - any JSON value
    return Response(orjson.dumps(content, default=float), status_code=status, media_type="application/json")
