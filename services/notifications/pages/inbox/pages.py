"""Serves the counsellor's inbox as pages and as JSON: the alerts of the office, one alert, the search."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.notifications.alerts import silences
from services.notifications.delivery.domain import reference_of
from services.notifications.pages.alert_texts import explain
from services.notifications.pages.context import Context, Counsellor, PageContext, full_name, slug_of
from services.notifications.pages.desk.filters import choices, sizes
from services.notifications.pages.first_day.pages import still_missing
from services.notifications.pages.inbox import store
from services.notifications.pages.inbox.filters import (
    KINDS,
    SEVERITIES,
    SHOWN,
    SORTS,
    AlertFilter,
    alert_filter,
    mark_of,
)
from services.notifications.pages.inbox.one import PUT_OFF_FOR, json_of, show
from services.notifications.pages.roles import TEAM_LEAD
from services.notifications.people import search
from services.notifications.people.domain import Contact, Purpose
from services.notifications.people.spellings import MOST_LETTERS, cleaned
from services.runtime.web.bodies import form_of
from services.runtime.web.languages import Texts, msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import PageError, wants_json
from services.runtime.web.visit.visitors import Visitor

router = APIRouter(prefix="/inbox", include_in_schema=False)
_LEAST_LETTERS = 2
NO_ERRORS: Mapping[str, str] = dict.fromkeys(("ticked", "do", "person", "reason", "days"), "")
TOO_SHORT = msgid("Please enter at least two letters of the name, or the beginning of the reference.")
TOO_LONG = msgid("Please enter at most %(most)s characters: you have entered %(entered)s.")
TOO_OFTEN = msgid(
    "You have searched very often within a short time. Please wait %(seconds)s seconds and search again."
)


@router.get("")
async def inbox(request: Request, context: Context, visitor: Counsellor) -> Response:
    """List the office's alerts, the most urgent first."""
    return await list_page(request, context, visitor)


async def list_page(
    request: Request,
    context: PageContext,
    visitor: Visitor,
    *,
    errors: Mapping[str, str] | None = None,
    entered: Mapping[str, Any] | None = None,
) -> Response:
    """Show the list; `errors` and `entered`: what is wrong with what was to be done with several."""
    address, values, team = await _list(request, context, visitor)
    web = web_of(request)
    texts = web.texts(request)
    if wants_json(request):
        return JSONResponse({"alerts": [json_of(row, explain(texts, row)) for row in values["rows"]]})
    wrong = {**NO_ERRORS, **(errors or {})}
    empty = dict.fromkeys(("do", "reason", "person", "verdict", "days"), "")
    given = {"ticked": frozenset[str](), **empty, **(entered or {})}
    part = web.live(request, "inbox-part.html", address, **values, errors=wrong, ticked=given["ticked"])
    steps = await still_missing(request, context, visitor) if visitor.role == TEAM_LEAD else ()
    return web.page(
        request,
        "inbox.html",
        422 if errors else 200,
        part=part,
        rows=values["rows"],
        silences=values["silences"],
        who=values["who"],
        wanted=values["wanted"],
        shown=choices(texts, SHOWN),
        kinds=choices(texts, KINDS),
        severities=choices(texts, SEVERITIES),
        sorts=choices(texts, SORTS),
        sizes=sizes(texts),
        people=[(mark_of(one["key"]), one["name"]) for one in team] if values["lead"] else [],
        put_off_for=choices(texts, PUT_OFF_FOR),
        team=[(one["key"], one["name"]) for one in team],
        lead=values["lead"],
        errors=wrong,
        entered=given,
        steps=steps,
    )


@router.get("/live")
async def inbox_live(request: Request, context: Context, visitor: Counsellor) -> Response:
    """Return the list alone, for the page to renew it."""
    address, values, _ = await _list(request, context, visitor)
    return web_of(request).renewed(
        request, "inbox-part.html", address, **values, errors=NO_ERRORS, ticked=frozenset[str]()
    )


async def _list(
    request: Request, context: PageContext, visitor: Visitor
) -> tuple[str, dict[str, Any], Sequence[asyncpg.Record]]:
    """Return the address that renews one page of the list, the values of its template, and the team."""
    wanted = alert_filter(request.query_params)
    own = (visitor.organisation or "", slug_of(visitor))
    async with context.open(visitor) as conn:
        team = await store.counsellors(conn, *own)
        taken_by = _taken_by(wanted, visitor, team)
        rows = await store.alerts(conn, *own, wanted, taken_by=taken_by, now=context.now())
        put_off = await store.put_off(conn, *own, context.now())
        lasting = await silences.listed(conn, own[1], context.now())
    texts = web_of(request).texts(request)
    shown = rows[: wanted.size]
    values = row_values(request, context, visitor, texts) | {
        "rows": shown,
        "more": len(rows) > wanted.size,
        "wanted": wanted,
        "put_off": put_off,
        "silences": lasting,
    }
    return f"/inbox/live?{wanted.query}page={wanted.page}", values, team


