"""Tries a policy from the editor on today's snapshot, before anything of it is kept."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.allocation.console.context import people_store as store
from services.allocation.console.context.visit import CoordinatorVisit
from services.allocation.console.policy import words as policy_words
from services.allocation.console.policy.forms.pages import LARGEST_FORM, filled, form_of, show
from services.allocation.console.policy.pages import (
    as_digest,
    editor,
    in_force,
    typed_document,
    version_asked,
    wording,
)
from services.allocation.console.questions.pages import ask, refreshed, seen_of
from services.allocation.console.questions.what_if import people_in
from services.allocation.law.mistakes import DocumentError
from services.allocation.policy.check import check_own
from services.allocation.policy.domain import Policy
from services.runtime.web.bodies import takes_up_to
from services.runtime.web.problems import not_found

router = APIRouter(include_in_schema=False)
SHOWN_PEOPLE = 50


@router.post("/policy/preview")
@takes_up_to(LARGEST_FORM)
async def try_document(visit: CoordinatorVisit) -> Response:
    """Ask the engine what the document as typed would change; it travels with the question."""
    form, today = await visit.request.form(), visit.moment().today
    document = typed_document(form)
    based_on = await version_asked(visit, str(form.get("based_on") or ""))
    if form.get("as") == "form":
        what = await filled(visit, form)
        if what is None or what.policy is None:
            return form_of(visit, document, based_on) if what is None else show(visit, what)
        document = what.document
    seen = as_digest(form.get("seen"))
    try:
        policy = check_own(document, visit.kreis, visit.context.rulebook, today=today)
    except DocumentError as error:
        return editor(visit, document, based_on=based_on, seen=seen, error=error)
    question = {
        "changes": [{"kind": "policy", "policy": policy.model_dump(mode="json")}],
        "document": document,
        "based_on": "" if based_on is None else str(based_on.id),
        "seen": seen.hex(),
    }
    return await ask(visit, "what_if", question, "/policy/preview")


@router.get("/policy/preview/{task}")
async def tried_document(visit: CoordinatorVisit, task: UUID) -> Response:
    """Show who would gain and who would lose, and lead back to the document or keep it as a draft."""
    seen = await seen_of(visit, "what_if", task)
    if seen.found is None or "document" not in seen.found.question:
        raise not_found()
    policy = Policy.model_validate(seen.found.question["changes"][0]["policy"])
    moment = visit.moment()
    async with visit.open() as conn:
        names = await store.references(conn, [UUID(person) for person in people_in(seen.result)])
    holds = in_force(visit.context.policies, seen.found.kreis, max(policy.valid_from, moment.today)).policy
    answer = visit.page(
        "policy-trial.html",
        kreis=seen.found.kreis,
        seen=seen,
        tried=seen.found,
        document=seen.found.question["document"],
        based_on=seen.found.question["based_on"],
        digest=seen.found.question.get("seen", ""),
        differences=policy_words.differences(wording(visit), holds, policy) if holds else (),
        names={str(person): reference for person, reference in names.items()},
        shown=SHOWN_PEOPLE,
    )
    return refreshed(answer, seen)
