"""Shows what the figures mean: each with its sentence and the value of the day, as a page and a CSV file."""

from fastapi import APIRouter
from starlette.responses import Response

from services.allocation.console.context.visit import CoordinatorVisit
from services.allocation.figures.named import GROUPS, NAMED
from services.allocation.figures.today import figures_of
from services.runtime.web.languages import msgid
from services.runtime.web.tables import csv_answer
from services.texts.figures import FIGURES, PARTS, TITLES

router = APIRouter(include_in_schema=False)


@router.get("/figures")
async def meaning(visit: CoordinatorVisit) -> Response:
    """List every named figure."""
    moment = visit.moment()
    async with visit.open() as conn:
        figures = await figures_of(conn, visit.day(moment))
    return visit.page(
        "figures.html",
        groups=GROUPS,
        figures=figures,
        moment=moment,
        published=list({one.question: one for one in FIGURES.values()}.values()),
        titles=TITLES,
        parts=PARTS,
    )


@router.get("/figures.csv")
async def meaning_csv(visit: CoordinatorVisit) -> Response:
    """The figures of the day as a file."""
    texts, moment = visit.texts, visit.moment()
    async with visit.open() as conn:
        figures = await figures_of(conn, visit.day(moment))
    heads = [msgid("Name"), msgid("Figure"), msgid("Value"), msgid("As of"), msgid("What it counts")]
    lines = [
        (
            name,
            texts.plain(NAMED[name].title),
            value,
            texts.date(moment.today),
            texts.plain(NAMED[name].definition),
        )
        for name, value in figures.values.items()
    ]
    return csv_answer("figures", [texts.plain(head) for head in heads], lines)
