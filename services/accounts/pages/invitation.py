"""Serves the page of an invitation: choose how to sign in, and be let in; the same for recovery links."""

from typing import Annotated

import asyncpg
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.accounts.context import Accounts, accounts_of, no_role, own_of
from services.accounts.domain import login_name, person_name
from services.accounts.invitations import handlers
from services.accounts.invitations.handlers import NotOpen, link_of
from services.accounts.methods import passkeys, store
from services.accounts.pages import enrolment
from services.accounts.pages.bodies import fields_of, json_of, text_of
from services.accounts.pages.enrolment import Proven, Wrong
from services.accounts.pages.sign_in import party, refused_passkey
from services.accounts.pages.words import NOT_OPEN, role_name
from services.accounts.people import store as people
from services.runtime.data.db import acquire, transaction
from services.runtime.web.languages import msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import PageError
from services.runtime.web.visit.guard import anybody, fresh_sign_in, signed_in
from services.runtime.web.visit.visitors import Visitor

router = APIRouter(prefix="/invitation/{token}", include_in_schema=False)
TAKEN = msgid(
    "Somebody has an account with this e-mail address already. If it is you, sign in first and open the link"
    " again."
)
NAMELESS = msgid("Please enter your name as others should read it.")


def _open(found: asyncpg.Record | NotOpen) -> asyncpg.Record:
    """Return an invitation that is open.

    Raises:
        PageError: 404 or 410, with what to do.
    """
    if isinstance(found, NotOpen):
        raise PageError(404 if found.state is None else 410, "invitation", NOT_OPEN[found.state])
    return found


@router.get("", dependencies=[anybody])
async def invitation_page(request: Request, token: str) -> Response:
    """Show to whom one is invited, and the ways to sign in; nothing is used up by looking."""
    async with acquire(accounts_of(request).pool) as conn:
        found = _open(await link_of(conn, token))
        own = own_of(request)
        person = await people.person_by_id(conn, own.person) if own else None
    entered = {
        "email": found["own_email"] or found["email"] or "",
        "name": "" if found["name"] == handlers.FIRST else found["name"],
    }
    return _page(request, found, token, entered, person=person)


def _page(
    request: Request,
    found: asyncpg.Record,
    token: str,
    entered: dict[str, str],
    *,
    wrong: Wrong | None = None,
    person: asyncpg.Record | None = None,
) -> Response:
    accounts, web = accounts_of(request), web_of(request)
    texts = web.texts(request)
    about, email = str(found["invitation"]), entered.get("email", "")
    return web.page(
        request,
        "invitation.html",
        422 if wrong else 200,
        link=f"/invitation/{token}",
        recovery=found["person"] is not None,
        place=found["place"],
        roles=[role_name(texts, role) for role in found["roles"]],
        entered=entered,
        errors={name: texts.plain(text) for name, text in (wrong.fields if wrong else {}).items()},
        offered=enrolment.offer(
            accounts, about, login_name(email) or found["place"], entered.get("sealed", "")
        ),
        passkeys=passkeys.party_of(accounts, request) is not None,
        known=person,
    )


@router.post("/password", dependencies=[anybody])
async def with_password(request: Request, token: str) -> Response:
    """Set password and app, use the link up, and sign in."""
    accounts = accounts_of(request)
    entered = await fields_of(request)
    async with acquire(accounts.pool) as conn:
        found = _open(await link_of(conn, token))
        now = await store.now(conn)
    proven = enrolment.read(accounts, str(found["invitation"]), entered, now)
    name = person_name(entered.get("name", "")) or (found["name"] if found["person"] else None)
    if isinstance(proven, Proven) and name is None:
        proven = Wrong({"name": NAMELESS})
    if isinstance(proven, Wrong):
        return _page(request, found, token, entered, wrong=proven)
    hashed = await accounts.passwords.hash(proven.password or "")
    try:
        async with transaction(accounts.pool) as conn:
            found = _open(await link_of(conn, token, lock=True))
            person = await handlers.accept(conn, found, proven.email, name or found["name"])
            await enrolment.keep(accounts, conn, person, proven, hashed)
            begun = await accounts.begin(request, conn, person, "invitation")
    except asyncpg.UniqueViolationError:
        return _page(request, found, token, entered, wrong=Wrong({"email": TAKEN}))
    return _in(request, accounts, begun)


def _in(request: Request, accounts: Accounts, begun: tuple[str, str] | None) -> Response:
    if begun is None:
        raise no_role()
    token, role = begun
    web = web_of(request)
    welcome = web.back(request, web.home(role), "success", "You are signed in. Welcome to Kurslotse.")
    return accounts.hand_over(request, welcome, token)


@router.post("/passkey/options", dependencies=[anybody])
async def passkey_options(request: Request, token: str) -> Response:
    """Return what a browser needs to make a passkey for who is invited."""
    async with transaction(accounts_of(request).pool) as conn:
        found = _open(await link_of(conn, token))
        person = found["person"] or found["invitation"]
        return JSONResponse(await passkeys.registration(conn, request, party(request), person, found["name"]))


@router.post("/passkey", dependencies=[anybody])
async def with_passkey(request: Request, token: str) -> Response:
    """Keep the passkey, use the link up, and sign in; return where to go on."""
    accounts, web = accounts_of(request), web_of(request)
    body = await json_of(request)
    async with acquire(accounts.pool) as conn:
        found = _open(await link_of(conn, token))
    name = person_name(text_of(body, "name")) or (found["name"] if found["person"] else None)
    if name is None:
        raise PageError(422, "name", NAMELESS)
    email = login_name(text_of(body, "email")) or found["email"]
    try:
        async with transaction(accounts.pool) as conn:
            found = _open(await link_of(conn, token, lock=True))
            person = await handlers.accept(conn, found, email, name)
            await passkeys.register(
                conn,
                request,
                party(request),
                body.get("credential"),
                person=person["person"],
                name=web.texts(request).gettext("Passkey %(number)s", number=1),
            )
            begun = await accounts.begin(request, conn, person, "invitation")
    except asyncpg.UniqueViolationError:
        raise PageError(409, "email_taken", TAKEN) from None
    except passkeys.PasskeyError:
        raise refused_passkey() from None
    if begun is None:
        raise no_role()
    return accounts.hand_over(request, JSONResponse({"next": web.home(begun[1])}), begun[0])


@router.post("/join", dependencies=[fresh_sign_in])
async def join(request: Request, token: str, _visitor: Annotated[Visitor, Depends(signed_in())]) -> Response:
    """Take the invitation with the account in which one is signed in."""
    accounts, own = accounts_of(request), own_of(request)
    async with transaction(accounts.pool) as conn:
        found = _open(await link_of(conn, token, lock=True))
        person = await people.person_by_id(conn, own.person) if own else None
        fits = person is not None and found["email"] in {None, person["email"]}
        if person is None or found["person"] is not None or not fits:
            raise PageError(
                409,
                "invitation_of_another",
                "This invitation is for another e-mail address than that of your account. Please ask your"
                " administrator for one that fits.",
            )
        await handlers.join(conn, found, person)
    return web_of(request).back(
        request,
        "/account",
        "success",
        "You have taken the invitation. Choose below in which role you work now.",
    )
