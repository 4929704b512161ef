"""Serves the page on which the head of an office lets its mails wait for a while; its counsellors read it."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from schemas.days import LOCAL, add_days
from services.notifications.alerts import silences
from services.notifications.alerts.silences import NotSilenced, Silenced
from services.notifications.offices import own_store
from services.notifications.pages.channels import words
from services.notifications.pages.context import Context, PageContext, TeamLead, slug_of
from services.notifications.pages.roles import AUDITOR, COUNSELLOR, TEAM_LEAD
from services.runtime.web.bodies import form_of
from services.runtime.web.languages import day_of
from services.runtime.web.pages import web_of
from services.runtime.web.problems import not_found
from services.runtime.web.visit.guard import signed_in
from services.runtime.web.visit.visitors import Visitor

router = APIRouter(prefix="/offices", include_in_schema=False)
Reader = Annotated[Visitor, Depends(signed_in(TEAM_LEAD, reading=(COUNSELLOR, AUDITOR)))]
"""Of this very office: who is silenced says so."""
_MOST_DAYS = silences.LONGEST.days - 1
"""The last day is at most so many days ahead: the silence ends when that day is over."""
_LONGEST = 600


@router.get("/{office}/silences")
async def listed(request: Request, context: Context, visitor: Reader, office: str) -> Response:
    """List the silences of the visitor's office that last."""
    async with context.open(visitor) as conn:
        row = await _own_office(conn, visitor, office)
        return await _show(request, context, conn, row)


@router.post("/{office}/silences")
async def silence(request: Request, context: Context, visitor: TeamLead, office: str) -> Response:
    """Let the mails to the office's own mailbox wait until a day is over."""
    form = await form_of(request)
    values = {
        name: str(form.get(name) or "").replace("\0", "").strip()[:_LONGEST]
        for name in ("about", "until", "reason")
    }
    last = day_of(values["until"])
    now = context.now()
    wrong = {
        "about": "" if values["about"] in silences.ABOUT else words.CHOOSE,
        "until": "" if last else words.NO_LAST_DAY,
        "reason": words.LONG_REASON if len(values["reason"]) > silences.LONGEST_REASON else "",
    }
    async with context.open(visitor) as conn:
        row = await _own_office(conn, visitor, office)
        if last is not None and not any(wrong.values()):
            outcome = await silences.silence(
                conn,
                organisation=row["organisation"],
                office=office,
                about=values["about"],
                until=end_of(last),
                reason=values["reason"],
                person=visitor.key,
                now=now,
            )
            match outcome:
                case Silenced():
                    wrong = {}
                case NotSilenced.NO_REASON:
                    wrong["reason"] = words.NO_SILENCE_REASON
                case NotSilenced.PAST | NotSilenced.TOO_LONG:
                    wrong["until"] = words.LAST_DAY_OUTSIDE
        if wrong:
            return await _show(request, context, conn, row, values=values, wrong=wrong)
    return web_of(request).back(request, f"/offices/{office}/silences", "success", words.SILENCED)


@router.post("/{office}/silences/{silence_id}/end")
async def end(
    request: Request, context: Context, visitor: TeamLead, office: str, silence_id: UUID
) -> Response:
    """End a silence before its time; the mails that waited go out."""
    async with context.open(visitor) as conn:
        await _own_office(conn, visitor, office)
        ended = await silences.end_silence(conn, silence_id, visitor.key, context.now())
    told = ("success", words.SILENCE_ENDED) if ended else ("warning", words.NO_SILENCE)
    return web_of(request).back(request, f"/offices/{office}/silences", *told)


def end_of(day: date) -> datetime:
    """Return the end of a day in Germany.

    >>> end_of(date(2026, 3, 28)).isoformat()
    '2026-03-29T00:00:00+01:00'
    """
    return datetime.combine(add_days(day, 1), time(0), LOCAL)


async def _own_office(conn: asyncpg.Connection, visitor: Visitor, slug: str) -> asyncpg.Record:
    row = await own_store.office(conn, slug) if slug == slug_of(visitor) else None
    if row is None or row["organisation"] != visitor.organisation:
        raise not_found()
    return row


async def _show(
    request: Request,
    context: PageContext,
    conn: asyncpg.Connection,
    office: asyncpg.Record,
    *,
    values: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
) -> Response:
    """Show the page; `wrong` (field -> msgid): what is wrong with what was entered."""
    web = web_of(request)
    texts = web.texts(request)
    errors = {name: texts.gettext(text, most=_MOST_DAYS) for name, text in (wrong or {}).items() if text}
    return web.page(
        request,
        "office-silences.html",
        422 if errors else 200,
        office=office,
        rows=await silences.listed(conn, office["slug"], context.now()),
        values=defaultdict(str, values or {}),
        errors=defaultdict(str, errors),
        most=_MOST_DAYS,
        abouts=[(code, texts.plain(text)) for code, text in words.ABOUT.items()],
        about=lambda code: words.said(texts, words.ABOUT, code),
        who=lambda key: web.sign_in.name_of(key) or key,
        keeps=not request.state.reads_only,
    )
