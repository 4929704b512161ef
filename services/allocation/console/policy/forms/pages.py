"""Shows the policy as a form, keeps it as a draft, and tells who would write over somebody else's change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.responses import Response

from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.allocation.console.policy import words as policy_words
from services.allocation.console.policy.document import as_document, written
from services.allocation.console.policy.fields import Codes
from services.allocation.console.policy.forms.controls import Maker
from services.allocation.console.policy.forms.reading import Entered, entered
from services.allocation.console.policy.pages import (
    as_digest,
    editor,
    in_force,
    typed_document,
    version_asked,
    wording,
)
from services.allocation.law import documents
from services.allocation.law.mistakes import DocumentError, Mistake
from services.allocation.policy import acts as policy_steps
from services.allocation.policy.acts import DraftChangedError
from services.allocation.policy.check import check_own, check_towns
from services.allocation.policy.domain import Policy, policies_of
from services.allocation.policy.store import Version
from services.runtime.web.bodies import takes_up_to
from services.runtime.web.languages import msgid
from services.runtime.web.problems import not_found

router = APIRouter(include_in_schema=False)
FORM = "/policy/form"
LARGEST_FORM = 256 * 1024
"""The document behind the form travels with it, and every field of it."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as it was sent: what it makes of the document behind it."""

    base: str
    based_on: Version | None
    seen: bytes
    entered: Entered
    document: str
    """With what was entered; with mistakes it may be none that can be read."""
    policy: Policy | None = None
    """None: something is wrong."""
    wrong: tuple[Mistake, ...] = field(default=())


def fields_in(document: str) -> Mapping[str, Any] | None:
    """Return a document's fields as plain values; None: they cannot be shown in a form."""
    try:
        read = documents.read(document)
        if isinstance(read.value, dict) and len(policies_of(read)) == 1:
            return read.value
    except DocumentError:
        pass
    return None


async def filled(visit: Visit, form: FormData) -> Filled | None:
    """Read a form that was sent; None: the document behind it cannot be read."""
    base = typed_document(form)
    known = fields_in(base)
    if known is None:
        return None
    based_on = await version_asked(visit, str(form.get("based_on") or ""))
    found = entered(form, known)
    document = written(visit.texts, found.data)
    seen = as_digest(form.get("seen"))
    policy, wrong = checked(visit, document)
    if found.problems:
        policy = None
    return Filled(base, based_on, seen, found, document, policy, wrong)


def checked(visit: Visit, document: str) -> tuple[Policy | None, tuple[Mistake, ...]]:
    """Check a document by itself, by the rule book of its day, and its towns."""
    try:
        policy = check_own(document, visit.kreis, visit.context.rulebook, today=visit.moment().today)
        check_towns(document, visit.places.unknown)
    except DocumentError as error:
        return None, tuple(error.mistakes)
    return policy, ()


@router.get(FORM)
async def form_page(visit: CoordinatorVisit) -> Response:
    """Show a policy as a form: a version's, or the one in force, to be changed."""
    version = await version_asked(visit, str(visit.request.query_params.get("from") or ""))
    if version is not None:
        return form_of(visit, version.document, version, version.sha256)
    today = visit.moment().today
    holds = in_force(visit.context.policies, visit.kreis, today)
    if holds.policy is None:
        raise not_found()
    source = visit.texts.gettext("Decision of …")
    return form_of(visit, as_document(visit.texts, holds.policy, today + timedelta(days=1), source))


def form_of(visit: Visit, document: str, based_on: Version | None = None, seen: bytes = b"") -> Response:
    """Show a document as a form; one with mistakes that no form can show stays a document."""
    known = fields_in(document)
    if known is None:
        try:
            check_own(document, visit.kreis, visit.context.rulebook, today=visit.moment().today)
        except DocumentError as error:
            return editor(visit, document, based_on=based_on, seen=seen, error=error)
        return editor(visit, document, based_on=based_on, seen=seen)
    policy, wrong = checked(visit, document)
    return show(visit, Filled(document, based_on, seen, Entered(dict(known)), document, policy, wrong))


