"""Pages on which a coordinator decides: confirm, choose another course, take back, each under a name."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from schemas.codes import PlacementState
from services.allocation.acts import by_hand
from services.allocation.acts.overrides import Answer
from services.allocation.acts.placements import NotDone, Placements, Result
from services.allocation.console.context import course_store as supply
from services.allocation.console.context import people_store as store
from services.allocation.console.context.page import (
    Console,
    Coordinator,
    Desk,
    Moment,
    as_uuid,
    decide,
    page_of,
    priority_of,
)
from services.allocation.policy.terms import COMPLETE, EXPIRE, START
from services.runtime.web.languages import msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import PageError, not_found, status_text
from services.runtime.web.visitors import Visitor
from services.texts.reasons import REFUSALS, refusal

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


async def confirm_each(
    desk: Console, visitor: Visitor, placements: Sequence[UUID], *, present: bool = False
) -> list[Result]:
    """Confirm proposals one by one, each in its own transaction: one that fails stops no other.

    `present`: the people are in the room and have fewer days to answer.
    """
    now = desk.clock.now()

    async def release(placement: UUID, conn: asyncpg.Connection) -> Result:
        return await desk.placements.release(conn, placement, visitor.key, now, present=present)

    return [await decide(desk, visitor, partial(release, placement)) for placement in placements]


@router.post("/proposals/confirm")
async def confirm(request: Request, desk: Desk, visitor: Coordinator) -> Response:
    """Confirm the ticked proposals (or the one whose button was pressed)."""
    web, form = web_of(request), await request.form()
    pressed = as_uuid(form.get("one"))
    chosen = [pressed] if pressed else [one for value in form.getlist("placement") if (one := as_uuid(value))]
    if not chosen:
        return web.back(request, "/proposals", "warning", "Please tick at least one proposal, then confirm.")
    outcomes = await confirm_each(desk, visitor, chosen, present=_present(form, pressed))
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


def _present(form: FormData, pressed: UUID | None) -> bool:
    """Say whether the person is in the room: ticked beside the one proposal, or for all ticked ones."""
    return bool(form.get("present" if pressed is None else f"present-{pressed}"))


@router.get("/placements/{placement}")
async def placement_page(request: Request, desk: Desk, visitor: Coordinator, placement: UUID) -> Response:
    """Show one placement with everything that can be decided about it."""
    return await decide_page(request, desk, visitor, placement)


async def decide_page(  # an error repeats the page with what was entered
    request: Request,
    desk: Console,
    visitor: Visitor,
    placement: UUID,
    *,
    error: str = "",
    entered: str = "",
    chosen: str = "",
    about: str = "",
    against: Sequence[str] = (),
) -> Response:
    """Show a placement, with what was entered and what is wrong with it."""
    moment = desk.moment()
    async with desk.open(visitor) as conn:
        row = await placement_row(conn, placement)
        course = await supply.course(conn, row["course"])
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
        against=against,
        due=by_hand_due(desk, row, "" if course is None else course["state"], moment),
        answers=ANSWERS.get(row["state"], ()),
    )


def by_hand_due(desk: Console, row: asyncpg.Record, course_state: str, moment: Moment) -> str:
    """Name the step that is due for a placement and that the policy leaves to people; empty: none."""
    automatic, kreis, now = desk.placements.terms.automatic, row["kreis"], moment.now
    match row["state"]:
        case "reserved" if row["expires_at"] and row["expires_at"] < now:
            return "" if automatic(kreis, EXPIRE, now) else EXPIRE
        case "confirmed" | "started" if course_state == "completed":
            return "" if automatic(kreis, COMPLETE, now) else COMPLETE
        case "confirmed" if row["starts_on"] <= moment.today:
            return "" if automatic(kreis, START, now) else START
        case _:
            return ""


BY_HAND = {
    START: by_hand.start,
    COMPLETE: by_hand.complete,
    EXPIRE: by_hand.let_end,
    "accept": Placements.accept,
    "decline": by_hand.decline,
    "confirm": Placements.confirm,
    "refuse": by_hand.refuse,
}
ANSWERS = {
    "reserved": ("accept", "decline", "confirm", "refuse"),
    "accepted": ("confirm", "decline", "refuse"),
    "confirmed": ("refuse",),
}
"""Answers that may come by telephone or letter, by the state of the placement."""


@router.post("/placements/{placement}/step")
async def step(request: Request, desk: Desk, visitor: Coordinator, placement: UUID) -> Response:
    """Take a step that the policy leaves to people, or note an answer that came by telephone or letter."""
    form = await request.form()
    take = BY_HAND.get(str(form.get("step")))
    if take is None:
        raise not_found()

    async def by_hand_step(conn: asyncpg.Connection) -> Result:
        return await take(desk.placements, conn, placement, visitor.key, desk.clock.now())

    outcome = await decide(desk, visitor, by_hand_step)
    return answer(request, outcome, f"/placements/{placement}", msgid("It is noted."))


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
    course, section = entry_of(choice)
    wrong = reason_wrong(reason) or (
        "" if course else msgid("Please choose the course that the person should get.")
    )
    if wrong or course is None:
        return await decide_page(
            request,
            desk,
            visitor,
            placement,
            error=web.texts(request).plain(wrong),
            entered=reason,
            chosen=choice,
            about="override",
        )
    now = desk.clock.now()
    async with desk.open(visitor) as conn:
        person = (await placement_row(conn, placement))["participant"]
        against = await desk.against(conn, person, course, section, now)
    if against and form.get("known") != choice:
        return await decide_page(
            request,
            desk,
            visitor,
            placement,
            entered=reason,
            chosen=choice,
            about="override",
            against=against,
        )

    async def other_course(conn: asyncpg.Connection) -> Result:
        return await desk.placements.override(
            conn, person, course, section, visitor.key, reason, now, present=bool(form.get("present"))
        )

    outcome = await decide(desk, visitor, other_course)
    done = msgid("The person has the other place; the seat is held.")
    return answer(request, outcome, f"/people/{person}", done)


def entry_of(choice: str) -> tuple[UUID | None, int]:
    """Read a chosen place: `<course>/<section>`; no course if it is none."""
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
        return await decide_page(
            request,
            desk,
            visitor,
            placement,
            error=web.texts(request).plain(wrong),
            entered=reason,
            about="release",
        )

    async def back(conn: asyncpg.Connection) -> Result:
        return await desk.placements.discard(
            conn, placement, visitor.key, reason, desk.clock.now(), again=again_of(form)
        )

    outcome = await decide(desk, visitor, back)
    return answer(request, outcome, "/proposals", msgid("It is taken back. The person waits again."))


def again_of(form: FormData) -> bool:
    """Say whether the same course may be proposed to the person again."""
    return bool(form.get("again"))


def answer(request: Request, outcome: Result | Answer, address: str, done: str) -> Response:
    """Go on to a page, with what came of a form."""
    web = web_of(request)
    if isinstance(outcome, NotDone):
        web.note(request, "warning", refusal(web.texts(request), outcome.refusal.code))
        return web.back(request, address)
    return web.back(request, address, "success", done)


def refused(outcome: NotDone) -> PageError:
    """Tell a program why nothing was changed."""
    code = outcome.refusal.code
    return PageError(409, code, REFUSALS.get(code, status_text(409)))
