"""Sends drafts out for comment, enters what offices say, shows providers the drafts that they may judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from starlette.responses import Response

from services.allocation.console.context.forms import mistake_in_reason, text_of
from services.allocation.console.context.visit import CoordinatorVisit, ProviderVisit, Visit
from services.allocation.console.policy import words as policy_words
from services.allocation.console.policy.pages import in_force, version_of, wording
from services.allocation.console.policy.versions import Entered, show_version
from services.allocation.law import documents
from services.allocation.law.mistakes import DocumentError
from services.allocation.policy import consultation
from services.allocation.policy.consultation import LONGEST_COMMENT, ConsultationRefusal, Said
from services.allocation.policy.domain import Policy, policies_of
from services.allocation.policy.store import Version
from services.runtime.web.languages import day_of, msgid
from services.runtime.web.problems import not_found

router = APIRouter(include_in_schema=False)
PROVIDERS: Final = "/provider-policy"
LONGEST_NAME: Final = 200

REFUSALS: Mapping[ConsultationRefusal, str] = {
    "policy_unknown": msgid("There is no such policy any more."),
    "policy_over": msgid("This policy is decided or withdrawn, so no comments are taken any more."),
    "consultation_day_past": msgid("This day is over. Please choose today or a later day."),
    "consultation_closed": msgid("No comments are taken on this draft any more."),
    "comments_full": msgid("So many comments cannot be kept with one draft."),
}


def read(version: Version) -> Policy | None:
    """Read a version as it was written; None: the program cannot read it any more."""
    try:
        (policy,) = policies_of(documents.read(version.document))
    except (DocumentError, ValueError):
        return None
    return policy


def mistake_in_comment(text: str) -> str:
    """Return what is wrong with a comment (msgid); empty if it can be kept."""
    if not text:
        return msgid("Please write your comment.")
    if len(text) > LONGEST_COMMENT:
        return msgid(
            "Please shorten the comment to at most 5,000 characters. Nothing of it is lost: it stands below."
        )
    return ""


@router.post("/policy/versions/{version}/send-out")
async def send_out(visit: CoordinatorVisit, version: UUID) -> Response:
    """Let providers and offices comment on a draft until a day."""
    form, now = await visit.request.form(), visit.context.clock.now()
    reason, typed = text_of(form, "reason"), text_of(form, "until")
    until = day_of(typed)
    wrong = mistake_in_reason(reason)
    if until is None:
        wrong = msgid("Please enter the last day for comments, for example 31.01.2027.")
    if not wrong and until is not None:
        async with visit.open() as conn:
            sent = await consultation.send_out(conn, version, visit.visitor.key, now, until, reason)
        if not isinstance(sent, str):
            done = msgid("Providers see the draft under “Policy”. Pass the address below on to the offices.")
            return visit.web.back(visit.request, f"/policy/versions/{version}#comments", "success", done)
        wrong = REFUSALS[sent]
    entered = Entered("send-out", visit.texts.plain(wrong), reason, typed)
    return await show_version(visit, version, entered=entered)


@router.post("/policy/versions/{version}/comment")
async def enter(visit: CoordinatorVisit, version: UUID) -> Response:
    """Keep what an organisation without an account here has said about a draft."""
    form, moment = await visit.request.form(), visit.moment()
    organisation, typed = text_of(form, "organisation"), text_of(form, "said_on")
    text = text_of(form, "said").replace("\r\n", "\n")
    said_on = day_of(typed)
    wrong = mistake_in_comment(text)
    if said_on is None or said_on > moment.today:
        wrong = msgid("Please enter the day on which the comment came: today or an earlier day.")
    if not 2 <= len(organisation) <= LONGEST_NAME:  # noqa: PLR2004 -- as the table has it
        wrong = msgid("Please name the organisation that says it, with 2 to 200 characters.")
    if not wrong and said_on is not None:
        said = Said(organisation, None, text, said_on)
        async with visit.open() as conn:
            refusal = await consultation.comment(conn, version, visit.visitor.key, moment.now, said)
        if refusal is None:
            done = msgid("The comment is kept with the draft.")
            return visit.web.back(visit.request, f"/policy/versions/{version}#comments", "success", done)
        wrong = REFUSALS[refusal]
    entered = Entered("comment", visit.texts.plain(wrong), text, typed, organisation)
    return await show_version(visit, version, entered=entered)


@dataclass(frozen=True, slots=True)
class Open:
    """A draft that a provider may comment on."""

    version: UUID
    place: str
    until: date
    valid_from: date


@router.get(PROVIDERS)
async def for_providers(visit: ProviderVisit) -> Response:
    """Show a provider the policy of each of its Kreise in words, and the drafts that wait for comments."""
    today = visit.moment().today
    async with visit.open() as conn:
        found = await consultation.under_way(conn, visit.visitor.kreise, today)
        versions = [await version_of(conn, one.version) for one in found]
    drafts = [
        Open(one.version, visit.place(one.kreis), one.until, version.valid_from)
        for one, version in zip(found, versions, strict=True)
    ]
    say = wording(visit)
    holding = []
    for kreis in visit.visitor.kreise:
        holds = in_force(visit.context.policies, kreis, today)
        if holds.policy is not None:
            holding.append((kreis, visit.place(kreis), holds.holding, policy_words.parts(say, holds.policy)))
    return visit.page("provider-policy.html", drafts=drafts, holding=holding)


@router.get(PROVIDERS + "/{version}")
async def draft_for_providers(visit: ProviderVisit, version: UUID) -> Response:
    """Show a provider a draft in words, what would be different, and what it has said about it."""
    return await _draft(visit, version)


async def _draft(visit: Visit, version: UUID, error: str = "", text: str = "") -> Response:
    today, say = visit.moment().today, wording(visit)
    async with visit.open() as conn:
        found, sent = await _sent(conn, version)
        own = await consultation.comments(conn, version, visit.visitor.publisher or "")
    policy = read(found)
    holds = in_force(visit.context.policies, found.kreis, max(found.valid_from, today))
    return visit.page(
        "provider-policy-draft.html",
        422 if error else 200,
        version=found,
        place=visit.place(found.kreis),
        sent=sent,
        is_open=sent.is_open(today) and found.state in {"draft", "submitted"},
        parts=policy_words.parts(say, policy) if policy else (),
        differences=policy_words.differences(say, holds.policy, policy) if policy and holds.policy else (),
        comments=own,
        error=error,
        text=text,
        longest=LONGEST_COMMENT,
    )


async def _sent(conn: asyncpg.Connection, version: UUID) -> tuple[Version, consultation.Consultation]:
    """Return a version that was sent out; others are nobody's business but coordination's."""
    found, sent = await version_of(conn, version), await consultation.of_version(conn, version)
    if sent is None:
        raise not_found()
    return found, sent


@router.post(PROVIDERS + "/{version}")
async def comment(visit: ProviderVisit, version: UUID) -> Response:
    """Keep what a provider says about a draft."""
    text = text_of(await visit.request.form(), "said").replace("\r\n", "\n")
    wrong = mistake_in_comment(text)
    if not wrong:
        moment = visit.moment()
        async with visit.open() as conn:
            await _sent(conn, version)
            name = await _name(conn, visit.visitor.publisher or "")
            said = Said(name, visit.visitor.publisher or "", text, moment.today)
            refusal = await consultation.comment(conn, version, visit.visitor.key, moment.now, said)
        if refusal is None:
            done = msgid("Your comment is with coordination. It stays with the draft.")
            return visit.web.back(visit.request, f"{PROVIDERS}/{version}", "success", done)
        wrong = REFUSALS[refusal]
    return await _draft(visit, version, visit.texts.plain(wrong), text)


async def _name(conn: asyncpg.Connection, publisher: str) -> str:
    name: str | None = await conn.fetchval("SELECT name FROM runtime.publisher WHERE slug = $1", publisher)
    return (name or publisher)[:LONGEST_NAME]
