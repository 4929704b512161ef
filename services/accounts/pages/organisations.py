"""Serves the support side's page of organisations: the founding one adds the others, of whom none can."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import asyncpg
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from schemas.codes import PublisherKind
from services.accounts.context import accounts_of
from services.accounts.domain import Kind
from services.accounts.organisations import handlers, store
from services.accounts.organisations.domain import Standing, standing_of
from services.accounts.organisations.handlers import By
from services.accounts.pages.adding import (
    ORGANISATIONS,
    SHARED,
    TAKEN,
    Adder,
    Filled,
    blank,
    by_of,
    filled,
    invitation_page,
    read_names,
)
from services.accounts.pages.bodies import fields_of
from services.accounts.pages.menu import ORGANISATION
from services.accounts.pages.organisation import Administrator, may_choose, own_organisation
from services.accounts.pages.words import KINDS, kind_of
from services.runtime.data.db import acquire, transaction
from services.runtime.web.languages import msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import PageError, not_found
from services.runtime.web.visit.guard import fresh_sign_in
from services.runtime.web.visit.visitors import Visitor

router = APIRouter(include_in_schema=False)
_PUBLISHER_OF: Mapping[str, str] = {
    Kind.REGISTERING_OFFICE: PublisherKind.OFFICE.value,
    Kind.PROVIDER: PublisherKind.PROVIDER.value,
}
"""Kinds whose organisations speak for somebody whom the Kreis has registered."""
NOT_THERE = msgid(
    "Please choose one from the list: only whom the Kreis has registered, who works in the Kreise chosen, and"
    " for whom no organisation speaks yet."
)
NOT_FOR_COUNSELLING = msgid(
    "This short name belongs to somebody who does other work or works elsewhere. Please choose another one,"
    " usually the one in the directory of counselling offices."
)


@router.get(ORGANISATIONS)
async def list_page(request: Request, visitor: Adder) -> Response:
    """List all organisations of this side, with a form for a further one."""
    by = await by_of(request, visitor)
    return await _list(request, visitor, by, blank(visitor))


async def _list(request: Request, visitor: Visitor, by: By, form: Filled) -> Response:
    web, texts = web_of(request), web_of(request).texts(request)
    async with acquire(accounts_of(request).pool) as conn:
        rows = await store.overview(conn)
        offered = {
            kind: await store.announced(conn, of, any_of=visitor.kreise) for kind, of in _PUBLISHER_OF.items()
        }
    return web.page(
        request,
        "organisations.html",
        422 if form.errors else 200,
        rows=[(row, texts.plain(kind_of(row))) for row in rows if _seen(row, visitor, by)],
        kinds=[(kind, texts.plain(KINDS[kind])) for kind in (*_PUBLISHER_OF, Kind.COUNSELLING)],
        offered=[
            (row["slug"], f"{row['name']} ({texts.plain(KINDS[kind])})")
            for kind, found in offered.items()
            for row in found
        ],
        entered=form.fields,
        errors={name: texts.plain(text) for name, text in form.errors.items()},
        chosen=form.kreise,
    )


@router.post(ORGANISATIONS)
async def add(request: Request, visitor: Adder) -> Response:
    """Add an organisation, and invite its first administrator."""
    by = await by_of(request, visitor)
    form = await filled(request, visitor, (*_PUBLISHER_OF, Kind.COUNSELLING))
    if form.get("kind") == Kind.COUNSELLING:
        read_names(form)
    if not form.errors:
        async with transaction(accounts_of(request).pool) as conn:
            found = await _found(conn, form, visitor)
            if found is not None:
                await _add(conn, form, found, by)
    if form.errors or found is None:
        return await _list(request, visitor, by, form)
    return await invitation_page(request, found.slug, found.name, by)


@dataclass(frozen=True, slots=True)
class _Found:
    slug: str
    name: str
    tenant: str


async def _found(conn: asyncpg.Connection, form: Filled, visitor: Visitor) -> _Found | None:
    """Return for whom the new organisation speaks; None: the form says what is wrong."""
    if form.get("kind") == Kind.COUNSELLING:
        slug = form.get("slug")
        tenant = _tenant_of(await store.publisher_named(conn, slug), slug, form.kreise)
        if tenant is not None:
            return _Found(slug, form.get("name"), tenant)
        form.errors["slug"] = NOT_FOR_COUNSELLING
        return None
    kind = _PUBLISHER_OF[form.get("kind")]
    offered = await store.announced(conn, kind, all_of=form.kreise, any_of=visitor.kreise)
    chosen = next((one for one in offered if one["slug"] == form.get("publisher")), None)
    if chosen is None:
        form.errors["publisher"] = NOT_THERE
        return None
    return _Found(chosen["slug"], chosen["name"], chosen["organisation"])


async def _add(conn: asyncpg.Connection, form: Filled, found: _Found, by: By) -> None:
    added = await handlers.add(
        conn,
        found.slug,
        name=found.name,
        kind=Kind(form.get("kind")),
        kreise=form.kreise,
        tenant=found.tenant,
        publisher=found.slug,
        by=by,
    )
    if not added:
        form.errors["slug" if form.get("kind") == Kind.COUNSELLING else "publisher"] = TAKEN


def _tenant_of(named: Sequence[asyncpg.Record], slug: str, kreise: Collection[str]) -> str | None:
    """Return whose rows a counselling office with this short name sees; None: those of somebody else."""
    if not named:
        return slug
    own = next((one for one in named if one["slug"] == slug), None)
    if own is None or PublisherKind.COUNSELLING.value not in own["kinds"]:
        return None
    if not set(kreise) <= set(own["kreise"]):
        return None
    tenant: str = own["organisation"]
    return tenant


async def _one(request: Request, visitor: Visitor, by: By, slug: str) -> asyncpg.Record:
    """Return an organisation that works in the visitor's Kreise; any other is not there."""
    async with acquire(accounts_of(request).pool) as conn:
        found = await store.one(conn, slug)
    if found is None or not _seen(found, visitor, by):
        raise not_found()
    return found


