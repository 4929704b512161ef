"""Shows what counselling offices report as missing, what was agreed about it, and whether that helped."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
from services.runtime.bookkeeping.publications import published
from services.runtime.disclosure.bands import UNTOLD
from services.runtime.disclosure.figures import Counts, Publication
from services.runtime.web.languages import Texts, day_of, msgid
from services.texts.figures import NEEDS, PARTS, TOWN, band_text, need_of_town
from services.texts.measures import effect_lines, span

router = APIRouter(include_in_schema=False)
QUARTERS = 4
LEAST, MOST = 10, 500
_FIELDS = ("need", "agreed", "course", "begins_on")
RECORDED = msgid("The measure is recorded. Published quarters will show what comes of it.")
ENDED = msgid("The measure has ended. What it came to stays on record.")


@dataclass(frozen=True, slots=True)
class NeedsSeen:
    """What was published of each need, newest quarter first, and what was agreed about it."""

    quarters: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str]]]
    towns: Sequence[tuple[str, str, str, str]]
    """Quarter, town, need and how many, as far as they are told."""
    measures: Sequence[Mapping[str, Any]]


async def needs_seen(visit: Visit, conn: asyncpg.Connection) -> NeedsSeen:
    """Read the published sums of a Kreis and its measures: nothing here counts."""
    texts = visit.texts
    told = await published(conn, [visit.kreis], NEEDS.name)
    rows = await measures.listed(conn, visit.kreis)
    return NeedsSeen(
        [span(texts, one.quarter) for one in told[:QUARTERS]],
        [
            (texts.plain(PARTS[part.name]), [_cell(texts, one, part.name) for one in told[:QUARTERS]])
            for part in NEEDS.parts
        ],
        [line for one in told[:QUARTERS] for line in _towns(visit, one)],
        [_measure(texts, row, told) for row in rows],
    )


def _towns(visit: Visit, one: Publication) -> Iterator[tuple[str, str, str, str]]:
    """Return the towns of a quarter of which something is told, the most reports first."""
    texts = visit.texts
    names = [name for name, band in one.bands.items() if name.startswith(TOWN) and band.told]
    for name in sorted(names, key=lambda name: (-one.bands[name].low, name)):
        town, need = need_of_town(name)
        yield span(texts, one.quarter), visit.place(town), texts.plain(PARTS[need]), _cell(texts, one, name)


def _measure(texts: Texts, row: asyncpg.Record, told: Sequence[Publication]) -> Mapping[str, Any]:
    code = row["need"]
    effect = effect_lines(texts, code, row["begins_on"], told)
    return dict(row) | {"need_name": texts.plain(PARTS[code]), "effect": effect}


def _cell(texts: Texts, one: Publication, part: str) -> str:
    return band_text(texts, one.bands.get(part, UNTOLD), Counts.REPORTS)


@router.get("/needs")
async def needs(visit: CoordinatorVisit) -> Response:
    """Show the sums, the measures, and the form of a new one."""
    return await _page(visit)


async def _page(
    visit: Visit, wrong: Mapping[str, str] | None = None, entered: Mapping[str, str] | None = None
) -> Response:
    async with visit.open() as conn:
        seen = await needs_seen(visit, conn)
        courses = await measures.courses(conn, visit.kreis, visit.moment().today)
    said = dict.fromkeys(_FIELDS, "") | dict(entered or {})
    return visit.page(
        "needs.html",
        422 if wrong else 200,
        needs=seen,
        kreis=visit.kreis,
        courses=[(str(row["course"]), f"{row['title']} ({row['own_course']})") for row in courses],
        kinds=[(need.value, visit.texts.plain(PARTS[need])) for need in Need],
        errors=visit.told(wrong or {}),
        entered=said,
        actor=visit.actor,
    )


@router.post("/needs")
async def record(visit: CoordinatorVisit) -> Response:
    """Record what was agreed so that a need is met, from a day on."""
    form = await visit.request.form()
    entered = {name: text_of(form, name) for name in _FIELDS}
    begins_on = day_of(entered["begins_on"])
    today = visit.moment().today
    async with visit.open() as conn:
        known = {
            str(row["course"]): row["course"] for row in await measures.courses(conn, visit.kreis, today)
        }
    wrong = mistakes_in(
        need="" if entered["need"] in set(Need) else msgid("Please choose the need."),
        agreed=_mistake(entered["agreed"]),
        course="" if entered["course"] in {"", *known} else msgid("Please choose a course from the list."),
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
            course=known.get(entered["course"]),
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
