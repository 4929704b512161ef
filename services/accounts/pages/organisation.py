"""Serves an administrator's pages: people of their own organisation, roles, invitations, the audit log."""

import re
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from schemas.codes import PublisherKind
from services.accounts import audit
from services.accounts.context import Accounts, accounts_of, own_of
from services.accounts.domain import Kind, Role, login_name, person_name, roles_of
from services.accounts.invitations import handlers
from services.accounts.invitations import store as invitations
from services.accounts.invitations.domain import givable
from services.accounts.organisations import store
from services.accounts.pages.bodies import fields_of
from services.accounts.pages.menu import ORGANISATION
from services.accounts.pages.words import kind_of, role_name, said_of
from services.accounts.people import handlers as people_handlers
from services.accounts.people import store as people
from services.accounts.people.handlers import NotDone
from services.runtime.data.db import acquire, transaction
from services.runtime.web.bodies import form_of
from services.runtime.web.languages import NOTHING, msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import PageError, not_found
from services.runtime.web.visit.guard import fresh_sign_in, signed_in
from services.runtime.web.visit.visitors import Visitor

router = APIRouter(prefix=ORGANISATION, include_in_schema=False)
Administrator = Annotated[Visitor, Depends(signed_in(Role.ADMINISTRATOR.value))]
_SHOWN = 50
_AGS = re.compile(r"^\d{5}\Z", re.ASCII)
REFUSED = {
    NotDone.LAST_ADMINISTRATOR: msgid(
        "Somebody has to administer this organisation. Please give this role to a second person first."
    ),
    NotDone.ONESELF: msgid("You cannot deactivate yourself. Please ask a second administrator."),
    NotDone.ELSEWHERE: msgid(
        "This person's account belongs to another organisation; only its administrators can do that."
    ),
}


async def own_organisation(conn: asyncpg.Connection, request: Request) -> asyncpg.Record:
    """Return the organisation in which the visitor wears the role; no other is ever looked at."""
    own = own_of(request)
    found = await people.organisation(conn, own.organisation) if own else None
    if found is None:
        raise not_found()
    return found


def may_choose(organisation: asyncpg.Record) -> bool:
    """Return whether it has still to be said for which office an organisation speaks.

    The first organisation of the support side is made before the Kreis has registered any office.
    """
    waits: bool = organisation["founding"] and organisation["kind"] == Kind.REGISTERING_OFFICE
    return waits and organisation["publisher"] is None and bool(organisation["kreise"])


def _givable(accounts: Accounts, organisation: asyncpg.Record) -> tuple[Role, ...]:
    return roles_of(accounts.side, Kind(organisation["kind"]))


@router.get("")
async def organisation_page(request: Request, _visitor: Administrator) -> Response:
    """Show people, invitations and what happened."""
    return await _show(request, {}, {})


async def _show(request: Request, entered: dict[str, str], errors: dict[str, str]) -> Response:
    accounts, web = accounts_of(request), web_of(request)
    texts = web.texts(request)
    async with acquire(accounts.pool) as conn:
        organisation = await own_organisation(conn, request)
        slug = organisation["slug"]
        members = await people.members(conn, slug)
        waiting = await invitations.open_ones(conn, slug)
        happened = await audit.of_organisation(conn, slug, _SHOWN)
        offices = (
            await store.announced(conn, PublisherKind.OFFICE.value, all_of=organisation["kreise"])
            if may_choose(organisation)
            else None
        )
    return web.page(
        request,
        "organisation.html",
        422 if errors else 200,
        organisation=organisation,
        kind=texts.plain(kind_of(organisation)),
        offices=None if offices is None else [(one["slug"], one["name"]) for one in offices],
        members=members,
        waiting=waiting,
        roles=[(role.value, role_name(texts, role)) for role in _givable(accounts, organisation)],
        role=lambda role: role_name(texts, role),
        happened=[(row, texts.plain(said_of(row))) for row in happened],
        who=lambda key: accounts.name_of(key or "") or key or NOTHING,
        entered=entered,
        errors={name: texts.plain(text) for name, text in errors.items()},
    )


