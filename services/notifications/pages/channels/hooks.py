"""Serves what an office's own organisation does about webhooks: add, renew the secret, switch, try."""

import json
from uuid import UUID, uuid4

import asyncpg
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.notifications.delivery.domain import Attempted, Outcome
from services.notifications.delivery.holding import telling_store
from services.notifications.delivery.webhooks import endpoints, store
from services.notifications.delivery.webhooks.endpoints import Kept, NotKept, Owner
from services.notifications.delivery.webhooks.secrets import SecretSeal, UnopenableError
from services.notifications.pages.channels import words
from services.notifications.pages.channels.pages import Keeper, OwnOffice, own_office, show
from services.notifications.pages.context import Context, PageContext
from services.runtime.data.db import transaction
from services.runtime.web.bodies import form_of
from services.runtime.web.pages import web_of
from services.runtime.web.problems import PageError, not_found
from services.runtime.web.visit.visitors import Visitor

router = APIRouter(prefix="/offices", include_in_schema=False)
_LONGEST = 600


@router.post("/{office}/webhooks")
async def add(request: Request, context: Context, visitor: Keeper, office: str) -> Response:
    """Add a webhook; its secret is shown this once."""
    url = str((await form_of(request)).get("url") or "").strip()[:_LONGEST]
    async with context.open(visitor) as conn:
        own = await own_office(conn, context, visitor, office)
    texts = web_of(request).texts(request)
    wrong = await endpoints.fault_of(url, context.hooks.guard)  # asks for the name: no transaction is open
    seal = SecretSeal(context.secrets.keks)
    async with context.open(visitor) as conn:
        if wrong is None:
            kept = await endpoints.add(conn, Owner(office, own.organisation), url, seal, context.now())
            if isinstance(kept, Kept):
                await _record(context, conn, own, visitor, "webhook_added")
                return await show(request, conn, own, more={"secret": kept.secret})
            wrong = kept
        said = texts.plain(words.URL_FAULTS[wrong])
        return await show(request, conn, own, errors={"url": said}, more={"url": url})


@router.post("/{office}/webhooks/{endpoint}/{act}")
async def act_on(  # noqa: PLR0917 - the parts of the address
    request: Request, context: Context, visitor: Keeper, office: str, endpoint: UUID, act: str
) -> Response:
    """Renew a webhook's secret, switch it on, remove it, or send it a test."""
    if act == "test":
        return await _test(request, context, visitor, office, endpoint)
    async with context.open(visitor) as conn:
        own = await own_office(conn, context, visitor, office)
        match act:
            case "secret":
                kept = await endpoints.rotate(
                    conn, Owner(office, own.organisation), endpoint, SecretSeal(context.secrets.keks)
                )
                if isinstance(kept, NotKept):
                    raise not_found()
                await _record(context, conn, own, visitor, "webhook_secret")
                return await show(request, conn, own, more={"secret": kept.secret})
            case "on" | "off":
                if not await store.set_state(conn, endpoint, office, active=act == "on"):
                    raise not_found()
                await _record(context, conn, own, visitor, f"webhook_{act}")
            case _:
                raise not_found()
    done = words.HOOK_ON if act == "on" else words.HOOK_OFF
    return web_of(request).back(request, f"/offices/{office}/telling", "success", done)


async def _record(
    context: PageContext, conn: asyncpg.Connection, own: OwnOffice, visitor: Visitor, what: str
) -> None:
    await telling_store.record(
        conn,
        own.slug,
        own.organisation,
        by=visitor.key,
        changed={what: None},
        now=context.now(),
    )


async def _test(
    request: Request, context: PageContext, visitor: Visitor, office: str, endpoint: UUID
) -> Response:
    """Send a webhook a signed message about nobody."""
    async with context.open(visitor) as conn:
        await own_office(conn, context, visitor, office)
        row = await store.of_office(conn, endpoint, office)
    if row is None:
        raise not_found()
    wait = context.mails.wait()
    if wait:
        raise PageError(429, "too_many", "There were several tests just now. Please wait a minute.")
    # Pages may not read secrets; the worker's rights open this one webhook's.
    async with transaction(context.worker) as conn:
        sealed = await store.secrets(conn, endpoint)
    seal = SecretSeal(context.secrets.keks)
    try:
        secrets = [seal.open(one["kek"], one["sealed"], one["secret_id"]) for one in sealed]
    except UnopenableError:
        raise PageError(
            409, "no_key", "The secret of this webhook cannot be opened. Please renew it."
        ) from None
    body = json.dumps(
        {"type": "test", "timestamp": context.now().isoformat(), "data": {}}, separators=(",", ":")
    )
    attempted = await context.hooks.send(uuid4(), row["url"], body, secrets)
    web = web_of(request)
    web.note(request, *_told(request, attempted))
    return web.back(request, f"/offices/{office}/telling")


def _told(request: Request, attempted: Attempted) -> tuple[str, str]:
    texts = web_of(request).texts(request)
    if attempted.outcome is Outcome.SENT:
        return "success", texts.gettext("The webhook has accepted the test.")
    why = words.said(texts, words.PROBLEMS, attempted.fault)
    return "danger", texts.gettext("The webhook has not accepted the test: %(why)s.", why=why)
