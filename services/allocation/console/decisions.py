"""Pages on which a coordinator decides: confirm, choose another course, take back, each under a name."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from schemas.codes import PlacementState
from services.allocation.console import store
from services.allocation.console.desk import (
    Console,
    Coordinator,
    Desk,
    as_uuid,
    decide,
    page_of,
    priority_of,
)
from services.allocation.placements.handlers import NotDone, Outcome
from services.runtime.web.languages import msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import PageError, not_found, status_text
from services.runtime.web.reasons import REFUSALS, refusal
from services.runtime.web.visitors import Visitor

router = APIRouter(include_in_schema=False)
PER_PAGE = 25
LEAST_REASON = 10
MOST_REASON = 500


@router.get("/proposals")
async def proposals(request: Request, desk: Desk, visitor: Coordinator) -> Response:
    """List the proposals that wait for a person's word."""
    return await _list(request, desk, visitor, ["proposed", "sent_to_authority"], "proposals.html")


@router.get("/reservations")
async def reservations(request: Request, desk: Desk, visitor: Coordinator) -> Response:
    """List held seats, those that end soon first."""
    return await _list(request, desk, visitor, ["reserved", "accepted"], "reservations.html")


async def _list(
    request: Request, desk: Console, visitor: Visitor, states: Sequence[str], template: str
) -> Response:
    page, moment = page_of(request), desk.moment()
    async with desk.open(visitor) as conn:
        rows = await store.placements(conn, states, limit=PER_PAGE + 1, offset=(page - 1) * PER_PAGE)
        names = await store.publisher_names(conn)
    return web_of(request).page(
        request,
        template,
        rows=rows[:PER_PAGE],
        more=len(rows) > PER_PAGE,
        page=page,
        names=names,
        moment=moment,
        priority=lambda row: priority_of(row, moment.rules),
    )


async def confirm_each(desk: Console, visitor: Visitor, placements: Sequence[UUID]) -> list[Outcome]:
    """Confirm proposals one by one, each in its own transaction: one that fails stops no other."""
    now = desk.clock.now()
    return [
        await decide(desk, visitor, partial(_release, desk, visitor, placement, now))
        for placement in placements
    ]


async def _release(
    desk: Console, visitor: Visitor, placement: UUID, now: datetime, conn: asyncpg.Connection
) -> Outcome:
    return await desk.placements.release(conn, placement, visitor.key, now)


@router.post("/proposals/confirm")
async def confirm(request: Request, desk: Desk, visitor: Coordinator) -> Response:
    """Confirm the ticked proposals (or the one whose button was pressed)."""
    web, form = web_of(request), await request.form()
    pressed = as_uuid(form.get("one"))
    chosen = [pressed] if pressed else [one for value in form.getlist("placement") if (one := as_uuid(value))]
    if not chosen:
        return web.back(request, "/proposals", "warning", "Please tick at least one proposal, then confirm.")
    outcomes = await confirm_each(desk, visitor, chosen)
    failed = [outcome for outcome in outcomes if isinstance(outcome, NotDone)]
    done = len(outcomes) - len(failed)
    texts = web.texts(request)
    for code in sorted({outcome.refusal.code for outcome in failed}):
        web.note(request, "warning", refusal(texts, code))
    if done:
        web.note(
            request,
            "success",
            texts.ngettext(
                "%(num)s proposal is confirmed: the seat is held, the registering office has been told.",
                "%(num)s proposals are confirmed: the seats are held, the offices have been told.",
                done,
            ),
        )
    return web.back(request, "/proposals")


@router.get("/placements/{placement}")
async def placement_page(request: Request, desk: Desk, visitor: Coordinator, placement: UUID) -> Response:
    """Show one placement with everything that can be decided about it."""
    return await _decide_page(request, desk, visitor, placement)


