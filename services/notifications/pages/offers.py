"""Serves one open offer of the desk: the sheet to hand over, and the person's answer."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from schemas.codes import DeclineReason
from schemas.offices import PlaceAccepted, PlaceDeclined
from services.notifications.offices import handlers as offices
from services.notifications.pages import store
from services.notifications.pages.context import Clerk, Context, PageContext, send_form, slug_of
from services.notifications.pages.desk.store import day_of_state
from services.notifications.people.domain import Purpose
from services.runtime.web.languages import msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import not_found
from services.runtime.web.sending import new_form
from services.runtime.web.visit.visitors import Visitor
from services.texts.codes import options
from services.texts.reasons import load

router = APIRouter(include_in_schema=False)


@router.get("/offers/{placement}")
async def offer(request: Request, context: Context, visitor: Clerk, placement: UUID) -> Response:
    """Show one offer: the sheet for the person, to be printed, and the answer."""
    return await _sheet(request, context, visitor, placement)


async def _sheet(
    request: Request, context: PageContext, visitor: Visitor, placement: UUID, *, no_reason: bool = False
) -> Response:
    """Show an offer; `no_reason`: it was declined without one."""
    async with context.open(visitor) as conn:
        row = await store.offer(conn, placement, slug_of(visitor))
        if row is None:
            raise not_found()
        names = await context.names(conn, visitor, Purpose.REGISTRATION, [row["participant_id"]])
        office = await store.publisher(conn, slug_of(visitor))
        alternatives = load(row["alternatives"]) or []
        others = await store.courses_named(conn, [UUID(other["course"]) for other in alternatives])
        listed = {one["slug"]: one["name"] for one in await store.offices(conn)}
        person = row["participant_id"]
        ranked = await offices.suggest(conn, context.secrets, person, context.now()) if listed else []
        since = await day_of_state(conn, placement)
    contact = names.get(row["participant_id"])
    return web_of(request).page(
        request,
        "offer.html",
        422 if no_reason else 200,
        errors={"reason": web_of(request).texts(request).plain(_WHY_NOT) if no_reason else ""},
        row=row,
        since=since,
        contact=contact,
        full_name=" ".join(filter(None, (contact.given_name, contact.family_name))) if contact else "",
        office=office,
        units=units_of(load(row["sections"]) or [], row["entry_section"]),
        helper=next((listed[one.office] for one in ranked if one.office in listed), ""),
        why=[reason for reason in load(row["reasons"]) or [] if reason["code"] in WHY],
        why_texts=WHY,
        alternatives=alternatives,
        others={str(other["course_id"]): other for other in others},
        reasons=options(web_of(request).texts(request), "decline"),
        slip=SLIP,
        form=new_form(),
        today=context.today(),
    )


def units_of(sections: Sequence[Mapping[str, Any]], entry: int) -> int | None:
    """Return how many teaching units somebody has who enters at a section; None: the school has not said it.

    >>> units_of([{"number": 1, "ue": 100}, {"number": 2, "ue": 100}, {"number": 3, "ue": 60}], 2)
    160
    >>> units_of([{"number": 1, "ue": None}], 1)
    """
    units = [one.get("ue") for one in sections if one["number"] >= entry]
    return sum(filter(None, units)) if units and all(units) else None


WHY = {
    "only_place": msgid("It is the only course with a free seat that fits you."),
    "best_keep_offer": msgid("We offered you this course before. It is still the best for you."),
    "best_type_choice": msgid("This kind of course fits you best."),
    "best_early_start": msgid("You can start soonest in this course."),
    "best_distance": msgid("This course is nearest to where you live."),
    "equal_places": msgid("Several courses fit you equally well. This is one of them."),
    "better_place_taken": msgid("It is the best course for you that still has a free seat."),
}
"""Reasons for this course as the person reads them; reasons that concern other people are left out."""


_WHY_NOT = msgid("Please choose why the person does not take it.")


SLIP = {
    "distance": msgid("the way is too far for me."),
    "time_of_day": msgid("the time of day does not fit."),
    "childcare": msgid("nobody looks after my children meanwhile."),
    "own_choice": msgid("I choose another course."),
    "other": msgid("another reason:"),
}
"""Reasons to decline as the person ticks them on the slip."""


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
        return await _sheet(request, context, visitor, placement, no_reason=True)
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
