"""Shows courses and providers: fill, who sits there by reference, rulings, steps for everybody."""

from collections import defaultdict
from collections.abc import Mapping
from types import MappingProxyType
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.allocation.console.context import course_store, people_store, rulings_store
from services.allocation.console.context.forms import mistake_in_reason, text_of
from services.allocation.console.context.steps import step_by_hand, step_due
from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.allocation.console.stories.course import story_of
from services.allocation.figures.named import NAMED
from services.allocation.figures.today import figures_of, seats_by_provider
from services.allocation.placements.domain import LIVE
from services.allocation.placements.rulings import Verdict
from services.runtime.web.languages import msgid
from services.runtime.web.problems import not_found
from services.runtime.web.tables import MOST_LINES, PAGE_SIZE, csv_answer
from services.texts.codes import word

router = APIRouter(include_in_schema=False)
MOST_PEOPLE = 200
"""Placements that are shown of one course."""
_VERDICTS: dict[str, Verdict] = {"start": "start", "close": "close"}


@router.get("/courses")
async def courses(visit: CoordinatorVisit, below: str = "") -> Response:
    """List courses with their fill against minimum and maximum."""
    moment, page = visit.moment(), visit.page_number
    async with visit.open() as conn:
        day = visit.day(moment)
        rows = await course_store.courses(
            conn, day, below=bool(below), limit=PAGE_SIZE + 1, offset=(page - 1) * PAGE_SIZE
        )
        figures = await figures_of(conn, day)
    return visit.page(
        "courses.html",
        rows=rows[:PAGE_SIZE],
        more=len(rows) > PAGE_SIZE,
        page=page,
        query="below=1&" if below else "",
        below=bool(below),
        moment=moment,
        figures=figures,
        named=NAMED,
    )


@router.get("/courses.csv")
async def courses_csv(visit: CoordinatorVisit, below: str = "") -> Response:
    """The same list as a file."""
    texts, moment = visit.texts, visit.moment()
    async with visit.open() as conn:
        rows = await course_store.courses(conn, visit.day(moment), below=bool(below), limit=MOST_LINES)
    heads = [
        msgid("Course"),
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


@router.get("/providers")
async def providers(visit: CoordinatorVisit) -> Response:
    """Show the balance of fill between providers and what of their records was refused or waits."""
    moment = visit.moment()
    async with visit.open() as conn:
        balance = await seats_by_provider(conn, visit.day(moment))
        findings = await course_store.findings(conn)
    return visit.page("providers.html", balance=balance, findings=findings, moment=moment, named=NAMED)


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
        errors=defaultdict(str, {name: visit.texts.plain(text) for name, text in wrong.items()}),
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
    done = visit.warn_of(await visit.act_on_each(act, due))
    text = visit.texts.ngettext("Noted for %(num)s person.", "Noted for %(num)s people.", done)
    visit.web.note(visit.request, "success" if done else "info", text)
    return visit.web.back(visit.request, f"/courses/{course_id}")
