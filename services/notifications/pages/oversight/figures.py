"""Serves the published figures of the support side, the consent rate first."""

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
from services.runtime.disclosure.figures import Counts, Publication
from services.runtime.web.languages import Texts
from services.runtime.web.pages import web_of
from services.runtime.web.visit.guard import signed_in
from services.runtime.web.visit.visitors import Visitor
from services.texts.figures import COUNSELLING, OWN_CONSENT_RATE, SUPPORT, TITLES, band_text, part_words

router = APIRouter(prefix="/figures", include_in_schema=False)
Reader = Annotated[
    Visitor,
    Depends(signed_in(TEAM_LEAD, COUNSELLOR, CLERK, PROVIDER, reading=(AUDITOR, DATA_PROTECTION))),
]
_QUARTERS_SHOWN = 8


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
            (texts.plain(TITLES[figure.name]), texts.plain(figure.definition), rows)
            for figure in SUPPORT
            if (rows := _rows(texts, [one for one in known if one.figure == figure.name]))
        ],
        quarter=lambda one: f"{one.quarter.first.year}/{(one.quarter.first.month + 2) // 3}",
    )


def _rows(texts: Texts, told: list[Publication]) -> list[tuple[Publication, str, str]]:
    """Write the parts of each quarter."""
    counts = {(figure.name, part.name): part.counts for figure in SUPPORT for part in figure.parts}
    return [
        (one, part_words(texts, name, str), band_text(texts, band, counts[one.figure, name]))
        for one in told[:_QUARTERS_SHOWN]
        for name, band in one.bands.items()
        if (one.figure, name) in counts
    ]