def row_values(request: Request, context: PageContext, visitor: Visitor, texts: Texts) -> dict[str, Any]:
    """Return what the rows of a list of alerts are written with."""
    return {
        "explain": lambda row: explain(texts, row),
        "reference": reference_of,
        "who": lambda key: web_of(request).sign_in.name_of(key) or key,
        "lead": visitor.role == TEAM_LEAD,
        "is_off": lambda row: bool(row["snoozed_until"]) and row["snoozed_until"] > context.now(),
        "waits": lambda row: waits(texts, context.now() - (row["answered_at"] or row["raised_at"])),
        "name": None,
    }


def _taken_by(wanted: AlertFilter, visitor: Visitor, team: Sequence[asyncpg.Record]) -> str | None:
    """Return whose alerts are listed; None: everybody's. Who is not the lead chooses only oneself."""
    if wanted.who and visitor.role == TEAM_LEAD:
        return next((str(one["key"]) for one in team if mark_of(one["key"]) == wanted.who), "")
    return visitor.key if wanted.state == "mine" else None


def waits(texts: Texts, since: timedelta) -> str:
    """Say how long something waits: in days, on the first day in hours."""
    if since.days > 0:
        return texts.ngettext("%(num)s day", "%(num)s days", since.days)
    return texts.ngettext("%(num)s hour", "%(num)s hours", max(0, since.seconds // 3600))


@router.get("/search")
async def before_search(request: Request, visitor: Counsellor) -> Response:  # noqa: ARG001 - who may ask
    """Lead to the list: what was searched stands in no address."""
    return web_of(request).back(request, "/inbox")


@router.post("/search")
async def search_alerts(request: Request, context: Context, visitor: Counsellor) -> Response:
    """Show the office's alerts about people with a name near to the text, or with such a reference.

    Each name that is shown is written down as a look.
    """
    web = web_of(request)
    texts = web.texts(request)
    text = cleaned(str((await form_of(request)).get("name") or ""))
    if len(text) < _LEAST_LETTERS and not any(ord(one) > 0x2E80 for one in text):  # noqa: PLR2004 - a Chinese name
        return _searched(request, context, visitor, text, wrong=texts.plain(TOO_SHORT))
    if len(text) > MOST_LETTERS:
        wrong = texts.gettext(TOO_LONG, most=MOST_LETTERS, entered=len(text))
        return _searched(request, context, visitor, text[:MOST_LETTERS], wrong=wrong)
    wait = context.searches.wait_of(visitor.key)
    if wait:
        raise PageError(429, "searched_too_often", TOO_OFTEN, seconds=wait)
    context.searches.count(visitor.key)
    own = (visitor.organisation or "", slug_of(visitor))
    async with context.open(visitor) as conn:
        sealed = await store.sealed_names(conn, *own, search.MOST_SEARCHED + 1)
    async with context.searching:
        near = await search.find(context.secrets, own[0], sealed, text)
    async with context.open(visitor) as conn:
        rows = await store.found(conn, *own, near.participants, reference_in(text))
        names = await names_of(context, conn, visitor, rows)
    return _searched(request, context, visitor, text, rows=rows, names=names)


def reference_in(text: str) -> str:
    """Return the beginning of a reference that a text may be; "" if it can only be a name.

    >>> reference_in("kl-de"), reference_in("7d1c"), reference_in("De")
    ('KL-DE', 'KL-7D1C', '')
    """
    upper = text.upper()
    if upper.startswith("KL-"):
        return upper
    return f"KL-{upper}" if any(map(str.isdigit, upper)) else ""


async def names_of(
    context: PageContext, conn: asyncpg.Connection, visitor: Visitor, rows: Sequence[asyncpg.Record]
) -> dict[UUID, Contact]:
    """Read the names of the people whom alerts are about, each for the purpose of its alert."""
    found: dict[UUID, Contact] = {}
    for purpose in sorted({row["purpose"] for row in rows}):
        people = [
            row["participant_id"]
            for row in rows
            if row["purpose"] == purpose and row["participant_id"] and row["participant_id"] not in found
        ]
        found |= await context.names(conn, visitor, Purpose(purpose), people)
    return found


def _searched(
    request: Request,
    context: PageContext,
    visitor: Visitor,
    text: str,
    *,
    rows: Sequence[asyncpg.Record] = (),
    names: Mapping[UUID, Contact] | None = None,
    wrong: str = "",
) -> Response:
    web = web_of(request)
    values = row_values(request, context, visitor, web.texts(request)) | {
        "name": lambda row: full_name((names or {}).get(row["participant_id"]))
    }
    return web.page(
        request,
        "inbox-search.html",
        422 if wrong else 200,
        searched=text,
        wrong=wrong,
        rows=rows,
        errors=NO_ERRORS,
        ticked=None,
        **values,
    )


@router.get("/{alert}")
async def alert_page(request: Request, context: Context, visitor: Counsellor, alert: UUID) -> Response:
    """Show one alert, to which the link in an e-mail leads; showing it changes nothing."""
    return await show(request, context, visitor, alert)


@router.post("/{alert}/contact")
async def contact(request: Request, context: Context, visitor: Counsellor, alert: UUID) -> Response:
    """Show the alert with name and contact data; the look is logged."""
    return await show(request, context, visitor, alert, contact=True)
