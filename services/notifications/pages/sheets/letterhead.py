"""Serves the letterhead of a registering office: address and telephone that stand on its sheets."""

import re
from collections import defaultdict

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.notifications.offices.entries import PHONE
from services.notifications.pages.consents.class_form import printable
from services.notifications.pages.context import Clerk, Context, slug_of
from services.notifications.pages.sheets import store
from services.runtime.web.bodies import form_of
from services.runtime.web.languages import msgid
from services.runtime.web.pages import web_of

router = APIRouter(prefix="/letterhead", include_in_schema=False)
_LONGEST_ADDRESS, _MOST_LINES = 200, 4
_NO_ADDRESS = msgid("Please enter the address in at most four lines and 200 characters.")
_NO_PHONE = msgid("Please enter a telephone number with its area code, for example 0871 805-100.")


@router.get("")
async def letterhead(request: Request, context: Context, visitor: Clerk) -> Response:
    """Show the form of the letterhead."""
    async with context.open(visitor) as conn:
        row = await store.letterhead(conn, slug_of(visitor))
    return _page(request, {name: row[name] for name in ("address", "phone")} if row else {}, {})


@router.post("")
async def save(request: Request, context: Context, visitor: Clerk) -> Response:
    """Keep the letterhead."""
    sent = await form_of(request)
    lines = [printable(line) for line in str(sent.get("address") or "").splitlines()]
    values = {
        "address": "\n".join(filter(None, lines))[:1000],
        "phone": printable(sent.get("phone")),
    }
    errors = {}
    if not values["address"] or len(values["address"]) > _LONGEST_ADDRESS or len(lines) > _MOST_LINES:
        errors["address"] = _NO_ADDRESS
    if not re.fullmatch(PHONE, values["phone"]):
        errors["phone"] = _NO_PHONE
    if errors:
        return _page(request, values, errors)
    async with context.open(visitor) as conn:
        await store.put_letterhead(
            conn,
            slug_of(visitor),
            visitor.organisation or "",
            values["address"],
            values["phone"],
            context.now(),
        )
    return web_of(request).back(request, "/letterhead", "success", SAVED)


SAVED = msgid("Saved. It stands on every sheet from now on.")


def _page(request: Request, values: dict[str, str], errors: dict[str, str]) -> Response:
    web = web_of(request)
    texts = web.texts(request)
    return web.page(
        request,
        "letterhead.html",
        422 if errors else 200,
        values=defaultdict(str, values),
        errors=defaultdict(str, {field: texts.plain(text) for field, text in errors.items()}),
    )
