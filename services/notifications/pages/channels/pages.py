"""Serves the page on which an office's own organisation says how the office is told."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from services.notifications.delivery.domain import Attempted, Fault, Outcome
from services.notifications.delivery.holding import store as holding
from services.notifications.delivery.holding import telling_store
from services.notifications.delivery.holding.telling_store import Choice
from services.notifications.delivery.webhooks import store as webhooks
from services.notifications.mailboxes import MailboxError
from services.notifications.offices import own_store
from services.notifications.pages.channels import form, words
from services.notifications.pages.context import Context, PageContext
from services.notifications.pages.oversight.mail import ACCEPTED
from services.notifications.pages.roles import ADMINISTRATOR, TEAM_LEAD
from services.runtime.web.bodies import form_of
from services.runtime.web.pages import web_of
from services.runtime.web.problems import PageError, not_found
from services.runtime.web.visit.guard import signed_in
from services.runtime.web.visit.visitors import Visitor

router = APIRouter(prefix="/offices", include_in_schema=False)
Keeper = Annotated[Visitor, Depends(signed_in(TEAM_LEAD, ADMINISTRATOR))]
"""Of the office's own organisation: whoever operates Kurslotse does not say whom it tells."""
_CHANGES = 20
_MOST_DIGITS = 9


@dataclass(frozen=True, slots=True)
class OwnOffice:
    """An office of the visitor's organisation, and what it has chosen."""

    slug: str
    name: str
    organisation: str
    mail: str
    choice: Choice
    version: int


async def own_office(
    conn: asyncpg.Connection, context: PageContext, visitor: Visitor, slug: str
) -> OwnOffice:
    """Return an office of the visitor's own counselling organisation.

    Raises:
        PageError: there is none of this slug.
    """
    row = await own_store.office(conn, slug)
    if row is None or row["organisation"] != visitor.organisation or not await own_store.may_keep(conn):
        raise not_found()
    stored = await telling_store.chosen(conn, slug)
    if stored is None:
        choice = Choice(context.usual)
    else:
        choice = Choice(holding.telling_of(dict(stored)), stored["head_mail"], stored["last_mail"])
    version = 0 if stored is None else int(stored["version"])
    return OwnOffice(slug, row["name"], row["organisation"], row["mail"], choice, version)


@router.get("/{office}/telling")
async def telling(request: Request, context: Context, visitor: Keeper, office: str) -> Response:
    """Show how an office is told, its webhooks, and mailboxes that came back."""
    async with context.open(visitor) as conn:
        own = await own_office(conn, context, visitor, office)
        return await show(request, conn, own)


async def show(
    request: Request,
    conn: asyncpg.Connection,
    own: OwnOffice,
    *,
    entered: form.TellingForm | None = None,
    errors: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Response:
    """Show the page; with what is wrong, if anything is (texts by field)."""
    web = web_of(request)
    texts = web.texts(request)
    wrong = dict(errors or {}) | (entered.told(texts) if entered else {})
    values = entered.values if entered else form.values_of(own.choice) | {"version": str(own.version)}
    return web.page(
        request,
        "office-telling.html",
        422 if wrong else 200,
        own=own,
        values=values,
        errors=defaultdict(str, wrong),
        enrolments=[(code, texts.plain(text)) for code, text in words.ENROLMENTS.items()],
        holds=[(code, texts.plain(text)) for code, text in words.HOLDS.items()],
        hooks=await webhooks.listed(conn, own.slug),
        suppressed=await telling_store.suppressed(conn, own.slug),
        changes=await telling_store.changes(conn, own.slug, _CHANGES),
        role=lambda code: words.said(texts, words.ROLES, code),
        problem=lambda code: words.said(texts, words.PROBLEMS, code),
        value_of=lambda name, value: words.value_of(texts, name, value),
        label=lambda code: words.said(texts, words.LABELS, code),
        who=lambda key: web.sign_in.name_of(key) or key,
        **({"secret": "", "url": ""} | dict(more or {})),
    )


@router.post("/{office}/telling")
async def choose(request: Request, context: Context, visitor: Keeper, office: str) -> Response:
    """Save how an office is told, if nobody else has since the page was opened."""
    sent = await form_of(request)
    version = str(sent.get("version") or "")
    if not (version.isascii() and version.isdigit() and len(version) <= _MOST_DIGITS):
        raise PageError(
            422, "version", "This form is incomplete. Please open the page again and repeat your entry."
        )
    web = web_of(request)
    async with context.open(visitor) as conn:
        own = await own_office(conn, context, visitor, office)
        hooks = await webhooks.listed(conn, office)
        entered = form.read(sent, has_webhook=any(row["state"] == "active" for row in hooks))
        if entered.choice is None:
            return await show(request, conn, own, entered=entered)
        stored = await telling_store.choose(conn, office, own.organisation, entered.choice, int(version))
        if stored is not None:
            await telling_store.record(
                conn,
                office,
                own.organisation,
                by=visitor.key,
                changed=form.changes_of(own.choice, entered.choice),
                now=context.now(),
            )
            await holding.look_again(conn, office, context.now())
    back = f"/offices/{office}/telling"
    if stored is None:
        return web.back(request, back, "danger", words.OUTDATED)
    return web.back(request, back, "success", "It is saved.")


@router.post("/{office}/mailboxes/free")
async def free(request: Request, context: Context, visitor: Keeper, office: str) -> Response:
    """Let mails go again to a mailbox of the office that came back."""
    sent = await form_of(request)
    role, address = str(sent.get("role") or "")[:20], str(sent.get("address") or "")[:300]
    async with context.open(visitor) as conn:
        own = await own_office(conn, context, visitor, office)
        if not await telling_store.lift(conn, office, role, address):
            raise not_found()
        await telling_store.record(
            conn,
            office,
            own.organisation,
            by=visitor.key,
            changed={"mailbox_freed": None},
            now=context.now(),
        )
    return web_of(request).back(
        request, f"/offices/{office}/telling", "success", "Mails go to this mailbox again."
    )


@router.post("/{office}/mailboxes/test")
async def test(request: Request, context: Context, visitor: Keeper, office: str) -> Response:
    """Send the office's own mailbox the test mail, which is about nobody."""
    async with context.open(visitor) as conn:
        own = await own_office(conn, context, visitor, office)
    if context.mails.server is None:
        raise PageError(409, "no_mail_server", "No mail server is set; nothing can be sent.")
    if context.mails.wait():
        raise PageError(429, "too_many", "There were several tests just now. Please wait a minute.")
    try:
        attempted = await context.mails.send(own.mail)
    except MailboxError:
        attempted = Attempted(Outcome.UNSENDABLE, None, Fault.MAILBOX_INVALID)
    web = web_of(request)
    back = f"/offices/{office}/telling"
    if attempted.outcome is Outcome.SENT:
        return web.back(request, back, "success", ACCEPTED)
    why = words.said(web.texts(request), words.PROBLEMS, attempted.fault)
    return web.back(request, back, "danger", words.NO_TEST, why=why)
