"""Gives the routes their context, and checks key, size and rate of a request before it is read."""

from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from schemas.envelope import Problem
from services.gateway.files.reader import FileReader
from services.gateway.findings.advice import Adviser
from services.gateway.http.errors import RequestRejectedError
from services.gateway.http.keys import KeyGuard
from services.gateway.http.limits import Limits
from services.gateway.metrics import DoorMetrics
from services.gateway.people.client import PeopleClient
from services.gateway.publishers.domain import Caller, KeyRejected
from services.gateway.publishers.keys import caller_of
from services.runtime.base.clock import Clock
from services.runtime.base.identity_key import IdentityKey
from services.runtime.data.db import acquire
from services.runtime.http.allowance import allow_larger
from services.runtime.kafka.administration import KafkaAddress
from services.runtime.web.languages import chosen_language

PROBLEM = "application/problem+json"
MAX_REQUEST = 8 * 1024 * 1024
_BYTES_OF_AN_EVENT, _BYTES_OF_A_LONG_EVENT = 512, 8 * 1024


@dataclass(frozen=True, slots=True)
class GatewayContext:
    """What every route works with."""

    worker: asyncpg.Pool
    web: asyncpg.Pool
    clock: Clock
    prefix: str
    installation_key: str
    identity_key: IdentityKey
    people: PeopleClient
    reader: FileReader
    adviser: Adviser
    limits: Limits
    metrics: DoorMetrics
    keys: KeyGuard
    broker: KafkaAddress


def context_of(request: Request) -> GatewayContext:
    """Return the context of this application's routes."""
    context: GatewayContext = request.app.state.context
    return context


def language(request: Request) -> str:
    """Return the language of the answer."""
    return chosen_language(request.headers.get("accept-language"))


def flag(request: Request, name: str) -> bool:
    """Read a query parameter like `?check=1`."""
    return request.query_params.get(name, "") in {"1", "true", "yes"}


async def admit(request: Request, scope: str) -> Caller:
    """Return who calls, by the key, before anything else of the request is read.

    Raises:
        RequestRejectedError: its key does not allow this.
    """
    await context_of(request).keys.check(request)
    headers = request.headers
    async with acquire(context_of(request).worker) as conn:
        who = await caller_of(conn, headers.get("authorization"), headers.get("x-kurslotse-publisher"), scope)
    if isinstance(who, KeyRejected):
        raise RequestRejectedError(who.status, Problem(who.code))
    return who


async def read_body(
    request: Request, limit: int = MAX_REQUEST, seconds: float = 120.0, *, caller: Caller | None = None
) -> bytes:
    """Read the body of a caller whom we know, up to a limit; so many seconds are left for it and its answer.

    A publisher that is named as the caller can send a few large bodies at once.

    Raises:
        RequestRejectedError: it is larger.
    """
    allow_larger(request, limit, seconds, caller.publisher.slug if caller else None)
    too_large = RequestRejectedError(413, Problem("too_large", params={"max_bytes": limit}))
    if int(request.headers.get("content-length") or 0) > limit:
        raise too_large
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise too_large
        chunks.append(chunk)
    return b"".join(chunks)


async def apply_rate_limit(context: GatewayContext, caller: Caller, events: int) -> None:
    """Let the request pass if the outbox is not too long and the caller not too fast.

    Raises:
        RequestRejectedError: 503 or 429, with Retry-After.
    """
    if await context.limits.is_full(context.worker):
        raise RequestRejectedError(503, Problem("busy"), retry_after=2)
    wait = context.limits.wait_for(caller.key, events)
    if wait:
        raise RequestRejectedError(429, Problem("rate_limited"), retry_after=wait)


async def charge_by_size(context: GatewayContext, caller: Caller, size: int) -> int:
    """Charge a body as if it held events of a usual size, before it is parsed; return their number.

    Raises:
        RequestRejectedError: 503 or 429, with Retry-After.
    """
    charged = max(1, size // _BYTES_OF_AN_EVENT)
    await apply_rate_limit(context, caller, charged)
    return charged


def charge_events(context: GatewayContext, caller: Caller, charged: int, events: int, size: int) -> None:
    """Charge the events that a body held instead of its size; long ones count as several.

    Raises:
        RequestRejectedError: 429, with Retry-After.
    """
    due = max(1, events, size // _BYTES_OF_A_LONG_EVENT)
    wait = context.limits.settle(caller.key, charged, due)
    if wait:
        raise RequestRejectedError(429, Problem("rate_limited"), retry_after=wait)


def problem_response(
    request: Request,
    status: int,
    problems: tuple[Problem, ...],
    *,
    event_id: str | None = None,
    retry_after: int | None = None,
    further: Mapping[str, object] | None = None,
) -> Response:
    """Return an answer that says what is wrong and what to do (RFC 9457)."""
    adviser, spoken = context_of(request).adviser, language(request)
    told = adviser.tell(problems[0].code, problems[0].field, problems[0].params, spoken)
    headers = {"Content-Language": spoken} | ({"Retry-After": str(retry_after)} if retry_after else {})
    if status == 401:  # noqa: PLR2004 - HTTP
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(
        {
            "type": "about:blank",
            "title": told.wrong,
            "status": status,
            "code": problems[0].code,
            "detail": told.todo,
            "problems": [adviser.as_json(problem, spoken, event_id) for problem in problems],
        }
        | dict(further or {}),
        status_code=status,
        headers=headers,
        media_type=PROBLEM,
    )
