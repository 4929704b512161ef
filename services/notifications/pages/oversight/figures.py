"""Serves the published figures of the support side, the consent rate first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from services.notifications.counts.store import own_beginners
from services.notifications.pages.context import Context
from services.notifications.pages.roles import (
    AUDITOR,
    CLERK,
    COUNSELLOR,
    DATA_PROTECTION,
    PROVIDER,
    TEAM_LEAD,
)
from services.runtime.bookkeeping.publications import published
from services.runtime.disclosure.bands import UNTOLD, Band, share
from services.runtime.disclosure.figures import Counts, Figure, Publication
from services.runtime.web.languages import NOTHING, Texts
from services.runtime.web.pages import web_of
from services.runtime.web.visit.guard import signed_in
from services.runtime.web.visit.visitors import Visitor
from services.texts.figures import (
    COUNSELLING,
    OWN_CONSENT_RATE,
    SUPPORT,
    TITLES,
    TOWN,
    band_text,
    part_words,
)

router = APIRouter(prefix="/figures", include_in_schema=False)
Reader = Annotated[
    Visitor,
    Depends(signed_in(TEAM_LEAD, COUNSELLOR, CLERK, PROVIDER, reading=(AUDITOR, DATA_PROTECTION))),
]
_QUARTERS_SHOWN, _QUARTERS_ACROSS = 8, 4


def consent_rate(told: Publication) -> tuple[int, int] | None:
    """Return the share of those who began and had consented, in percent; None: the group is too small."""
    bands = told.bands
    return share(bands.get("consented", UNTOLD), bands.get("began", UNTOLD))


def own_rate(told: Publication, own: int) -> tuple[int, int] | None:
    """Return the share of those who began and allow an office, `own` of them, in percent; None: too small."""
    began = told.bands.get("began", UNTOLD)
    own = own if began.high is None else min(own, began.high)
    return share(Band(own, own), began)


@router.get("")
async def figures(request: Request, context: Context, visitor: Reader) -> Response:
    """Show the consent rate of each quarter, then every figure of the support side with its definition."""
    async with context.open(visitor) as conn:
        known = await published(conn, list(visitor.kreise))
        own = await own_beginners(conn, context.today()) if visitor.role == TEAM_LEAD else None
    texts = web_of(request).texts(request)

    def place(key: str) -> str:
        return context.places.now.name(key) or key

    consents = [one for one in known if one.figure == COUNSELLING.name][:_QUARTERS_SHOWN]
    return web_of(request).page(
        request,
        "figures.html",
        rates=[
            (
                one,
                consent_rate(one),
                band_text(texts, one.bands.get("began", UNTOLD), Counts.PEOPLE),
            )
            for one in consents
        ],
        own_rates=None
        if own is None
        else [
            (
                one,
                count,
                own_rate(one, count),
                band_text(texts, one.bands.get("began", UNTOLD), Counts.PEOPLE),
            )
            for one in consents
            for count in (own.get((one.kreis, one.quarter.first), 0),)
        ],
        own_definition=texts.plain(OWN_CONSENT_RATE),
        sections=[
            _section(texts, figure, told[:_QUARTERS_ACROSS], place)
            for kreis in visitor.kreise
            for figure in SUPPORT
            if (told := [one for one in known if (one.kreis, one.figure) == (kreis, figure.name)])
        ],
        several=len(visitor.kreise) > 1,
        quarter=lambda one: f"{one.quarter.first.year}/{(one.quarter.first.month + 2) // 3}",
    )


@dataclass(frozen=True, slots=True)
class FigureSection:
    """A figure of a Kreis: its parts, each with its published bands of some quarters, the latest first."""

    title: str
    definition: str
    kreis: str
    quarters: Sequence[Publication]
    rows: Sequence[tuple[str, Sequence[str]]]


def _section(
    texts: Texts, figure: Figure, told: Sequence[Publication], place: Callable[[str], str]
) -> FigureSection:
    """Write a figure; towns of which something is told in one of the quarters follow its parts."""
    counts = {part.name: part.counts for part in figure.parts}
    towns = {
        name: Counts.REPORTS
        for name in sorted({name for one in told for name, band in one.bands.items() if band.told})
        if name.startswith(TOWN)
    }
    return FigureSection(
        texts.plain(TITLES[figure.name]),
        texts.plain(figure.definition),
        told[0].kreis,
        told,
        [
            (
                part_words(texts, name, place),
                [
                    NOTHING
                    if name in towns and not one.bands.get(name, UNTOLD).told
                    else band_text(texts, one.bands.get(name, UNTOLD), of)
                    for one in told
                ],
            )
            for name, of in {**counts, **towns}.items()
        ],
    )
