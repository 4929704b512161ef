"""Shows courses and providers: fill, who sits there by reference, rulings, steps for everybody."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from starlette.responses import Response

from services.allocation.console.context import (
    course_store,
    explanation_store,
    people_store,
    rulings_store,
)
from services.allocation.console.context.forms import ids_of, mistake_in_reason, mistakes_in, text_of
from services.allocation.console.context.steps import step_by_hand, step_due
from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.allocation.console.lists.choices import PROVIDER, TARGET, TIME, TYPE, VENUE, status
from services.allocation.console.lists.listing import Filter, Listing, rows_of
from services.allocation.console.stories.course import story_of
from services.allocation.figures.named import NAMED
from services.allocation.figures.today import figures_of
from services.allocation.placements.domain import LIVE
from services.allocation.placements.rulings import Verdict
from services.runtime.web.languages import msgid
from services.runtime.web.pages import short
from services.runtime.web.problems import not_found
from services.runtime.web.tables import MOST_LINES, csv_answer
from services.texts.codes import word

router = APIRouter(include_in_schema=False)
MOST_PEOPLE = 200
"""Placements that are shown of one course."""
_VERDICTS: dict[str, Verdict] = {"start": "start", "close": "close"}


COURSES = Listing(
    "/courses",
    (TYPE, TARGET, VENUE, PROVIDER, TIME, status("course"), Filter("below", msgid("Minimum"))),
    {
        "course": msgid("Course"),
        "number": msgid("Course number"),
        "provider": msgid("Provider"),
        "start": msgid("Start"),
        "taken": msgid("Seats taken"),
        "free": msgid("Free seats"),
        "proposed": msgid("Open proposals"),
    },
    msgid("those that start next first"),
)


@router.get("/courses")
async def courses(visit: CoordinatorVisit) -> Response:
    """List courses with their fill against minimum and maximum."""
    return await _list(visit)


async def _list(
    visit: Visit,
    wrong: Mapping[str, str] = MappingProxyType({}),
    reason: str = "",
    ticked: Sequence[UUID] = (),
) -> Response:
    """Show the list; mistakes (field -> msgid) repeat it with what was entered."""
    moment = visit.moment()
    async with visit.open() as conn:
        day, asked = visit.day(moment), await visit.asked(conn, COURSES)

        async def fetch(limit: int, offset: int) -> Sequence[asyncpg.Record]:
            return await course_store.courses(conn, day, asked.values, asked.sort, limit=limit, offset=offset)

        rows = await rows_of(asked, fetch)
        figures = await figures_of(conn, day) if asked.only("below") else None
    return visit.page(
        "courses.html",
        422 if wrong else 200,
        asked=asked,
        rows=rows,
        moment=moment,
        figures=figures,
        named=NAMED,
        errors=visit.told(wrong),
        reason=reason,
        ticked={str(one) for one in ticked},
    )


@router.post("/courses/rulings")
async def rule_several(visit: CoordinatorVisit) -> Response:
    """Let all ticked courses start below their minimum, or not start, for one reason."""
    form, texts = await visit.request.form(), visit.texts
    chosen, reason = ids_of(form, "course"), text_of(form, "reason")
    verdict = _VERDICTS.get(str(form.get("decision")))
    wrong = mistakes_in(
        ticked="" if chosen else msgid("Please tick at least one course."),
        reason=mistake_in_reason(reason),
        do="" if verdict else msgid("Please choose whether the courses start or do not start."),
    )
    if wrong or verdict is None:
        return await _list(visit, wrong, reason, chosen)
    async with visit.open() as conn:
        names = await explanation_store.course_names(conn, chosen)
    answers = await visit.act_on_each(reason, visit.context.overrides.rule_course, chosen, verdict)
    called = [
        f"{names[one]['title']} ({names[one]['course_number']})" if one in names else short(one)
        for one in chosen
    ]
    done = visit.warn_of(answers, called)
    if done and verdict == "start":
        text = texts.ngettext(
            "%(num)s course starts also below its minimum.",
            "%(num)s courses start also below their minimum.",
            done,
        )
        visit.web.note(visit.request, "success", text)
    elif done:
        text = texts.ngettext(
            "%(num)s course does not start. Its open proposals are taken back.",
            "%(num)s courses do not start. Their open proposals are taken back.",
            done,
        )
        visit.web.note(visit.request, "success", text)
    return visit.web.back(visit.request, COURSES.again(visit.request.query_params))


@router.get("/courses.csv")
async def courses_csv(visit: CoordinatorVisit) -> Response:
    """The same list as a file."""
    texts, moment = visit.texts, visit.moment()
    async with visit.open() as conn:
        asked = await visit.asked_of_file(conn, COURSES)
        rows = await course_store.courses(conn, visit.day(moment), asked.values, asked.sort, limit=MOST_LINES)
    heads = [
        msgid("Course"),
        msgid("Course number"),
        msgid("Course type"),
        msgid("Provider"),
        msgid("Start"),
        msgid("Section"),
        msgid("Seats taken"),
        msgid("Seats"),
        msgid("Fullest section to come"),
        msgid("Seats taken there"),
        msgid("Free seats"),
        msgid("Open proposals"),
        msgid("Minimum"),
        msgid("Maximum"),
    ]
    lines = [
        (
            row["title"],
            row["course_number"],
            word(texts, row["course_type"], "course_type"),
            row["provider_name"] or row["provider"],
            texts.date(row["starts_on"]),
            row["section"],
            row["section_taken"],
            row["section_capacity"],
            row["fullest"],
            row["fullest_taken"],
            row["free"],
            row["proposed"],
            row["least"],
            row["capacity"],
        )
        for row in rows
    ]
    return csv_answer("courses", [texts.plain(head) for head in heads], lines)


@router.get("/courses/{course_id}")
async def course(visit: CoordinatorVisit, course_id: UUID) -> Response:
    """Show one course: its sections with seats, who sits in it by reference, what was ruled."""
    return await _page(visit, course_id)


async def _page(
    visit: Visit, course_id: UUID, wrong: Mapping[str, str] = MappingProxyType({}), reason: str = ""
) -> Response:
    """Show a course; mistakes (field -> msgid) repeat the page with what was entered."""
    moment = visit.moment()
    async with visit.open() as conn:
        row = await course_store.course(conn, course_id, visit.day(moment))
        if row is None:
            raise not_found()
        sections = await course_store.sections(conn, [course_id])
        people = await people_store.placements(conn, list(LIVE), course=course_id, limit=MOST_PEOPLE)
        rulings = await rulings_store.course_rulings(conn, course_id)
        names = await people_store.publisher_names(conn)
    steps = [step_due(visit.context, person, row["state"], moment) for person in people]
    due = {step: steps.count(step) for step in ("start", "complete")}
    ruling = next((one for one in rulings if one["lifted_at"] is None), None)
    return visit.page(
        "course.html",
        422 if wrong else 200,
        story=story_of(visit.texts, row, sections, moment.today, people=people, ruling=ruling, due=due),
        course=row,
        sections=sections,
        people=people,
        moment=moment,
        rulings=rulings,
        actor=lambda actor: visit.actor(actor, names),
        due=due,
        ruling=ruling,
        errors=visit.told(wrong),
        reason=reason,
    )


@router.post("/courses/{course_id}/ruling")
async def rule(visit: CoordinatorVisit, course_id: UUID) -> Response:
    """Let the course start below its minimum, or not start."""
    form = await visit.request.form()
    reason, verdict = text_of(form, "reason"), _VERDICTS.get(str(form.get("decision")))
    wrong = {
        "ruling-reason": mistake_in_reason(reason),
        "-decision": "" if verdict else msgid("Please choose whether the course starts or does not start."),
    }
    if any(wrong.values()) or verdict is None:
        return await _page(visit, course_id, {name: text for name, text in wrong.items() if text}, reason)
    result = await visit.act(reason, visit.context.overrides.rule_course, course_id, verdict)
    done = (
        msgid("The course starts also below its minimum.")
        if verdict == "start"
        else msgid("The course does not start. Its open proposals are taken back.")
    )
    return visit.answer(result, f"/courses/{course_id}", done)


@router.post("/courses/{course_id}/ruling/end")
async def end_ruling(visit: CoordinatorVisit, course_id: UUID) -> Response:
    """Let the minimum decide again."""
    result = await visit.act(None, visit.context.overrides.end_course_ruling, course_id)
    done = msgid("It is taken back. The minimum decides again whether the course starts.")
    return visit.answer(result, f"/courses/{course_id}", done)


@router.post("/courses/{course_id}/steps")
async def step_for_all(visit: CoordinatorVisit, course_id: UUID) -> Response:
    """Take the step that is due and left to people for everybody in the course, each by itself."""
    step, moment = text_of(await visit.request.form(), "step"), visit.moment()
    act = step_by_hand(visit.context.placements, step)
    async with visit.open() as conn:
        row = await course_store.course(conn, course_id, visit.day(moment))
        if row is None or act is None:
            raise not_found()
        people = await people_store.placements(conn, list(LIVE), course=course_id, limit=MOST_PEOPLE)
    due = [one["placement"] for one in people if step_due(visit.context, one, row["state"], moment) == step]
    done = visit.warn_of(await visit.act_on_each(None, act, due))
    text = visit.texts.ngettext("Noted for %(num)s person.", "Noted for %(num)s people.", done)
    visit.web.note(visit.request, "success" if done else "info", text)
    return visit.web.back(visit.request, f"/courses/{course_id}")
