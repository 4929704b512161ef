"""`Which course next` and `Pooling`: what the engine suggests; merging is one step with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from fastapi import APIRouter
from starlette.responses import Response

from services.allocation.acts.change_course import Changed
from services.allocation.console.context import people_store as store
from services.allocation.console.context.page import decide
from services.allocation.console.policy.pages import AtDesk, Here
from services.allocation.console.proposals.decisions import reason_wrong
from services.allocation.console.questions import store as analysis_store
from services.allocation.console.questions.changes_form import new_course
from services.allocation.console.questions.pages import ask, refreshed, seen_of, task_of
from services.allocation.console.questions.what_if import names_for
from services.allocation.placements.domain import Refusal
from services.allocation.steering.questions import mergers as merging
from services.allocation.steering.questions.mergers import Merged, Merger, NotMergedError
from services.runtime.web.languages import Texts, msgid
from services.runtime.web.tables import csv_answer
from services.texts.codes import options
from services.texts.reasons import RULES, refusal

router = APIRouter(include_in_schema=False)
SHOWN_MERGERS = 20
MOST_SEATS = 100
"""Of a course that could be offered, as the question allows."""
OLD = {
    "suggestion_old": msgid("This suggestion is of another day. Please have it computed anew."),
    "suggestion_unknown": msgid("There is no such suggestion any more. Please have it computed anew."),
}


@router.get("/next-course")
async def next_course(here: AtDesk) -> Response:
    """Show the latest ranked list, and how to have a new one."""
    return await _next_course(here, None)


@router.get("/next-course/{task}.csv")
async def next_course_csv(here: AtDesk, task: UUID) -> Response:
    """The ranked list as a file."""
    seen, texts = await seen_of(here, "next_course", task), here.texts
    heads = [
        msgid("Rank"),
        msgid("Course"),
        msgid("More people placed"),
        msgid("Their days of waiting"),
        msgid("People in it"),
        msgid("Minimum"),
        msgid("Starts"),
        msgid("What they lacked"),
    ]
    ranked = seen.result.get("ranked", ())
    async with here.open() as conn:
        names = await names_for(here, conn, [])
    lines = [
        (
            place,
            new_course(texts, one["change"], names),
            one["gain"],
            one["waiting_days"],
            one["sitting"],
            one["minimum"],
            texts.plain(msgid("yes") if one["viable"] else msgid("no")),
            "; ".join(lacked(texts, one["remedies"])),
        )
        for place, one in enumerate(ranked, 1)
    ]
    return csv_answer("next-course", [texts.plain(head) for head in heads], lines)


@router.get("/next-course/{task}")
async def next_course_answer(here: AtDesk, task: UUID) -> Response:
    """Show one ranked list, or that it is still being computed."""
    return await _next_course(here, task)


@router.post("/next-course")
async def ask_next_course(here: AtDesk) -> Response:
    """Ask for a ranked list."""
    form = await here.request.form()
    typed = Typed(str(form.get("course_type") or ""), str(form.get("seats") or "").strip())
    question: dict[str, Any] = {}
    if typed.course_type in here.desk.moment().rules.course_types:
        question["course_types"] = [typed.course_type]
    if typed.seats:
        if not typed.seats.isdecimal() or not 1 <= int(typed.seats[:4]) <= MOST_SEATS:
            wrong = here.texts.gettext("Please enter 1 to %(most)s seats, or nothing.", most=MOST_SEATS)
            return await _next_course(here, None, replace(typed, wrong=wrong))
        question["seats"] = int(typed.seats)
    return await ask(here, "next_course", question, "/next-course")


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed into the form of `Which course next`, and what is wrong with it."""

    course_type: str = ""
    seats: str = ""
    wrong: str = ""


async def _next_course(here: Here, task: UUID | None, typed: Typed | None = None) -> Response:
    seen, texts, rules = await seen_of(here, "next_course", task), here.texts, here.desk.moment().rules
    async with here.open() as conn:
        names = await names_for(here, conn, [])
    asked = {} if seen.found is None else seen.found.question
    typed = typed or Typed(
        str(here.request.query_params.get("course_type") or next(iter(asked.get("course_types", ())), "")),
        str(asked.get("seats", "")),
    )
    answer = here.web.page(
        here.request,
        "next-course.html",
        422 if typed.wrong else 200,
        seen=seen,
        found=seen.found,
        typed=typed,
        result=seen.result,
        ranked=[
            (
                one,
                new_course(texts, one["change"], names),
                lacked(texts, one["remedies"]),
                orjson.dumps([one["change"]]).decode(),
            )
            for one in seen.result.get("ranked", ())
        ],
        types=[one for one in options(texts, "course_type") if one[0] in rules.course_types],
    )
    return refreshed(answer, seen)


def lacked(texts: Texts, remedies: Mapping[str, int]) -> list[str]:
    """Say what people lacked: a seat, or the rules that the nearest course failed."""
    return [f"{_rules(texts, rules)}: {count}" for rules, count in remedies.items()]


