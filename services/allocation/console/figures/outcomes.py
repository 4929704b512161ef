"""Shows what was published of closed quarters, by both sides, as a page, a CSV file and JSON."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from starlette.responses import Response

from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.runtime.bookkeeping.publications import published
from services.runtime.disclosure.bands import Band, share
from services.runtime.disclosure.figures import Counts, Part, Publication
from services.runtime.disclosure.quarters import Quarter, last_closed, quarter_of
from services.runtime.web.languages import Texts, msgid
from services.runtime.web.tables import csv_answer
from services.texts.figures import FIGURES, PARTS, SUPPORT, TITLES, band_text

router = APIRouter(include_in_schema=False)
_HEADS = (
    msgid("Quarter from"),
    msgid("Figure"),
    msgid("Part"),
    msgid("In words"),
    msgid("At least"),
    msgid("At most"),
    msgid("Width of the bands"),
    msgid("Counted on"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A part of a figure in the visitor's language; `share` are the percents that the bands allow."""

    name: str
    text: str
    share: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Told:
    """A published figure in the visitor's language."""

    name: str
    title: str
    definition: str
    counted_on: date
    k: int
    from_support: bool
    lines: Sequence[Line]


@router.get("/outcomes")
async def outcomes(visit: CoordinatorVisit) -> Response:
    """Show one closed quarter of one Kreis; the latest if none is asked for."""
    found = await _of_kreis(visit)
    quarters = sorted({one.quarter for one in found}, reverse=True)
    asked = visit.request.query_params.get("quarter", "")
    quarter = next((one for one in quarters if one.first.isoformat() == asked), None)
    shown = quarter or next(iter(quarters), None)
    order = {name: at for at, name in enumerate(FIGURES)}
    told = [one for one in found if one.quarter == shown and one.figure in order]
    today = visit.moment().today
    return visit.page(
        "outcomes.html",
        kreis=visit.kreis,
        kreise=visit.visitor.kreise,
        kreis_options=[(one, visit.place(one)) for one in visit.visitor.kreise],
        quarter=shown,
        quarter_options=[(one.first.isoformat(), _span(visit.texts, one)) for one in quarters],
        next_on=_next(today).closes_on,
        told=[_told(visit.texts, one) for one in sorted(told, key=lambda one: order[one.figure])],
    )


@router.get("/outcomes.csv")
async def outcomes_csv(visit: CoordinatorVisit) -> Response:
    """Answer with everything that was published of a Kreis."""
    texts = visit.texts
    return csv_answer(
        "outcomes",
        [texts.plain(head) for head in _HEADS],
        _rows(texts, await _of_kreis(visit)),
    )


@router.get("/api/v1/outcomes")
async def outcomes_json(visit: CoordinatorVisit) -> Response:
    """Return everything that was published of a Kreis."""
    return JSONResponse(
        [
            {
                "kreis": one.kreis,
                "figure": one.figure,
                "quarter": one.quarter.first.isoformat(),
                "counted_on": one.counted_on.isoformat(),
                "k": one.k,
                "parts": {
                    name: {"low": band.low, "high": band.high}
                    for name, band in one.bands.items()
                    if band.told
                },
            }
            for one in await _of_kreis(visit)
        ]
    )


async def _of_kreis(visit: Visit) -> list[Publication]:
    async with visit.open() as conn:
        return await published(conn, [visit.kreis])


def _span(texts: Texts, quarter: Quarter) -> str:
    return texts.gettext(
        msgid("%(first)s to %(last)s"), first=texts.date(quarter.first), last=texts.date(quarter.last)
    )


def _next(today: date) -> Quarter:
    return quarter_of(date.fromordinal(last_closed(today).last.toordinal() + 1))


def _told(texts: Texts, one: Publication) -> Told:
    figure = FIGURES[one.figure]
    return Told(
        name=figure.name,
        title=texts.plain(TITLES[figure.name]),
        definition=texts.plain(figure.definition),
        counted_on=one.counted_on,
        k=one.k,
        from_support=figure in SUPPORT,
        lines=[_line(texts, part, one.bands) for part in figure.parts if part.name in one.bands],
    )


def _line(texts: Texts, part: Part, bands: Mapping[str, Band]) -> Line:
    band = bands[part.name]
    of = None if part.of is None or part.counts is Counts.WEEKS else share(band, bands[part.of])
    return Line(texts.plain(PARTS[part.name]), band_text(texts, band, part.counts), of)


def _rows(texts: Texts, found: Sequence[Publication]) -> Iterator[tuple[object, ...]]:
    for one in found:
        if one.figure not in FIGURES:
            continue
        for part in FIGURES[one.figure].parts:
            band = one.bands.get(part.name)
            if band is not None and band.told:
                yield (
                    one.quarter.first.isoformat(),
                    texts.plain(TITLES[one.figure]),
                    texts.plain(PARTS[part.name]),
                    band_text(texts, band, part.counts),
                    band.low,
                    band.high,
                    one.k,
                    one.counted_on.isoformat(),
                )
