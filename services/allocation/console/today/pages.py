"""Shows the first page: one sentence about the day, its figures, and the same as JSON."""

from typing import Annotated

import asyncpg
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from services.allocation.console.context import run_store
from services.allocation.console.context.menu import AUDITOR, COORDINATORS
from services.allocation.console.context.visit import Context, CoordinatorVisit, Visit
from services.allocation.console.today import first_day
from services.allocation.figures.named import NAMED
from services.allocation.figures.today import figures_of
from services.allocation.policy import store as policy_store
from services.runtime.bookkeeping.publications import published
from services.runtime.disclosure.figures import Publication
from services.runtime.web.languages import msgid
from services.runtime.web.pages import web_of
from services.runtime.web.visit.guard import signed_in
from services.runtime.web.visit.visitors import Visitor
from services.texts.figures import COURSE_SIGNALS, PARTS, band_text

router = APIRouter(include_in_schema=False)
api = APIRouter(prefix="/api/v1", tags=["console"])


@router.get("/")
async def first(
    request: Request, context: Context, visitor: Annotated[Visitor, Depends(signed_in())]
) -> Response:
    """Show the one sentence; whoever does not coordinate goes to their own first page."""
    web = web_of(request)
    if visitor.role == first_day.ADMINISTRATOR:
        return RedirectResponse(await first_day.first_page(request, context, visitor), 303)
    if visitor.role not in {*COORDINATORS, AUDITOR}:
        return RedirectResponse(web.home(visitor.role), 303)
    figures = await _figures(Visit(request, context, visitor))
    return web.page(
        request,
        "first.html",
        part=web.live(request, "first-part.html", "/live", **figures),
        steps=await first_day.still_missing(request, context, visitor),
    )


@router.get("/live")
async def first_live(visit: CoordinatorVisit) -> Response:
    """Renew the first page's part."""
    return visit.web.renewed(visit.request, "first-part.html", "/live", **await _figures(visit))


async def _figures(visit: Visit) -> dict[str, object]:
    moment, visitor = visit.moment(), visit.visitor
    deciding = visitor.kreise if visitor.role in COORDINATORS else ()
    async with visit.open() as conn:
        return {
            "moment": moment,
            "figures": await figures_of(conn, visit.day(moment)),
            "named": NAMED,
            "policies_waiting": await policy_store.waiting_for(conn, deciding, visitor.key),
            "policies_returned": await policy_store.returned_to(
                conn, visit.visitor.kreise, visit.visitor.key
            ),
            "last_run": next(iter(await run_store.runs(conn, 1, 0)), None),
            "look_after": await _look_after(visit, conn),
        }


async def _look_after(
    visit: Visit, conn: asyncpg.Connection
) -> list[tuple[str, Publication, list[tuple[str, str]]]]:
    """Return what was last published of courses that told something: title, publication, words and counts."""
    texts, latest = visit.texts, dict[str, Publication]()
    for one in await published(conn, visit.visitor.kreise, COURSE_SIGNALS.name):
        latest.setdefault(one.kreis, one)
    span = msgid("Courses to look after in %(kreis)s, %(first)s to %(last)s")
    return [
        (
            texts.gettext(
                span,
                kreis=visit.place(one.kreis),
                first=texts.date(one.quarter.first),
                last=texts.date(one.quarter.last),
            ),
            one,
            [
                (texts.plain(PARTS[part.name]), band_text(texts, one.bands[part.name], part.counts))
                for part in COURSE_SIGNALS.parts
                if one.bands[part.name].low
            ],
        )
        for one in latest.values()
        if any(band.low for band in one.bands.values())
    ]


@api.get("/figures")
async def figures(visit: CoordinatorVisit) -> Response:
    """Return the figures of the day by name; /figures says in a sentence what each of them counts."""
    moment = visit.moment()
    async with visit.open() as conn:
        found = await figures_of(conn, visit.day(moment))
    return JSONResponse(
        {
            **found.values,
            "as_of": moment.now.isoformat(),
            "main_reason": dict(found.main_reason),
            "would_help": dict(found.would_help),
        }
    )
