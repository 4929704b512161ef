"""Serves the entry of a class: who of the office's people in a course signed which purpose."""

from collections import defaultdict
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.notifications.pages import store as pages_store
from services.notifications.pages.consents import class_form, store
from services.notifications.pages.consents.class_form import ClassEntry
from services.notifications.pages.consents.granting import Papers, granted, send, tell
from services.notifications.pages.context import Clerk, Context, context_of, full_name, slug_of
from services.notifications.people.domain import Purpose
from services.runtime.web.bodies import form_of
from services.runtime.web.languages import msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import not_found
from services.runtime.web.sending import form_id, new_form
from services.runtime.web.visit.guard import fresh_beyond_first_page
from services.runtime.web.visit.visitors import Visitor

router = APIRouter(prefix="/classes", include_in_schema=False)
_MOST_CLASSES = 200

LEFT_OUT = msgid(
    "Of the people ticked, some sit in this course no more. Nothing was saved for them: please enter their "
    "consent on their own page."
)


@router.get("", dependencies=[fresh_beyond_first_page])
async def classes(request: Request, context: Context, visitor: Clerk) -> Response:
    """List the courses in which the office's people sit."""
    async with context.open(visitor) as conn:
        rows = await store.classes(conn, slug_of(visitor), _MOST_CLASSES)
    return web_of(request).page(request, "classes.html", rows=rows)


@router.get("/{course}", dependencies=[fresh_beyond_first_page])
async def one_class(request: Request, context: Context, visitor: Clerk, course: UUID) -> Response:
    """Show the form of a class."""
    async with context.open(visitor) as conn:
        offices = await pages_store.offices(conn)
        first = offices[0]["slug"] if len(offices) == 1 else ""
        return await _form_page(request, conn, visitor, course, class_form.empty(first, context.today()))


@router.post("/{course}/consent")
async def enter(request: Request, context: Context, visitor: Clerk, course: UUID) -> Response:
    """Send what the class has signed; nothing is lost by a mistake, and sent twice it is one entry."""
    sent = await form_of(request)
    entry_id = form_id(sent.get("form_id"))
    async with context.open(visitor) as conn:
        people = await store.people_in(conn, course, slug_of(visitor))
        if not people:
            raise not_found()
        ids = [one["participant_id"] for one in people]
        names = await context.names(conn, visitor, Purpose.REGISTRATION, ids)
        known = class_form.Known(
            people=ids,
            offices={one["slug"] for one in await pages_store.offices(conn)},
            names=[contact.family_name for contact in names.values() if contact.family_name],
            today=context.today(),
            months=context.consent_months,
        )
        entry = class_form.read(sent, known)
        if entry.errors or entry.given_on is None:
            return await _form_page(request, conn, visitor, course, entry, form=entry_id)
    papers = Papers.of(entry_id, entry)
    references = {one["participant_id"]: one["reference"] for one in people}
    language = web_of(request).texts(request).language
    said = [(one, granted(papers, references[one.participant], one)) for one in entry.signed]
    done = await send(context, visitor, papers, said, language=language)
    tell(request, entry, done, LEFT_OUT)
    if done.left:
        entry.ticked = {one.participant: frozenset(one.purposes) for one in done.left}
        async with context.open(visitor) as conn:
            return await _form_page(request, conn, visitor, course, entry, form=entry_id)
    return web_of(request).back(request, f"/classes/{course}")


async def _form_page(
    request: Request,
    conn: asyncpg.Connection,
    visitor: Visitor,
    course: UUID,
    entry: ClassEntry,
    *,
    form: str = "",
) -> Response:
    """Show the class with the form as entered; with mistakes, the answer says 422."""
    web, context = web_of(request), context_of(request)
    texts = web.texts(request)
    people = await store.people_in(conn, course, slug_of(visitor))
    row = await store.course(conn, course)
    if row is None or not people:
        raise not_found()
    ids = [one["participant_id"] for one in people]
    names = await context.names(conn, visitor, Purpose.REGISTRATION, ids)
    office = await pages_store.publisher(conn, slug_of(visitor))
    allowed: dict[UUID, list[asyncpg.Record]] = defaultdict(list)
    for one in await store.allowed(conn, ids):
        allowed[one["participant_id"]].append(one)
    listed = sorted(
        people, key=lambda one: (full_name(names.get(one["participant_id"])).casefold(), one["reference"])
    )
    errors = {
        field: texts.gettext(text, months=context.consent_months) for field, text in entry.errors.items()
    }
    return web.page(
        request,
        "class.html",
        422 if errors else 200,
        course=row,
        people=listed,
        name=lambda participant: full_name(names.get(participant)),
        allowed=allowed,
        authority=bool(office and office["authority"]),
        values=entry.values,
        ticked=entry.ticked,
        errors=defaultdict(str, errors),
        offices=[(one["slug"], one["name"]) for one in await pages_store.offices(conn)],
        form=form or new_form(),
        new_form=new_form,
        action=f"/classes/{course}/consent",
        label=lambda one: one["reference"],
        entered={},
        takes_back=True,
        **class_form.form_choices(texts),
    )
