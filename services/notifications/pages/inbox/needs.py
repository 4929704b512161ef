"""Serves the page on which an office reports what is missing in a town, and sees what was agreed about it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from schemas.codes import Need
from schemas.support import NeedReported
from services.notifications.pages.context import Context, Counsellor, PageContext, send_form, slug_of
from services.notifications.pages.inbox import store
from services.notifications.pages.roles import AUDITOR, COUNSELLOR, TEAM_LEAD
from services.notifications.participation import measures_store
from services.runtime.bookkeeping.publications import published
from services.runtime.disclosure.figures import Publication
from services.runtime.web.bodies import form_of
from services.runtime.web.languages import Texts, msgid
from services.runtime.web.pages import web_of
from services.runtime.web.sending import new_form
from services.runtime.web.visit.guard import signed_in
from services.runtime.web.visit.visitors import Visitor
from services.texts.figures import NEEDS, PARTS
from services.texts.measures import effect_lines
from services.texts.town_field import TownField, read_town
from services.texts.town_field import told as told_of

router = APIRouter(include_in_schema=False)
NeedReader = Annotated[Visitor, Depends(signed_in(COUNSELLOR, TEAM_LEAD, reading=(AUDITOR,)))]
MONTHS = 3
"""The month that can be chosen is this one or one of the two before."""
REPORTED = msgid("The need is reported. Only sums of many are told to the Kreis.")
NO_NEED = msgid("Please choose what is missing.")
NO_MONTH = msgid("Please choose a month from the list.")
NO_TOWN = msgid("Please enter the town in which it is missing.")


def months_before(today: date) -> list[str]:
    """List the months that can be chosen, the latest first.

    >>> months_before(date(2026, 1, 31))
    ['2026-01', '2025-12', '2025-11']
    """
    last = today.year * 12 + today.month - 1
    return [f"{number // 12:04}-{number % 12 + 1:02}" for number in range(last, last - MONTHS, -1)]


@router.get("/needs")
async def needs(request: Request, context: Context, visitor: NeedReader) -> Response:
    """Show the form, and what the office has reported."""
    return await _page(request, context, visitor, Shown())


@router.post("/needs")
async def report(request: Request, context: Context, visitor: Counsellor) -> Response:
    """Report one need; the same form sent twice is one report."""
    form = await form_of(request)
    values = {name: str(form.get(name) or "").strip()[:200] for name in form}
    today = context.today()
    town = read_town(values, visitor.kreise, today, context.places.now)
    wrong = {
        "need": "" if values.get("need") in set(Need) else NO_NEED,
        "month": "" if values.get("month") in months_before(today) else NO_MONTH,
        "town": "" if town.ags else town.error or NO_TOWN,
    }
    if any(wrong.values()):
        shown = Shown(values, {name: text for name, text in wrong.items() if text}, town)
        return await _page(request, context, visitor, shown)
    return await send_form(
        request,
        context,
        visitor,
        form,
        payload=NeedReported(need=values["need"], town=town.ags, month=values["month"]),
        done=REPORTED,
        back="/needs",
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """What the form is shown with: what was entered, and what is wrong with it (field -> msgid)."""

    values: Mapping[str, Any] = field(default_factory=dict)
    wrong: Mapping[str, str] = field(default_factory=dict)
    town: TownField = field(default_factory=TownField)


async def _page(request: Request, context: PageContext, visitor: Visitor, shown: Shown) -> Response:
    web = web_of(request)
    texts = web.texts(request)
    async with context.open(visitor) as conn:
        rows = await store.own_needs(conn, slug_of(visitor))
        agreed = await measures_store.of_kreise(conn, list(visitor.kreise))
        told = await published(conn, list(visitor.kreise), NEEDS.name)
    errors = told_of(texts, dict(shown.wrong), shown.town)
    return web.page(
        request,
        "needs.html",
        422 if errors else 200,
        values=defaultdict(str, shown.values),
        errors=defaultdict(str, errors),
        town=shown.town,
        towns=context.places.now.of(visitor.kreise, context.today()),
        no_directory=context.places.now.edition is None,
        kinds=[(need.value, texts.plain(PARTS[need])) for need in Need],
        months=[(month, month_name(texts, month)) for month in months_before(context.today())],
        rows=[dict(row) | {"agreed": _about(row, agreed)} for row in rows],
        agreed=[
            dict(one) | {"effect": _effect(texts, one, [each for each in told if each.kreis == one["kreis"]])}
            for one in agreed
        ],
        kind=lambda code: texts.plain(PARTS.get(code, PARTS["other"])),
        month=lambda text: month_name(texts, text),
        form=new_form(),
    )


def _about(row: asyncpg.Record, agreed: Sequence[asyncpg.Record]) -> list[asyncpg.Record]:
    """Return the measures about a reported need: of its Kreis, not over before its month."""
    return [
        one
        for one in agreed
        if (one["need"], one["kreis"]) == (row["need"], row["town"][:5])
        and (one["ended_on"] is None or f"{one['ended_on']:%Y-%m}" >= row["month"])
    ]


def _effect(texts: Texts, one: asyncpg.Record, told: Sequence[Publication]) -> list[tuple[str, str, str]]:
    return effect_lines(texts, one["need"], one["begins_on"], told)


def month_name(texts: Texts, month: str) -> str:
    """Write a month of a report: 03/2026 in German, 2026-03 in English."""
    return f"{month[5:]}/{month[:4]}" if texts.language == "de" else month
