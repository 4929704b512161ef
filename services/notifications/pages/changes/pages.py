"""Serves the change of a registered person: contact data here, facts to the Kreis; taking off the list."""

from collections import defaultdict
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from schemas.codes import WithdrawReason
from schemas.offices import ParticipantWithdrawn
from services.notifications.pages import registration_form, store
from services.notifications.pages.changes import form as change_form
from services.notifications.pages.changes.form import ChangeEntry, Person
from services.notifications.pages.context import Clerk, Context, PageContext, full_name, send_form, slug_of
from services.notifications.people import handlers as people
from services.notifications.people.domain import Purpose
from services.runtime.web.languages import msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import not_found
from services.runtime.web.sending import form_id, new_form, send_event
from services.runtime.web.visit.visitors import Visitor
from services.texts.codes import options, word
from services.texts.registrable import limits_on
from services.texts.town_field import told as told_of

router = APIRouter(prefix="/people/{participant}", include_in_schema=False)


async def _person(context: PageContext, visitor: Visitor, participant: UUID) -> Person:
    async with context.open(visitor) as conn:
        row = await store.own_person(conn, participant, slug_of(visitor))
        if row is None or row["withdrawn_on"] is not None:
            raise not_found()
        names = await context.names(conn, visitor, Purpose.REGISTRATION, [participant])
    return Person(participant, row["reference"], row["town"] or "", names.get(participant))


def _page(
    request: Request, context: PageContext, visitor: Visitor, person: Person, entry: ChangeEntry
) -> Response:
    web = web_of(request)
    texts = web.texts(request)
    told = told_of(texts, entry.errors, entry.town)
    types = limits_on(context.today()).course_types
    return web.page(
        request,
        "person-change.html",
        422 if told else 200,
        participant=person.participant,
        person=person,
        full_name=full_name(person.contact),
        values=defaultdict(str, entry.values),
        errors=defaultdict(str) | told,
        town=entry.town,
        towns=context.places.now.of(visitor.kreise, context.today()),
        no_directory=context.places.now.edition is None,
        rights=registration_form.choices(
            texts, {key: right[0] for key, right in registration_form.RIGHTS.items()}
        ),
        languages=registration_form.choices(texts, registration_form.LANGUAGES),
        course_types=[(code, text) for code, text in options(texts, "course_type") if code in types],
        times=options(texts, "time_of_day"),
        withdraw_reasons=[(one.value, word(texts, one.value, "withdraw")) for one in WithdrawReason],
        form=new_form(),
    )


@router.get("/change")
async def change(request: Request, context: Context, visitor: Clerk, participant: UUID) -> Response:
    """Show what this side knows; whatever only the Kreis knows stays unless somebody enters it anew."""
    person = await _person(context, visitor, participant)
    entry = change_form.known(person.contact, person.town, context.places.now, web_of(request).texts(request))
    return _page(request, context, visitor, person, entry)


@router.post("/change")
async def save(request: Request, context: Context, visitor: Clerk, participant: UUID) -> Response:
    """Keep new contact data here, and send what is new of the facts; the same again is one event."""
    web, today = web_of(request), context.today()
    person = await _person(context, visitor, participant)
    form = await request.form()
    entry = change_form.read(form, person, visitor.kreise, today, context.places.now)
    if entry.errors:
        return _page(request, context, visitor, person, entry)
    back = f"/people/{participant}"
    if entry.empty:
        return web.back(request, back, "info", change_form.NOTHING)
    if entry.contact is not None:
        async with context.open(visitor) as conn:
            record = people.PersonRecord(
                participant, visitor.organisation or "", slug_of(visitor), person.reference, entry.contact
            )
            await people.keep(conn, context.secrets, record, context.now())
        web.note(request, "success", web.texts(request).plain(KEPT))
    event = form_id(form.get("form"))
    for payload, suffix, done in (
        (entry.changed, "", msgid("The change is saved. Steering takes it into account at its next run.")),
        (entry.tested, "-test", msgid("The placement test is saved too.")),
    ):
        if payload is not None:
            await send_event(
                request,
                context.gateway,
                slug_of(visitor),
                event_id=f"{event}{suffix}",
                payload=payload,
                done=done,
            )
    return web.back(request, back)


KEPT = msgid("Name and contact are saved.")


@router.post("/withdraw")
async def withdraw(request: Request, context: Context, visitor: Clerk, participant: UUID) -> Response:
    """Take a person off the list who does not want or need a course any more."""
    person = await _person(context, visitor, participant)
    form = await request.form()
    reason = str(form.get("reason") or "")
    if reason not in set(WithdrawReason):
        texts = web_of(request).texts(request)
        entry = change_form.known(person.contact, person.town, context.places.now, texts)
        entry.errors["reason"] = msgid("Please choose why the person no longer waits.")
        return _page(request, context, visitor, person, entry)
    return await send_form(
        request,
        context,
        visitor,
        form,
        payload=ParticipantWithdrawn(
            reference=person.reference, withdrawn_on=context.today(), reason=WithdrawReason(reason).value
        ),
        done=msgid("The person is taken off the list. Whoever comes back is registered again."),
        back=f"/people/{participant}",
    )
