"""Serves the desk's erasures: asking for one, and the reports of what was erased where."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from schemas.offices import ParticipantWithdrawn
from services.notifications.erasures import store as erasures
from services.notifications.erasures.report import desk_report_of
from services.notifications.pages import store
from services.notifications.pages.context import Clerk, Context, ErasureReader, send_form, slug_of
from services.notifications.pages.people import show_person
from services.runtime.web.languages import msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import not_found

router = APIRouter(include_in_schema=False)
_SHOWN = 100


@router.post("/people/{participant}/erase")
async def erase(request: Request, context: Context, visitor: Clerk, participant: UUID) -> Response:
    """Have one of the office's people erased everywhere."""
    sent = await request.form()
    if sent.get("sure") != "1":
        sure = {"sure-1": msgid("Please tick the box: what is erased cannot be brought back.")}
        return await show_person(request, context, visitor, participant, errors=sure)
    async with context.open(visitor) as conn:
        row = await store.own_person(conn, participant, slug_of(visitor))
    if row is None:
        raise not_found()
    said = ParticipantWithdrawn(reference=row["reference"], withdrawn_on=context.today(), reason="erased")
    return await send_form(
        request,
        context,
        visitor,
        sent,
        payload=said,
        done=msgid("The person is being erased everywhere. The report is complete within a minute."),
        back="/erasures",
    )


@router.get("/erasures")
async def listed(request: Request, context: Context, visitor: ErasureReader) -> Response:
    """List the office's erasures, the latest first."""
    async with context.open(visitor) as conn:
        rows = await erasures.erasures(conn, _SHOWN)
    return web_of(request).page(request, "erasures.html", rows=rows)


@router.get("/erasures/{erasure}")
async def report(
    request: Request, context: Context, visitor: ErasureReader, erasure: UUID, form: str = "html"
) -> Response:
    """Show what was erased where, and what stays, by which paragraph, until when; `form=json` as JSON."""
    async with context.open(visitor) as conn:
        found = await desk_report_of(conn, erasure)
    if found is None:
        raise not_found()
    if form == "json":
        return JSONResponse(found)
    completed = datetime.fromisoformat(found["completed_at"]) if found["complete"] else None
    return web_of(request).page(request, "erasure.html", report=found, completed=completed)
