"""Shows which proposals went to BAMF, gives the list out as a file, notes what BAMF answered."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import asyncpg
from fastapi import APIRouter
from starlette.responses import Response

from services.allocation.console.context import people_store, rulings_store
from services.allocation.console.context.forms import ids_of, mistake_in_reason, mistakes_in, text_of
from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.allocation.console.proposals.pages import may_be_proposed_again, show_placement
from services.allocation.figures.today import figures_of
from services.runtime.web.languages import Texts, msgid
from services.runtime.web.problems import not_found
from services.runtime.web.tables import MOST_LINES, PAGE_SIZE, csv_answer, xlsx_answer
from services.runtime.web.visit.guard import fresh_sign_in
from services.texts.codes import word

router = APIRouter(include_in_schema=False)
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
async def sent(visit: CoordinatorVisit) -> Response:
    """List the proposals that are with BAMF, and which lists were taken out."""
    page, moment = visit.page_number, visit.moment()
    async with visit.open() as conn:
        rows = await rulings_store.sent(conn, PAGE_SIZE + 1, (page - 1) * PAGE_SIZE)
        fresh = await rulings_store.sent(conn, 1, fresh=True)
        exports = await rulings_store.exports(conn, PAST_LISTS)
        names = await people_store.publisher_names(conn)
        figures = await figures_of(conn, visit.day(moment))
    return visit.page(
        "authority.html",
        figures=figures,
        rows=rows[:PAGE_SIZE],
        more=len(rows) > PAGE_SIZE,
        page=page,
        fresh=bool(fresh),
        exports=exports,
        actor=lambda actor: visit.actor(actor, names),
        moment=moment,
    )


@router.post("/authority/send")
async def send(visit: CoordinatorVisit) -> Response:
    """Mark the ticked proposals as sent to BAMF."""
    chosen = ids_of(await visit.request.form(), "placement")
    if not chosen:
        return visit.web.back(
            visit.request, "/proposals", "danger", "Please tick at least one proposal, then send."
        )
    results = await visit.act_on_each(visit.context.placements.send_to_authority, chosen)
    done = visit.warn_of(results)
    if done:
        text = visit.texts.ngettext(
            "%(num)s proposal is marked as sent to the BAMF.",
            "%(num)s proposals are marked as sent to the BAMF.",
            done,
        )
        visit.web.note(visit.request, "success", text)
    return visit.web.back(visit.request, "/authority")


@router.post("/authority/export", dependencies=[fresh_sign_in])
async def export(visit: CoordinatorVisit) -> Response:
    """Give out the list as a file, without names, and note who took it out and what was in it."""
    form = await visit.request.form()
    kind = str(form.get("format"))
    rows = await take_out_list(
        visit, uuid4(), kind if kind in FORMATS else "csv", fresh=form.get("scope") == "new"
    )
    if not rows:
        return visit.web.back(visit.request, "/authority", "warning", "No proposal is in this list.")
    make = FORMATS.get(kind, csv_answer)
    return make(
        "bamf", [visit.texts.plain(head) for head in HEADS], [_line(visit.texts, row) for row in rows]
    )


@router.get("/authority/lists/{export}", dependencies=[fresh_sign_in])
async def list_again(visit: CoordinatorVisit, export: UUID) -> Response:
    """Give out again what was in a list, with how each proposal stands now."""
    async with visit.open() as conn:
        rows = await rulings_store.in_list(conn, export)
    if not rows:
        raise not_found()
    make = FORMATS.get(str(visit.request.query_params.get("format")), csv_answer)
    heads = [visit.texts.plain(head) for head in (*HEADS, msgid("State"))]
    lines = [(*_line(visit.texts, row), word(visit.texts, row["state"], "state")) for row in rows]
    return make("bamf", heads, lines)


async def take_out_list(visit: Visit, export_id: UUID, kind: str, *, fresh: bool) -> Sequence[asyncpg.Record]:
    """Read the list and note that it was taken out, in one transaction."""
    async with visit.open() as conn:
        await rulings_store.one_list_at_a_time(conn)
        rows = await rulings_store.sent(conn, MOST_LINES, fresh=fresh)
        if rows:
            now = visit.context.clock.now()
            await rulings_store.note_export(conn, export_id, rows, kind, visit.visitor.key, now)
    return rows


def _line(texts: Texts, row: asyncpg.Record) -> tuple[object, ...]:
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
async def refused_by_authority(visit: CoordinatorVisit, placement: UUID) -> Response:
    """Note that BAMF does not agree; the proposal is taken back with the reason."""
    form = await visit.request.form()
    reason, again = text_of(form, "reason"), may_be_proposed_again(form)
    wrong = mistakes_in(reason_authority=mistake_in_reason(reason))
    if wrong:
        return await show_placement(visit, placement, about="authority", wrong=wrong, entered=reason)
    act = visit.context.placements.refused_by_authority
    result = await visit.act(reason, act, placement, again=again)
    return visit.answer(result, "/authority", msgid("It is taken back. The person waits again."))
