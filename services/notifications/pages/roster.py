"""Serves the provider's roster: confirm or refuse a place, record attendance."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from schemas.codes import Mark, RefusalReason
from schemas.providers import PlaceConfirmed, PlaceRefused
from schemas.support import AttendanceRecorded
from services.notifications.pages import attendance_form, course_signals, store
from services.notifications.pages.attendance_form import DayForm, ReportedDay
from services.notifications.pages.context import (
    Context,
    PageContext,
    Teacher,
    full_name,
    send_form,
    slug_of,
)
from services.notifications.pages.desk.filters import (
    COURSE_SORTS,
    COURSES_SHOWN,
    choices,
    course_filter,
    sizes,
)
from services.notifications.people.domain import Purpose
from services.places.public_holidays import holidays_of
from services.runtime.web.languages import day_of, msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import not_found
from services.runtime.web.sending import new_form
from services.runtime.web.visit.visitors import Visitor
from services.texts.codes import options
from services.texts.reasons import load

router = APIRouter(prefix="/roster", include_in_schema=False)
_DAYS_SHOWN = 60
_SEATED = frozenset({"accepted", "confirmed", "started", "interrupted"})
_FIELDS = {"others": "marks", "held": "day"}
"""Mistake in the form of a day -> the field that its entry leads to, where it is another one."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wrong with an answer about one person's place: the field's id on the page, and what to do."""

    field: str
    text: str


@router.get("")
async def courses(request: Request, context: Context, visitor: Teacher) -> Response:
    """List the provider's courses; those where somebody waits for a confirmation first."""
    wanted = course_filter(request.query_params)
    async with context.open(visitor) as conn:
        rows = await store.provider_courses(conn, slug_of(visitor), context.today(), wanted)
        texts = web_of(request).texts(request)
        signs = await course_signals.told(conn, rows, context.today(), texts)
    return web_of(request).page(
        request,
        "roster.html",
        rows=rows[: wanted.size],
        signs=signs,
        more=len(rows) > wanted.size,
        wanted=wanted,
        shown=choices(texts, COURSES_SHOWN),
        sorts=choices(texts, COURSE_SORTS),
        sizes=sizes(texts),
        today=context.today(),
    )


@router.get("/{course}")
async def course(
    request: Request, context: Context, visitor: Teacher, course: UUID, day: str = ""
) -> Response:
    """Show who is expected or attends, and the form of a day: of today, or of one that was reported.

    Names from the acceptance on, each look is logged.
    """
    wanted = day_of(day)
    async with context.open(visitor) as conn:
        before = await _reported(conn, course, wanted) if wanted else None
    entered = attendance_form.reported(before) if before else attendance_form.empty(context.today())
    return await _course_page(request, context, visitor, course, entered, before=before)


async def _reported(conn: asyncpg.Connection, course: UUID, day: date) -> ReportedDay | None:
    """Return what was reported for a day of one of the visitor's own courses."""
    row = await store.course_day(conn, course, day)
    if row is None:
        return None
    marks = await store.course_marks(conn, course, day)
    told = row["present"] is not None
    return ReportedDay(
        day=day,
        units=row["ue_held"],
        listed=row["listed"],
        missing={Mark.EXCUSED: row["excused"], Mark.UNEXCUSED: row["unexcused"]} if told else None,
        marks={person: Mark(mark) for person, mark in marks.items() if mark in attendance_form.MARKS},
    )


async def _course_page(
    request: Request,
    context: PageContext,
    visitor: Visitor,
    course: UUID,
    entered: DayForm,
    *,
    before: ReportedDay | None = None,
    asked: Asked | None = None,
) -> Response:
    """Show a course with the form of a day as entered; with mistakes (or `asked`), the answer says 422."""
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
        days = await store.course_days(conn, course, _DAYS_SHOWN)
        web, today = web_of(request), context.today()
        texts = web.texts(request)
        signs = await course_signals.told(conn, [row], today, texts)
    errors = {name: texts.plain(message) for name, message in entered.errors.items()}
    said = {asked.field: texts.plain(asked.text)} if asked else {}
    attending = [one for one in people if attendance_form.attends(one, before.day if before else today)]
    led = {_FIELDS.get(name, name) if attending else f"-{name}": text for name, text in errors.items()}
    return web.page(
        request,
        "roster-course.html",
        422 if errors or said else 200,
        asked=Asked(asked.field, said[asked.field]) if asked else Asked("", ""),
        summary=said | led,
        course=row,
        people=people,
        coming=[one for one in people if one["state"] == "confirmed" and one["starts_on"] > today],
        attending=attending,
        seated=any(one["state"] in _SEATED for one in people),
        entered=defaultdict(str, entered.values),
        errors=defaultdict(str, errors),
        before=before,
        days=days,
        signs=signs.get(course, []),
        name=lambda participant: full_name(names.get(participant)),
        reasons=options(texts, "refusal"),
        form=new_form,
        today=today,
    )