def show(visit: Visit, what: Filled, *, stale: Version | None = None, status: int | None = None) -> Response:
    """Render the form; with mistakes each stands beside its field, and everything stays as it was typed."""
    maker = maker_of(visit, what)
    groups = maker.groups()
    others = maker.others()
    differences: Sequence[policy_words.Differing] = ()
    say = wording(visit)
    if stale is not None and what.policy is not None:
        theirs, _ = checked(visit, stale.document)
        differences = policy_words.differences(say, theirs, what.policy) if theirs else ()
    wrong = any(group.wrong for group in groups) or bool(others)
    return visit.page(
        "policy-form.html",
        status or (422 if wrong else 200),
        kreis=visit.kreis,
        place=visit.place(visit.kreis),
        groups=groups,
        others=others,
        wrong=wrong,
        document=what.base,
        based_on=what.based_on,
        mine=what.based_on is not None and what.based_on.written_by == visit.visitor.key,
        seen=what.seen.hex(),
        stale=stale,
        differences=differences,
        actor=visit.actor,
    )


def maker_of(visit: Visit, what: Filled) -> Maker:
    """Return what makes the inputs of the page."""
    return Maker(wording(visit), codes_on(visit, what), what.entered, _effects(visit, what), what.wrong)


def codes_on(visit: Visit, what: Filled) -> Mapping[Codes, list[str]]:
    """Return the priority classes and course types of the policy's first day."""
    today, book = visit.moment().today, visit.context.rulebook
    begins = what.entered.data.get("valid_from")
    day = begins if isinstance(begins, date) and begins > today else today
    try:
        rules = book.on(day)
    except LookupError:
        rules = visit.moment().rules
    return {"class": [one.code for one in rules.priorities.classes], "type": sorted(rules.course_types)}


def _effects(visit: Visit, what: Filled) -> Policy | None:
    """Return the policy that the sentences are about, with what stood before where a field is wrong."""
    if what.policy is not None:
        return what.policy
    wrong = {one.path.split(" > ")[0] for one in what.wrong}
    wrong |= {name.split(".")[0] for name in what.entered.problems}
    before = fields_in(what.base) or {}
    data = {name: value for name, value in what.entered.data.items() if name not in wrong}
    data |= {name: value for name, value in before.items() if name in wrong}
    try:
        (policy,) = policies_of(documents.read(written(visit.texts, data)))
    except DocumentError:
        return None
    return policy


@router.post(FORM)
@takes_up_to(LARGEST_FORM)
async def sent(visit: CoordinatorVisit) -> Response:
    """Show what a change does, go on as a document, or keep it all as a draft."""
    form = await visit.request.form()
    what = await filled(visit, form)
    if what is None:
        return form_of(visit, typed_document(form))
    do = str(form.get("do") or "")
    if do == "document":
        return editor(visit, what.document, based_on=what.based_on, seen=what.seen)
    if do not in {"save", "anew"} or what.policy is None:
        return show(visit, what)
    try:
        async with visit.open() as conn:
            draft = await policy_steps.write(
                conn,
                visit.kreis,
                what.document,
                visit.visitor.key,
                visit.context.clock.now(),
                book=visit.context.rulebook,
                based_on=None if what.based_on is None else what.based_on.id,
                seen=what.seen,
                anew=do == "anew",
            )
    except DraftChangedError as error:
        return show(visit, what, stale=error.draft, status=409)
    done = msgid("The draft is kept. Nothing has changed yet.")
    return visit.web.back(visit.request, f"/policy/versions/{draft.id}", "success", done)


@router.post(f"{FORM}/open")
async def opened(visit: CoordinatorVisit) -> Response:
    """Show as a form what was typed as a document."""
    form = await visit.request.form()
    based_on = await version_asked(visit, str(form.get("based_on") or ""))
    return form_of(visit, typed_document(form), based_on, as_digest(form.get("seen")))


@router.post(f"{FORM}/effects")
@takes_up_to(LARGEST_FORM)
async def effects(visit: CoordinatorVisit) -> Response:
    """Renew the sentences beside the fields, for a browser with scripts, while somebody fills the form in."""
    what = await filled(visit, await visit.request.form())
    if what is None:
        return Response(status_code=204)
    return visit.page("policy-form-effects.html", groups=maker_of(visit, what).groups())