async def _decide_page(  # an error repeats the page with what was entered
    request: Request,
    desk: Console,
    visitor: Visitor,
    placement: UUID,
    *,
    error: str = "",
    entered: str = "",
    chosen: str = "",
    about: str = "",
) -> Response:
    moment = desk.moment()
    async with desk.open(visitor) as conn:
        row = await placement_row(conn, placement)
        entries = await store.free_entries(conn, row["participant"], moment.today)
        names = await store.publisher_names(conn)
    return web_of(request).page(
        request,
        "placement.html",
        422 if error else 200,
        row=row,
        entries=entries,
        names=names,
        moment=moment,
        priority=priority_of(row, moment.rules),
        error=error,
        entered=entered,
        chosen=chosen,
        about=about,
    )


async def placement_row(conn: asyncpg.Connection, placement: UUID) -> asyncpg.Record:
    """Return one placement of the visitor's Kreise, in whatever state."""
    rows = await store.placements(conn, list(PlacementState), placement=placement, limit=1)
    if not rows:
        raise not_found()
    return rows[0]


@router.post("/placements/{placement}/override")
async def override(request: Request, desk: Desk, visitor: Coordinator, placement: UUID) -> Response:
    """Give the person another course; the reason stays in the audit trail."""
    web, form = web_of(request), await request.form()
    reason, choice = str(form.get("reason") or "").strip(), str(form.get("entry") or "")
    course, section = _entry(choice)
    wrong = reason_wrong(reason) or (
        "" if course else msgid("Please choose the course that the person should get.")
    )
    if wrong or course is None:
        return await _decide_page(
            request,
            desk,
            visitor,
            placement,
            error=web.texts(request).plain(wrong),
            entered=reason,
            chosen=choice,
            about="override",
        )
    async with desk.open(visitor) as conn:
        person = (await placement_row(conn, placement))["participant"]

    async def other_course(conn: asyncpg.Connection) -> Outcome:
        return await desk.placements.override(
            conn, person, course, section, visitor.key, reason, desk.clock.now()
        )

    outcome = await decide(desk, visitor, other_course)
    done = msgid("The person has the other place; the seat is held.")
    return _answer(request, outcome, f"/people/{person}", done)


def _entry(choice: str) -> tuple[UUID | None, int]:
    course, _, section = choice.partition("/")
    return (as_uuid(course), int(section)) if section.isdecimal() and len(section) <= 2 else (None, 0)  # noqa: PLR2004


def reason_wrong(reason: str) -> str:
    """Say what is wrong with a reason (msgid); nothing if it can be kept."""
    if len(reason) < LEAST_REASON:
        return msgid(
            "Please write the reason in at least ten characters, for example: course near the day care."
        )
    if len(reason) > MOST_REASON:
        return msgid("Please shorten the reason to at most 500 characters.")
    return ""


@router.post("/placements/{placement}/release")
async def give_back(request: Request, desk: Desk, visitor: Coordinator, placement: UUID) -> Response:
    """Take back a proposal or a held seat; the reason stays in the audit trail."""
    web, form = web_of(request), await request.form()
    reason = str(form.get("reason") or "").strip()
    wrong = reason_wrong(reason)
    if wrong:
        return await _decide_page(
            request,
            desk,
            visitor,
            placement,
            error=web.texts(request).plain(wrong),
            entered=reason,
            about="release",
        )

    async def back(conn: asyncpg.Connection) -> Outcome:
        return await desk.placements.discard(conn, placement, visitor.key, reason, desk.clock.now())

    outcome = await decide(desk, visitor, back)
    return _answer(request, outcome, "/proposals", msgid("It is taken back. The person waits again."))


def _answer(request: Request, outcome: Outcome, address: str, done: str) -> Response:
    web = web_of(request)
    if isinstance(outcome, NotDone):
        web.note(request, "warning", refusal(web.texts(request), outcome.refusal.code))
        return web.back(request, address)
    return web.back(request, address, "success", done)


def refused(outcome: NotDone) -> PageError:
    """Tell a program why nothing was changed."""
    code = outcome.refusal.code
    return PageError(409, code, REFUSALS.get(code, status_text(409)))
