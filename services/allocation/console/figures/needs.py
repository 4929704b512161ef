"""Shows what counselling offices report as missing, what was agreed about it, and whether that helped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from starlette.responses import Response

from schemas.bounds import EARLIEST, latest_day
from schemas.codes import Need
from services.allocation.console.context.forms import mistakes_in, text_of
from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.allocation.figures import measures
from services.allocation.figures.measures import When, effect_of
from services.runtime.bookkeeping.publications import published
from services.runtime.disclosure.bands import UNTOLD
from services.runtime.disclosure.figures import Counts, Publication
from services.runtime.web.languages import Texts, day_of, msgid
from services.texts.figures import NEEDS, PARTS, band_text

router = APIRouter(include_in_schema=False)
QUARTERS = 4
LEAST, MOST = 10, 500
WHEN: Mapping[When, str] = {
    When.BEFORE: msgid("before"),
    When.CHANGE: msgid("it begins in this quarter"),
    When.AFTER: msgid("after"),
}
RECORDED = msgid("The measure is recorded. Published quarters will show what comes of it.")
ENDED = msgid("The measure has ended. What it came to stays on record.")


@dataclass(frozen=True, slots=True)
class NeedsSeen:
    """What was published of each need, newest quarter first, and what was agreed about it."""

    quarters: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str]]]
    measures: Sequence[Mapping[str, Any]]


async def needs_seen(visit: Visit, conn: asyncpg.Connection) -> NeedsSeen:
    """Read the published sums of a Kreis and its measures: nothing here counts, and no town is told."""
    texts = visit.texts
    told = [one for one in await published(conn, [visit.kreis]) if one.figure == NEEDS.name]
    told.sort(key=lambda one: one.quarter.first, reverse=True)
    rows = await measures.listed(conn, visit.kreis)
    return NeedsSeen(
        [_span(texts, one) for one in told[:QUARTERS]],
        [
            (texts.plain(PARTS[part.name]), [_cell(texts, one, part.name) for one in told[:QUARTERS]])
            for part in NEEDS.parts
        ],
        [_measure(texts, row, told) for row in rows],
    )


def _measure(texts: Texts, row: asyncpg.Record, told: Sequence[Publication]) -> Mapping[str, Any]:
    code = row["need"]
    effect = [
        (
            _span_of(texts, one.quarter.first, one.quarter.last),
            texts.plain(WHEN[one.when]),
            band_text(texts, one.band, Counts.REPORTS),
        )
        for one in effect_of(code, row["begins_on"], told)
    ]
    return dict(row) | {"need_name": texts.plain(PARTS[code]), "effect": effect}


def _cell(texts: Texts, one: Publication, part: str) -> str:
    return band_text(texts, one.bands.get(part, UNTOLD), Counts.REPORTS)


def _span(texts: Texts, one: Publication) -> str:
    return _span_of(texts, one.quarter.first, one.quarter.last)


def _span_of(texts: Texts, first: date, last: date) -> str:
    return texts.gettext(msgid("%(first)s to %(last)s"), first=texts.date(first), last=texts.date(last))


@router.get("/needs")
async def needs(visit: CoordinatorVisit) -> Response:
    """Show the sums, the measures, and the form of a new one."""
    return await _page(visit)


async def _page(
    visit: Visit, wrong: Mapping[str, str] | None = None, entered: Mapping[str, str] | None = None
) -> Response:
    async with visit.open() as conn:
        seen = await needs_seen(visit, conn)
    said = {"need": "", "agreed": "", "begins_on": ""} | dict(entered or {})
    return visit.page(
        "needs.html",
        422 if wrong else 200,
        needs=seen,
        kreis=visit.kreis,
        kinds=[(need.value, visit.texts.plain(PARTS[need])) for need in Need],
        errors=visit.told(wrong or {}),
        entered=said,
        actor=visit.actor,
    )


@router.post("/needs")
async def record(visit: CoordinatorVisit) -> Response:
    """Record what was agreed so that a need is met, from a day on."""
    form = await visit.request.form()
    entered = {name: text_of(form, name) for name in ("need", "agreed", "begins_on")}
    begins_on = day_of(entered["begins_on"])
    today = visit.moment().today
    wrong = mistakes_in(
        need="" if entered["need"] in set(Need) else msgid("Please choose the need."),
        agreed=_mistake(entered["agreed"]),
        begins_on=""
        if begins_on is not None and EARLIEST <= begins_on <= latest_day(today)
        else msgid("Please enter the first day, for example 24.12.2026."),
    )
    if wrong or begins_on is None:
        return await _page(visit, wrong, entered)
    async with visit.open() as conn:
        await measures.add(
            conn,
            visit.kreis,
            need=entered["need"],
            agreed=entered["agreed"],
            begins_on=begins_on,
            by=visit.visitor.key,
            now=visit.context.clock.now(),
        )
    return visit.web.back(visit.request, f"/needs?kreis={visit.kreis}", "success", RECORDED)


def _mistake(text: str) -> str:
    if not LEAST <= len(text) <= MOST or not all(one.isprintable() or one in "\r\n" for one in text):
        return msgid(
            "Please write what was agreed and with whom, in 10 to 500 characters, without any person."
        )
    return ""


@router.post("/needs/{measure}/end")
async def end(visit: CoordinatorVisit, measure: UUID) -> Response:
    """End a measure; its effect stays to be seen."""
    async with visit.open() as conn:
        ended = await measures.end(conn, measure, by=visit.visitor.key, today=visit.moment().today)
    address = f"/needs?kreis={visit.kreis}"
    if not ended:
        return visit.web.back(
            visit.request, address, "warning", msgid("This measure has ended already, or is not known.")
        )
    return visit.web.back(visit.request, address, "success", ENDED)
