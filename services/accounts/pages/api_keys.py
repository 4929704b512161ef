"""Serves a provider's API keys to its administrators; makes and ends those of offices for the Kreis, too."""

import re

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.accounts.context import accounts_of
from services.accounts.duties import PAGES_OF, Duty
from services.accounts.organisations import handlers
from services.accounts.organisations.handlers import By
from services.accounts.pages.adding import administration_of, by_of, done, language_of
from services.accounts.pages.organisation import Administrator
from services.runtime.data.db import transaction
from services.runtime.web.pages import web_of
from services.runtime.web.problems import not_found
from services.runtime.web.visit.guard import fresh_sign_in
from services.runtime.web.visit.visitors import Visitor

KEYS = PAGES_OF[Duty.KEYS].address
router = APIRouter(prefix=KEYS, include_in_schema=False)
_PREFIX = re.compile(r"^[0-9a-f]{12}\Z")


async def made(request: Request, publisher: str, by: By, *, back: str) -> Response:
    """Make a key and show its text, once."""
    key = done(await administration_of(request).make_key(publisher, language_of(request)))
    async with transaction(accounts_of(request).pool) as conn:
        await handlers.note(conn, "key_made", by, publisher, key=key.prefix)
    return web_of(request).page(request, "key-made.html", key=key, publisher=publisher, back=back)


async def ended(request: Request, publisher: str, prefix: str, by: By, *, back: str) -> Response:
    """End a key at once."""
    if not _PREFIX.match(prefix):
        raise not_found()
    done(await administration_of(request).revoke_key(publisher, prefix, language_of(request)))
    async with transaction(accounts_of(request).pool) as conn:
        await handlers.note(conn, "key_ended", by, publisher, key=prefix)
    return web_of(request).back(request, back, "success", "The key has ended: nothing more is taken with it.")


async def _own(request: Request, visitor: Visitor) -> tuple[By, str]:
    """Return who acts, and the publisher of the provider that they administer."""
    by = await by_of(request, visitor, Duty.KEYS)
    if visitor.publisher is None:
        raise not_found()
    return by, visitor.publisher


@router.get("")
async def keys_page(request: Request, visitor: Administrator) -> Response:
    """List the provider's keys."""
    _, publisher = await _own(request, visitor)
    keys = done(await administration_of(request).keys(publisher, language_of(request)))
    return web_of(request).page(request, "keys.html", keys=keys, publisher=publisher, here=KEYS)


@router.post("", dependencies=[fresh_sign_in])
async def make(request: Request, visitor: Administrator) -> Response:
    """Make a further key."""
    by, publisher = await _own(request, visitor)
    return await made(request, publisher, by, back=KEYS)


@router.post("/{prefix}/end", dependencies=[fresh_sign_in])
async def end(request: Request, visitor: Administrator, prefix: str) -> Response:
    """End a key."""
    by, publisher = await _own(request, visitor)
    return await ended(request, publisher, prefix, by, back=KEYS)
