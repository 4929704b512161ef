"""Serves the desk's people: registration, one person, consents."""

from collections import defaultdict
from collections.abc import Mapping
from types import MappingProxyType
from uuid import UUID

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from schemas.codes import ConsentPurpose
from schemas.identity import participant_id
from schemas.support import ConsentRevoked
from services.notifications.offices import handlers as offices
from services.notifications.pages import registration_form, store
from services.notifications.pages.consents import class_form
from services.notifications.pages.consents import store as consents_store
from services.notifications.pages.consents.class_form import Signed
from services.notifications.pages.consents.granting import Papers, granted, send
from services.notifications.pages.context import (
    Clerk,
    Context,
    PageContext,
    context_of,
    full_name,
    send_form,
    slug_of,
)
from services.notifications.pages.desk import store as desk
from services.notifications.pages.desk.filters import PeopleFilter
from services.notifications.people import handlers as people
from services.notifications.people import registrations
from services.notifications.people.domain import Purpose
from services.notifications.sheets.forms.wording import latest
from services.places.lookup import as_json
from services.runtime.web.languages import day_of, msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import PageError, not_found
from services.runtime.web.sending import UNREACHABLE, form_id, new_form, send_event
from services.runtime.web.visit.visitors import Visitor
from services.texts.codes import options
from services.texts.registrable import limits_on
from services.texts.town_field import told as told_of

router = APIRouter(include_in_schema=False)


def _form_page(
    request: Request, visitor: Visitor, entry: registration_form.FormEntry, status: int = 200
) -> Response:
    web, context = web_of(request), context_of(request)
    texts = web.texts(request)
    own = context.places.now.of(visitor.kreise, context.today())
    types = limits_on(context.today()).course_types
    told = told_of(texts, entry.errors, entry.town)
    rights = {key: right[0] for key, right in registration_form.RIGHTS.items()}
    return web.page(
        request,
        "register.html",
        status,
        values=defaultdict(str, entry.values),
        errors=defaultdict(str) | told,
        town=entry.town,
        towns=own,
        no_directory=context.places.now.edition is None,
        rights=registration_form.choices(texts, rights),
        languages=registration_form.choices(texts, registration_form.LANGUAGES),
        course_types=[(code, text) for code, text in options(texts, "course_type") if code in types],
        times=options(texts, "time_of_day"),
        phases=options(texts, "asylum"),
    )


@router.get("/register")
async def form(request: Request, visitor: Clerk) -> Response:
    """Show the one form."""
    return _form_page(request, visitor, registration_form.empty())


@router.post("/register")
async def register(request: Request, context: Context, visitor: Clerk) -> Response:
    """Keep the name, send the facts to the gateway; the page tells 'saved' only when both are done."""
    web, today, organisation = web_of(request), context.today(), visitor.organisation or ""
    entry = registration_form.read(await request.form(), visitor.kreise, today, context.places.now)
    if entry.errors or entry.registered is None or entry.contact is None:
        return _form_page(request, visitor, entry, 422)
    participant = participant_id(slug_of(visitor), entry.registered.reference)
    async with context.open(visitor) as conn:
        known = await store.own_person(conn, participant, slug_of(visitor)) is not None
        if known and entry.values.get("again") != "1":
            entry.errors["reference"] = msgid(
                "Somebody is registered under this reference already. If it is the same person, tick the box "
                "below; otherwise enter another reference."
            )
            entry.values["ask_again"] = "1"
            return _form_page(request, visitor, entry, 422)
        alike = await people.alike(
            conn,
            context.secrets,
            entry.contact,
            participant,
            organisation=organisation,
            office=slug_of(visitor),
        )
        if alike and not known and entry.values.get("other") != "1":
            entry.values["alike"] = alike
            return _form_page(request, visitor, entry, 409)
        try:
            event = await registrations.begin(
                conn,
                context.secrets,
                office=slug_of(visitor),
                organisation=organisation,
                data=entry.registered.model_dump(mode="json", exclude_none=True),
                contact=entry.contact,
                now=context.now(),
            )
        except people.ErasedPersonError:
            raise PageError(
                409,
                "participant_erased",
                "The person of this reference was erased. Please choose another reference.",
            ) from None
        except people.ForeignPersonError:
            raise PageError(
                409,
                "foreign_person",
                "This reference belongs to another office. Please choose another one.",
            ) from None
    await registrations.send_pending(context.worker, context.gateway, context.now(), only=event)
    await _tell(request, context, visitor, event, entry)
    return web.back(request, f"/people/{participant}")


async def _tell(
    request: Request, context: PageContext, visitor: Visitor, event: UUID, entry: registration_form.FormEntry
) -> None:
    """Show on the next page how far the registration has come."""
    web = web_of(request)
    texts = web.texts(request)
    async with context.open(visitor) as conn:
        row = await store.registration(conn, event)
    match row["state"] if row else "pending":
        case "accepted":
            web.note(
                request,
                "success",
                texts.gettext("Saved. Reference: %(reference)s.", reference=entry.values["reference"]),
            )
            if entry.tested is not None:
                await send_event(
                    request,
                    context.gateway,
                    slug_of(visitor),
                    event_id=f"{event}-test",
                    payload=entry.tested,
                    done=msgid("The placement test is saved too."),
                )
        case "refused":
            web.note(request, "danger", texts.plain(REFUSED))
        case _:
            web.note(request, "warning", texts.plain(ON_ITS_WAY))


REFUSED = msgid(
    "The name is kept here, but the registration was not taken. Please check the entries and register again."
)
ON_ITS_WAY = msgid(
    "Not saved completely yet: the name is kept here, the registration is still on its way and will be sent "
    "again by itself. This page shows when it is saved."
)