def _rules(texts: Texts, rules: str) -> str:
    words = {"seat": msgid("a free seat")} | dict(RULES)
    return " + ".join(texts.plain(words.get(rule, rule)) for rule in rules.split(","))


@router.get("/pooling")
async def pooling(here: AtDesk) -> Response:
    """Show the latest suggestions, and how to have new ones."""
    return await _pooling(here, None)


@router.get("/pooling/{task}")
async def pooling_answer(here: AtDesk, task: UUID) -> Response:
    """Show suggestions, or that they are still being computed."""
    return await _pooling(here, task)


@router.post("/pooling")
async def ask_pooling(here: AtDesk) -> Response:
    """Ask for suggestions."""
    return await ask(here, "pooling", {}, "/pooling")


@router.post("/pooling/{task}/{number}")
async def merge(here: AtDesk, task: UUID, number: int) -> Response:
    """Merge what was suggested: the weak courses do not start, and steering is asked for at once."""
    form = await here.request.form()
    reason = str(form.get("reason") or "").strip()
    wrong = reason_wrong(reason)
    if wrong:
        return await _pooling(here, task, number, here.texts.plain(wrong), reason)
    outcome = await decide_merger(here, task, number, reason)
    if isinstance(outcome, Refusal):
        old = OLD.get(outcome.code)
        here.web.note(
            here.request, "warning", here.texts.plain(old) if old else refusal(here.texts, outcome.code)
        )
        return here.web.back(here.request, "/pooling")
    done = msgid("The courses are merged. Steering now proposes the people to the course that stays.")
    return here.web.back(here.request, f"/courses/{outcome[0].host}", "success", done)


@router.post("/pooling/merged/{decision}/undo")
async def undo(here: AtDesk, decision: UUID) -> Response:
    """Let the closed courses go on; who has not answered has the old seat again."""
    form = await here.request.form()
    reason, now = str(form.get("reason") or "").strip(), here.desk.clock.now()
    wrong = reason_wrong(reason)
    if wrong:
        here.web.note(here.request, "warning", here.texts.plain(wrong))
        return here.web.back(here.request, "/pooling")

    async def step(conn: asyncpg.Connection) -> Changed:
        return await merging.undo(here.desk.overrides, conn, decision, here.visitor.key, reason, now)

    try:
        await decide(here.desk, here.visitor, step)
    except NotMergedError as error:
        here.web.note(here.request, "warning", refusal(here.texts, error.refusal.code))
        return here.web.back(here.request, "/pooling")
    done = msgid("The merger is undone. Who had not answered yet has the old seat again.")
    return here.web.back(here.request, "/pooling", "success", done)


async def decide_merger(here: Here, task: UUID, number: int, reason: str) -> tuple[Merger, Merged] | Refusal:
    """Merge what was suggested, with the visitor's reason; a refusal has changed nothing."""
    now = here.desk.clock.now()
    async with here.open() as conn:
        merger = merging.suggested(await task_of(conn, task, "pooling"), number, now)
    if isinstance(merger, Refusal):
        return merger

    async def step(conn: asyncpg.Connection) -> Merged:
        return await merging.merge(here.desk.overrides, conn, merger, here.visitor.key, reason, now)

    try:
        return merger, await decide(here.desk, here.visitor, step)
    except NotMergedError as error:
        return error.refusal


async def _pooling(
    here: Here, task: UUID | None, number: int = -1, error: str = "", entered: str = ""
) -> Response:
    seen = await seen_of(here, "pooling", task)
    result = seen.result
    suggestions: Sequence[Mapping[str, Any]] = result.get("suggestions", ())
    async with here.open() as conn:
        before = await analysis_store.merged_before(conn, SHOWN_MERGERS)
        closed = [one for row in before for one in row["closed"]]
        named = [course["course"] for one in suggestions for course in (one["host"], *one["closed"])]
        named += [one["course"] for one in result.get("weak", ())]
        names = await names_for(here, conn, [*named, *closed])
        offered = [UUID(course["course"]) for one in suggestions for course in (one["host"], *one["closed"])]
        decided = await analysis_store.closed_by_decision(conn, offered)
        ways = [way for one in suggestions for way in (*one["ways"], *one.get("changing", ()))]
        people = [UUID(way["person"]) for way in ways]
        people += [UUID(who) for one in suggestions for who in (*one["lose"], *one.get("unsuited", ()))]
        references = await store.references(conn, people)
        providers = await store.publisher_names(conn)
    today = here.desk.moment().today
    answer = here.web.page(
        here.request,
        "pooling.html",
        422 if error else 200,
        seen=seen,
        found=seen.found,
        result=result,
        of_today=result.get("day") == today.isoformat(),
        names=names,
        against=lambda rules: _rules(here.texts, rules),
        references={str(person): reference for person, reference in references.items()},
        providers=providers,
        before=before,
        decided={str(course) for course in decided},
        actor=here.actor,
        number=number,
        error=error,
        entered=entered,
    )
    return refreshed(answer, seen)
