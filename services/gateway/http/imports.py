"""Serves /v1/imports: imports files, or reports what that would do, and keeps the settings for them."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from schemas.envelope import Problem
from services.gateway.files import store
from services.gateway.files.courses.safe_xml import MAX_XML
from services.gateway.files.imports import NEEDED_TYPE, SETTINGS, read_settings, run_import
from services.gateway.files.job import ImportJob, Report
from services.gateway.files.reader import ReadersBusyError
from services.gateway.findings.advice import Adviser
from services.gateway.http import cloudevents, openapi
from services.gateway.http.context import (
    admit,
    apply_rate_limit,
    context_of,
    flag,
    language,
    problem_response,
    read_body,
)
from services.gateway.http.errors import RequestRejectedError
from services.gateway.publishers.domain import Caller
from services.runtime.data.db import acquire, transaction
from services.runtime.http.json_body import JsonError, read_json

router = APIRouter()

MAX_SETTINGS = 256 * 1024
IMPORT_SECONDS = 600.0
"""A file of thousands of people takes minutes; the same file again goes on where this ended."""


def _known(kind: str, caller: Caller) -> None:
    if kind not in SETTINGS:
        raise RequestRejectedError(404, Problem("kind_unknown"))
    if NEEDED_TYPE[kind] not in caller.publisher.event_types:
        raise RequestRejectedError(403, Problem("not_allowed", field="kind"))


@router.post("/v1/imports/{kind}", openapi_extra=openapi.FILE, responses=openapi.ANSWERS)
async def post_import(request: Request, kind: str) -> Response:
    """Import a file; the same file again changes nothing, an interrupted one goes on where it stopped."""
    context = context_of(request)
    caller = await admit(request, "imports")
    _known(kind, caller)
    await apply_rate_limit(context, caller, 1)
    async with acquire(context.worker) as conn:
        saved = await store.settings(conn, caller.publisher.slug, kind)
    raw, spoken = await read_body(request, MAX_XML, IMPORT_SECONDS, caller=caller), language(request)
    job = ImportJob(
        pool=context.worker,
        publisher=caller.publisher,
        prefix=context.prefix,
        now=context.clock.now(),
        people=context.people,
        installation_key=context.installation_key,
        reader=context.reader,
        identity_key=context.identity_key,
        adviser=context.adviser,
        language=spoken,
    )
    try:
        report = await run_import(job, kind, raw, saved, check_only=flag(request, "check"))
    except ReadersBusyError as error:
        status, code = (429, "files_of_yours") if error.of_caller else (503, "busy")
        raise RequestRejectedError(status, Problem(code), retry_after=10) from None
    if isinstance(report, Problem):
        raise RequestRejectedError(422, report)
    if report.interrupted is not None:
        return problem_response(
            request,
            503,
            (report.interrupted,),
            retry_after=5,
            further={"report": written(report, context.adviser, language(request))},
        )
    refused = bool(report.file_problems) and not report.rows
    body = written(report, context.adviser, language(request))
    return JSONResponse(body, status_code=422 if refused else 200)


@router.get("/v1/imports/{kind}/settings", openapi_extra=openapi.SECURED, responses=openapi.ANSWERS)
async def get_settings(request: Request, kind: str) -> Response:
    """Show what was saved about files of a kind."""
    caller = await admit(request, "imports")
    _known(kind, caller)
    async with acquire(context_of(request).worker) as conn:
        return JSONResponse(await store.settings(conn, caller.publisher.slug, kind) or {})


@router.put("/v1/imports/{kind}/settings", openapi_extra=openapi.SETTINGS, responses=openapi.ANSWERS)
async def put_settings(request: Request, kind: str) -> Response:
    """Save what columns, words and fields of a publisher's files mean."""
    context = context_of(request)
    caller = await admit(request, "imports")
    _known(kind, caller)
    await apply_rate_limit(context, caller, 1)
    raw = await read_body(request, MAX_SETTINGS, caller=caller)
    try:
        given = read_json(raw)
    except JsonError as error:
        raise RequestRejectedError(400, cloudevents.json_problem(error)) from None
    body = read_settings(kind, given)
    if isinstance(body, list):
        raise RequestRejectedError(422, body[0], further=tuple(body[1:20]))
    async with transaction(context.worker) as conn:
        await store.save_settings(conn, caller.publisher, kind, body)
    return JSONResponse(body)


def written(report: Report, adviser: Adviser, spoken: str) -> dict[str, Any]:
    """Return a report as JSON in the reader's language."""
    return {
        "kind": report.kind,
        "checked_only": report.checked_only,
        "rows": report.rows,
        "taken": report.taken,
        "unchanged": report.unchanged,
        "refused": report.refused,
        "events": report.events,
        "file_problems": [adviser.as_json(problem, spoken) for problem in report.file_problems],
        "findings": [
            {"row": item.row, "key": item.key, "refused": item.refused}
            | adviser.as_json(item.problem, spoken)
            for item in report.findings
        ],
        "preview": report.preview,
        "rest": report.rest,
    }
