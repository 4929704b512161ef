"""Serves the steering side's page of organisations: a Kreis registers its providers and offices.

The gateway lists all publishers; a visitor sees and changes those of their own Kreise only.
"""

import dataclasses
from collections.abc import Callable, Collection, Mapping

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from schemas.codes import PublisherKind
from services.accounts.context import accounts_of
from services.accounts.domain import Role
from services.accounts.organisations import handlers, store
from services.accounts.organisations.domain import Standing, standing_of
from services.accounts.organisations.handlers import By
from services.accounts.pages import api_keys
from services.accounts.pages.adding import (
    ORGANISATIONS,
    SHARED,
    TAKEN,
    Adder,
    Filled,
    administration_of,
    blank,
    by_of,
    done,
    filled,
    invitation_page,
    language_of,
    listed_by_publisher,
    read_names,
)
from services.accounts.pages.organisation import Administrator
from services.runtime.data.db import acquire, transaction
from services.runtime.http.gateway_administration import RegisteredPublisher
from services.runtime.http.gateway_client import NotTaken
from services.runtime.web.languages import msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import PageError, not_found
from services.runtime.web.visit.guard import fresh_sign_in
from services.runtime.web.visit.visitors import Visitor

router = APIRouter(prefix=ORGANISATIONS, include_in_schema=False)
PROVIDER, OFFICE = PublisherKind.PROVIDER.value, PublisherKind.OFFICE.value
KINDS: Mapping[str, str] = {
    PROVIDER: msgid("Course provider"),
    OFFICE: msgid("Office that registers people"),
    PublisherKind.COUNSELLING.value: msgid("Counselling office"),
}
NO_AUTHORITY = msgid(
    "Please say whether the office can oblige people to take part. It decides who may read a consent."
)
OTHER_WORK = msgid(
    "There is an organisation with this short name already, and it does other work. Please choose another"
    " one."
)
IN_THE_LIST = msgid("This organisation is in your list already; there you can change it.")
NOT_ACTIVE = msgid(
    "An organisation with this short name works in another Kreis and is not active. Please choose another"
    " short name, or ask whoever operates Kurslotse for you."
)
ELSEWHERE = msgid(
    "An organisation with this short name works in another Kreis. Is it the same one? Then say so below and"
    " send the form again: it will work in your Kreis, too, and keeps its name. Otherwise choose another"
    " short name."
)


async def _mine(request: Request, visitor: Visitor) -> dict[str, RegisteredPublisher]:
    """Return the publishers that work in the visitor's Kreise; others are not there."""
    found = done(await administration_of(request).publishers(language_of(request)))
    mine = [one for one in found if standing_of(one.kreise, visitor.kreise) is not Standing.FOREIGN]
    return {one.slug: one for one in mine}


async def _one(request: Request, visitor: Visitor, slug: str) -> tuple[RegisteredPublisher, Standing]:
    found = (await _mine(request, visitor)).get(slug)
    if found is None:
        raise not_found()
    return found, standing_of(found.kreise, visitor.kreise)


def _needs_all(standing: Standing) -> None:
    if standing is not Standing.OWN:
        raise PageError(409, "shared", SHARED)


@router.get("")
async def list_page(request: Request, visitor: Adder) -> Response:
    """List the Kreis' providers and offices, with a form for a further one."""
    await by_of(request, visitor)
    return await _list(request, visitor, blank(visitor))


async def _list(request: Request, visitor: Visitor, form: Filled) -> Response:
    web, texts = web_of(request), web_of(request).texts(request)
    found = await _mine(request, visitor)
    async with acquire(accounts_of(request).pool) as conn:
        organisations = listed_by_publisher(await store.overview(conn))
    return web.page(
        request,
        "publishers.html",
        422 if form.errors else 200,
        rows=[
            (one, _kinds(texts.plain, one.kinds), organisations.get(slug))
            for slug, one in sorted(found.items(), key=lambda pair: (not pair[1].active, pair[1].name))
        ],
        kinds=[(kind, texts.plain(KINDS[kind])) for kind in (PROVIDER, OFFICE)],
        entered=form.fields,
        errors={name: texts.plain(text) for name, text in form.errors.items()},
        chosen=form.kreise,
        elsewhere=form.errors.get("slug") == ELSEWHERE,
    )


def _kinds(plain: Callable[[str], str], kinds: Collection[str]) -> str:
    return ", ".join(plain(KINDS.get(kind, kind)) for kind in sorted(kinds))


