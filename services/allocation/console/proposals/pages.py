"""Shows placements and takes decisions about them: approve, withdraw, give up, override."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import partial
from types import MappingProxyType
from typing import Concatenate
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.responses import Response

from services.allocation.console.context import course_store, people_store
from services.allocation.console.context.clocks import priority_of
from services.allocation.console.context.forms import (
    as_uuid,
    entry_of,
    ids_of,
    mistake_in_reason,
    mistakes_in,
    text_of,
)
from services.allocation.console.context.steps import ANSWERS, step_by_hand, step_due
from services.allocation.console.context.visit import Act, CoordinatorVisit, P, Visit
from services.allocation.console.lists.choices import LEVEL, OFFICE, PROVIDER, TIME, TYPE, VENUE, status
from services.allocation.console.lists.entries import entries_of
from services.allocation.console.lists.listing import Listing, rows_of
from services.allocation.figures.today import figures_of
from services.allocation.placements.results import Result
from services.runtime.web.languages import msgid
from services.runtime.web.pages import short
from services.runtime.web.problems import not_found

router = APIRouter(include_in_schema=False)
_FILTERS = (TYPE, LEVEL, VENUE, OFFICE, PROVIDER, TIME)
PROPOSALS = Listing(
    "/proposals",
    (*_FILTERS, status("proposal")),
    {
        "start": msgid("Start"),
        "reference": msgid("Reference"),
        "office": msgid("Registering office"),
        "course": msgid("Course"),
        "provider": msgid("Provider"),
        "proposed": msgid("Proposed on"),
    },
    msgid("the most pressing first"),
    size=25,
)
RESERVATIONS = Listing(
    "/reservations",
    (*_FILTERS, status("held")),
    {
        "reference": msgid("Reference"),
        "office": msgid("Registering office"),
        "course": msgid("Course"),
        "start": msgid("Start"),
        "state": msgid("State"),
        "until": msgid("Held until"),
    },
    msgid("those that end soonest first"),
    size=25,
)
_STATES = {PROPOSALS.path: ("proposed", "sent_to_authority"), RESERVATIONS.path: ("reserved", "accepted")}
_TEMPLATES = {PROPOSALS.path: "proposals.html", RESERVATIONS.path: "reservations.html"}
_NEXT_DAYS = timedelta(days=4)
"""A reservation that ends within three days ends before the fourth day."""


@router.get("/proposals")
async def proposals(visit: CoordinatorVisit) -> Response:
    """List the proposals that wait for a person's word."""
    return await _list(visit, PROPOSALS)


@router.get("/reservations")
async def reservations(visit: CoordinatorVisit) -> Response:
    """List held seats, those that end soon first."""
    return await _list(visit, RESERVATIONS)


async def _list(
    visit: Visit,
    listing: Listing,
    wrong: Mapping[str, str] = MappingProxyType({}),
    reason: str = "",
    ticked: Sequence[UUID] = (),
) -> Response:
    """Show a list; mistakes (field -> msgid) repeat it with what was entered."""
    moment = visit.moment()
    ending = datetime.combine(moment.today, time(tzinfo=UTC)) + _NEXT_DAYS

    async with visit.open() as conn:
        asked = await visit.asked(conn, listing)

        async def fetch(limit: int, offset: int) -> Sequence[asyncpg.Record]:
            return await people_store.placements(
                conn,
                _STATES[listing.path],
                asked.values,
                asked.sort,
                limit=limit,
                offset=offset,
                ending=ending,
            )

        rows = await rows_of(asked, fetch)
        names = await people_store.publisher_names(conn)
        figures = None if asked.narrowed else await figures_of(conn, visit.day(moment))
    return visit.page(
        _TEMPLATES[listing.path],
        422 if wrong else 200,
        asked=asked,
        rows=rows,
        figures=figures,
        names=names,
        moment=moment,
        priority=lambda row: priority_of(row, moment.rules),
        errors=visit.told(wrong),
        reason=reason,
        ticked={str(one) for one in ticked},
    )


