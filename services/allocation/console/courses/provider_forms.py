"""Lets a provider announce, change, cancel and end its courses by form; each becomes an event."""

from collections import defaultdict
from collections.abc import Mapping
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.responses import Response

from schemas.base import Payload
from schemas.codes import CancelReason
from schemas.identity import course_id as id_of
from schemas.providers import CourseCancelled, CourseCompleted, Venue
from services.allocation.console.context import course_store
from services.allocation.console.context.visit import ProviderVisit, Visit
from services.allocation.console.courses import course_form
from services.allocation.console.courses.course_form import CourseEntry
from services.allocation.law.entries import CourseTypeRule
from services.runtime.web.bodies import form_of
from services.runtime.web.languages import msgid
from services.runtime.web.problems import PageError, not_found
from services.runtime.web.sending import UNREACHABLE, form_id, new_form, send_event
from services.texts.codes import options, word
from services.texts.town_field import told as told_of

router = APIRouter(prefix="/provider/courses", include_in_schema=False)
_TOTALS = ("finished", "sat", "b1", "a2", "below", "lid", "both")
ANNOUNCED = msgid("Sent. The course stands in your list in a moment.")
CHANGED = msgid("Sent. The change holds in a moment.")
CANCELLED = msgid("Sent. Everybody who had a place in it waits again.")
ENDED = msgid("Sent. The course has ended.")
TAKEN = msgid("You have a course with this number already. Please change that one, or enter another number.")
ONCE_MORE = msgid("Somebody has changed this course meanwhile. Please check the entries again.")


def _types(visit: Visit, kept: str = "") -> Mapping[str, CourseTypeRule]:
    """Return the types of courses that may be announced today, and the one that a course has."""
    rules = visit.moment().rules
    known = rules.type_of(kept) if kept else None
    return dict(rules.course_types) | ({kept: known} if known else {})


def _page(visit: Visit, entry: CourseEntry, form: str, course: asyncpg.Record | None = None) -> Response:
    texts, today = visit.texts, visit.moment().today
    told = told_of(texts, entry.errors, entry.town)
    types = _types(visit, course["course_type"] if course else "")
    return visit.page(
        "provider-course-form.html",
        422 if told else 200,
        values=defaultdict(str, entry.values),
        errors=defaultdict(str) | told,
        town=entry.town,
        towns=visit.places.of(visit.visitor.kreise, today),
        no_directory=visit.places.edition is None,
        types=[(code, text) for code, text in options(texts, "course_type") if code in types],
        weekdays=course_form.WEEKDAYS,
        rows=course_form.ROWS,
        shown=course_form.rows_shown(entry),
        course=course,
        form=form,
    )


async def _own(conn: asyncpg.Connection, visit: Visit, course: UUID) -> asyncpg.Record:
    found = await course_store.own_course(conn, course, visit.visitor.publisher or "")
    if found is None or found["state"] != "announced":
        raise not_found()
    return found


async def _send(visit: Visit, form: FormData, payload: Payload, done: str) -> bool:
    gateway = visit.context.gateway
    if gateway is None:
        raise PageError(503, "gateway", UNREACHABLE)
    publisher = visit.visitor.publisher or ""
    event = form_id(form.get("form"))
    return await send_event(visit.request, gateway, publisher, event_id=event, payload=payload, done=done)


@router.get("/new")
async def new_course(visit: ProviderVisit) -> Response:
    """Show the empty form."""
    return _page(visit, CourseEntry({"course_type": "integration_general", "capacity": "20"}), new_form())


@router.post("/new")
async def announce(visit: ProviderVisit) -> Response:
    """Announce a course, or suggest the dates of its sections."""
    form, visitor = await form_of(visit.request), visit.visitor
    today = visit.moment().today
    entry = course_form.read(form, visitor.kreise, today, visit.places, _types(visit))
    payload = None
    if entry.values.get("act") != "suggest":
        number = entry.values.get("number", "")
        async with visit.open() as conn:
            known = await course_store.own_course(
                conn, id_of(visitor.publisher or "", number), visitor.publisher or ""
            )
        if known is not None:
            entry.errors["number"] = TAKEN
        payload = course_form.announcement(entry, number)
    if payload is None or not await _send(visit, form, payload, ANNOUNCED):
        return _page(visit, entry, form_id(form.get("form")))
    return visit.web.back(visit.request, "/provider")