@router.post("")
async def add(request: Request, visitor: Adder) -> Response:
    """Register a provider or an office; a provider's first administrator is invited at once."""
    by = await by_of(request, visitor)
    form = await filled(request, visitor, (PROVIDER, OFFICE))
    read_names(form)
    asked = _asked(form)
    if form.errors:
        return await _list(request, visitor, form)
    administration, language = administration_of(request), language_of(request)
    listed = done(await administration.publishers(language))
    known = next((one for one in listed if one.slug == asked.slug), None)
    if known is None:
        wrong = await _taken(request, asked)
    else:
        wrong = objection(known, asked, visitor.kreise, same=form.get("same") == "yes")
        more = tuple(one for one in form.kreise if one not in known.kreise)
        asked = dataclasses.replace(known, kreise=(*known.kreise, *more))
    answer = await administration.put(asked, language) if wrong is None else None
    if isinstance(answer, NotTaken) and answer.code == "publisher_name_taken":
        wrong = TAKEN
    if wrong is not None or answer is None:
        form.errors["slug"] = wrong or TAKEN
        return await _list(request, visitor, form)
    return await _registered(request, done(answer), by, visitor)


def _asked(form: Filled) -> RegisteredPublisher:
    """Return who is to be registered; the form says what is wrong."""
    kind, supplier = form.get("kind"), form.get("supplier_id")
    obliges = {"yes": True, "no": False}.get(form.get("authority"))
    if kind == OFFICE and obliges is None:
        form.errors["authority"] = NO_AUTHORITY
    return RegisteredPublisher(
        slug=form.get("slug"),
        name=form.get("name"),
        kinds=frozenset({kind}),
        kreise=form.kreise,
        authority=bool(obliges) and kind == OFFICE,
        supplier_ids=(supplier,) if supplier and kind == PROVIDER else (),
        active=True,
        version=0,
    )


async def _taken(request: Request, asked: RegisteredPublisher) -> str | None:
    """Return why nobody new can have a short name (msgid)."""
    if asked.kinds != {PROVIDER}:
        return None
    async with acquire(accounts_of(request).pool) as conn:
        return TAKEN if await store.one(conn, asked.slug) is not None else None


def objection(
    known: RegisteredPublisher, asked: RegisteredPublisher, own: Collection[str], *, same: bool
) -> str | None:
    """Return why whoever is registered already does not get further Kreise (msgid).

    `same`: the visitor has said that it is the same organisation that works in another Kreis.
    """
    if not asked.kinds <= known.kinds:
        return OTHER_WORK
    if set(asked.kreise) <= set(known.kreise):
        return IN_THE_LIST
    if not known.active:
        return NOT_ACTIVE
    needs_word = standing_of(known.kreise, own) is not Standing.OWN and not same
    return ELSEWHERE if needs_word else None


async def _registered(request: Request, publisher: RegisteredPublisher, by: By, visitor: Visitor) -> Response:
    """Audit a registration; make a provider's organisation, and invite its first administrator."""
    provider = PROVIDER in publisher.kinds
    async with transaction(accounts_of(request).pool) as conn:
        await handlers.note(conn, "publisher_registered", by, publisher.slug)
        if provider:
            made = await handlers.provider_of(
                conn, publisher.slug, name=publisher.name, kreise=publisher.kreise, by=by
            )
            if made is None:
                raise PageError(409, "slug_taken", TAKEN)
    own = standing_of(publisher.kreise, visitor.kreise) is Standing.OWN
    if provider and own and made is not None and not made["administered"]:
        return await invitation_page(request, made["slug"], publisher.name, by)
    address = f"{ORGANISATIONS}/{publisher.slug}"
    return web_of(request).back(request, address, "success", "Registered. The services know it in a moment.")


@router.get("/{slug}")
async def entry_page(request: Request, visitor: Adder, slug: str) -> Response:
    """Show one of the Kreis' providers or offices, and what can be done; an office's keys, too."""
    await by_of(request, visitor)
    publisher, standing = await _one(request, visitor, slug)
    return await _entry(request, visitor, publisher, standing)


async def _entry(
    request: Request, visitor: Visitor, publisher: RegisteredPublisher, standing: Standing
) -> Response:
    web, texts = web_of(request), web_of(request).texts(request)
    async with acquire(accounts_of(request).pool) as conn:
        organisation = await store.of_publisher(conn, publisher.slug)
    keys = None
    if _has_keys_here(visitor, publisher, standing):
        administration = administration_of(request)
        keys = done(await administration.keys(publisher.slug, language_of(request)))
    return web.page(
        request,
        "publisher.html",
        publisher=publisher,
        kinds=_kinds(texts.plain, publisher.kinds),
        provider=PROVIDER in publisher.kinds,
        office=OFFICE in publisher.kinds,
        organisation=organisation,
        own=standing is Standing.OWN,
        keys=keys,
        here=f"{ORGANISATIONS}/{publisher.slug}",
    )


