"""Answers kept under a name: saved, renamed, deleted, listed with who and when; side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.responses import Response

from services.allocation.console.context.forms import as_uuid, text_of
from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.allocation.console.questions.changes_form import sentence
from services.allocation.console.questions.pages import task_of
from services.allocation.console.questions.what_if import changes_of, names_for
from services.allocation.steering.questions import queue as tasks
from services.allocation.steering.questions.queue import Answer
from services.runtime.web.languages import msgid
from services.runtime.web.problems import not_found

router = APIRouter(include_in_schema=False)
MOST_LETTERS = 80
LEAST_COMPARED, MOST_COMPARED = 2, 3
KINDS: Mapping[str, tuple[str, str]] = {
    "what_if": ("/what-if", msgid("What if")),
    "next_course": ("/next-course", msgid("Which course next")),
    "pooling": ("/pooling", msgid("Pooling")),
    "forecast": ("/forecast", msgid("Forecast")),
}
"""Kinds of answers that can be saved: the address of their pages, and what they are called."""


def _mistake(name: str) -> str:
    if not name:
        return msgid("Please enter a name for the answer.")
    if len(name) > MOST_LETTERS:
        return msgid("Please enter at most 80 characters. Nothing was saved.")
    return ""


def _cleaned(form: FormData) -> str:
    """Read a name without control and zero-width characters."""
    return " ".join("".join(one for one in text_of(form, "name") if one.isprintable() or one == " ").split())


async def _found(visit: Visit, task: UUID) -> Answer:
    """Return an answer that can be saved, of the visitor's Kreise."""
    async with visit.open() as conn:
        found = await tasks.answer_of(conn, task)
    if found is None or found.kind not in KINDS or found.state != "done":
        raise not_found()
    return found


@router.post("/answers/{task}")
async def save(visit: CoordinatorVisit, task: UUID) -> Response:
    """Keep an answer under a name, or name it anew."""
    found = await _found(visit, task)
    back = f"{KINDS[found.kind][0]}/{task}"
    name = _cleaned(await visit.request.form())
    wrong = _mistake(name)
    if wrong:
        return visit.web.back(visit.request, back, "danger", wrong)
    async with visit.open() as conn:
        if found.saved_as is None and len(await tasks.saved(conn)) >= tasks.MOST_SAVED:
            full = msgid("There are a hundred saved answers already. Please delete one first.")
            return visit.web.back(visit.request, "/answers", "danger", full)
        if not await tasks.save(conn, task, name, visit.visitor.key, visit.context.clock.now()):
            raise not_found()
    return visit.web.back(visit.request, back, "success", "The answer is saved as “%(name)s”.", name=name)


@router.post("/answers/{task}/delete")
async def delete(visit: CoordinatorVisit, task: UUID) -> Response:
    """Delete a saved answer for good; one that somebody else has deleted meanwhile is gone as well."""
    async with visit.open() as conn:
        gone = await tasks.delete(conn, task)
    if gone:
        return visit.web.back(visit.request, "/answers", "success", "The answer is deleted.")
    return visit.web.back(visit.request, "/answers", "info", "This answer is not there any more.")


@router.get("/answers")
async def saved(visit: CoordinatorVisit) -> Response:
    """List the saved answers, the last saved one first."""
    return await _list(visit)


async def _list(visit: Visit, wrong: str = "", chosen: Sequence[str] = ()) -> Response:
    async with visit.open() as conn:
        rows = [one for one in await tasks.saved(conn) if one.kind in KINDS]
        every = [change.get("course") for one in rows for change in changes_of(one)]
        names = await names_for(visit, conn, every)
    return visit.page(
        "answers.html",
        422 if wrong else 200,
        rows=rows,
        kinds=KINDS,
        actor=visit.actor,
        said=lambda one: [sentence(visit.texts, change, names) for change in changes_of(one)],
        wrong=wrong,
        chosen=chosen,
    )


@router.get("/what-if/compare")
async def compare(visit: CoordinatorVisit) -> Response:
    """Show two or three what-if answers in one table."""
    asked = list(dict.fromkeys(visit.request.query_params.getlist("task")))
    ids = [id_ for one in asked if (id_ := as_uuid(one)) is not None]
    if len(ids) != len(asked) or not LEAST_COMPARED <= len(ids) <= MOST_COMPARED:
        return await _list(
            visit, visit.texts.gettext("Please choose two or three answers to compare."), asked
        )
    async with visit.open() as conn:
        found = [await task_of(conn, task, "what_if") for task in ids]
        names = await names_for(
            visit, conn, [one.get("course") for each in found for one in changes_of(each)]
        )
    if any(one.state != "done" for one in found):
        return await _list(visit, visit.texts.gettext("One of these answers is still to come."), asked)
    return visit.page(
        "what-if-compare.html",
        found=found,
        results=[one.result or {} for one in found],
        said=[[sentence(visit.texts, change, names) for change in changes_of(one)] for one in found],
        same=len({(one.snapshot, _basis(one.result or {})) for one in found}) == 1,
    )


def _basis(result: Mapping[str, Any]) -> str:
    """Return what an answer was compared with: the people and places without any change."""
    before: Mapping[str, Any] = result.get("before", {})
    return f"{before.get('people')}/{before.get('placed')}/{before.get('waiting_days')}"