def _seen(row: asyncpg.Record, visitor: Visitor, by: By) -> bool:
    foreign = standing_of(row["kreise"], visitor.kreise) is Standing.FOREIGN
    return not foreign or row["slug"] == by.organisation


def _needs_all(found: asyncpg.Record, visitor: Visitor) -> None:
    if standing_of(found["kreise"], visitor.kreise) is not Standing.OWN:
        raise PageError(409, "shared", SHARED)


@router.get(f"{ORGANISATIONS}/{{slug}}")
async def entry_page(request: Request, visitor: Adder, slug: str) -> Response:
    """Show one organisation, and what can be done."""
    by = await by_of(request, visitor)
    web, found = web_of(request), await _one(request, visitor, by, slug)
    return web.page(
        request,
        "organisation-entry.html",
        organisation=found,
        kind=web.texts(request).plain(kind_of(found)),
        oneself=found["slug"] == by.organisation,
        here=f"{ORGANISATIONS}/{slug}",
    )


@router.post(f"{ORGANISATIONS}/{{slug}}/invitation")
async def invite(request: Request, visitor: Adder, slug: str) -> Response:
    """Make a new link for the first administrator, while nobody administers the organisation."""
    by = await by_of(request, visitor)
    found = await _one(request, visitor, by, slug)
    _needs_all(found, visitor)
    return await invitation_page(request, slug, found["name"], by)


@router.post(f"{ORGANISATIONS}/{{slug}}/deactivate", dependencies=[fresh_sign_in])
async def deactivate(request: Request, visitor: Adder, slug: str) -> Response:
    """End the work of an organisation's people, at once."""
    return await _set_active(request, visitor, slug, active=False)


@router.post(f"{ORGANISATIONS}/{{slug}}/activate", dependencies=[fresh_sign_in])
async def activate(request: Request, visitor: Adder, slug: str) -> Response:
    """Let an organisation's people work again."""
    return await _set_active(request, visitor, slug, active=True)


async def _set_active(request: Request, visitor: Visitor, slug: str, *, active: bool) -> Response:
    by = await by_of(request, visitor)
    found = await _one(request, visitor, by, slug)
    if slug == by.organisation or found["founding"]:
        raise PageError(
            409, "own_organisation", "Organisations that add others can be ended only by a command."
        )
    _needs_all(found, visitor)
    async with transaction(accounts_of(request).pool) as conn:
        await handlers.set_active(conn, slug, active=active, by=by)
    message = msgid("Activated again.") if active else msgid("Deactivated: its people's sessions have ended.")
    return web_of(request).back(request, f"{ORGANISATIONS}/{slug}", "success", message)


@router.post(f"{ORGANISATION}/publisher")
async def choose_publisher(request: Request, visitor: Administrator) -> Response:
    """Say once for which announced office the founding organisation speaks."""
    chosen = (await fields_of(request)).get("publisher", "")
    async with transaction(accounts_of(request).pool) as conn:
        organisation = await own_organisation(conn, request)
        if not may_choose(organisation):
            raise not_found()
        if not await handlers.speak_for(conn, organisation, chosen, By(visitor.key, organisation["slug"])):
            raise PageError(409, "publisher_not_there", NOT_THERE)
    return web_of(request).back(
        request, ORGANISATION, "success", "Your organisation speaks for this office now."
    )