@router.get("/{course}/change")
async def course_as_form(visit: ProviderVisit, course: UUID) -> Response:
    """Show a course in the form."""
    async with visit.open() as conn:
        row = await _own(conn, visit, course)
        sections = await course_store.sections(conn, [course])
    return _page(visit, course_form.stored(row, sections, visit.texts, visit.places), new_form(), row)


@router.post("/{course}/change")
async def change(visit: ProviderVisit, course: UUID) -> Response:
    """Change a course; whoever has a place keeps it, unless its section is taken out."""
    form = await form_of(visit.request)
    async with visit.open() as conn:
        row = await _own(conn, visit, course)
    today, types = visit.moment().today, _types(visit, row["course_type"])
    entry = course_form.read(form, visit.visitor.kreise, today, visit.places, types)
    entry.values["number"] = row["own_course"]
    entry.errors.pop("number", None)
    payload = None
    if entry.values.get("act") != "suggest":
        if entry.values.get("version") != str(row["version"]) and not entry.errors:
            entry.errors["title"] = ONCE_MORE
        known = Venue.model_validate(row["venue"]) if row["venue"] else None
        payload = course_form.announcement(entry, row["own_course"], known)
    if payload is None or not await _send(visit, form, payload, CHANGED):
        return _page(visit, entry, form_id(form.get("form")), row)
    return visit.web.back(visit.request, f"/provider/courses/{course}")


@router.get("/{course}/end")
async def end_form(visit: ProviderVisit, course: UUID) -> Response:
    """Show the forms by which a course is cancelled, or has ended with its totals."""
    async with visit.open() as conn:
        row = await _own(conn, visit, course)
    return _end_page(visit, row, {}, {}, new_form())


def _end_page(
    visit: Visit, row: asyncpg.Record, values: Mapping[str, str], errors: Mapping[str, str], form: str
) -> Response:
    """Show both forms; `form` is the id of what is sent, which stays while it is sent once more."""
    texts = visit.texts
    return visit.page(
        "provider-course-end.html",
        422 if errors else 200,
        course=row,
        reasons=[(one.value, word(texts, one.value, "cancel")) for one in CancelReason],
        values=defaultdict(str, values),
        errors=visit.told(errors),
        today=texts.date(visit.moment().today),
        form=form,
    )


@router.post("/{course}/cancel")
async def cancel(visit: ProviderVisit, course: UUID) -> Response:
    """Cancel a course."""
    form = await form_of(visit.request)
    async with visit.open() as conn:
        row = await _own(conn, visit, course)
    reason = str(form.get("reason") or "")
    if reason not in set(CancelReason):
        missing = msgid("Please choose why the course does not take place.")
        return _end_page(visit, row, {}, {"reason": missing}, form_id(form.get("form")))
    payload = CourseCancelled(
        course=row["own_course"], cancelled_on=visit.moment().today, reason=CancelReason(reason).value
    )
    if not await _send(visit, form, payload, CANCELLED):
        return _end_page(visit, row, {"reason": reason}, {}, form_id(form.get("form")))
    return visit.web.back(visit.request, "/provider")


@router.post("/{course}/end")
async def end(visit: ProviderVisit, course: UUID) -> Response:
    """Say that a course has ended, and how many took and passed which examination."""
    form = await form_of(visit.request)
    async with visit.open() as conn:
        row = await _own(conn, visit, course)
    entry = CourseEntry({name: str(form.get(name) or "").strip() for name in ("completed_on", *_TOTALS)})
    day = course_form.day(entry, "completed_on", visit.moment().today)
    totals = {name: course_form.number(entry, name, 0, 200) for name in _TOTALS}
    for name in ("completed_on", *_TOTALS):
        if not entry.values[name]:
            entry.errors[name] = course_form.DAY if name == "completed_on" else COUNT
    if day is None or entry.errors:
        return _end_page(visit, row, entry.values, entry.errors, form_id(form.get("form")))
    try:
        payload = CourseCompleted(
            course=row["own_course"], completed_on=day, **{name: count or 0 for name, count in totals.items()}
        )
    except ValidationError:
        return _end_page(visit, row, entry.values, {"sat": DOES_NOT_ADD_UP}, form_id(form.get("form")))
    if not await _send(visit, form, payload, ENDED):
        return _end_page(visit, row, entry.values, {}, form_id(form.get("form")))
    return visit.web.back(visit.request, "/provider")


COUNT = msgid("Please enter how many, 0 if nobody.")
DOES_NOT_ADD_UP = msgid(
    "The results are more than the examinations: B1, A2 and below together are at most those who took it,"
    " and both at most those with B1 and those with 'Leben in Deutschland'."
)