@router.post("")
async def describe(request: Request, _visitor: Administrator) -> Response:
    """Say what a new organisation is called and, once, which Kreise it works for."""
    entered = await fields_of(request)
    name = person_name(entered.get("name", ""))
    kreise = entered.get("kreise", "").replace(",", " ").split()
    errors = {}
    if name is None:
        errors["name"] = msgid("Please enter what your organisation is called.")
    if not all(_AGS.match(one) for one in kreise):
        errors["kreise"] = msgid("The official key (AGS) of a Kreis has five digits.")
    if name is None or errors:
        return await _show(request, entered, errors)
    async with transaction(accounts_of(request).pool) as conn:
        organisation = await own_organisation(conn, request)
        if not await people.describe(conn, organisation["slug"], name, kreise):
            raise PageError(
                409,
                "kreis_taken",
                "Another organisation works for this Kreis, or yours has one already. Whoever operates"
                " Kurslotse for you can change it.",
            )
        by = _visitor.key
        await audit.write(conn, "organisation_described", by=by, organisation=organisation["slug"])
    return web_of(request).back(request, ORGANISATION, "success", "The organisation is described.")


@router.post("/invitations")
async def invite(request: Request, visitor: Administrator) -> Response:
    """Make an invitation; its link is shown once, to be handed over by a safe way."""
    accounts = accounts_of(request)
    form = await form_of(request)
    entered, wanted = await fields_of(request), [str(value) for value in form.getlist("role")]
    name, email = person_name(entered.get("name", "")), entered.get("email", "").strip()
    errors = {}
    if name is None:
        errors["name"] = msgid("Please enter whom you invite.")
    if email and login_name(email) is None:
        errors["email"] = msgid("This is no e-mail address. You can leave it empty.")
    async with transaction(accounts.pool) as conn:
        organisation = await own_organisation(conn, request)
        roles = givable(accounts.side, Kind(organisation["kind"]), wanted)
        if roles is None:
            errors["role"] = msgid("Please choose at least one role that your organisation can give.")
        if name is not None and roles is not None and not errors:
            token = await handlers.invite(
                conn,
                organisation["slug"],
                roles=roles,
                name=name,
                email=login_name(email) if email else None,
                by=visitor.key,
            )
    if name is None or errors:
        return await _show(request, entered, errors)
    return link_page(request, name, token)


def link_page(
    request: Request, name: str, token: str, *, recovery: bool = False, back: str = ORGANISATION
) -> Response:
    """Show a link, once; `back`: where to go on."""
    address = handlers.address_of(accounts_of(request).public_url or str(request.base_url), token)
    return web_of(request).page(
        request, "invitation-link.html", name=name, address=address, recovery=recovery, back=back
    )


@router.post("/invitations/{invitation}/withdraw")
async def withdraw(request: Request, visitor: Administrator, invitation: UUID) -> Response:
    """Withdraw a link that nobody has used."""
    async with transaction(accounts_of(request).pool) as conn:
        organisation = await own_organisation(conn, request)
        if await invitations.withdraw(conn, organisation["slug"], invitation) is None:
            raise not_found()
        await audit.write(conn, "invitation_withdrawn", by=visitor.key, organisation=organisation["slug"])
    return web_of(request).back(request, ORGANISATION, "success", "The invitation is withdrawn.")


async def _member(conn: asyncpg.Connection, request: Request, person: UUID) -> asyncpg.Record:
    """Return somebody of the visitor's organisation, locked; anybody else does not exist here."""
    organisation = await own_organisation(conn, request)
    found = await people.member(conn, organisation["slug"], person)
    if found is None:
        raise not_found()
    return found


