"""Asks questions to the engine for pages, waits for answers, words failures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from starlette.responses import RedirectResponse, Response

from schemas.days import local_day
from services.allocation.console.context.visit import Visit
from services.allocation.console.questions import store as analysis_store
from services.allocation.console.questions.changes_form import FAILED, said
from services.allocation.steering.questions import queue as tasks
from services.allocation.steering.questions.queue import Answer, Durations
from services.runtime.web.languages import Texts
from services.runtime.web.problems import not_found

WAIT_SECONDS = "2"


@dataclass(frozen=True, slots=True)
class Seen:
    """The question a page shows: none yet, under way, failed in words, or answered."""

    found: Answer | None
    ahead: int = 0
    """Questions whose turn comes before."""
    failed: str = ""
    of_today: bool = True
    """Whether it was asked on the day of the page."""
    takes: Durations | None = None
    """How long the last answers of the kind took; None: none was measured."""

    @property
    def under_way(self) -> bool:
        """Return whether the answer is still to come."""
        return self.found is not None and self.found.under_way

    @property
    def done(self) -> bool:
        """Return whether there is an answer."""
        return self.found is not None and self.found.state == "done"

    @property
    def result(self) -> Mapping[str, Any]:
        """The answer; empty if there is none."""
        return self.found.result or {} if self.found is not None and self.found.state == "done" else {}


def refreshed(answer: Response, seen: Seen) -> Response:
    """Let the browser ask again while an answer is still to come."""
    if seen.under_way:
        answer.headers["Refresh"] = WAIT_SECONDS
    return answer


def failure(texts: Texts, found: Answer, known: Mapping[str, str] | None = None) -> str:
    """Return why there is no answer, and what to do; `known`: texts for codes of this kind of question."""
    if found.state != "failed":
        return ""
    wrong = found.result if found.failed_code == "question_wrong" else None
    if wrong is None:
        return texts.plain(FAILED.get(found.failed_code or "", FAILED["not_computed"]))
    told = (known or {}).get(wrong["code"])
    return said(texts, wrong["code"], wrong["params"]) if told is None else texts.plain(told)


async def ask(visit: Visit, kind: str, question: Mapping[str, Any], address: str) -> Response:
    """Ask the engine, and lead to the page on which the answer will be."""
    async with visit.open() as conn:
        now = visit.context.clock.now()
        task = await tasks.ask(conn, visit.kreis, kind, question, visit.visitor.key, now)
    return RedirectResponse(f"{address}/{task}", 303)


async def task_of(conn: asyncpg.Connection, task: UUID, kind: str) -> Answer:
    """Return a question of a kind of the visitor's Kreise."""
    found = await tasks.answer_of(conn, task)
    if found is None or found.kind != kind:
        raise not_found()
    return found


async def seen_of(
    visit: Visit, kind: str, task: UUID | None = None, known: Mapping[str, str] | None = None
) -> Seen:
    """Return the question of the address, else the latest one of the kind."""
    async with visit.open() as conn:
        if task is not None:
            found = await task_of(conn, task, kind)
        else:
            latest = await tasks.latest(conn, kind, 1)
            if not latest:
                return Seen(None)
            found = latest[0]
        takes = await tasks.durations(conn, kind) if found.under_way else None
        ahead = await analysis_store.ahead_of(conn, found.id) if found.under_way else 0
    of_today = local_day(found.asked_at) == visit.moment().today
    return Seen(found, ahead, failure(visit.texts, found, known), of_today, takes)
