"""Serves one open offer of the desk: the sheet to hand over, the reminder, and the person's answer."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from fastapi import APIRouter
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from schemas.codes import DeclineReason
from schemas.offices import PlaceAccepted, PlaceDeclined
from services.notifications.offices import handlers as offices
from services.notifications.pages import store
from services.notifications.pages.context import Clerk, Context, PageContext, send_form, slug_of
from services.notifications.pages.desk.store import day_of_state
from services.notifications.pages.sheets import store as sheets_store
from services.notifications.pages.sheets.facts import OfferRows, facts_of
from services.notifications.people.domain import Purpose
from services.notifications.sheets.codes import svg_of
from services.notifications.sheets.document import Sheet
from services.notifications.sheets.languages import GERMAN, LANGUAGES, language_for
from services.notifications.sheets.offer import offer_sheet
from services.notifications.sheets.typesetting import pdf
from services.runtime.web.languages import msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import not_found
from services.runtime.web.sending import new_form
from services.runtime.web.visit.visitors import Visitor
from services.texts.codes import options
from services.texts.reasons import load

router = APIRouter(include_in_schema=False)


@router.get("/offers/{placement}")
async def offer(
    request: Request, context: Context, visitor: Clerk, placement: UUID, language: str = ""
) -> Response:
    """Show one offer: the sheet for the person, German and in their language, and the answer."""
    return await _page(request, visitor, await _read(request, context, visitor, placement, language))


@router.get("/offers/{placement}/sheet")
async def sheet(  # noqa: PLR0917 - of an address
    request: Request,
    context: Context,
    visitor: Clerk,
    placement: UUID,
    language: str = "",
    kind: str = "",
) -> Response:
    """Print the sheet, or the reminder (`kind`): the person's language first, German behind it."""
    found = await _read(request, context, visitor, placement, language, reminder=kind == "reminder")
    raw = await asyncio.to_thread(pdf, found.sheets, context.now())
    headers = {"Content-Disposition": f'inline; filename="kursplatz-{found.language}.pdf"'}
    return Response(raw, media_type="application/pdf", headers=headers)


@dataclass(frozen=True, slots=True)
class _Offer:
    """An offer with its sheets: in the person's language, if that is another one, and in German."""

    rows: OfferRows
    sheets: Sequence[Sheet]
    language: str
    since: date | None


async def _read(
    request: Request,
    context: PageContext,
    visitor: Visitor,
    placement: UUID,
    language: str = "",
    *,
    reminder: bool = False,
) -> _Offer:
    """Read an offer and write its sheets; without a language, in that of the person."""
    async with context.open(visitor) as conn:
        row = await store.offer(conn, placement, slug_of(visitor))
        if row is None:
            raise not_found()
        person = row["participant_id"]
        names = await context.names(conn, visitor, Purpose.REGISTRATION, [person])
        office = await store.publisher(conn, slug_of(visitor))
        courses = [UUID(other["course"]) for other in load(row["alternatives"]) or []]
        others = await store.courses_named(conn, courses)
        listed = {one["slug"] for one in await store.offices(conn)}
        ranked = await offices.suggest(conn, context.secrets, person, context.now()) if listed else []
        helper = next((one.office for one in ranked if one.office in listed), None)
        rows = OfferRows(
            offer=row,
            contact=names.get(person),
            office_name=office["name"] if office else row["office"],
            letterhead=await sheets_store.letterhead(conn, slug_of(visitor)),
            helper=await sheets_store.help_office(conn, helper) if helper else None,
            others={str(one["course_id"]): one for one in others},
        )
        since = await day_of_state(conn, placement)
    spoken = rows.contact.languages if rows.contact else ()
    chosen = language if language in LANGUAGES else language_for(spoken)
    facts = facts_of(
        rows,
        today=context.today(),
        places=context.places.now,
        german=web_of(request).in_language("de"),
        public_url=context.public_url,
    )
    codes = dict.fromkeys([chosen, GERMAN])
    sheets = [offer_sheet(code, facts, reminder=reminder) for code in codes]
    return _Offer(rows, sheets, chosen, since)


async def _page(request: Request, visitor: Visitor, found: _Offer, *, no_reason: bool = False) -> Response:
    """Show an offer; `no_reason`: it was declined without one."""
    web = web_of(request)
    texts = web.texts(request)
    return web.page(
        request,
        "offer.html",
        422 if no_reason else 200,
        errors={"reason": texts.plain(_WHY_NOT) if no_reason else ""},
        row=found.rows.offer,
        since=found.since,
        sheets=found.sheets,
        language=found.language,
        languages=[(one.code, one.name) for one in LANGUAGES.values()],
        letterhead=found.rows.letterhead,
        helper_phone=bool(found.rows.helper and found.rows.helper["phone"]),
        code=lambda address: Markup(svg_of(address)),  # noqa: S704 - drawn by segno
        reasons=options(texts, "decline"),
        form=new_form(),
        new_form=new_form,
        writes=visitor.publisher is not None,
    )


_WHY_NOT = msgid("Please choose why the person does not take it.")


@router.post("/offers/{placement}/accept")
async def accept(request: Request, context: Context, visitor: Clerk, placement: UUID) -> Response:
    """Send that the person takes the place."""
    entered = await request.form()
    reference = await _reference(context, visitor, placement)
    return await send_form(
        request,
        context,
        visitor,
        entered,
        payload=PlaceAccepted(reference=reference, placement=placement, answered_on=context.today()),
        done=msgid("The answer is saved: the person takes the place. The provider will confirm it."),
        back="/desk",
    )


@router.post("/offers/{placement}/decline")
async def decline(request: Request, context: Context, visitor: Clerk, placement: UUID) -> Response:
    """Send that the person does not take the place."""
    entered = await request.form()
    reference = await _reference(context, visitor, placement)
    reason = str(entered.get("reason") or "")
    if reason not in set(DeclineReason):
        found = await _read(request, context, visitor, placement)
        return await _page(request, visitor, found, no_reason=True)
    return await send_form(
        request,
        context,
        visitor,
        entered,
        payload=PlaceDeclined(
            reference=reference, placement=placement, answered_on=context.today(), reason=reason
        ),
        done=msgid(
            "The answer is saved: the person does not take the place and goes on waiting. No harm done."
        ),
        back="/desk",
    )


async def _reference(context: PageContext, visitor: Visitor, placement: UUID) -> str:
    async with context.open(visitor) as conn:
        row = await store.offer(conn, placement, slug_of(visitor))
    if row is None or row["reference"] is None:
        raise not_found()
    return str(row["reference"])