async def each_placement(
    visit: Visit,
    note: str | None,
    act: Act[Concatenate[UUID, P], Result],
    chosen: Sequence[UUID],
    *args: P.args,
    **kwargs: P.kwargs,
) -> int:
    """Act on each ticked placement; tell for whom it was not done and why; return how many were done."""
    async with visit.open() as conn:
        names = await people_store.references_of(conn, chosen)
    results = await visit.act_on_each(note, act, chosen, *args, **kwargs)
    return visit.warn_of(results, [names.get(one, short(one)) for one in chosen])


@router.post("/proposals/approve")
async def approve(visit: CoordinatorVisit) -> Response:
    """Approve the ticked proposals, or the one whose button was pressed."""
    form, back = await visit.request.form(), PROPOSALS.again(visit.request.query_params)
    pressed = as_uuid(form.get("one"))
    chosen = [pressed] if pressed else ids_of(form, "placement")
    if not chosen:
        return visit.web.back(
            visit.request, back, "danger", "Please tick at least one proposal, then confirm."
        )
    # The person is in the room: ticked beside the one proposal, or for all ticked ones.
    present = bool(form.get("present" if pressed is None else f"present-{pressed}"))
    approve_proposal = visit.context.placements.approve_proposal
    done = await each_placement(visit, None, approve_proposal, chosen, present=present)
    if done:
        text = visit.texts.ngettext(
            "%(num)s proposal is confirmed: the seat is held, the registering office has been told.",
            "%(num)s proposals are confirmed: the seats are held, the offices have been told.",
            done,
        )
        visit.web.note(visit.request, "success", text)
    return visit.web.back(visit.request, back)


@router.post("/proposals/withdraw")
async def withdraw_several(visit: CoordinatorVisit) -> Response:
    """Take back all ticked proposals for one reason, which stays in the audit trail of each."""
    again = may_be_proposed_again(await visit.request.form())
    act = partial(visit.context.placements.withdraw_proposal, again=again)
    missing = msgid("Please tick at least one proposal, then take back.")
    return await _take_back(visit, PROPOSALS, missing, act)


@router.post("/reservations/give-up")
async def give_up_several(visit: CoordinatorVisit) -> Response:
    """Give up all ticked seats for one reason, which stays in the audit trail of each."""
    missing = msgid("Please tick at least one reservation, then take back.")
    return await _take_back(visit, RESERVATIONS, missing, visit.context.placements.give_up)


async def _take_back(
    visit: Visit, listing: Listing, missing: str, act: Act[Concatenate[UUID, ...], Result]
) -> Response:
    """Act on what is ticked in a list; `missing` (msgid) is told if nothing is."""
    form = await visit.request.form()
    chosen, reason = ids_of(form, "placement"), text_of(form, "reason")
    wrong = mistakes_in(ticked="" if chosen else missing, reason=mistake_in_reason(reason))
    if wrong:
        return await _list(visit, listing, wrong, reason, chosen)
    done = await each_placement(visit, reason, act, chosen)
    if done:
        text = visit.texts.ngettext(
            "%(num)s place is taken back. The person waits again.",
            "%(num)s places are taken back. The people wait again.",
            done,
        )
        visit.web.note(visit.request, "success", text)
    return visit.web.back(visit.request, listing.again(visit.request.query_params))


@router.get("/placements/{placement}")
async def placement_page(visit: CoordinatorVisit, placement: UUID) -> Response:
    """Show one placement with everything that can be decided about it."""
    return await show_placement(visit, placement)


