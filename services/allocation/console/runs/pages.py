"""Shows steering runs: the list, one run with its certificate, its parts as files."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

import asyncpg
import orjson
from fastapi import APIRouter
from starlette.responses import Response

from services.allocation.console.context import explanation_store, run_store
from services.allocation.console.context.cadence import cadence_lines
from services.allocation.console.context.visit import CoordinatorVisit
from services.allocation.console.runs.export import of_own_kreise, with_numbers
from services.allocation.figures.named import NAMED
from services.allocation.rerun import request_rerun
from services.runtime.web.problems import not_found
from services.runtime.web.tables import PAGE_SIZE
from services.runtime.web.visit.guard import fresh_sign_in
from services.texts.reasons import GOALS

router = APIRouter(include_in_schema=False)
Part = Literal["snapshot", "result", "certificate"]


@router.get("/runs")
async def runs(visit: CoordinatorVisit) -> Response:
    """List steering runs: what each saw and what came of it."""
    page = visit.page_number
    async with visit.open() as conn:
        rows = await run_store.runs(conn, PAGE_SIZE + 1, (page - 1) * PAGE_SIZE)
        asked = await run_store.asked_since(conn, visit.kreis)
    cadence = visit.context.policies.at(visit.kreis, visit.moment().now).cadence
    return visit.page(
        "runs.html",
        rows=rows[:PAGE_SIZE],
        more=len(rows) > PAGE_SIZE,
        page=page,
        asked=asked,
        cadence=list(cadence_lines(visit.texts, cadence)),
        named=NAMED,
    )


@router.post("/runs/start")
async def start(visit: CoordinatorVisit) -> Response:
    """Have the Kreis steered now instead of at its hour; asked twice, it is one run."""
    async with visit.open() as conn:
        await request_rerun(conn, visit.kreis, "asked", urgent=True, now=visit.moment().now)
    return visit.web.back(
        visit.request, "/runs", "success", "Steering begins. Its proposals are there in a moment."
    )


@router.get("/runs/{run}")
async def run_page(visit: CoordinatorVisit, run: UUID) -> Response:
    """Show one run: what it proves, which courses start, the cut-offs, and how to check all of it."""
    async with visit.open() as conn:
        row = await run_store.run_row(conn, run)
        if row is None:
            raise not_found()
        raws = await _parts(conn, row)
        result, claims = raws["result"], raws.get("certificate")
        classes = _classes(raws["snapshot"])
        named = {*result["started"], *result["closed"]}
        if claims is not None:
            named |= {course for course, *_ in claims["cutoffs"]}
        names = await explanation_store.course_names(conn, [UUID(course) for course in named])
    return visit.page(
        "certificate.html",
        run=row,
        together=[visit.place(kreis) for kreis in row["kreise"] or ()],
        started=[_course(course, names) for course in result["started"]],
        closed=[_course(course, names) for course in result["closed"]],
        claims=claims,
        bars=[] if claims is None else _cut_offs(claims, classes, names),
        goals=GOALS,
    )


async def _parts(conn: asyncpg.Connection, row: asyncpg.Record) -> dict[str, Any]:
    """Read what is stored of a run, by name."""
    names = [name for name in ("snapshot", "result", "certificate") if row[name] is not None]
    return {name: orjson.loads(await run_store.stored(conn, row[name])) for name in names}


def _classes(seen: Mapping[str, Any]) -> Sequence[str]:
    return [one["code"] for one in seen["rules"]["priorities"]["classes"]]


def _course(course: str, names: Mapping[UUID, asyncpg.Record]) -> dict[str, Any]:
    row = names.get(UUID(course))
    return {
        "course": course,
        **(dict(row) if row is not None else {"title": course[:8], "provider_name": ""}),
    }


def _cut_offs(
    claims: Mapping[str, Any], classes: Sequence[str], names: Mapping[UUID, asyncpg.Record]
) -> list[dict[str, Any]]:
    """Return each cut-off as a class and days of waiting, as far as the policy's leading goals name them."""
    bars = []
    for course, section, door, bar in claims["cutoffs"]:
        said: dict[str, Any] = {}
        if isinstance(bar, list):
            named = dict(zip(claims["rank"], bar, strict=True))
            said["class"] = classes[named["priority"]] if "priority" in named else None
            said["days"] = -named["waiting"] if "waiting" in named else None
        state = bar if isinstance(bar, str) else "rank"
        bars.append({**_course(course, names), "section": section, "door": door, "state": state, **said})
    return [bar for bar in bars if bar["state"] != "locked"]


@router.get("/runs/{run}/{part}.json", dependencies=[fresh_sign_in])
async def run_part(visit: CoordinatorVisit, run: UUID, part: Part) -> Response:
    """Give what is stored of a run away: people numbered through, without office and reference."""
    async with visit.open() as conn:
        row = await run_store.run_row(conn, run)
        if row is None or row[part] is None:
            raise not_found()
        raws = await _parts(conn, row)
    headers = {"Content-Disposition": f'attachment; filename="{part}-{str(run)[:8]}.json"'}
    return Response(
        with_numbers(of_own_kreise(raws, visit.visitor.kreise))[part],
        media_type="application/json",
        headers=headers,
    )
