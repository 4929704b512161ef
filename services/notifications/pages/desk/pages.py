"""Serves the desk's lists: open offers, the office's people, and the search by name or reference."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.notifications.pages.context import Clerk, Context, PageContext, full_name, slug_of
from services.notifications.pages.desk import store
from services.notifications.pages.desk.filters import (
    DUE,
    OFFER_SORTS,
    PEOPLE_SORTS,
    PeopleFilter,
    choices,
    offer_filter,
    people_filter,
    sizes,
)
from services.notifications.pages.first_day.pages import still_missing
from services.notifications.people import search
from services.notifications.people.domain import Contact, Purpose
from services.notifications.people.spellings import MOST_LETTERS, cleaned
from services.runtime.web.bodies import form_of
from services.runtime.web.languages import Texts, msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import PageError
from services.runtime.web.visit.guard import fresh_beyond_first_page
from services.runtime.web.visit.visitors import Visitor
from services.texts.codes import options

router = APIRouter(include_in_schema=False)
_LEAST_LETTERS = 2
TOO_SHORT = msgid("Please enter at least two letters of the name, or the beginning of the reference.")
TOO_LONG = msgid("Please enter at most %(most)s characters: you have entered %(entered)s.")
TOO_OFTEN = msgid(
    "You have searched very often within a short time. Please wait %(seconds)s seconds and search again."
)


async def _names(
    context: PageContext,
    visitor: Visitor,
    conn: asyncpg.Connection,
    participants: list[UUID],
) -> Mapping[UUID, Contact]:
    return await context.names(conn, visitor, Purpose.REGISTRATION, participants)


@router.get("/desk", dependencies=[fresh_beyond_first_page])
async def offers(request: Request, context: Context, visitor: Clerk) -> Response:
    """List the offers that wait for an answer, those that end soonest first."""
    steps = await still_missing(request, context, visitor)
    web, today = web_of(request), context.today()
    texts = web.texts(request)
    async with context.open(visitor) as conn:
        known = await store.choices_of_offers(conn, slug_of(visitor))
        providers = {row["provider"]: row["provider_name"] for row in known}
        towns = sorted({row["town"] for row in known if row["town"]})
        wanted = offer_filter(request.query_params, today, list(providers), towns)
        rows = await store.offers(conn, slug_of(visitor), wanted)
        shown = rows[: wanted.size]
        names = await _names(context, visitor, conn, [row["participant_id"] for row in shown])
    return web.page(
        request,
        "desk.html",
        steps=steps,
        rows=shown,
        more=len(rows) > wanted.size,
        wanted=wanted,
        any_offer=bool(known),
        providers=sorted(providers.items(), key=lambda one: one[1]),
        towns=sorted(((ags, context.places.now.name(ags) or ags) for ags in towns), key=lambda one: one[1]),
        sorts=choices(texts, OFFER_SORTS),
        due=choices(texts, DUE),
        sizes=sizes(texts),
        name=lambda participant: full_name(names.get(participant)),
        today=today,
    )


@router.get("/people", dependencies=[fresh_beyond_first_page])
async def own_people(request: Request, context: Context, visitor: Clerk) -> Response:
    """List the office's own people as they stand now; state, town and order are kept in the address."""
    wanted = people_filter(request.query_params)
    async with context.open(visitor) as conn:
        towns = await store.towns_of_people(conn, slug_of(visitor))
        rows = await store.people(conn, slug_of(visitor), wanted)
        shown = rows[: wanted.size]
        names = await _names(context, visitor, conn, [row["participant_id"] for row in shown])
    texts = web_of(request).texts(request)
    return web_of(request).page(
        request,
        "people.html",
        rows=shown,
        more=len(rows) > wanted.size,
        wanted=wanted,
        situations=options(texts, "situation"),
        towns=sorted(((ags, context.places.now.name(ags) or ags) for ags in towns), key=lambda one: one[1]),
        sorts=choices(texts, PEOPLE_SORTS),
        sizes=sizes(texts),
        name=lambda participant: full_name(names.get(participant)),
        searched="",
    )


@router.get("/people/search")
async def before_search(request: Request, visitor: Clerk) -> Response:  # noqa: ARG001 - who may ask
    """Lead to the list: what was searched stands in no address."""
    return web_of(request).back(request, "/people")


@router.post("/people/search")
async def search_people(request: Request, context: Context, visitor: Clerk) -> Response:
    """Show which of the office's own people have a name or reference near to the text; looks are logged."""
    text = cleaned(str((await form_of(request)).get("name") or ""))
    wrong = _mistake(web_of(request).texts(request), text)
    if wrong:
        return _answer(request, text[:MOST_LETTERS], status=422, wrong=wrong)
    wait = context.searches.wait_of(visitor.key)
    if wait:
        raise PageError(429, "searched_too_often", TOO_OFTEN, seconds=wait)
    context.searches.count(visitor.key)
    async with context.open(visitor) as conn:
        sealed = await search.sealed_names(conn, visitor.organisation or "", slug_of(visitor))
    async with context.searching:
        found = await search.find(context.secrets, visitor.organisation or "", sealed, text)
    async with context.open(visitor) as conn:
        everybody = PeopleFilter(size=search.MOST_FOUND)
        known = {
            row["participant_id"]: row
            for row in await store.people(conn, slug_of(visitor), everybody, only=found.participants)
        }
        names = await _names(context, visitor, conn, list(known))
    return _answer(
        request,
        text,
        rows=[known[one] for one in found.participants if one in known],
        name=lambda participant: full_name(names.get(participant)),
        more=found.more,
        most=search.MOST_FOUND,
        whole=found.whole,
        most_searched=search.MOST_SEARCHED,
    )


def _mistake(texts: Texts, text: str) -> str:
    if len(text) < _LEAST_LETTERS and not any(ord(one) > 0x2E80 for one in text):  # noqa: PLR2004 - a Chinese name
        return texts.plain(TOO_SHORT)
    if len(text) > MOST_LETTERS:
        return texts.gettext(TOO_LONG, most=MOST_LETTERS, entered=len(text))
    return ""


def _answer(request: Request, text: str, *, status: int = 200, **values: Any) -> Response:  # noqa: ANN401
    usual = {"rows": (), "more": False, "most": 0, "whole": True, "most_searched": 0, "wrong": ""}
    return web_of(request).page(request, "people-search.html", status, searched=text, **(usual | values))