def _has_keys_here(visitor: Visitor, publisher: RegisteredPublisher, standing: Standing) -> bool:
    """Return whether the visitor looks after the keys: of an office that works in the own Kreise only.

    A provider's administrator does that for the provider.
    """
    administrator = visitor.role == Role.ADMINISTRATOR.value
    return administrator and standing is Standing.OWN and PROVIDER not in publisher.kinds


@router.post("/{slug}/invitation")
async def invite(request: Request, visitor: Adder, slug: str) -> Response:
    """Make a new link for a provider's first administrator, while nobody administers it."""
    by = await by_of(request, visitor)
    publisher, standing = await _one(request, visitor, slug)
    if PROVIDER not in publisher.kinds or not publisher.active:
        raise not_found()
    _needs_all(standing)
    async with transaction(accounts_of(request).pool) as conn:
        made = await handlers.provider_of(conn, slug, name=publisher.name, kreise=publisher.kreise, by=by)
        if made is None:
            raise PageError(409, "slug_taken", TAKEN)
    return await invitation_page(request, made["slug"], publisher.name, by)


@router.post("/{slug}/deactivate", dependencies=[fresh_sign_in])
async def deactivate(request: Request, visitor: Adder, slug: str) -> Response:
    """End a publisher with its organisation; one that other Kreise share leaves the own Kreise only."""
    by = await by_of(request, visitor)
    publisher, standing = await _one(request, visitor, slug)
    administration, language = administration_of(request), language_of(request)
    if standing is Standing.OWN:
        done(await administration.deactivate(slug, publisher.version, language))
        await _set_active(request, slug, by, active=False)
        return web_of(request).back(
            request,
            f"{ORGANISATIONS}/{slug}",
            "success",
            "Deactivated. Its keys and its people's sessions ended.",
        )
    rest = tuple(one for one in publisher.kreise if one not in visitor.kreise)
    done(await administration.put(dataclasses.replace(publisher, kreise=rest), language))
    async with transaction(accounts_of(request).pool) as conn:
        await handlers.leave(conn, slug, visitor.kreise, rest, by)
    return web_of(request).back(
        request, ORGANISATIONS, "success", "Taken out of your Kreis; it goes on working in the others."
    )


@router.post("/{slug}/activate", dependencies=[fresh_sign_in])
async def activate(request: Request, visitor: Adder, slug: str) -> Response:
    """Let a publisher send again, and its organisation's people work; it needs new keys."""
    by = await by_of(request, visitor)
    publisher, standing = await _one(request, visitor, slug)
    _needs_all(standing)
    done(await administration_of(request).put(publisher, language_of(request)))
    await _set_active(request, slug, by, active=True)
    return web_of(request).back(
        request, f"{ORGANISATIONS}/{slug}", "success", "Activated again. Please make a new API key."
    )


async def _set_active(request: Request, slug: str, by: By, *, active: bool) -> None:
    async with transaction(accounts_of(request).pool) as conn:
        organisation = await store.of_publisher(conn, slug)
        if organisation is not None:
            await handlers.set_active(conn, organisation["slug"], active=active, by=by)
        else:
            await handlers.note(
                conn, "organisation_activated" if active else "organisation_deactivated", by, slug
            )


async def _office(request: Request, visitor: Visitor, slug: str) -> By:
    """Return who acts on the keys of an office, if they may."""
    by = await by_of(request, visitor)
    publisher, standing = await _one(request, visitor, slug)
    if not _has_keys_here(visitor, publisher, standing):
        raise not_found()
    return by


@router.post("/{slug}/keys", dependencies=[fresh_sign_in])
async def make_key(request: Request, visitor: Administrator, slug: str) -> Response:
    """Make a key of an office; its text is shown once."""
    by = await _office(request, visitor, slug)
    return await api_keys.made(request, slug, by, back=f"{ORGANISATIONS}/{slug}")


@router.post("/{slug}/keys/{prefix}/end", dependencies=[fresh_sign_in])
async def end_key(request: Request, visitor: Administrator, slug: str, prefix: str) -> Response:
    """End a key of an office at once."""
    by = await _office(request, visitor, slug)
    return await api_keys.ended(request, slug, prefix, by, back=f"{ORGANISATIONS}/{slug}")
