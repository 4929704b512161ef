"""Shows placements and takes decisions about them: approve, withdraw, give up, override."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from uuid import UUID

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
from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.allocation.figures.today import figures_of
from services.runtime.web.languages import msgid
from services.runtime.web.problems import not_found

router = APIRouter(include_in_schema=False)
PER_PAGE = 25


@router.get("/proposals")
async def proposals(visit: CoordinatorVisit) -> Response:
    """List the proposals that wait for a person's word."""
    return await _list(visit, ["proposed", "sent_to_authority"], "proposals.html")


@router.get("/reservations")
async def reservations(visit: CoordinatorVisit) -> Response:
    """List held seats, those that end soon first."""
    return await _list(visit, ["reserved", "accepted"], "reservations.html")


async def _list(visit: Visit, states: Sequence[str], template: str) -> Response:
    page, moment = visit.page_number, visit.moment()
    async with visit.open() as conn:
        rows = await people_store.placements(conn, states, limit=PER_PAGE + 1, offset=(page - 1) * PER_PAGE)
        names = await people_store.publisher_names(conn)
        figures = await figures_of(conn, visit.day(moment))
    return visit.page(
        template,
        figures=figures,
        rows=rows[:PER_PAGE],
        more=len(rows) > PER_PAGE,
        page=page,
        names=names,
        moment=moment,
        priority=lambda row: priority_of(row, moment.rules),
    )


@router.post("/proposals/approve")
async def approve(visit: CoordinatorVisit) -> Response:
    """Approve the ticked proposals, or the one whose button was pressed."""
    form = await visit.request.form()
    pressed = as_uuid(form.get("one"))
    chosen = [pressed] if pressed else ids_of(form, "placement")
    if not chosen:
        return visit.web.back(
            visit.request, "/proposals", "danger", "Please tick at least one proposal, then confirm."
        )
    # The person is in the room: ticked beside the one proposal, or for all ticked ones.
    present = bool(form.get("present" if pressed is None else f"present-{pressed}"))
    approve_proposal = visit.context.placements.approve_proposal
    done = visit.warn_of(await visit.act_on_each(approve_proposal, chosen, present=present))
    if done:
        text = visit.texts.ngettext(
            "%(num)s proposal is confirmed: the seat is held, the registering office has been told.",
            "%(num)s proposals are confirmed: the seats are held, the offices have been told.",
            done,
        )
        visit.web.note(visit.request, "success", text)
    return visit.web.back(visit.request, "/proposals")


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
) -> Response:
    """Show a placement, with what was entered into the form `about` and its mistakes (field -> msgid)."""
    moment = visit.moment()
    async with visit.open() as conn:
        row = await people_store.placement(conn, placement)
        if row is None:
            raise not_found()
        course = await course_store.course(conn, row["course"], visit.day(moment))
        entries = await people_store.free_entries(conn, row["participant"], moment.today)
        names = await people_store.publisher_names(conn)
    return visit.page(
        "placement.html",
        422 if wrong else 200,
        row=row,
        entries=entries,
        names=names,
        moment=moment,
        priority=priority_of(row, moment.rules),
        errors=defaultdict(str, {name: visit.texts.plain(text) for name, text in wrong.items()}),
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
