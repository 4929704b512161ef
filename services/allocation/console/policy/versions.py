"""Shows one version of a policy: preview on today's snapshot, activation by a second person, withdrawal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from services.allocation.console.context import people_store as store
from services.allocation.console.context.forms import as_uuid, mistake_in_reason
from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.allocation.console.policy import previews
from services.allocation.console.policy import words as policy_words
from services.allocation.console.policy.pages import as_digest, in_force, version_of, wording
from services.allocation.law import mistakes
from services.allocation.law.mistakes import DocumentError
from services.allocation.policy import acts as policy_steps
from services.allocation.policy import consultation
from services.allocation.policy import store as policy_store
from services.allocation.policy.acts import PolicyRefusal, PolicyUnchanged
from services.allocation.policy.check import check_own
from services.allocation.policy.domain import Policy
from services.allocation.policy.store import Version
from services.allocation.steering.questions import queue as tasks
from services.runtime.web.languages import msgid
from services.runtime.web.visit.guard import fresh_sign_in

router = APIRouter(include_in_schema=False)
WAIT_SECONDS = "2"
SHOWN_PEOPLE = 50

REFUSALS: Mapping[PolicyRefusal, str] = {
    "policy_unknown": msgid("There is no such policy any more."),
    "policy_changed_meanwhile": msgid("The policy has changed since you read it. Please read it again."),
    "policy_not_a_draft": msgid("This policy has been handed in already."),
    "policy_not_submitted": msgid("Only a policy that was handed in can be activated."),
    "policy_not_yours": msgid("Only the person who wrote a draft can hand it in or delete it."),
    "policy_second_person": msgid(
        "You wrote this policy. A second person has to activate it, so that nobody decides alone."
    ),
    "policy_over": msgid("This policy is withdrawn already."),
    "policy_overtaken": msgid(
        "Another policy was activated since you read this one. Please compare it again with what holds now."
    ),
}

Do = Callable[[asyncpg.Connection, str], Awaitable[policy_steps.PolicyResult]]


@dataclass(frozen=True, slots=True)
class Entered:
    """What was typed into one of the page's forms, and what is wrong with it in the visitor's language."""

    about: str = ""
    """Which form: submit, activate, give-back, withdraw, send-out, comment."""
    error: str = ""
    reason: str = ""
    """The reason, or a comment."""
    day: str = ""
    organisation: str = ""


@router.get("/policy/versions/{version}")
async def version_page(visit: CoordinatorVisit, version: UUID, preview: str = "") -> Response:
    """Show a version: words, what is different from what holds, preview, what can be done with it."""
    return await show_version(visit, version, preview=preview)


async def show_version(
    visit: Visit, version: UUID, *, preview: str = "", entered: Entered | None = None
) -> Response:
    """Render a version; a preview that is still to come renews the page."""
    moment, entered = visit.moment(), entered or Entered()
    async with visit.open() as conn:
        found = await version_of(conn, version)
        tried = await _preview_of(conn, as_uuid(preview), found.id)
        names = {} if tried is None or tried.result is None else await _references(conn, tried.result)
        kept = await previews.of_version(conn, found.id)
        events = await policy_store.events_of(conn, found.id)
        sent = await consultation.of_version(conn, found.id)
        comments = await consultation.comments(conn, found.id)
        versions = await policy_store.versions(conn, found.kreis)
    policy, wrong = _read(visit, found, moment.today)
    holds = in_force(visit.context.policies, found.kreis, max(found.valid_from, moment.today))
    old, texts, say = holds.policy, visit.texts, wording(visit)
    is_open = found.state in {"draft", "submitted"}
    answer = visit.page(
        "policy-version.html",
        422 if entered.error else 200,
        version=found,
        mine=found.written_by == visit.visitor.key,
        moment=moment,
        is_open=is_open,
        parts=policy_words.parts(say, policy) if policy else (),
        wrong=[(one, mistakes.said(texts, one)) for one in (wrong.mistakes if wrong else ())],
        differences=policy_words.differences(say, old, policy) if policy and old else (),
        untried=previews.untried(say, old, policy) if policy and old else (),
        holds=holds.holding is not None and holds.holding.version == found.id,
        holding=holds.holding,
        overtaken=[one for one in versions if is_open and _later(one, found)],
        kept=kept,
        tried=tried,
        names=names,
        shown=SHOWN_PEOPLE,
        events=events,
        handed_in=next((one for one in reversed(events) if one.what == "submitted"), None),
        returned=next((one for one in reversed(events) if one.what in {"returned", "submitted"}), None),
        sent=sent,
        comments=comments,
        longest=consultation.LONGEST_COMMENT,
        entered=entered,
        actor=visit.actor,
    )
    if tried is not None and tried.under_way:
        answer.headers["Refresh"] = WAIT_SECONDS
    return answer


def _later(other: Version, version: Version) -> bool:
    """Return whether another policy came into force after a version was written."""
    return (
        other.state == "active" and other.activated_at is not None and other.activated_at > version.written_at
    )


async def _preview_of(conn: asyncpg.Connection, task: UUID | None, version: UUID) -> tasks.Answer | None:
    found = None if task is None else await tasks.answer_of(conn, task)
    return found if found is not None and found.question.get("version") == str(version) else None


def _read(visit: Visit, version: Version, today: date) -> tuple[Policy | None, DocumentError | None]:
    """Read a version; the rule book may have changed since it was written."""
    try:
        return check_own(version.document, version.kreis, visit.context.rulebook, today=today), None
    except DocumentError as error:
        return None, error


async def _references(conn: asyncpg.Connection, result: Mapping[str, Any]) -> dict[str, str]:
    people = result.get("people", {})
    ids = [UUID(one["person"]) for some in people.values() for one in some[:SHOWN_PEOPLE] if not one["new"]]
    return {str(person): reference for person, reference in (await store.references(conn, ids)).items()}


@router.post("/policy/versions/{version}/preview")
async def preview(visit: CoordinatorVisit, version: UUID) -> Response:
    """Ask the engine what this policy would change today and would have on days of the past year."""
    moment = visit.moment()
    async with visit.open() as conn:
        found = await version_of(conn, version)
        policy, _ = _read(visit, found, moment.today)
        if policy is None:  # the page says what is wrong
            return _to(version)
        change = {"kind": "policy", "policy": policy.model_dump(mode="json")}
        question = {"changes": [change], "version": str(version), "sha256": found.sha256.hex()}
        task = await tasks.ask(conn, found.kreis, "policy_trial", question, visit.visitor.key, moment.now)
    return RedirectResponse(f"/policy/versions/{version}?preview={task}#preview", 303)


def _to(version: UUID) -> Response:
    return RedirectResponse(f"/policy/versions/{version}", 303)


async def _step(visit: Visit, version: UUID, about: str, do: Do, done: str) -> Response:
    """Take a step with a reason; a missing one repeats the page."""
    reason = str((await visit.request.form()).get("reason") or "").strip()
    wrong = mistake_in_reason(reason) if reason or about != "activate" else ""
    if wrong:
        entered = Entered(about, visit.texts.plain(wrong), reason)
        return await show_version(visit, version, entered=entered)
    outcome: policy_steps.PolicyResult | None
    try:
        async with visit.open() as conn:
            outcome = await do(conn, reason)
    except DocumentError:
        outcome = None
    except asyncpg.UniqueViolationError:  # two policies of one day at the same moment
        outcome = PolicyUnchanged("policy_changed_meanwhile")
    await visit.context.policies.refreshed()
    if outcome is None:
        visit.web.note(
            visit.request, "warning", visit.texts.gettext("The rule book does not allow this policy.")
        )
        return _to(version)
    if isinstance(outcome, PolicyUnchanged):
        visit.web.note(visit.request, "warning", visit.texts.plain(REFUSALS[outcome.code]))
        return _to(version)
    return visit.web.back(visit.request, f"/policy/versions/{version}", "success", done)


@router.post("/policy/versions/{version}/submit")
async def submit(visit: CoordinatorVisit, version: UUID) -> Response:
    """Hand a draft in."""
    now = visit.context.clock.now()

    async def do(conn: asyncpg.Connection, reason: str) -> policy_steps.PolicyResult:
        return await policy_steps.submit(conn, version, visit.visitor.key, now, reason)

    done = msgid("The policy is handed in. A second person can now read and activate it.")
    return await _step(visit, version, "submit", do, done)


@router.post("/policy/versions/{version}/activate", dependencies=[fresh_sign_in])
async def activate(visit: CoordinatorVisit, version: UUID) -> Response:
    """Let a policy hold; only somebody who did not write it may."""
    now, form = visit.context.clock.now(), await visit.request.form()
    seen, compared = as_digest(form.get("seen")), str(form.get("instead_of") or "")

    async def do(conn: asyncpg.Connection, reason: str) -> policy_steps.PolicyResult:
        return await policy_steps.activate(
            conn,
            version,
            visit.visitor.key,
            now,
            seen=seen,
            book=visit.context.rulebook,
            reason=reason,
            instead_of=as_uuid(compared),
        )

    done = msgid("The policy is activated. Steering follows it from its first day on.")
    return await _step(visit, version, "activate", do, done)


@router.post("/policy/versions/{version}/give-back")
async def give_back(visit: CoordinatorVisit, version: UUID) -> Response:
    """Send what was handed in back to who wrote it."""
    now = visit.context.clock.now()

    async def do(conn: asyncpg.Connection, reason: str) -> policy_steps.PolicyResult:
        return await policy_steps.give_back(conn, version, visit.visitor.key, now, reason)

    done = msgid("The policy is sent back. Who wrote it sees your comment and can change it.")
    return await _step(visit, version, "give-back", do, done)


@router.post("/policy/versions/{version}/withdraw")
async def withdraw(visit: CoordinatorVisit, version: UUID) -> Response:
    """End a version; what held before it holds again."""
    now = visit.context.clock.now()

    async def do(conn: asyncpg.Connection, reason: str) -> policy_steps.PolicyResult:
        return await policy_steps.withdraw(conn, version, visit.visitor.key, now, reason)

    done = msgid("The policy is withdrawn. What held before it holds again.")
    return await _step(visit, version, "withdraw", do, done)
