"""Answers the console's JSON API of questions to the engine and of mergers; docs/console-api.md lists it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.codes import CourseType
from services.allocation.acts.mergers import NotMergedError
from services.allocation.console.context.api import Grounds
from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.allocation.console.questions.changes_form import said
from services.allocation.console.questions.pages import failure, task_of
from services.allocation.console.questions.suggestions import MOST_SEATS, OLD, decide_merger
from services.allocation.steering.questions import queue as tasks
from services.allocation.steering.questions.changes import MOST_CHANGES, ChangeError, parse_all
from services.allocation.steering.questions.queue import Answer
from services.runtime.web.languages import Texts
from services.runtime.web.problems import PageError, status_text
from services.texts.reasons import REFUSALS

router = APIRouter(prefix="/api/v1", tags=["console"])
Kind = Literal["what_if", "next_course", "pooling", "forecast"]
Limit = Annotated[int, Query(ge=1, le=tasks.KEPT)]
Weeks = Annotated[int, Field(ge=4, le=52)]


class Question(BaseModel):
    """What may stand in a question; fields that nobody knows are refused."""

    model_config = ConfigDict(extra="forbid")


class WhatIf(Question):
    """Changes as documents (docs/console-api.md)."""

    changes: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MOST_CHANGES)]


class NextCourse(Question):
    """What kind of course is looked for; every list empty: whatever the waiting list wants."""

    course_types: list[CourseType] = []
    towns: list[Annotated[str, Field(pattern=r"^\d{8}$")]] = []
    start_weeks: Annotated[list[Weeks], Field(min_length=1, max_length=6)] = [4, 8, 12]
    seats: Annotated[int, Field(ge=1, le=MOST_SEATS)] | None = None


class Pooling(Question):
    """How far apart the starts of parallel courses lie at most."""

    days_apart: Annotated[int, Field(ge=0, le=120)] = 28


QUESTIONS: Mapping[Kind, type[Question]] = {
    "what_if": WhatIf,
    "next_course": NextCourse,
    "pooling": Pooling,
    "forecast": Question,
}


class Asked(BaseModel):
    """A question and what has become of it; `result` once it is done, `detail` if it failed."""

    task: UUID
    kind: str
    state: str
    question: dict[str, Any]
    asked_at: datetime
    finished_at: datetime | None
    result: dict[str, Any] | None = None
    code: str | None = None
    detail: str = ""


class MergerDecided(BaseModel):
    """The merger is decided; steering proposes the people to the course that stays."""

    ok: Literal[True] = True
    decision: UUID
    host: UUID


def _asked(texts: Texts, found: Answer, *, whole: bool = True) -> Asked:
    done = found.state == "done"
    return Asked(
        task=found.id,
        kind=found.kind,
        state=found.state,
        question=dict(found.question),
        asked_at=found.asked_at,
        finished_at=found.finished_at,
        result=dict(found.result or {}) if done and whole else None,
        code=found.failed_code,
        detail=failure(texts, found),
    )


@router.post("/questions/{kind}", status_code=202)
async def ask(visit: CoordinatorVisit, kind: Kind, body: dict[str, Any]) -> Asked:
    """Put a question to the engine; the answer comes at `GET /questions/{kind}/{task}`."""
    return await put_question(visit, kind, QUESTIONS[kind], body)


async def put_question(visit: Visit, kind: str, model: type[Question], body: Mapping[str, Any]) -> Asked:
    """Check a question against its kind's model, and put it to the engine.

    Raises:
        RequestValidationError: the body does not fit the model.
        PageError: 422, a change in it cannot be understood.
    """
    try:
        question = model.model_validate(dict(body)).model_dump(mode="json", exclude_unset=True)
        parse_all(question.get("changes", []))
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False, include_context=False)
        raise RequestValidationError([one | {"loc": ("body", *one["loc"])} for one in errors]) from error
    except ChangeError as error:
        raise PageError(422, error.code, said(visit.texts, error.code, error.params)) from error
    async with visit.open() as conn:
        now = visit.context.clock.now()
        task = await tasks.ask(conn, visit.kreis, kind, question, visit.visitor.key, now)
        return _asked(visit.texts, await task_of(conn, task, kind))


@router.get("/questions/{kind}")
async def asked_before(visit: CoordinatorVisit, kind: Kind, limit: Limit = 10) -> list[Asked]:
    """List the latest questions of a kind without their answers, the last one first."""
    return await latest_questions(visit, kind, limit)


async def latest_questions(visit: Visit, kind: str, limit: int) -> list[Asked]:
    """List the latest questions of a kind without their answers, the last one first."""
    async with visit.open() as conn:
        found = await tasks.latest(conn, kind, limit)
    return [_asked(visit.texts, one, whole=False) for one in found]


@router.get("/questions/{kind}/{task}")
async def answered(visit: CoordinatorVisit, kind: Kind, task: UUID) -> Asked:
    """Return one question, with its answer once there is one."""
    return await question_of(visit, kind, task)


async def question_of(visit: Visit, kind: str, task: UUID) -> Asked:
    """Return one question, with its answer once there is one."""
    async with visit.open() as conn:
        return _asked(visit.texts, await task_of(conn, task, kind))


@router.post("/questions/pooling/{task}/{number}/merge")
async def merge(visit: CoordinatorVisit, task: UUID, number: int, grounds: Grounds) -> MergerDecided:
    """Merge what was suggested, in one step; a suggestion holds for the day on which it was asked for."""
    outcome = await decide_merger(visit, task, number, grounds.reason)
    if isinstance(outcome, NotMergedError):
        code = outcome.refusal.code
        raise PageError(409, code, OLD.get(code) or REFUSALS.get(code, status_text(409)))
    merger, merged = outcome
    return MergerDecided(decision=merged.decision, host=merger.host)
