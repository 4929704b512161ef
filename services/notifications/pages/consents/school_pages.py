"""Serves the entry of a class by its school: who of those who sit there signed which purpose."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.notifications.pages import store as pages_store
from services.notifications.pages.consents import class_form, store
from services.notifications.pages.consents.class_form import ClassEntry, form_choices
from services.notifications.pages.consents.granting import Papers, collected, send, tell
from services.notifications.pages.context import Context, PageContext, Teacher, full_name, slug_of
from services.notifications.people.domain import Contact, Purpose
from services.runtime.web.bodies import form_of
from services.runtime.web.languages import msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import not_found
from services.runtime.web.sending import form_id, new_form
from services.runtime.web.visit.visitors import Visitor

router = APIRouter(prefix="/roster", include_in_schema=False)
LEFT_OUT = msgid(
    "Of the people ticked, some sit in this course no more. Nothing was saved for them: please give their "
    "papers to the office that registered them."
)


@dataclass(frozen=True, slots=True)
class _Class:
    """One of the school's courses with who sits there, and their names."""

    course: asyncpg.Record
    people: Sequence[asyncpg.Record]
    names: Mapping[UUID, Contact]
    offices: Sequence[asyncpg.Record]

    @property
    def ids(self) -> list[UUID]:
        """Return who sits there."""
        return [one["participant_id"] for one in self.people]


async def _read(conn: asyncpg.Connection, context: PageContext, visitor: Visitor, course: UUID) -> _Class:
    """Read a class; there is none of a foreign course, nor of one in which nobody sits."""
    row = await pages_store.provider_course(conn, course, slug_of(visitor))
    people = await store.seated(conn, course, slug_of(visitor)) if row is not None else ()
    if row is None or not people:
        raise not_found()
    names = await context.names(conn, visitor, Purpose.ROSTER, [one["participant_id"] for one in people])
    return _Class(row, people, names, await pages_store.offices(conn))


@router.get("/{course}/consents")
async def form(request: Request, context: Context, visitor: Teacher, course: UUID) -> Response:
    """Show the form of a class."""
    async with context.open(visitor) as conn:
        seated = await _read(conn, context, visitor, course)
        first = seated.offices[0]["slug"] if len(seated.offices) == 1 else ""
        entry = class_form.empty(first, context.today())
        return await _form_page(request, conn, context, visitor, seated=seated, entry=entry)


@router.post("/{course}/consents")
async def enter(request: Request, context: Context, visitor: Teacher, course: UUID) -> Response:
    """Send what the class has signed; nothing is lost by a mistake, and sent twice it is one entry."""
    sent = await form_of(request)
    entry_id = form_id(sent.get("form_id"))
    async with context.open(visitor) as conn:
        seated = await _read(conn, context, visitor, course)
        known = class_form.Known(
            people=seated.ids,
            offices={one["slug"] for one in seated.offices},
            names=[contact.family_name for contact in seated.names.values() if contact.family_name],
            today=context.today(),
            months=context.consent_months,
        )
        entry = class_form.read(sent, known)
        if entry.errors or entry.given_on is None:
            return await _form_page(
                request, conn, context, visitor, seated=seated, entry=entry, form=entry_id
            )
    papers, own_id = Papers.of(entry_id, entry), seated.course["own_id"]
    language = web_of(request).texts(request).language
    said = [(one, collected(papers, own_id, one)) for one in entry.signed]
    done = await send(context, visitor, papers, said, language=language)
    tell(request, entry, done, LEFT_OUT)
    if done.left:
        entry.ticked = {one.participant: frozenset(one.purposes) for one in done.left}
        async with context.open(visitor) as conn:
            return await _form_page(
                request, conn, context, visitor, seated=seated, entry=entry, form=entry_id
            )
    return web_of(request).back(request, f"/roster/{course}/consents")


async def _form_page(
    request: Request,
    conn: asyncpg.Connection,
    context: PageContext,
    visitor: Visitor,
    *,
    seated: _Class,
    entry: ClassEntry,
    form: str = "",
) -> Response:
    """Show a class with the form as entered; with mistakes, the answer says 422."""
    web, names = web_of(request), seated.names
    texts = web.texts(request)

    def label(one: asyncpg.Record) -> str:
        return str(one["own_number"] or str(one["participant_id"])[:8])

    def sorted_by(one: asyncpg.Record) -> tuple[str, str]:
        return full_name(names.get(one["participant_id"])).casefold(), label(one)

    errors = {name: texts.gettext(text, months=context.consent_months) for name, text in entry.errors.items()}
    entered = await store.entered_by(conn, slug_of(visitor), seated.ids)
    return web.page(
        request,
        "roster-consents.html",
        422 if errors else 200,
        action=f"/roster/{seated.course['course_id']}/consents",
        course=seated.course,
        people=sorted(seated.people, key=sorted_by),
        label=label,
        name=lambda participant: full_name(names.get(participant)),
        allowed={},
        entered=entered,
        takes_back=False,
        values=entry.values,
        ticked=entry.ticked,
        errors=defaultdict(str, errors),
        offices=[(one["slug"], one["name"]) for one in seated.offices],
        form=form or new_form(),
        **form_choices(texts),
    )
