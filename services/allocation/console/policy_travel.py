"""The table of travel times on the policy page: upload, earlier tables, removal."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from starlette.datastructures import UploadFile
from starlette.responses import Response

from services.allocation.console.decisions import reason_wrong
from services.allocation.console.policy import AtDesk, show
from services.allocation.steering import travel, travel_store
from services.allocation.steering.travel_store import File
from services.runtime.web.languages import msgid
from services.runtime.web.places import known_towns
from services.runtime.web.problems import not_found

router = APIRouter(include_in_schema=False)
TOLD = 200
"""Wrong lines that the page names; the rest is counted."""


@router.post("/policy/travel")
async def upload(here: AtDesk) -> Response:
    """Load a table; a wrong line stops it unless the box is ticked, and every one is named."""
    form, texts = await here.request.form(), here.texts
    sent = form.get("file")
    if not isinstance(sent, UploadFile) or not sent.filename:
        wrong = texts.gettext("Please choose a file.")
        return await show(here, [wrong])
    file = File(sent.filename, await sent.read(travel.LARGEST_FILE + 1))
    async with here.open() as conn:
        table = travel.read_travel(
            file.raw, known_towns(here.kreis, await travel_store.towns(conn, here.kreis))
        )
        stopped = not table.minutes or (table.wrong and not form.get("skip"))
        if not stopped:
            loaded = await travel_store.load(
                conn, here.kreis, file, table, here.visitor.key, here.desk.clock.now()
            )
    if stopped:
        told = [
            texts.gettext("Line %(line)s: %(what)s", line=one.line, what=travel.said(texts, one))
            for one in table.wrong[:TOLD]
        ]
        if len(table.wrong) > TOLD:
            told.append(texts.gettext("and %(more)s more lines", more=len(table.wrong) - TOLD))
        return await show(here, told)
    return here.web.back(
        here.request,
        "/policy#travel",
        "success",
        "%(ways)s ways are loaded, %(filled)s ways back are filled in, %(skipped)s lines are left out.",
        ways=loaded.rows,
        filled=len(table.filled()),
        skipped=loaded.skipped,
    )


@router.post("/policy/travel/remove")
async def remove(here: AtDesk) -> Response:
    """Let no table hold."""
    reason = str((await here.request.form()).get("reason") or "").strip()
    wrong = reason_wrong(reason)
    if wrong:
        return await show(here, [here.texts.plain(wrong)])
    async with here.open() as conn:
        await travel_store.remove(conn, here.kreis, here.visitor.key, here.desk.clock.now(), reason)
    done = msgid("No table of travel times holds any more.")
    return here.web.back(here.request, "/policy#travel", "success", done)


@router.get("/policy/travel/{table}.csv")
async def download(here: AtDesk, table: UUID) -> Response:
    """Give a loaded file back as it was."""
    async with here.open() as conn:
        raw = await travel_store.content(conn, table)
    if raw is None:
        raise not_found()
    return Response(
        raw,
        media_type="text/csv",
        headers={"Content-Disposition": 'attachment; filename="travel-times.csv"'},
    )
