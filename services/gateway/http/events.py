"""Serves POST /v1/events: CloudEvents in binary, structured or batch mode."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import asyncpg
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from schemas.codes import FindingKind
from schemas.envelope import EVENT_ID, Problem
from schemas.identity import effect_id, event_uuid
from services.gateway.acceptance.domain import Checked, Ready, Refused, check
from services.gateway.acceptance.handlers import accept
from services.gateway.findings.advice import Adviser
from services.gateway.findings.store import Finding, add_findings
from services.gateway.http import cloudevents, openapi
from services.gateway.http.context import (
    GatewayContext,
    admit,
    charge_by_size,
    charge_events,
    context_of,
    flag,
    language,
    problem_response,
    read_body,
)
from services.gateway.http.errors import RequestRejectedError
from services.gateway.publishers.domain import Caller, Publisher
from services.runtime.data.db import transaction

T = TypeVar("T")

router = APIRouter()
MOST_PROBLEMS = 20
_LARGE = 256 * 1024
"""Bytes of a body that is parsed in a thread, so that other requests are answered meanwhile."""


@router.post("/v1/events", status_code=202, openapi_extra=openapi.EVENTS, responses=openapi.ANSWERS)
async def post_events(request: Request) -> Response:
    """Take one event or a batch; answered after the commit, the same again gets the same answer."""
    context = context_of(request)
    caller = await admit(request, "events")
    body = await read_body(request, caller=caller)
    charged = await charge_by_size(context, caller, len(body))
    kind, headers = request.headers.get("content-type"), request.headers.raw
    sent = await _beside(body, partial(cloudevents.read_request, kind, headers, body))
    if isinstance(sent, Problem):
        raise RequestRejectedError(_request_status(sent), sent)
    unread = any(item.problem for item in sent)  # then the size stays charged
    charge_events(context, caller, charged, max(len(sent), charged if unread else 0), len(body))
    if not sent:
        return JSONResponse({"accepted": [], "results": []}, status_code=202)
    now = context.clock.now()
    checked = await _beside(body, lambda: [check_sent(caller, item, now) for item in sent])
    if flag(request, "dry_run"):
        checked = await _try(context, caller, checked)
    else:
        async with transaction(context.worker) as conn:
            checked = await take(conn, caller.publisher, checked, context, now)
        context.metrics.count(checked)
    batch = cloudevents.media_type(kind) == cloudevents.BATCH
    return _answer(request, checked, context.adviser, batch=batch)


async def _beside(body: bytes, work: Callable[[], T]) -> T:
    """Do work whose time grows with the body: for a large one in a thread, beside other requests."""
    return await asyncio.to_thread(work) if len(body) > _LARGE else work()


async def _try(context: GatewayContext, caller: Caller, checked: Sequence[Checked]) -> list[Checked]:
    """Accept the events and roll back, so that the answer is the one that sending them would get."""
    async with transaction(context.worker) as conn:
        attempt = conn.transaction()
        await attempt.start()
        try:
            return await accept(
                conn, caller.publisher, checked, prefix=context.prefix, key=context.identity_key
            )
        finally:
            await attempt.rollback()


def _request_status(problem: Problem) -> int:
    return {"content_type_unknown": 415, "batch_too_long": 413}.get(problem.code, 400)


def check_sent(caller: Caller, sent: cloudevents.SentEvent, now: datetime) -> Checked:
    """Check one event as it came."""
    if sent.problem is not None:
        id_ = sent.attributes.get("id", "")
        return Refused(id_ if EVENT_ID.fullmatch(id_) else None, 400, (sent.problem,))
    return check(caller.publisher, caller.families, sent.attributes, sent.data, now)


def door_findings(publisher: Publisher, checked: Sequence[Checked], now: datetime) -> list[Finding]:
    """Return findings about what was refused or changed; none for an event without an id."""
    found = []
    for item in checked:
        if item.id is None:
            continue
        problems = item.warnings if isinstance(item, Ready) else item.problems
        kind = FindingKind.WARNING if isinstance(item, Ready) else FindingKind.REJECTED
        type_ = item.event.type if isinstance(item, Ready) else item.type
        # Without a known family the finding goes to the steering side: it holds ids only.
        family = item.family.value if item.family is not None else "in"
        for problem in problems[:MOST_PROBLEMS]:
            cause = event_uuid(publisher.slug, family, item.id)
            found.append(
                Finding(
                    id=effect_id(cause, f"door/{kind}/{problem.code}", problem.field or ""),
                    publisher=publisher.slug,
                    organisation=publisher.organisation,
                    family=family,
                    kind=kind,
                    code=problem.code,
                    field=problem.field,
                    params=problem.params,
                    event_id=item.id,
                    event_type=type_,
                    raised_at=now,
                )
            )
    return found


def result(item: Checked, adviser: Adviser, spoken: str) -> dict[str, Any]:
    """Return what became of one event as JSON."""
    problems = () if isinstance(item, Ready) else item.problems[:MOST_PROBLEMS]
    warnings = item.warnings if isinstance(item, Ready) else ()
    return {
        "id": item.id,
        "accepted": isinstance(item, Ready),
        "problems": [adviser.as_json(problem, spoken, item.id) for problem in problems],
        "warnings": [adviser.as_json(problem, spoken, item.id) for problem in warnings],
    }


def _answer(request: Request, checked: Sequence[Checked], adviser: Adviser, *, batch: bool) -> Response:
    spoken = language(request)
    body: Mapping[str, Any] = {
        "accepted": [item.id for item in checked if isinstance(item, Ready)],
        "results": [result(item, adviser, spoken) for item in checked],
    }
    only = checked[0]
    if not batch and isinstance(only, Refused):
        return problem_response(request, only.status, only.problems[:MOST_PROBLEMS], event_id=only.id)
    taken = len(body["accepted"])
    status = 202 if taken == len(checked) else 207 if taken else 422
    return JSONResponse(body, status_code=status, headers={"Content-Language": spoken})


async def take(
    conn: asyncpg.Connection,
    publisher: Publisher,
    checked: Sequence[Checked],
    context: GatewayContext,
    now: datetime,
) -> list[Checked]:
    """Accept events and store findings about them, in the caller's transaction."""
    taken = await accept(conn, publisher, checked, prefix=context.prefix, key=context.identity_key)
    await add_findings(conn, door_findings(publisher, taken, now))
    return taken