async def show_placement(
    visit: Visit,
    placement: UUID,
    *,
    about: str = "",
    wrong: Mapping[str, str] = MappingProxyType({}),
    entered: str = "",
    chosen: str = "",
    against: Sequence[str] = (),
    find: str = "",
) -> Response:
    """Show a placement, with what was entered into the form `about` and its mistakes (field -> msgid)."""
    moment = visit.moment()
    async with visit.open() as conn:
        row = await people_store.placement(conn, placement)
        if row is None:
            raise not_found()
        course = await course_store.course(conn, row["course"], visit.day(moment))
        entries = await entries_of(
            conn,
            visit.context.rules_against,
            row["participant"],
            (moment.today, moment.now),
            find=find,
            chosen=entry_of(chosen),
        )
        names = await people_store.publisher_names(conn)
    return visit.page(
        "placement.html",
        422 if wrong else 200,
        row=row,
        entries=entries,
        names=names,
        moment=moment,
        priority=priority_of(row, moment.rules),
        errors=visit.told(wrong),
        entered=entered,
        chosen=chosen,
        about=about,
        against=against,
        due=step_due(visit.context, row, "" if course is None else course["state"], moment),
        answers=ANSWERS.get(row["state"], ()),
    )


@router.post("/placements/{placement}/step")
async def step(visit: CoordinatorVisit, placement: UUID) -> Response:
    """Take a step that the policy leaves to people, or note an answer that came by telephone or letter."""
    act = step_by_hand(visit.context.placements, text_of(await visit.request.form(), "step"))
    if act is None:
        raise not_found()
    result = await visit.act(None, act, placement)
    return visit.answer(result, f"/placements/{placement}", msgid("It is noted."))


@router.post("/placements/{placement}/override")
async def override(visit: CoordinatorVisit, placement: UUID) -> Response:
    """Give the person another course; the reason stays in the audit trail."""
    form = await visit.request.form()
    reason, choice = text_of(form, "reason"), str(form.get("entry") or "")
    course, section = entry_of(choice)
    if form.get("do") == "find":
        find = text_of(form, "find")
        return await show_placement(
            visit, placement, about="override", entered=reason, chosen=choice, find=find
        )
    wrong = mistakes_in(
        entry="" if course else msgid("Please choose the course that the person should get."),
        reason=mistake_in_reason(reason),
    )
    if wrong or course is None:
        return await show_placement(
            visit, placement, about="override", wrong=wrong, entered=reason, chosen=choice
        )
    context = visit.context
    async with visit.open() as conn:
        row = await people_store.placement(conn, placement)
        if row is None:
            raise not_found()
        person = row["participant"]
        against = await context.rules_against(conn, person, course, section, context.clock.now())
    if against and form.get("known") != choice:
        return await show_placement(
            visit, placement, about="override", entered=reason, chosen=choice, against=against
        )
    present = bool(form.get("present"))
    result = await visit.act(reason, context.placements.override, person, course, section, present=present)
    done = msgid("The person has the other place; the seat is held.")
    return visit.answer(result, f"/people/{person}", done)


@router.post("/placements/{placement}/withdraw")
async def withdraw(visit: CoordinatorVisit, placement: UUID) -> Response:
    """Withdraw a proposal; the reason stays in the audit trail."""
    form = await visit.request.form()
    reason, again = text_of(form, "reason"), may_be_proposed_again(form)
    wrong = mistakes_in(reason_back=mistake_in_reason(reason))
    if wrong:
        return await show_placement(visit, placement, about="take_back", wrong=wrong, entered=reason)
    result = await visit.act(reason, visit.context.placements.withdraw_proposal, placement, again=again)
    return visit.answer(result, "/proposals", msgid("It is taken back. The person waits again."))


@router.post("/placements/{placement}/give-up")
async def give_up(visit: CoordinatorVisit, placement: UUID) -> Response:
    """Give up a held seat; the reason stays in the audit trail."""
    reason = text_of(await visit.request.form(), "reason")
    wrong = mistakes_in(reason_back=mistake_in_reason(reason))
    if wrong:
        return await show_placement(visit, placement, about="take_back", wrong=wrong, entered=reason)
    result = await visit.act(reason, visit.context.placements.give_up, placement)
    return visit.answer(result, "/proposals", msgid("It is taken back. The person waits again."))


def may_be_proposed_again(form: FormData) -> bool:
    """Return whether the same course may be proposed to the person again."""
    return bool(form.get("again"))
