"""Shows `Which course next` and `Pooling`; a suggested merger is decided in one step with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from schemas.days import local_day
from services.allocation.acts.mergers import CourseSeen, Difference, Merged, Merger, Mergers, NotMergedError
from services.allocation.console.context import people_store as store
from services.allocation.console.context.forms import mistake_in_reason, text_of
from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.allocation.console.figures.needs import needs_seen
from services.allocation.console.questions import store as analysis_store
from services.allocation.console.questions.changes_form import new_course
from services.allocation.console.questions.pages import ask, refreshed, seen_of, task_of
from services.allocation.console.questions.shortages import shortages_of
from services.allocation.console.questions.what_if import names_for
from services.allocation.placements.domain import Refusal
from services.allocation.steering.questions.queue import Answer
from services.runtime.web.languages import Texts, msgid
from services.runtime.web.tables import csv_answer
from services.texts.codes import options
from services.texts.reasons import RULES, refusal

router = APIRouter(include_in_schema=False)
SHOWN_MERGERS = 20
MOST_NAMED = 20
"""People named in one message; the page lists all of them."""
MOST_SEATS = 100
"""Of a course that could be offered, as the question allows."""
OLD = {
    "suggestion_old": msgid("This suggestion is of another day. Please have it computed anew."),
    "suggestion_unknown": msgid("There is no such suggestion any more. Please have it computed anew."),
    "suggestion_changed": msgid(
        "Nothing was merged: what the suggestion rests on has changed. Please have it computed anew."
    ),
}
CHANGED = {
    "course": msgid("%(course)s was changed by its provider."),
    "seats": msgid("Seats of %(course)s were taken or given back."),
    "came": msgid("%(person)s has a seat in %(course)s now."),
    "gone": msgid("%(person)s no longer has a seat in %(course)s that could be moved."),
    "waits": msgid("%(person)s no longer waits as counted."),
    "excluded": msgid("%(person)s may not come to the course that stays."),
}
"""What can have changed since a merger was computed, by the code of the difference."""


UNMERGED = {
    "no_parallel": msgid(
        "No other course below its minimum is parallel: same type and entry, a time of day in "
        "common, starts at most "
        "%(days)s days apart. Of the same type are %(courses)s others below their minimum."
    ),
    "others_merged": msgid("Parallel courses are merged in a suggestion above without this one."),
    "no_room": msgid("No parallel course has room for those who have a seat already."),
    "too_few": msgid(
        "Together with parallel courses at most %(people)s people; it needs at least %(minimum)s."
    ),
    "no_gain": msgid(
        "Its mergers were computed; with none of them would more people sit in courses that take place."
    ),
    "not_tried": msgid("Not all of its mergers could be computed."),
}
"""Why a course below its minimum stands in no suggestion, by the code that the computation gave."""


@router.get("/next-course")
async def next_course(visit: CoordinatorVisit) -> Response:
    """Show the latest ranked list, and how to have a new one."""
    return await _next_course(visit, None)


@router.get("/next-course/{task}.csv")
async def next_course_csv(visit: CoordinatorVisit, task: UUID) -> Response:
    """The ranked list as a file."""
    seen, texts = await seen_of(visit, "next_course", task), visit.texts
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
    async with visit.open() as conn:
        names = await names_for(visit, conn, [])
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
async def next_course_answer(visit: CoordinatorVisit, task: UUID) -> Response:
    """Show one ranked list, or that it is still being computed."""
    return await _next_course(visit, task)


@router.post("/next-course")
async def ask_next_course(visit: CoordinatorVisit) -> Response:
    """Ask for a ranked list."""
    form = await visit.request.form()
    typed = Typed(str(form.get("course_type") or ""), str(form.get("seats") or "").strip())
    question: dict[str, Any] = {}
    if typed.course_type in visit.moment().rules.course_types:
        question["course_types"] = [typed.course_type]
    if typed.seats:
        if not typed.seats.isdecimal() or not 1 <= int(typed.seats[:4]) <= MOST_SEATS:
            wrong = visit.texts.gettext("Please enter 1 to %(most)s seats, or nothing.", most=MOST_SEATS)
            return await _next_course(visit, None, replace(typed, wrong=wrong))
        question["seats"] = int(typed.seats)
    return await ask(visit, "next_course", question, "/next-course")


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed into the form of `Which course next`, and what is wrong with it."""

    course_type: str = ""
    seats: str = ""
    wrong: str = ""