@router.get("/places")
async def towns(context: Context, visitor: Clerk, q: str = "") -> list[dict[str, str]]:
    """Find towns of today by name or postcode, those of one's own Kreise first, for the form's list."""
    return as_json(context.places.now.search(q, context.today(), kreise=visitor.kreise))


@router.get("/people/{participant}")
async def person(request: Request, context: Context, visitor: Clerk, participant: UUID) -> Response:
    """Show one of the office's people: contact, way so far, consent."""
    return await show_person(request, context, visitor, participant)


async def show_person(
    request: Request,
    context: PageContext,
    visitor: Visitor,
    participant: UUID,
    *,
    errors: Mapping[str, str] = MappingProxyType({}),
    entered: FormData | None = None,
) -> Response:
    """Show a person; mistakes (field -> msgid) repeat the page with what was entered about consent."""
    async with context.open(visitor) as conn:
        row = await store.own_person(conn, participant, slug_of(visitor))
        if row is None:
            raise not_found()
        (now,) = await desk.people(conn, slug_of(visitor), PeopleFilter(), only=[participant])
        names = await context.names(conn, visitor, Purpose.REGISTRATION, [participant])
        office = await store.publisher(conn, slug_of(visitor))
        listed = {one["slug"]: one["name"] for one in await store.offices(conn)}
        ranked = await offices.suggest(conn, context.secrets, participant, context.now()) if listed else []
        placements = await store.placements_of(conn, participant)
        consents = await store.consents_of(conn, participant)
        papers = await consents_store.evidence(conn, participant)
    texts, months = web_of(request).texts(request), context.consent_months
    return web_of(request).page(
        request,
        "person.html",
        422 if errors else 200,
        errors=defaultdict(
            str, {field: texts.gettext(text, months=months) for field, text in errors.items()}
        ),
        chosen=str(entered.get("office") or "") if entered else ranked[0].office if ranked else "",
        purposes=[str(one) for one in entered.getlist("purpose")] if entered else [],
        person=row,
        now=now,
        contact=names.get(participant),
        full_name=full_name(names.get(participant)),
        authority=bool(office and office["authority"]),
        offices=[(one.office, listed[one.office]) for one in ranked if one.office in listed],
        languages=registration_form.LANGUAGES,
        form=new_form(),
        today=context.today(),
        placements=placements,
        consents=consents,
        papers=papers,
        given_on=str(entered.get("given_on") or "") if entered else context.today().isoformat(),
        paper=str(entered.get("paper") or "") if entered else "",
        purpose_choices=list(ConsentPurpose),
    )


async def _own_reference(context: PageContext, visitor: Visitor, participant: UUID) -> str:
    async with context.open(visitor) as conn:
        row = await store.own_person(conn, participant, slug_of(visitor))
    if row is None:
        raise not_found()
    return str(row["reference"])


@router.post("/people/{participant}/consent")
async def consent(request: Request, context: Context, visitor: Clerk, participant: UUID) -> Response:
    """Send that the person consents to a counselling office knowing, with what proves it."""
    web, entered = web_of(request), await request.form()
    reference = await _own_reference(context, visitor, participant)
    purposes = tuple(
        one for one in ConsentPurpose if one in {str(value) for value in entered.getlist("purpose")}
    )
    office, paper = str(entered.get("office") or ""), class_form.printable(entered.get("paper"))
    given_on = day_of(str(entered.get("given_on") or context.today()))
    async with context.open(visitor) as conn:
        names = await context.names(conn, visitor, Purpose.REGISTRATION, [participant])
        listed = {one["slug"] for one in await store.offices(conn)}
    family = [contact.family_name for contact in names.values() if contact.family_name]
    errors = {
        "office": "" if office in listed else class_form.NO_OFFICE,
        "purpose": "" if purposes else msgid("Please tick at least one purpose."),
        "given_on": class_form.day_fault(given_on, context.today(), context.consent_months, latest()),
        "paper": class_form.paper_fault(paper, family),
    }
    if any(errors.values()) or given_on is None:
        wrong = {field: text for field, text in errors.items() if text}
        return await show_person(request, context, visitor, participant, errors=wrong, entered=entered)
    papers = Papers(form_id(entered.get("form")), office, latest(), "", given_on, paper)
    language = web.texts(request).language
    signed = Signed(participant, purposes)
    said = [(signed, granted(papers, reference, signed))]
    done = await send(context, visitor, papers, said, language=language)
    if done.taken:
        web.note(request, "success", web.texts(request).plain(_WRITTEN))
    for message in done.refused:
        web.note(request, "danger", message)
    if done.left:
        web.note(request, "warning", web.texts(request).plain(UNREACHABLE))
    return web.back(request, f"/people/{participant}#consent")


_WRITTEN = msgid("The consent is written down. The person can take it back at any time.")


@router.post("/people/{participant}/revoke")
async def revoke(request: Request, context: Context, visitor: Clerk, participant: UUID) -> Response:
    """Send that the person revokes consent; no office means every office."""
    entered = await request.form()
    reference = await _own_reference(context, visitor, participant)
    return await send_form(
        request,
        context,
        visitor,
        entered,
        payload=ConsentRevoked(
            reference=reference, office=str(entered.get("office") or "") or None, revoked_on=context.today()
        ),
        done=msgid(
            "The consent is taken back. Open alerts are withdrawn, and what rested on the consent is erased."
        ),
        back=f"/people/{participant}#consent",
    )
