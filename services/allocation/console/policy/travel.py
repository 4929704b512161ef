"""Takes the table of travel times on the policy page: upload, earlier tables, removal."""

from __future__ import annotations

import asyncio
from uuid import UUID

from fastapi import APIRouter
from starlette.datastructures import UploadFile
from starlette.responses import Response

from services.allocation.console.context.forms import mistake_in_reason
from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.allocation.console.policy.pages import show
from services.allocation.policy import travel, travel_store
from services.allocation.policy.travel_store import File
from services.runtime.http.allowance import SMALL_BODY
from services.runtime.web.bodies import takes_up_to
from services.runtime.web.languages import msgid
from services.runtime.web.problems import not_found
from services.runtime.web.tables import guarded_copy

router = APIRouter(include_in_schema=False)
TOLD = 200
"""Wrong lines that the page names; the rest is counted."""


@router.post("/policy/travel")
@takes_up_to(travel.LARGEST_FILE + SMALL_BODY)
async def upload(visit: CoordinatorVisit) -> Response:
    """Load a table; a wrong line stops it unless the box is ticked, and every one is named."""
    async with visit.request.form() as form:
        sent, skip = form.get("file"), bool(form.get("skip"))
        if not isinstance(sent, UploadFile) or not sent.filename:
            return await show(visit, [visit.texts.gettext("Please choose a file.")])
        file = File(sent.filename, await sent.read(travel.LARGEST_FILE + 1))
    async with visit.open() as conn:
        named = await travel_store.towns(conn, visit.kreis)
        known = visit.places.may_name(visit.kreis, named, visit.moment().today)
        table = await asyncio.to_thread(travel.read_travel, file.raw, known)
        stopped = not table.minutes or (table.wrong and not skip)
        if not stopped:
            now = visit.context.clock.now()
            await travel_store.load(conn, visit.kreis, file, table, visit.visitor.key, now)
    if stopped:
        return await show(visit, _told(visit, table))
    return visit.web.back(
        visit.request,
        "/policy#travel",
        "success",
        "Ways loaded: %(ways)s. Ways back filled in: %(filled)s. Lines left out: %(skipped)s.",
        ways=len(table.minutes),
        filled=len(table.filled()),
        skipped=len(table.wrong),
    )


def _told(visit: Visit, table: travel.Table) -> list[str]:
    """Return what is wrong with each line."""
    texts = visit.texts
    told = [
        texts.gettext("Line %(line)s: %(what)s", line=one.line, what=travel.said(texts, one))
        for one in table.wrong[:TOLD]
    ]
    if len(table.wrong) > TOLD:
        told.append(texts.gettext("and %(more)s more lines", more=len(table.wrong) - TOLD))
    return told


@router.post("/policy/travel/remove")
async def remove(visit: CoordinatorVisit) -> Response:
    """Let no table hold."""
    reason = str((await visit.request.form()).get("reason") or "").strip()
    wrong = mistake_in_reason(reason)
    if wrong:
        return await show(visit, [visit.texts.plain(wrong)])
    async with visit.open() as conn:
        await travel_store.remove(conn, visit.kreis, visit.visitor.key, visit.context.clock.now(), reason)
    done = msgid("No table of travel times holds any more.")
    return visit.web.back(visit.request, "/policy#travel", "success", done)


@router.get("/policy/travel/{table}.csv")
async def download(visit: CoordinatorVisit, table: UUID) -> Response:
    """Give a loaded file back as it was; a cell that a spreadsheet would calculate is guarded."""
    async with visit.open() as conn:
        raw = await travel_store.content(conn, table)
    if raw is None:
        raise not_found()
    return Response(
        guarded_copy(raw),
        media_type="text/csv",
        headers={"Content-Disposition": 'attachment; filename="travel-times.csv"'},
    )
