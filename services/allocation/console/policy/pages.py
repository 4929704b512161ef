"""Shows the municipality's policy in words, the editor, the history and the audit trail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.responses import Response

from schemas.days import local_day
from services.allocation.console.context.forms import as_uuid
from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.allocation.console.policy import words as policy_words
from services.allocation.console.policy.document import as_document
from services.allocation.console.policy.help import HELP
from services.allocation.console.policy.sentences import Wording
from services.allocation.law import mistakes
from services.allocation.law.mistakes import DocumentError
from services.allocation.policy import acts as policy_steps
from services.allocation.policy import store as policy_store
from services.allocation.policy import travel_store
from services.allocation.policy.acts import DraftChangedError
from services.allocation.policy.check import check_own, check_towns
from services.allocation.policy.current import ActivePolicy, CurrentPolicies
from services.allocation.policy.domain import Policy
from services.allocation.policy.store import Version
from services.runtime.web.languages import msgid
from services.runtime.web.problems import not_found

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class InForce:
    """The policy that holds on a day, and the version it comes from (None: the installation's file)."""

    policy: Policy | None
    holding: ActivePolicy | None


def in_force(book: CurrentPolicies, kreis: str, day: date) -> InForce:
    """Look up what holds; a Kreis for which nothing was decided has none."""
    try:
        return InForce(book.on(kreis, day), book.active_policy(kreis, day))
    except LookupError:
        return InForce(None, None)


def wording(visit: Visit, providers: Mapping[str, str] | None = None) -> Wording:
    """Return how a policy is said to the visitor; `providers`: their names by slug, if they are known."""
    return Wording(visit.texts, visit.place, lambda slug: (providers or {}).get(slug, slug))


def as_digest(text: object) -> bytes:
    """Read the digest of a document that a page has shown; empty if it is none."""
    try:
        return bytes.fromhex(str(text or ""))
    except ValueError:
        return b""


@router.get("/policy")
async def policy_page(visit: CoordinatorVisit) -> Response:
    """Show the policy in force in words, what waits for a decision, history, audit and travel times."""
    return await show(visit)


async def show(visit: Visit, travel_mistakes: Sequence[str] = ()) -> Response:
    """Render the page; an upload of travel times repeats it with what is wrong."""
    moment = visit.moment()
    now_holds = in_force(visit.context.policies, visit.kreis, moment.today)
    async with visit.open() as conn:
        versions = await policy_store.versions(conn, visit.kreis)
        events = await policy_store.events(conn, visit.kreis)
        tables = await travel_store.history(conn, visit.kreis)
        waiting = await policy_store.waiting_for(conn, [visit.kreis], visit.visitor.key)
    return visit.page(
        "policy.html",
        422 if travel_mistakes else 200,
        kreis=visit.kreis,
        moment=moment,
        policy=now_holds.policy,
        holding=now_holds.holding,
        parts=policy_words.parts(wording(visit), now_holds.policy) if now_holds.policy else (),
        versions=versions,
        waiting=waiting,
        unreadable=visit.context.policies.unreadable,
        events=events,
        tables=tables,
        travel_mistakes=travel_mistakes,
        actor=visit.actor,
    )


@router.get("/policy/edit")
async def edit_page(visit: CoordinatorVisit) -> Response:
    """Show a document to change: a version's, or that of the policy in force."""
    today = visit.moment().today
    version = await version_asked(visit, str(visit.request.query_params.get("from") or ""))
    if version is not None:
        return editor(visit, version.document, based_on=version, seen=version.sha256)
    holds = in_force(visit.context.policies, visit.kreis, today)
    if holds.policy is None:
        raise not_found()
    source = visit.texts.gettext("Decision of …")
    return editor(visit, as_document(visit.texts, holds.policy, today + timedelta(days=1), source))


async def version_asked(visit: Visit, text: str) -> Version | None:
    """Read the version that a document starts from; None: from none."""
    asked = as_uuid(text)
    if asked is None:
        return None
    async with visit.open() as conn:
        return await version_of(conn, asked)


async def version_of(conn: asyncpg.Connection, one: UUID) -> Version:
    """Read a version of the visitor's Kreise."""
    found = await policy_store.version(conn, one)
    if found is None:
        raise not_found()
    return found


def editor(
    visit: Visit,
    document: str,
    *,
    based_on: Version | None = None,
    seen: bytes = b"",
    error: DocumentError | None = None,
    checked: bool = False,
    stale: Version | None = None,
) -> Response:
    """Render the editor; with mistakes the document stays as it was typed."""
    texts, rules = visit.texts, visit.moment().rules
    wrong = [] if error is None else [(one, mistakes.said(texts, one)) for one in error.mistakes]
    return visit.page(
        "policy-edit.html",
        409 if stale else 422 if wrong else 200,
        kreis=visit.kreis,
        document=document,
        lines=document.split("\n"),
        wrong=wrong,
        checked=checked,
        based_on=based_on,
        seen=seen.hex(),
        stale=stale,
        actor=visit.actor,
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
async def edit(visit: CoordinatorVisit) -> Response:
    """Check a document, and keep it as a draft if that was asked for."""
    form, now, book = await visit.request.form(), visit.context.clock.now(), visit.context.rulebook
    document = typed_document(form)
    based_on = await version_asked(visit, str(form.get("based_on") or ""))
    seen, do = as_digest(form.get("seen")), str(form.get("do") or "")
    try:
        if do == "show":
            return editor(visit, document, based_on=based_on, seen=seen)
        if do not in {"save", "anew"}:
            check_own(document, visit.kreis, book, today=local_day(now))
            check_towns(document, visit.places.unknown)
            return editor(visit, document, based_on=based_on, seen=seen, checked=True)
        async with visit.open() as conn:
            draft = await policy_steps.write(
                conn,
                visit.kreis,
                document,
                visit.visitor.key,
                now,
                book=book,
                based_on=None if based_on is None else based_on.id,
                seen=seen,
                anew=do == "anew",
            )
            check_towns(document, visit.places.unknown)
    except DocumentError as error:
        return editor(visit, document, based_on=based_on, seen=seen, error=error)
    except DraftChangedError as error:
        return editor(visit, document, based_on=based_on, seen=seen, stale=error.draft)
    done = msgid("The draft is kept. Nothing has changed yet.")
    return visit.web.back(visit.request, f"/policy/versions/{draft.id}", "success", done)
