"""What goes to BAMF: which proposals were sent, the list of them as a file, what BAMF said."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID, uuid4

import asyncpg
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.allocation.acts.placements import NotDone, Result
from services.allocation.console.context import people_store as store
from services.allocation.console.context import rulings as records
from services.allocation.console.context.actors import actor_name
from services.allocation.console.context.page import Console, Coordinator, Desk, as_uuid, decide, page_of
from services.allocation.console.proposals.decisions import again_of, answer, decide_page, reason_wrong
from services.runtime.web.languages import Texts, msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import not_found
from services.runtime.web.tables import PAGE_SIZE, csv_answer, xlsx_answer
from services.runtime.web.visitors import Visitor
from services.texts.codes import word
from services.texts.reasons import refusal

router = APIRouter(include_in_schema=False)
MOST_ROWS = 20_000
PAST_LISTS = 20
FORMATS = {"csv": csv_answer, "xlsx": xlsx_answer}
HEADS = (
    msgid("Reference"),
    msgid("Registering office"),
    msgid("Course number"),
    msgid("Provider"),
    msgid("Section"),
    msgid("Start"),
    msgid("Legal basis"),
    msgid("Standing"),
)


@router.get("/authority")
async def sent(request: Request, desk: Desk, visitor: Coordinator) -> Response:
    """List the proposals that are with BAMF, and which lists were taken out."""
    page = page_of(request)
    async with desk.open(visitor) as conn:
        rows = await records.sent(conn, PAGE_SIZE + 1, (page - 1) * PAGE_SIZE)
        fresh = await records.sent(conn, 1, fresh=True)
        exports = await records.exports(conn, PAST_LISTS)
        names = await store.publisher_names(conn)
    web = web_of(request)
    return web.page(
        request,
        "authority.html",
        rows=rows[:PAGE_SIZE],
        more=len(rows) > PAGE_SIZE,
        page=page,
        fresh=bool(fresh),
        exports=exports,
        actor=lambda actor: actor_name(web, request, actor, names),
        moment=desk.moment(),
    )


async def send_each(desk: Console, visitor: Visitor, placements: Sequence[UUID]) -> list[Result]:
    """Mark proposals as sent to BAMF, each in its own transaction."""
    now = desk.clock.now()

    async def send(placement: UUID, conn: asyncpg.Connection) -> Result:
        return await desk.placements.send_to_authority(conn, placement, visitor.key, now)

    return [await decide(desk, visitor, partial(send, placement)) for placement in placements]


@router.post("/authority/send")
async def send(request: Request, desk: Desk, visitor: Coordinator) -> Response:
    """Mark the ticked proposals as sent to BAMF."""
    web, form = web_of(request), await request.form()
    chosen = [one for value in form.getlist("placement") if (one := as_uuid(value))]
    if not chosen:
        return web.back(request, "/proposals", "warning", "Please tick at least one proposal, then send.")
    outcomes = await send_each(desk, visitor, chosen)
    failed = [outcome for outcome in outcomes if isinstance(outcome, NotDone)]
    texts = web.texts(request)
    for code in sorted({outcome.refusal.code for outcome in failed}):
        web.note(request, "warning", refusal(texts, code))
    done = len(outcomes) - len(failed)
    if done:
        text = texts.ngettext(
            "%(num)s proposal is marked as sent to the BAMF.",
            "%(num)s proposals are marked as sent to the BAMF.",
            done,
        )
        web.note(request, "success", text)
    return web.back(request, "/authority")


@router.post("/authority/export")
async def export(request: Request, desk: Desk, visitor: Coordinator) -> Response:
    """Give out the list as a file, without names, and note who took it out and what was in it."""
    web, form = web_of(request), await request.form()
    kind = str(form.get("format"))
    rows = await take_out(
        desk, visitor, uuid4(), kind if kind in FORMATS else "csv", fresh=form.get("scope") == "new"
    )
    if not rows:
        return web.back(request, "/authority", "warning", "No proposal is in this list.")
    texts = web.texts(request)
    make = FORMATS.get(kind, csv_answer)
    return make("bamf", [texts.plain(head) for head in HEADS], [line(texts, row) for row in rows])


@router.get("/authority/lists/{export}")
async def again(request: Request, desk: Desk, visitor: Coordinator, export: UUID) -> Response:
    """Give out again what was in a list, with how each proposal stands now."""
    async with desk.open(visitor) as conn:
        rows = await records.in_list(conn, export)
    if not rows:
        raise not_found()
    texts = web_of(request).texts(request)
    make = FORMATS.get(str(request.query_params.get("format")), csv_answer)
    heads = [texts.plain(head) for head in (*HEADS, msgid("State"))]
    lines = [(*line(texts, row), word(texts, row["state"], "state")) for row in rows]
    return make("bamf", heads, lines)


async def take_out(
    desk: Console, visitor: Visitor, export_id: UUID, kind: str, *, fresh: bool
) -> Sequence[asyncpg.Record]:
    """Read the list and note that it was taken out, in one transaction."""
    async with desk.open(visitor) as conn:
        await records.one_list_at_a_time(conn)
        rows = await records.sent(conn, MOST_ROWS, fresh=fresh)
        if rows:
            await records.note_export(conn, export_id, rows, kind, visitor.key, desk.clock.now())
    return rows


def line(texts: Texts, row: asyncpg.Record) -> tuple[object, ...]:
    """Write one proposal as a line of the list, in the order of HEADS."""
    return (
        row["reference"],
        row["office_name"] or row["office"],
        row["course_number"],
        row["provider_name"] or row["provider"],
        row["entry_section"],
        texts.date(row["starts_on"]),
        word(texts, row["route"], "route"),
        word(texts, row["standing"], "standing"),
    )


@router.post("/placements/{placement}/authority-refused")
async def refused(request: Request, desk: Desk, visitor: Coordinator, placement: UUID) -> Response:
    """Note that BAMF does not agree; the proposal is taken back with the reason."""
    form = await request.form()
    reason = str(form.get("reason") or "").strip()
    wrong = reason_wrong(reason)
    if wrong:
        text = web_of(request).texts(request).plain(wrong)
        return await decide_page(
            request, desk, visitor, placement, error=text, entered=reason, about="authority"
        )

    async def take_back(conn: asyncpg.Connection) -> Result:
        return await desk.placements.refused_by_authority(
            conn, placement, visitor.key, reason, desk.clock.now(), again=again_of(form)
        )

    done = msgid("It is taken back. The person waits again.")
    return answer(request, await decide(desk, visitor, take_back), "/authority", done)
