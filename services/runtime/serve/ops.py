"""The operators' door of a service: live, ready, metrics, status; on a port of its own."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.runtime.base.failures import Meaning, meaning_of, name_of
from services.runtime.serve.status import ServiceStatus, UnderWay


@dataclass(frozen=True, slots=True)
class Health:
    """The answer to a question about health."""

    ok: bool
    parts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answers:
    """Who answers what is asked at the operators' door."""

    live: Callable[[], Health]
    ready: Callable[[], Awaitable[Health]]
    status: Callable[[], Awaitable[ServiceStatus]]
    under_way: Callable[[], Awaitable[UnderWay]]
    registry: CollectorRegistry


def ops_app(answers: Answers) -> Starlette:
    """Make the app; it holds nothing of a person and needs no sign-in, but belongs on an inner network."""

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
        ]
    )


def _health(health: Health) -> Response:
    return _json({"ok": health.ok, "parts": dict(health.parts)}, 200 if health.ok else 503)


def _json(content: Any, status: int = 200) -> Response:  # noqa: ANN401 - any JSON value
    return Response(orjson.dumps(content, default=float), status_code=status, media_type="application/json")
