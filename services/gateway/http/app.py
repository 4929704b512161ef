"""Builds the gateway's HTTP application: its routes, and its answers to errors."""

import asyncpg
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from schemas.envelope import Problem
from services.gateway.http import api_pages, events, feeds, imports, registrations
from services.gateway.http.administration import publishers, towns
from services.gateway.http.context import GatewayContext, context_of, problem_response
from services.gateway.http.errors import RequestRejectedError
from services.gateway.metrics import COUNTED
from services.gateway.publishers.by_page import NotChangedError
from services.runtime.base.failures import Meaning, is_unstorable, meaning_of
from services.runtime.http.allowance import SMALL_BODY
from services.runtime.web.headers import SecurityHeaders

_DATABASE_ERRORS = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


_OF_THE_SERVER = {
    408: Problem("too_slow"),
    413: Problem("too_large", params={"max_bytes": SMALL_BODY}),
    429: Problem("uploads_of_yours"),
    503: Problem("uploads_full"),
}
"""Statuses by which the server in front refuses a body."""


def create_app(context: GatewayContext) -> FastAPI:
    """Build the app; its routes find `context` by `context_of`."""
    app = FastAPI(title="Kurslotse gateway", version="1", docs_url=None, redoc_url=None)
    app.state.context = context
    documented = (events.router, registrations.router, feeds.router, imports.router)
    for router in (*documented, publishers.router, towns.router, api_pages.router):
        app.include_router(router)
    app.add_exception_handler(RequestRejectedError, _shut)
    app.add_exception_handler(NotChangedError, _not_changed)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _http)
    for error in _DATABASE_ERRORS:
        app.add_exception_handler(error, _database)
    app.add_middleware(SecurityHeaders, secure=False)
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    document.setdefault("components", {})["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    app.openapi_schema = document
    return app


async def _shut(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestRejectedError):
        raise error
    code = error.problems[0].code
    if code in COUNTED:
        context_of(request).metrics.turned_away.labels(code).inc()
    return problem_response(request, error.status, error.problems, retry_after=error.retry_after)


async def _not_changed(request: Request, error: Exception) -> Response:
    if not isinstance(error, NotChangedError):
        raise error
    return problem_response(request, error.status, (Problem(error.code),))


async def _not_valid(request: Request, error: Exception) -> Response:
    fields = sorted({str(item["loc"][-1]) for item in getattr(error, "errors", list)()})
    problems = tuple(Problem("field_invalid", field, {"rule": "value"}) for field in fields)
    return problem_response(request, 422, problems or (Problem("field_invalid"),))


async def _http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    problem = _OF_THE_SERVER.get(status, Problem("no_such_door"))
    later = (getattr(error, "headers", None) or {}).get("Retry-After")
    return problem_response(request, status, (problem,), retry_after=int(later) if later else None)


async def _database(request: Request, error: Exception) -> Response:
    """Answer 503 while the database is away: the same again is safe, whatever became of the commit."""
    if is_unstorable(error):
        return problem_response(request, 422, (Problem("field_invalid", "?", {"rule": "value"}),))
    if meaning_of(error, connection_dead=True) is not Meaning.TRANSIENT:
        raise error
    context_of(request).metrics.turned_away.labels("database_unavailable").inc()
    return problem_response(request, 503, (Problem("database_unavailable"),), retry_after=2)
