"""Pages of the municipality's policy: what holds in words, the editor, history and audit."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from services.allocation.console.context.actors import actor_name
from services.allocation.console.context.page import Console, Coordinator, Desk, as_uuid
from services.allocation.console.policy import words as policy_words
from services.allocation.console.policy.document import as_document
from services.allocation.console.policy.help import HELP
from services.allocation.law import mistakes
from services.allocation.law.mistakes import DocumentError
from services.allocation.policy import acts as policy_steps
from services.allocation.policy import store as policy_store
from services.allocation.policy import travel_store
from services.allocation.policy.check import check_own
from services.allocation.policy.current import Holding, PolicyBook
from services.allocation.policy.domain import Policy, local_day
from services.allocation.policy.store import Version
from services.runtime.web.languages import Texts, msgid
from services.runtime.web.pages import Web, web_of
from services.runtime.web.problems import not_found
from services.runtime.web.visitors import Visitor

router = APIRouter(include_in_schema=False)


def book_of(request: Request) -> PolicyBook:
    """Return the policies that hold in this process."""
    found = request.app.state.policies
    assert isinstance(found, PolicyBook)  # noqa: S101 - set by create_console
    return found


@dataclass(frozen=True, slots=True)
class Here:
    """What a page of policies works with."""

    request: Request
    desk: Console
    book: PolicyBook
    visitor: Visitor

    @property
    def web(self) -> Web:
        """The page tools."""
        return web_of(self.request)

    @property
    def texts(self) -> Texts:
        """The visitor's language."""
        return self.web.texts(self.request)

    @property
    def kreis(self) -> str:
        """The Kreis of the page: the one asked for if it is one of the visitor's, else the first."""
        asked = self.request.query_params.get("kreis", "")
        if not self.visitor.kreise:
            raise not_found()
        return asked if asked in self.visitor.kreise else self.visitor.kreise[0]

    def open(self) -> AbstractAsyncContextManager[asyncpg.Connection]:
        """Begin a transaction that sees the visitor's Kreise only."""
        return self.desk.open(self.visitor)

    def actor(self, actor: str) -> str:
        """Say who somebody in the history is."""
        return actor_name(self.web, self.request, actor, {})


def here_of(
    request: Request,
    desk: Desk,
    visitor: Coordinator,
    book: Annotated[PolicyBook, Depends(book_of)],
) -> Here:
    """Put together what a page of policies works with."""
    return Here(request, desk, book, visitor)


AtDesk = Annotated[Here, Depends(here_of)]


@dataclass(frozen=True, slots=True)
class InForce:
    """The policy that holds on a day, and the version it comes from (None: the installation's file)."""

    policy: Policy | None
    holding: Holding | None


def in_force(book: PolicyBook, kreis: str, day: date) -> InForce:
    """Look up what holds; a Kreis for which nothing was decided has none."""
    try:
        return InForce(book.on(kreis, day), book.holding(kreis, day))
    except LookupError:
        return InForce(None, None)


@router.get("/policy")
async def policy_page(here: AtDesk) -> Response:
    """Show the policy in force in words, what waits for a decision, history, audit and travel times."""
    return await show(here)


async def show(here: Here, travel_mistakes: Sequence[str] = ()) -> Response:
    """Render the page; an upload of travel times repeats it with what is wrong."""
    moment = here.desk.moment()
    now_holds = in_force(here.book, here.kreis, moment.today)
    async with here.open() as conn:
        versions = await policy_store.versions(conn, here.kreis)
        events = await policy_store.events(conn, here.kreis)
        tables = await travel_store.history(conn, here.kreis)
    return here.web.page(
        here.request,
        "policy.html",
        422 if travel_mistakes else 200,
        kreis=here.kreis,
        moment=moment,
        policy=now_holds.policy,
        holding=now_holds.holding,
        parts=policy_words.parts(here.texts, now_holds.policy) if now_holds.policy else (),
        versions=versions,
        unreadable=here.book.unreadable,
        events=events,
        tables=tables,
        travel_mistakes=travel_mistakes,
        actor=here.actor,
    )


@router.get("/policy/edit")
async def edit_page(here: AtDesk) -> Response:
    """Show a document to change: a version's, or that of the policy in force."""
    today = here.desk.moment().today
    version = await version_asked(here, str(here.request.query_params.get("from") or ""))
    if version is not None:
        return editor(here, version.document, based_on=version)
    holds = in_force(here.book, here.kreis, today)
    if holds.policy is None:
        raise not_found()
    source = here.texts.gettext("Decision of …")
    return editor(here, as_document(here.texts, holds.policy, today + timedelta(days=1), source))


async def version_asked(here: Here, text: str) -> Version | None:
    """Read the version that a document starts from; None: from none."""
    asked = as_uuid(text)
    if asked is None:
        return None
    async with here.open() as conn:
        return await version_of(conn, asked)


async def version_of(conn: asyncpg.Connection, one: UUID) -> Version:
    """Read a version of the visitor's Kreise."""
    found = await policy_store.version(conn, one)
    if found is None:
        raise not_found()
    return found


def editor(
    here: Here,
    document: str,
    *,
    based_on: Version | None = None,
    error: DocumentError | None = None,
    checked: bool = False,
) -> Response:
    """Render the editor; with mistakes the document stays as it was typed."""
    texts, rules = here.texts, here.desk.moment().rules
    wrong = [] if error is None else [(one, mistakes.said(texts, one)) for one in error.mistakes]
    return here.web.page(
        here.request,
        "policy-edit.html",
        422 if wrong else 200,
        kreis=here.kreis,
        document=document,
        lines=document.split("\n"),
        wrong=wrong,
        checked=checked,
        based_on=based_on,
        help=HELP,
        goals=[(code, texts.plain(text)) for code, text in policy_words.GOALS.items()],
        classes=[known.code for known in rules.priorities.classes],
        types=sorted(rules.course_types),
        steps=[(step.value, texts.plain(text)) for step, text in policy_words.STEPS.items()],
    )


def typed_document(form: FormData) -> str:
    """Read the document as it was typed, with plain ends of lines."""
    text = str(form.get("document") or "")
    return text.replace("\r\n", "\n").replace("\r", "\n").strip() + "\n"


@router.post("/policy/edit")
async def edit(here: AtDesk) -> Response:
    """Check a document, and keep it as a draft if that was asked for."""
    form, now, book = await here.request.form(), here.desk.clock.now(), here.desk.rulebook
    document = typed_document(form)
    based_on = await version_asked(here, str(form.get("based_on") or ""))
    try:
        if form.get("do") == "show":
            return editor(here, document, based_on=based_on)
        if form.get("do") != "save":
            check_own(document, here.kreis, book, today=local_day(now))
            return editor(here, document, based_on=based_on, checked=True)
        async with here.open() as conn:
            draft = await policy_steps.write(
                conn,
                here.kreis,
                document,
                here.visitor.key,
                now,
                book=book,
                based_on=None if based_on is None else based_on.id,
            )
    except DocumentError as error:
        return editor(here, document, based_on=based_on, error=error)
    done = msgid("The draft is kept. Nothing has changed yet.")
    return here.web.back(here.request, f"/policy/versions/{draft.id}", "success", done)
