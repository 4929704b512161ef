"""Shows what was published of closed quarters, by both sides, as a page, a CSV file and JSON."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import asyncpg
from fastapi import APIRouter
from fastapi.responses import JSONResponse
from starlette.responses import Response

from services.allocation.console.context.visit import CoordinatorVisit, Visit
from services.allocation.console.figures.outcome_sections import Section, Writer, last_day
from services.allocation.figures import outside
from services.allocation.figures.outside import OutsideCount
from services.allocation.figures.sums import Published, Scope, quarters_of_year
from services.runtime.bookkeeping.publications import published
from services.runtime.disclosure.figures import Counts, Figure, Publication
from services.runtime.disclosure.quarters import Quarter, last_closed, quarter_of
from services.runtime.web.languages import Texts, msgid
from services.runtime.web.tables import csv_answer
from services.texts.figures import COURSES_WORDS, READABLE, TITLES, TOWN, Courses, band_text, part_words

router = APIRouter(include_in_schema=False)
ALL = "all"
_HEADS = (
    msgid("Quarter from"),
    msgid("Figure"),
    msgid("Kind of course"),
    msgid("Part"),
    msgid("In words"),
    msgid("At least"),
    msgid("At most"),
    msgid("Width of the bands"),
    msgid("Counted on"),
    msgid("Name for programs"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for, and what there is to be asked for."""

    published: Published
    scope: Scope
    period: str
    """A year, the first day of a quarter, `all`, or empty: nothing is published."""
    outside: Mapping[str, OutsideCount]

    @property
    def years(self) -> list[int]:
        """Return the years of which something is published, the latest first."""
        return sorted({one.first.year for one in self.published.quarters}, reverse=True)


async def asked(visit: Visit, conn: asyncpg.Connection) -> Asked:
    """Read what is published of the visitor's Kreis and what the address asks for: else the latest year."""
    told = Published(await published(conn, [visit.kreis]))
    quarters, query = told.quarters, visit.request.query_params
    periods: dict[str, tuple[Quarter, ...]] = {ALL: tuple(quarters)}
    periods |= {one.first.isoformat(): (one,) for one in quarters}
    periods |= {str(one.first.year): quarters_of_year(one.first.year, quarters) for one in quarters}
    latest = str(quarters[0].first.year) if quarters else ""
    period = query.get("period", "")
    period = period if quarters and period in periods else latest
    kind = query.get("courses", "")
    courses = Courses(kind) if kind in set(Courses) else None
    chosen = periods.get(period, ())
    until = last_day(chosen) if chosen else visit.moment().today
    return Asked(told, Scope(chosen, courses), period, await outside.latest(conn, visit.kreis, until))


@router.get("/outcomes")
async def outcomes(visit: CoordinatorVisit) -> Response:
    """Show the quarters that are asked for, of one Kreis and one kind of courses or all."""
    async with visit.open() as conn:
        one = await asked(visit, conn)
    texts, scope = visit.texts, one.scope
    writer = Writer(texts, visit.place)
    sections: Sequence[Section] = writer.sections(one.published, scope, one.outside) if scope.quarters else ()
    return visit.page(
        "outcomes.html",
        kreis=visit.kreis,
        kreise=visit.visitor.kreise,
        kreis_options=[(kreis, visit.place(kreis)) for kreis in visit.visitor.kreise],
        period=one.period,
        period_options=period_options(texts, writer, one),
        courses=scope.courses or "",
        courses_options=[(kind, texts.plain(words)) for kind, words in COURSES_WORDS.items()],
        span=writer.span(scope.quarters) if scope.quarters else "",
        sections=sections,
        quality=writer.quality(one.published, scope, one.outside) if scope.quarters else (),
        of=f"{visit.kreis}/{one.period}/{scope.courses or ALL}",
        next_on=_next(visit.moment().today).closes_on,
    )


def period_options(texts: Texts, writer: Writer, one: Asked) -> list[tuple[str, str]]:
    """List what can be chosen: all quarters, each year, each quarter."""
    found = [(ALL, texts.plain(msgid("All quarters")))] if one.published.quarters else []
    for year in one.years:
        found.append((str(year), texts.gettext(msgid("The year %(year)s"), year=year)))
        found += [
            (quarter.first.isoformat(), writer.span([quarter]))
            for quarter in quarters_of_year(year, one.published.quarters)
        ]
    return found


@router.get("/outcomes.csv")
async def outcomes_csv(visit: CoordinatorVisit) -> Response:
    """Answer with everything that was published of a Kreis."""
    texts = visit.texts
    async with visit.open() as conn:
        found = await published(conn, [visit.kreis])
    return csv_answer("outcomes", [texts.plain(head) for head in _HEADS], _rows(texts, visit, found))


@router.get("/api/v1/outcomes")
async def outcomes_json(visit: CoordinatorVisit) -> Response:
    """Return everything that was published of a Kreis."""
    async with visit.open() as conn:
        found = await published(conn, [visit.kreis])
    return JSONResponse(
        [
            {
                "kreis": one.kreis,
                "figure": one.figure,
                "courses": READABLE[one.figure].of or None,
                "quarter": one.quarter.first.isoformat(),
                "counted_on": one.counted_on.isoformat(),
                "k": one.k,
                "parts": {
                    name: {"low": band.low, "high": band.high}
                    for name, band in one.bands.items()
                    if band.told
                },
            }
            for one in found
            if one.figure in READABLE
        ]
    )


def _next(today: date) -> Quarter:
    return quarter_of(date.fromordinal(last_closed(today).last.toordinal() + 1))


def _names(figure: Figure, one: Publication) -> list[str]:
    towns = sorted(name for name in one.bands if name.startswith(TOWN))
    return [*(part.name for part in figure.parts), *towns]


def _rows(texts: Texts, visit: Visit, found: Sequence[Publication]) -> Iterator[tuple[object, ...]]:
    for one in found:
        figure = READABLE.get(one.figure)
        if figure is None:
            continue
        counts = {part.name: part.counts for part in figure.parts}
        for name in _names(figure, one):
            band = one.bands.get(name)
            if band is not None and band.told:
                yield (
                    one.quarter.first.isoformat(),
                    texts.plain(TITLES[figure.question]),
                    texts.plain(COURSES_WORDS[figure.of]) if figure.of else "",
                    part_words(texts, name, visit.place),
                    band_text(texts, band, counts.get(name, Counts.PEOPLE)),
                    band.low,
                    band.high,
                    one.k,
                    one.counted_on.isoformat(),
                    f"{one.figure}.{name}",
                )
