"""POST /v1/imports/{kind}: a file becomes events; with ?check=1 it only says what would happen."""

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from schemas.envelope import Problem, problems_of
from schemas.offices import ParticipantRegistered
from schemas.providers import CourseAnnounced
from services.gateway.files import course_steps, people_import, store
from services.gateway.files.course_import import Job, import_courses
from services.gateway.files.courses import CourseSettings
from services.gateway.files.mapping import ParticipantMapping
from services.gateway.files.people_import import Desk, import_people
from services.gateway.files.report import Report
from services.gateway.files.safe_xml import MAX_XML
from services.gateway.findings.advice import Adviser
from services.gateway.http import described
from services.gateway.http.door import (
    Door,
    ShutError,
    admit,
    door_of,
    flag,
    hold_back,
    language,
    problem_response,
    read_body,
)
from services.gateway.publishers.domain import Caller
from services.runtime.data.db import acquire, transaction

router = APIRouter()

SETTINGS: Mapping[str, type[BaseModel]] = {
    course_steps.KIND: CourseSettings,
    people_import.KIND: ParticipantMapping,
}
_NEEDS = {course_steps.KIND: CourseAnnounced.type_, people_import.KIND: ParticipantRegistered.type_}
MAX_SETTINGS = 256 * 1024


def _known(kind: str, caller: Caller) -> None:
    if kind not in SETTINGS:
        raise ShutError(404, Problem("kind_unknown"))
    if _NEEDS[kind] not in caller.publisher.event_types:
        raise ShutError(403, Problem("not_allowed", field="kind"))


@router.post("/v1/imports/{kind}", openapi_extra=described.FILE, responses=described.ANSWERS)
async def post_import(request: Request, kind: str) -> Response:
    """Import a file; the same file again changes nothing, an interrupted one goes on where it stopped."""
    door = door_of(request)
    caller = await admit(request, "imports")
    _known(kind, caller)
    await hold_back(door, caller, 1)
    async with acquire(door.worker) as conn:
        saved = await store.settings(conn, caller.publisher.slug, kind)
    raw, spoken = await read_body(request, MAX_XML), language(request)
    report = await run_import(
        door, caller, kind, raw, saved=saved, spoken=spoken, check=flag(request, "check")
    )
    if report.interrupted is not None:
        return problem_response(
            request,
            503,
            (report.interrupted,),
            retry_after=5,
            further={"report": written(report, door.adviser, language(request))},
        )
    refused = bool(report.file_problems) and not report.rows
    body = written(report, door.adviser, language(request))
    return JSONResponse(body, status_code=422 if refused else 200)


async def run_import(
    door: Door,
    caller: Caller,
    kind: str,
    raw: bytes,
    *,
    saved: Mapping[str, Any] | None,
    spoken: str,
    check: bool,
) -> Report:
    """Run an import with the settings that were saved."""
    job = Job(door.worker, caller.publisher, door.prefix, door.clock.now())
    if kind == course_steps.KIND:
        settings = CourseSettings.model_validate(saved or {})
        return await import_courses(job, raw, settings, check_only=check)
    if saved is None:
        raise ShutError(422, Problem("mapping_missing"))
    desk = Desk(door.people, door.installation_key, door.adviser, spoken)
    mapping = ParticipantMapping.model_validate(saved)
    return await import_people(job, desk, raw, mapping, check_only=check)


@router.get("/v1/imports/{kind}/settings", openapi_extra=described.SECURED, responses=described.ANSWERS)
async def get_settings(request: Request, kind: str) -> Response:
    """Show what was saved about files of a kind."""
    caller = await admit(request, "imports")
    _known(kind, caller)
    async with acquire(door_of(request).worker) as conn:
        return JSONResponse(await store.settings(conn, caller.publisher.slug, kind) or {})


@router.put("/v1/imports/{kind}/settings", openapi_extra=described.SETTINGS, responses=described.ANSWERS)
async def put_settings(request: Request, kind: str) -> Response:
    """Save what columns, words and fields of a publisher's files mean."""
    door = door_of(request)
    caller = await admit(request, "imports")
    _known(kind, caller)
    body = read_settings(kind, await read_body(request, MAX_SETTINGS))
    async with transaction(door.worker) as conn:
        await store.save_settings(conn, caller.publisher, kind, body)
    return JSONResponse(body)


def read_settings(kind: str, raw: bytes) -> dict[str, Any]:
    """Check settings and write them in full.

    Raises:
        ShutError: says which setting is wrong.
    """
    try:
        model = SETTINGS[kind].model_validate_json(raw)
    except ValidationError as error:
        found = [Problem("settings_invalid", problem.field or "JSON") for problem in problems_of(error)]
        raise ShutError(422, found[0], further=tuple(found[1:20])) from None
    kept: dict[str, Any] = orjson.loads(model.model_dump_json(exclude_none=True))
    return kept


def written(report: Report, adviser: Adviser, spoken: str) -> dict[str, Any]:
    """Write a report in the reader's language."""
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
