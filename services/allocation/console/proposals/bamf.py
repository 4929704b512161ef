"""Shows which proposals went to BAMF, gives the list out as a file, notes what BAMF answered."""

from collections.abc import Mapping, Sequence
from uuid import UUID, uuid4

import asyncpg
from fastapi import APIRouter
from starlette.responses import Response

from services.allocation.console.context import people_store, rulings_store
from services.allocation.console.context.forms import ids_of, mistake_in_reason, mistakes_in, text_of
from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.allocation.console.lists.choices import OFFICE, PROVIDER, TIME, TYPE, VENUE
from services.allocation.console.lists.listing import Filter, Listing, rows_of
from services.allocation.console.proposals.pages import (
    PROPOSALS,
    each_placement,
    may_be_proposed_again,
    show_placement,
)
from services.allocation.figures.today import figures_of
from services.runtime.web.languages import Texts, msgid
from services.runtime.web.problems import not_found
from services.runtime.web.tables import MOST_LINES, csv_answer, xlsx_answer
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


AUTHORITY = Listing(
    "/authority",
    (TYPE, VENUE, OFFICE, PROVIDER, TIME, Filter("listed", msgid("In a list"))),
    {
        "reference": msgid("Reference"),
        "office": msgid("Registering office"),
        "number": msgid("Course"),
        "provider": msgid("Provider"),
        "start": msgid("Start"),
        "sent": msgid("Sent"),
        "listed": msgid("In a list"),
    },
    msgid("those that start soonest first"),
)
NEW: Mapping[str, str] = {"listed": "no"}
"""What was in no list yet."""


@router.get("/authority")
async def sent(visit: CoordinatorVisit) -> Response:
    """List the proposals that are with BAMF, and which lists were taken out."""
    moment = visit.moment()
    async with visit.open() as conn:
        asked = await visit.asked(conn, AUTHORITY)

        async def fetch(limit: int, offset: int) -> Sequence[asyncpg.Record]:
            return await rulings_store.sent(conn, asked.values, asked.sort, limit=limit, offset=offset)

        rows = await rows_of(asked, fetch)
        fresh = await rulings_store.sent(conn, NEW, limit=1)
        exports = await rulings_store.exports(conn, PAST_LISTS)
        names = await people_store.publisher_names(conn)
        figures = None if asked.narrowed else await figures_of(conn, visit.day(moment))
    return visit.page(
        "authority.html",
        asked=asked,
        rows=rows,
        figures=figures,
        fresh=bool(fresh),
        exports=exports,
        actor=lambda actor: visit.actor(actor, names),
        moment=moment,
    )


@router.post("/authority/send")
async def send(visit: CoordinatorVisit) -> Response:
    """Mark the ticked proposals as sent to BAMF."""
    chosen = ids_of(await visit.request.form(), "placement")
    back = PROPOSALS.again(visit.request.query_params)
    if not chosen:
        return visit.web.back(visit.request, back, "danger", "Please tick at least one proposal, then send.")
    done = await each_placement(visit, None, visit.context.placements.send_to_authority, chosen)
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
    kind, scope = str(form.get("format")), form.get("scope")
    wanted: Mapping[str, str] = NEW if scope == "new" else {}
    if scope == "shown":
        async with visit.open() as conn:
            wanted = (await visit.asked_of_file(conn, AUTHORITY)).values
    rows = await take_out_list(visit, uuid4(), kind if kind in FORMATS else "csv", wanted)
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


async def take_out_list(
    visit: Visit, export_id: UUID, kind: str, wanted: Mapping[str, str]
) -> Sequence[asyncpg.Record]:
    """Read the list and note that it was taken out, in one transaction."""
    async with visit.open() as conn:
        await rulings_store.one_list_at_a_time(conn)
        rows = await rulings_store.sent(conn, wanted, limit=MOST_LINES)
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
