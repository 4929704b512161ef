"""Collects the changes of `What if` on a page and shows what the engine finds different."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.responses import Response

from services.allocation.console.context import people_store as store
from services.allocation.console.context.forms import as_uuid
from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.allocation.console.policy.document import as_document
from services.allocation.console.policy.pages import in_force
from services.allocation.console.questions import store as analysis_store
from services.allocation.console.questions.changes_form import (
    KINDS,
    LABELS,
    Names,
    Wrong,
    change_of,
    collected,
    said,
    sentence,
    typed,
)
from services.allocation.console.questions.pages import ask, refreshed, seen_of
from services.allocation.figures.today import figures_of
from services.allocation.steering.questions import queue as tasks
from services.allocation.steering.questions.changes import MOST_CHANGES, ChangeError
from services.allocation.steering.questions.queue import Answer
from services.texts.codes import options

router = APIRouter(include_in_schema=False)
SHOWN_PEOPLE = 100
SHOWN_TASKS = 10


async def names_for(visit: Visit, conn: asyncpg.Connection, courses: Iterable[object]) -> Names:
    """Read how some courses are called: title, provider, town, first day."""
    ids = {id_ for one in courses if (id_ := as_uuid(one)) is not None}
    rows = await analysis_store.course_names(conn, sorted(ids))
    return Names({str(row["course"]): _called(visit, row) for row in rows}, visit.place)


def _called(visit: Visit, row: asyncpg.Record) -> str:
    town = visit.places.name(row["town"]) or ""
    number = visit.texts.gettext("no. %(number)s", number=row["course_number"])
    title = f"{row['title']} ({number})"
    parts = [title, row["provider"], town, visit.texts.date(row["starts_on"])]
    return ", ".join(part for part in parts if part)


@router.get("/what-if")
async def what_if(visit: CoordinatorVisit) -> Response:
    """Show the forms, with nothing collected yet."""
    return await _collect(visit, [])


@router.post("/what-if")
async def collect(visit: CoordinatorVisit) -> Response:
    """Add a change, take one back, or ask; the changes so far travel with the form."""
    form = await visit.request.form()
    try:
        changes = collected(form)
    except ChangeError as error:
        return await _collect(visit, [], Wrong("", said(visit.texts, error.code, error.params)))
    pressed, _, which = str(form.get("do") or "").partition(":")
    if pressed == "ask":
        if changes:
            return await ask(visit, "what_if", {"changes": list(changes)}, "/what-if")
        wrong = Wrong("", visit.texts.gettext("Please add at least one change first."))
        return await _collect(visit, changes, wrong)
    if pressed == "drop" and which.isdecimal() and int(which) < len(changes):
        del changes[int(which)]
    if pressed == "add" and which in KINDS:
        return await _add(visit, changes, form, which)
    return await _collect(visit, changes)


async def _add(visit: Visit, changes: list[dict[str, Any]], form: FormData, kind: str) -> Response:
    if len(changes) >= MOST_CHANGES:
        text = said(visit.texts, "too_many_changes", {"most": str(MOST_CHANGES)})
        return await _collect(visit, changes, Wrong(kind, text, typed(form, kind)))
    change = change_of(
        typed(form, kind),
        kind,
        kreis=visit.kreis,
        book=visit.context.rulebook,
        texts=visit.texts,
        today=visit.moment().today,
    )
    if isinstance(change, Wrong):
        return await _collect(visit, changes, change)
    return await _collect(visit, [*changes, change])


async def _collect(
    visit: Visit, changes: Sequence[Mapping[str, Any]], wrong: Wrong | None = None
) -> Response:
    moment, texts = visit.moment(), visit.texts
    async with visit.open() as conn:
        courses = await analysis_store.courses_to_change(conn, moment.today)
        before = await tasks.latest(conn, "what_if", SHOWN_TASKS)
        every = [*(change for one in before for change in changes_of(one)), *changes]
        names = await names_for(visit, conn, [change.get("course") for change in every])
    holds = in_force(visit.context.policies, visit.kreis, moment.today).policy
    document = as_document(visit.texts, holds, moment.today, holds.source) if holds else ""
    return visit.page(
        "what-if.html",
        422 if wrong else 200,
        changes=[sentence(texts, change, names) for change in changes],
        carried=orjson.dumps(list(changes)).decode(),
        before=[(one, [sentence(texts, change, names) for change in changes_of(one)]) for one in before],
        courses=[(row["course"], _called(visit, row)) for row in courses],
        types=[one for one in options(texts, "course_type") if one[0] in moment.rules.course_types],
        towns=[(town.ags, town.label) for town in visit.places.of([visit.kreis], moment.today)],
        times=options(texts, "time_of_day"),
        kinds=KINDS,
        labels=LABELS,
        wrong=wrong or Wrong("", ""),
        document=document,
        earliest=moment.today + timedelta(weeks=4),
    )


def changes_of(one: Answer) -> Sequence[Mapping[str, Any]]:
    """Return the changes that a what-if question tried; other kinds have none."""
    found: Sequence[Mapping[str, Any]] = one.question.get("changes", ())
    return found


@router.get("/what-if/{task}")
async def what_if_answer(visit: CoordinatorVisit, task: UUID) -> Response:
    """Show what would be different, or that it is still being computed."""
    seen = await seen_of(visit, "what_if", task)
    assert seen.found is not None  # noqa: S101 - the task of the address
    result, changes = seen.result, changes_of(seen.found)
    async with visit.open() as conn:
        names = await names_for(visit, conn, [*(one.get("course") for one in changes), *courses_in(result)])
        references = await store.references(conn, [UUID(person) for person in people_in(result)])
        figures = await figures_of(conn, visit.day(visit.moment())) if seen.done else None
    answer = visit.page(
        "what-if-answer.html",
        seen=seen,
        found=seen.found,
        changes=[sentence(visit.texts, change, names) for change in changes],
        carried=orjson.dumps(list(changes)).decode(),
        result=result,
        added={str(id_): text for id_, text in _added(visit, result).items()},
        names=names,
        references={str(person): reference for person, reference in references.items()},
        shown=SHOWN_PEOPLE,
        figures=figures,
    )
    return refreshed(answer, seen)


def courses_in(result: Mapping[str, Any]) -> Sequence[str]:
    """Return the courses that a difference speaks of."""
    people = [one for some in result.get("people", {}).values() for one in some]
    places = [side for one in people for side in (one["from"], one["to"]) if side]
    courses = result.get("courses", {})
    named = [one["course"] for kind in ("start", "close") for one in courses.get(kind, ())]
    return [*named, *(place["course"] for place in places)]


def people_in(result: Mapping[str, Any]) -> Sequence[str]:
    """Return the people of a difference that a page shows."""
    wanted = [one["person"] for some in result.get("people", {}).values() for one in some[:SHOWN_PEOPLE]]
    lapsing = result.get("lapsing", {})
    return wanted + [
        one["person"] for kind in ("saved", "lost") for one in lapsing.get(kind, ())[:SHOWN_PEOPLE]
    ]


def _added(visit: Visit, result: Mapping[str, Any]) -> dict[str, str]:
    """Return the courses that exist only in the question."""
    found = {}
    for kind in ("start", "close"):
        for one in result.get("courses", {}).get(kind, ()):
            if one["provider"] == "new":
                found[one["course"]] = visit.texts.gettext("the new course")
    return found