@router.get("/people/{person}")
async def person_page(request: Request, visitor: Administrator, person: UUID) -> Response:
    """Show one person's roles in the organisation, and what can be done."""
    accounts, web = accounts_of(request), web_of(request)
    texts = web.texts(request)
    async with transaction(accounts.pool) as conn:
        found = await _member(conn, request, person)
        organisation = await own_organisation(conn, request)
        roles = [
            row for row in await people.roles(conn, person) if row["organisation"] == organisation["slug"]
        ]
    has = {row["role"] for row in roles}
    return web.page(
        request,
        "organisation-person.html",
        person=found,
        roles=[(row, role_name(texts, row["role"])) for row in roles],
        further=[
            (role.value, role_name(texts, role))
            for role in _givable(accounts, organisation)
            if role.value not in has
        ],
        oneself=found["key"] == visitor.key,
    )


@router.post("/people/{person}/roles")
async def give_role(request: Request, visitor: Administrator, person: UUID) -> Response:
    """Give a role of the organisation."""
    accounts = accounts_of(request)
    wanted = (await fields_of(request)).get("role", "")
    async with transaction(accounts.pool) as conn:
        organisation = await own_organisation(conn, request)
        found = await _member(conn, request, person)
        roles = givable(accounts.side, Kind(organisation["kind"]), [wanted])
        if roles is None:
            raise not_found()
        await people_handlers.give(conn, found, organisation["slug"], roles[0], visitor.key)
    return _back(request, person, "The role is given.")


@router.post("/people/{person}/roles/{given}/end")
async def end_role(request: Request, visitor: Administrator, person: UUID, given: UUID) -> Response:
    """End a role; it ends with the next request of whoever wears it."""
    async with transaction(accounts_of(request).pool) as conn:
        organisation = await own_organisation(conn, request)
        found = await _member(conn, request, person)
        _done(await people_handlers.end_role(conn, found, organisation["slug"], given, visitor.key))
    return _back(request, person, "The role has ended.")


@router.post("/people/{person}/recovery", dependencies=[fresh_sign_in])
async def recover(request: Request, visitor: Administrator, person: UUID) -> Response:
    """Make a link by which somebody of the organisation sets up sign-in again."""
    async with transaction(accounts_of(request).pool) as conn:
        found = await _member(conn, request, person)
        if not found["at_home"] or not found["active"]:
            raise _refusal(NotDone.ELSEWHERE)
        token = await handlers.recovery_link(conn, found, visitor.key)
    return link_page(request, found["name"], token, recovery=True)


@router.post("/people/{person}/deactivate")
async def deactivate(request: Request, visitor: Administrator, person: UUID) -> Response:
    """End everything that somebody may do in the organisation; the account too, if it was its own."""
    async with transaction(accounts_of(request).pool) as conn:
        organisation = await own_organisation(conn, request)
        found = await _member(conn, request, person)
        _done(await people_handlers.deactivate(conn, found, organisation["slug"], visitor.key))
    return _back(request, person, "Deactivated: every session has ended.")


@router.post("/people/{person}/activate")
async def activate(request: Request, visitor: Administrator, person: UUID) -> Response:
    """Let somebody have roles again whose account the organisation had ended."""
    async with transaction(accounts_of(request).pool) as conn:
        organisation = await own_organisation(conn, request)
        found = await _member(conn, request, person)
        _done(await people_handlers.activate(conn, found, organisation["slug"], visitor.key))
    return _back(request, person, "Activated: please give a role.")


def _done(outcome: NotDone | None) -> None:
    if outcome is not None:
        raise _refusal(outcome)


def _refusal(outcome: NotDone) -> PageError:
    if outcome is NotDone.UNKNOWN:
        return not_found()
    return PageError(409, outcome.value, REFUSED[outcome])


def _back(request: Request, person: UUID, message: str) -> Response:
    return web_of(request).back(request, f"{ORGANISATION}/people/{person}", "success", message)
