"""Serves the provider's roster: confirm or refuse a place, record attendance."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from schemas.codes import Mark, RefusalReason
from schemas.providers import PlaceConfirmed, PlaceRefused
from schemas.support import AttendanceEntry, AttendanceRecorded
from services.notifications.pages import store
from services.notifications.pages.context import (
    Context,
    PageContext,
    Teacher,
    form_id,
    full_name,
    new_form,
    send_event,
    slug_of,
)
from services.notifications.people.domain import Purpose
from services.runtime.web.languages import msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import PageError, not_found
from services.runtime.web.visitors import Visitor
from services.texts.codes import options

router = APIRouter(prefix="/roster", include_in_schema=False)
_ATTENDING = ("confirmed", "started")
_MOST_UNITS = 12


@router.get("")
async def courses(request: Request, context: Context, visitor: Teacher) -> Response:
    """List the provider's courses; those where somebody waits for a confirmation first."""
    async with context.open(visitor) as conn:
        rows = await store.provider_courses(conn, slug_of(visitor))
    return web_of(request).page(request, "roster.html", rows=rows, today=context.today())


@router.get("/{course}")
async def course(request: Request, context: Context, visitor: Teacher, course: UUID) -> Response:
    """Show who is expected or attends; names from the acceptance on, each look is logged."""
    async with context.open(visitor) as conn:
        row = await store.provider_course(conn, course, slug_of(visitor))
        if row is None:
            raise not_found()
        people = await store.roster(conn, course, slug_of(visitor))
        names = await context.names(
            conn,
            visitor,
            Purpose.ROSTER,
            [one["participant_id"] for one in people if one["state"] != "reserved"],
        )
    web = web_of(request)
    return web.page(
        request,
        "roster-course.html",
        course=row,
        people=people,
        attending=[
            one for one in people if one["state"] in _ATTENDING and one["starts_on"] <= context.today()
        ],
        name=lambda participant: full_name(names.get(participant)),
        reasons=options(web.texts(request), "refusal"),
        form=new_form,
        today=context.today(),
    )


def _attending(people: Sequence[asyncpg.Record], day: date) -> list[asyncpg.Record]:
    return [one for one in people if one["state"] in _ATTENDING and one["starts_on"] <= day]


async def _own(context: PageContext, visitor: Visitor, course: UUID, placement: UUID) -> tuple[str, UUID]:
    """Return the provider's own id of the course and the person of a placement in it."""
    async with context.open(visitor) as conn:
        row = await store.provider_course(conn, course, slug_of(visitor))
        people = await store.roster(conn, course, slug_of(visitor))
    found = next((one for one in people if one["placement_id"] == placement), None)
    if row is None or found is None:
        raise not_found()
    return row["own_id"], found["participant_id"]


@router.post("/{course}/{placement}/confirm")
async def confirm(
    request: Request, context: Context, visitor: Teacher, course: UUID, placement: UUID
) -> Response:
    """Confirm a place, with the provider's own number if it has one."""
    entered = await request.form()
    own, participant = await _own(context, visitor, course, placement)
    number = str(entered.get("own_number") or "").strip() or None
    try:
        payload = PlaceConfirmed(course=own, participant=participant, placement=placement, own_number=number)
    except ValidationError:
        return web_of(request).back(
            request,
            f"/roster/{course}",
            "danger",
            "Please enter your number without a name: letters and digits, no spaces, for example TN-0417.",
        )
    await send_event(
        request,
        context,
        visitor,
        event_id=form_id(entered.get("form")),
        payload=payload,
        done=msgid("The place is confirmed."),
    )
    return web_of(request).back(request, f"/roster/{course}")


@router.post("/{course}/{placement}/refuse")
async def refuse(
    request: Request, context: Context, visitor: Teacher, course: UUID, placement: UUID
) -> Response:
    """Refuse a place: the provider cannot take the person."""
    entered = await request.form()
    own, participant = await _own(context, visitor, course, placement)
    reason = str(entered.get("reason") or "")
    if reason not in set(RefusalReason):
        return web_of(request).back(
            request, f"/roster/{course}", "danger", "Please choose why the person cannot be taken."
        )
    await send_event(
        request,
        context,
        visitor,
        event_id=form_id(entered.get("form")),
        payload=PlaceRefused(course=own, participant=participant, placement=placement, reason=reason),
        done=msgid("It is saved that the person cannot be taken. The Kreis looks for another place."),
    )
    return web_of(request).back(request, f"/roster/{course}")


@router.post("/{course}/attendance")
async def attendance(request: Request, context: Context, visitor: Teacher, course: UUID) -> Response:
    """Record one course day: whoever is not marked as missing was there."""
    entered = await request.form()
    async with context.open(visitor) as conn:
        row = await store.provider_course(conn, course, slug_of(visitor))
        if row is None:
            raise not_found()
        people = await store.roster(conn, course, slug_of(visitor))
    day, units = _day_and_units(entered, context.today())
    attending = [one["participant_id"] for one in _attending(people, day)]
    payload = AttendanceRecorded(
        course=row["own_id"],
        day=day,
        ue_held=units,
        entries=tuple(_entry(entered, participant, units) for participant in attending),
    )
    await send_event(
        request,
        context,
        visitor,
        event_id=form_id(entered.get("form")),
        payload=payload,
        done=msgid("Saved. Thank you. If you notice a mistake, enter the day again; the last entry counts."),
    )
    return web_of(request).back(request, f"/roster/{course}")


def _day_and_units(form: FormData, today: date) -> tuple[date, float]:
    try:
        day, units = date.fromisoformat(str(form.get("day"))), float(str(form.get("units")))
    except ValueError:
        day, units = date.max, 0
    if day > today or not 0 < units <= _MOST_UNITS or units % 0.25:
        raise PageError(
            422,
            "day_or_units",
            "Please enter a day that is not in the future and its teaching units, for example 5.",
        )
    return day, units


def _entry(form: FormData, participant: UUID, units: float) -> AttendanceEntry:
    mark = str(form.get(f"mark-{participant}") or Mark.PRESENT)
    known = Mark(mark) if mark in set(Mark) else Mark.PRESENT
    return AttendanceEntry(participant=participant, mark=known, ue=units if known is Mark.PRESENT else 0)