async def _own(context: PageContext, visitor: Visitor, course: UUID, placement: UUID) -> tuple[str, UUID]:
    """Return the provider's own id of the course and the person of a placement in it."""
    async with context.open(visitor) as conn:
        row = await store.provider_course(conn, course, slug_of(visitor))
        people = await store.roster(conn, course, slug_of(visitor))
    found = next((one for one in people if one["placement_id"] == placement), None)
    if row is None or found is None:
        raise not_found()
    return row["own_id"], found["participant_id"]


async def _refused(
    request: Request,
    context: PageContext,
    visitor: Visitor,
    course: UUID,
    *,
    asked: Asked,
    values: Mapping[str, str] = MappingProxyType({}),
) -> Response:
    """Repeat the page of a course with what is wrong with an answer."""
    entered = attendance_form.empty(context.today())
    entered.values.update(values)
    return await _course_page(request, context, visitor, course, entered, asked=asked)


_NO_NUMBER = msgid(
    "Please enter your number without a name: letters and digits, no spaces, for example TN-0417."
)


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
        asked = Asked(f"n-{placement}", _NO_NUMBER)
        values = {"own_number": str(entered.get("own_number") or "")}
        return await _refused(request, context, visitor, course, asked=asked, values=values)
    return await send_form(
        request,
        context,
        visitor,
        entered,
        payload=payload,
        done=msgid("The place is confirmed."),
        back=f"/roster/{course}",
    )


@router.post("/{course}/{placement}/refuse")
async def refuse(
    request: Request, context: Context, visitor: Teacher, course: UUID, placement: UUID
) -> Response:
    """Refuse a place: the provider cannot take the person."""
    entered = await request.form()
    own, participant = await _own(context, visitor, course, placement)
    reason = str(entered.get("reason") or "")
    if reason not in set(RefusalReason):
        asked = Asked(f"r-{placement}", msgid("Please choose why the person cannot be taken."))
        return await _refused(request, context, visitor, course, asked=asked)
    return await send_form(
        request,
        context,
        visitor,
        entered,
        payload=PlaceRefused(course=own, participant=participant, placement=placement, reason=reason),
        done=msgid("It is saved that the person cannot be taken. The Kreis looks for another place."),
        back=f"/roster/{course}",
    )


@router.post("/{course}/attendance")
async def attendance(request: Request, context: Context, visitor: Teacher, course: UUID) -> Response:
    """Record one course day: whoever is not marked as missing was there; nothing is lost by a mistake."""
    form = await request.form()
    async with context.open(visitor) as conn:
        row = await store.provider_course(conn, course, slug_of(visitor))
        if row is None:
            raise not_found()
        people = await store.roster(conn, course, slug_of(visitor))
        day = day_of(str(form.get("day") or ""))
        before = await _reported(conn, course, day) if day else None
    roster = attendance_form.Roster(
        load(row["sections"]) or (), people, holidays_of((row["town"] or row["kreis"])[:2]), before
    )
    entered = attendance_form.read(form, roster, context.today())
    if entered.errors or entered.day is None:
        return await _course_page(request, context, visitor, course, entered, before=before)
    payload = AttendanceRecorded(
        course=row["own_id"], day=entered.day, ue_held=entered.units, entries=entered.entries
    )
    return await send_form(
        request,
        context,
        visitor,
        form,
        payload=payload,
        done=msgid("Saved. Thank you. If you notice a mistake, open the day below and correct it."),
        back=f"/roster/{course}",
    )