async def _next_course(visit: Visit, task: UUID | None, typed: Typed | None = None) -> Response:
    seen, texts, rules = await seen_of(visit, "next_course", task), visit.texts, visit.moment().rules
    shortages = await shortages_of(visit, seen.result) if seen.done else None
    async with visit.open() as conn:
        names = await names_for(visit, conn, [])
        needs = await needs_seen(visit, conn)
    asked = {} if seen.found is None else seen.found.question
    typed = typed or Typed(
        str(visit.request.query_params.get("course_type") or next(iter(asked.get("course_types", ())), "")),
        str(asked.get("seats", "")),
    )
    answer = visit.page(
        "next-course.html",
        422 if typed.wrong else 200,
        seen=seen,
        found=seen.found,
        typed=typed,
        result=seen.result,
        shortages=shortages,
        needs=needs,
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


def _unmerged(texts: Texts, why: Mapping[str, Any] | None) -> str:
    """Word why a course stands in no suggestion; empty if it does, or if the answer is older than reasons."""
    if not why:
        return ""
    message = UNMERGED[why["code"]]
    return texts.plain(message) % why


def lacked(texts: Texts, remedies: Mapping[str, int]) -> list[str]:
    """Return what people lacked: a seat, or the rules that the nearest course failed."""
    return [f"{_rules(texts, rules)}: {count}" for rules, count in remedies.items()]


def _rules(texts: Texts, rules: str) -> str:
    words = {"seat": msgid("a free seat")} | dict(RULES)
    return " + ".join(texts.plain(words.get(rule, rule)) for rule in rules.split(","))


@router.get("/pooling")
async def pooling(visit: CoordinatorVisit) -> Response:
    """Show the latest suggestions, and how to have new ones."""
    return await _pooling(visit, None)


@router.get("/pooling/{task}")
async def pooling_answer(visit: CoordinatorVisit, task: UUID) -> Response:
    """Show suggestions, or that they are still being computed."""
    return await _pooling(visit, task)


@router.post("/pooling")
async def ask_pooling(visit: CoordinatorVisit) -> Response:
    """Ask for suggestions."""
    return await ask(visit, "pooling", {}, "/pooling")


@router.post("/pooling/{task}/{number}")
async def merge(visit: CoordinatorVisit, task: UUID, number: int) -> Response:
    """Merge what was suggested: the weak courses do not start, and steering is asked for at once."""
    form = await visit.request.form()
    reason = text_of(form, "reason")
    wrong = mistake_in_reason(reason)
    if wrong:
        return await _pooling(visit, task, number, error=visit.texts.plain(wrong), entered=reason)
    outcome = await decide_merger(visit, task, number, reason)
    if isinstance(outcome, NotMergedError):
        code = outcome.refusal.code
        old, said = OLD.get(code), await _changed(visit, outcome.differences)
        words = visit.texts.plain(old) if old else refusal(visit.texts, code)
        visit.web.note(visit.request, "warning", " ".join([words, *said]))
        return visit.web.back(visit.request, "/pooling")
    merger, merged = outcome
    done = msgid("The courses are merged. Steering now proposes the people to the course that stays.")
    if merged.stayed:
        visit.web.note(visit.request, "warning", await _stayed(visit, merger, merged))
        return visit.web.back(visit.request, "/pooling", "success", done)
    return visit.web.back(visit.request, f"/courses/{merger.host}", "success", done)


async def _stayed(visit: Visit, merger: Merger, merged: Merged) -> str:
    """Name who keeps a seat in a course that does not start, with the rules against the one that stays."""
    async with visit.open() as conn:
        references = await store.references(conn, merged.stayed)
    named = [
        f"{references.get(person, str(person)[:8])}: {_rules(visit.texts, merger.unsuited.get(person, ''))}"
        for person in merged.stayed[:MOST_NAMED]
    ]
    if len(merged.stayed) > MOST_NAMED:
        named.append("…")
    return visit.texts.gettext(
        "Keep the seat in a course that does not start, because the course that stays is out of the "
        "question: %(people)s. They are listed below as well.",
        people="; ".join(named),
    )


async def _changed(visit: Visit, differences: Sequence[Difference]) -> list[str]:
    """Say what has changed since a merger was computed, one sentence for each difference."""
    courses = {one.course for one in differences if one.course is not None}
    people = {one.participant for one in differences if one.participant is not None}
    async with visit.open() as conn:
        names = await names_for(visit, conn, [str(course) for course in courses])
        references = await store.references(conn, sorted(people))
    return [
        visit.texts.gettext(
            CHANGED[one.code],
            course=names.course(str(one.course)) if one.course else "",
            person=""
            if one.participant is None
            else references.get(one.participant, str(one.participant)[:8]),
        )
        for one in differences
    ]


@router.post("/pooling/merged/{decision}/undo")
async def undo(visit: CoordinatorVisit, decision: UUID) -> Response:
    """Let the closed courses go on; who has not answered has the old seat again."""
    form = await visit.request.form()
    reason = text_of(form, "reason")
    wrong = mistake_in_reason(reason)
    if wrong:
        return await _pooling(visit, None, error=visit.texts.plain(wrong), entered=reason, undoing=decision)
    try:
        await visit.act(reason, Mergers(visit.context.overrides).undo, decision)
    except NotMergedError as error:
        visit.web.note(visit.request, "warning", refusal(visit.texts, error.refusal.code))
        return visit.web.back(visit.request, "/pooling")
    done = msgid("The merger is undone. Who had not answered yet has the old seat again.")
    return visit.web.back(visit.request, "/pooling", "success", done)


def suggested(answer: Answer, number: int, now: datetime) -> Merger | Refusal:
    """Return the suggestion of an answer; it holds for the day on which it was asked for."""
    found: list[Mapping[str, Any]] = list((answer.result or {}).get("suggestions", ()))
    if answer.kind != "pooling" or not 0 <= number < len(found):
        return Refusal("suggestion_unknown")
    if local_day(answer.asked_at) != local_day(now) or "seen" not in found[number]:
        return Refusal("suggestion_old")
    one = found[number]
    return Merger(
        answer.kreis,
        UUID(one["host"]["course"]),
        one["host"]["provider"],
        tuple((UUID(course["course"]), course["provider"]) for course in one["closed"]),
        tuple(
            CourseSeen(
                UUID(course["course"]),
                course["version"],
                course["taken"],
                frozenset(map(UUID, course["people"])),
            )
            for course in one["seen"]["courses"]
        ),
        tuple((UUID(person), version) for person, version in one["seen"]["entering"]),
        {UUID(person): rules for person, rules in one["against"]},
    )


async def decide_merger(
    visit: Visit, task: UUID, number: int, reason: str
) -> tuple[Merger, Merged] | NotMergedError:
    """Merge what was suggested, with the visitor's reason; what is returned as not merged changed nothing."""
    now = visit.context.clock.now()
    async with visit.open() as conn:
        merger = suggested(await task_of(conn, task, "pooling"), number, now)
    if isinstance(merger, Refusal):
        return NotMergedError(merger)
    try:
        return merger, await visit.act(reason, Mergers(visit.context.overrides).merge, merger)
    except NotMergedError as error:
        return error


async def _pooling(
    visit: Visit,
    task: UUID | None,
    number: int = -1,
    *,
    error: str = "",
    entered: str = "",
    undoing: UUID | None = None,
) -> Response:
    seen = await seen_of(visit, "pooling", task)
    result = seen.result
    suggestions: Sequence[Mapping[str, Any]] = result.get("suggestions", ())
    async with visit.open() as conn:
        before = await analysis_store.merged_before(conn, SHOWN_MERGERS)
        closed = [one for row in before for one in row["closed"]]
        offered = [course["course"] for one in suggestions for course in (one["host"], *one["closed"])]
        weak = [one["course"] for one in result.get("weak", ())]
        names = await names_for(visit, conn, [*offered, *weak, *closed])
        decided = await analysis_store.closed_by_decision(conn, [UUID(one) for one in offered])
        ways = [way for one in suggestions for way in (*one["ways"], *one.get("changing", ()))]
        people = [UUID(way["person"]) for way in ways]
        people += [UUID(who) for one in suggestions for who in (*one["lose"], *one.get("unsuited", ()))]
        references = await store.references(conn, people)
        providers = await store.publisher_names(conn)
        left = await analysis_store.left_in_merged(conn)
    today = visit.moment().today
    answer = visit.page(
        "pooling.html",
        422 if error else 200,
        seen=seen,
        found=seen.found,
        result=result,
        of_today=result.get("day") == today.isoformat(),
        names=names,
        unmerged=lambda why: _unmerged(visit.texts, why),
        against=lambda rules: _rules(visit.texts, rules),
        references={str(person): reference for person, reference in references.items()},
        providers=providers,
        before=before,
        left=left,
        decided={str(course) for course in decided},
        actor=visit.actor,
        number=number,
        error=error,
        entered=entered,
        undoing=undoing,
    )
    return refreshed(answer, seen)
