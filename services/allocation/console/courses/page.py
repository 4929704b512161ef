"""One course with who sits in it, what was ruled about it, and the steps that people take by hand."""

from functools import partial
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.allocation.acts.overrides import Answer
from services.allocation.acts.placements import NotDone, Result
from services.allocation.console.context import course_store as supply
from services.allocation.console.context import people_store as store
from services.allocation.console.context import rulings as records
from services.allocation.console.context.actors import actor_name
from services.allocation.console.context.page import Console, Coordinator, Desk, decide
from services.allocation.console.proposals.decisions import BY_HAND, answer, by_hand_due, reason_wrong
from services.allocation.placements.rulings import Verdict
from services.runtime.web.languages import msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import not_found
from services.runtime.web.visitors import Visitor
from services.texts.reasons import refusal

router = APIRouter(include_in_schema=False)
_STATES = (
    "proposed",
    "sent_to_authority",
    "reserved",
    "accepted",
    "confirmed",
    "started",
    "interrupted",
)
_VERDICTS: dict[str, Verdict] = {"start": "start", "close": "close"}


@router.get("/courses/{course_id}")
async def course(request: Request, desk: Desk, visitor: Coordinator, course_id: UUID) -> Response:
    """Show one course: its sections with seats, who sits in it by reference, what was ruled."""
    return await _page(request, desk, visitor, course_id)


async def _page(  # noqa: PLR0917 - an error repeats the page with what was entered
    request: Request,
    desk: Console,
    visitor: Visitor,
    course_id: UUID,
    error: str = "",
    reason: str = "",
) -> Response:
    moment = desk.moment()
    async with desk.open(visitor) as conn:
        row = await supply.course(conn, course_id)
        if row is None:
            raise not_found()
        sections = await supply.sections(conn, [course_id])
        people = await store.placements(conn, _STATES, course=course_id, limit=200)
        rulings = await records.course_rulings(conn, course_id)
        names = await store.publisher_names(conn)
    web = web_of(request)
    due = [one for one in (by_hand_due(desk, person, row["state"], moment) for person in people) if one]
    return web.page(
        request,
        "course.html",
        422 if error else 200,
        course=row,
        sections=sections,
        people=people,
        moment=moment,
        rulings=rulings,
        actor=lambda actor: actor_name(web, request, actor, names),
        due={step: due.count(step) for step in ("start", "complete")},
        error=error,
        reason=reason,
    )


@router.post("/courses/{course_id}/ruling")
async def rule(request: Request, desk: Desk, visitor: Coordinator, course_id: UUID) -> Response:
    """Let the course start below its minimum, or not start."""
    form = await request.form()
    reason, verdict = str(form.get("reason") or "").strip(), _VERDICTS.get(str(form.get("decision")))
    wrong = reason_wrong(reason) or (
        "" if verdict else msgid("Please choose whether the course starts or does not start.")
    )
    if wrong or verdict is None:
        text = web_of(request).texts(request).plain(wrong)
        return await _page(request, desk, visitor, course_id, text, reason)

    async def ruling(conn: asyncpg.Connection) -> Answer:
        return await desk.overrides.rule_course(
            conn, course_id, verdict, visitor.key, reason, desk.clock.now()
        )

    done = (
        msgid("The course starts also below its minimum.")
        if verdict == "start"
        else msgid("The course does not start. Its open proposals are taken back.")
    )
    return answer(request, await decide(desk, visitor, ruling), f"/courses/{course_id}", done)


@router.post("/courses/{course_id}/ruling/end")
async def end_ruling(request: Request, desk: Desk, visitor: Coordinator, course_id: UUID) -> Response:
    """Let the minimum decide again."""

    async def ruling(conn: asyncpg.Connection) -> Answer:
        return await desk.overrides.take_back_course_ruling(conn, course_id, visitor.key, desk.clock.now())

    done = msgid("It is taken back. The minimum decides again whether the course starts.")
    return answer(request, await decide(desk, visitor, ruling), f"/courses/{course_id}", done)


@router.post("/courses/{course_id}/steps")
async def step_for_all(request: Request, desk: Desk, visitor: Coordinator, course_id: UUID) -> Response:
    """Take the step that is due and left to people for everybody in the course, each by itself."""
    web, form, moment = web_of(request), await request.form(), desk.moment()
    step = str(form.get("step"))
    async with desk.open(visitor) as conn:
        row = await supply.course(conn, course_id)
        if row is None:
            raise not_found()
        people = await store.placements(conn, _STATES, course=course_id, limit=200)
    due = [one["placement"] for one in people if by_hand_due(desk, one, row["state"], moment) == step]
    done = 0

    async def take(placement: UUID, conn: asyncpg.Connection) -> Result:
        return await BY_HAND[step](desk.placements, conn, placement, visitor.key, moment.now)

    for placement in due:
        outcome = await decide(desk, visitor, partial(take, placement))
        if isinstance(outcome, NotDone):
            web.note(request, "warning", refusal(web.texts(request), outcome.refusal.code))
        else:
            done += 1
    text = web.texts(request).ngettext("Noted for %(num)s person.", "Noted for %(num)s people.", done)
    web.note(request, "success" if done else "info", text)
    return web.back(request, f"/courses/{course_id}")
