"""Serves the page of one's own account: roles, ways to sign in, sessions."""

import base64
import binascii
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.accounts import audit
from services.accounts.context import Own, accounts_of, own_of
from services.accounts.methods import passkeys, store
from services.accounts.pages import enrolment
from services.accounts.pages.bodies import fields_of, json_of, text_of
from services.accounts.pages.enrolment import Wrong
from services.accounts.pages.sign_in import party, refused_passkey
from services.accounts.pages.words import method_of, role_name
from services.accounts.people import store as people
from services.accounts.sealing import hashed
from services.accounts.sessions import cookies
from services.accounts.sessions import store as sessions
from services.accounts.sessions.domain import EndReason
from services.runtime.data.db import acquire, transaction
from services.runtime.web.languages import msgid
from services.runtime.web.pages import ACCOUNT, web_of
from services.runtime.web.problems import PageError, SignInNeededError, not_found
from services.runtime.web.visit.guard import fresh_sign_in, signed_in
from services.runtime.web.visit.visitors import Visitor

router = APIRouter(prefix=ACCOUNT, include_in_schema=False)
Anyone = Annotated[Visitor, Depends(signed_in())]


def _own(request: Request) -> Own:
    own = own_of(request)
    if own is None:
        raise SignInNeededError
    return own


def as_uuid(text: str) -> UUID:
    """Read an id.

    Raises:
        PageError: 404, it is none.
    """
    try:
        return UUID(text)
    except ValueError:
        raise not_found() from None


async def _person(conn: asyncpg.Connection, own: Own) -> asyncpg.Record:
    person = await people.person_by_id(conn, own.person)
    if person is None:
        raise SignInNeededError
    return person


@router.get("")
async def account_page(request: Request, visitor: Anyone) -> Response:
    """Show roles, ways to sign in and sessions."""
    accounts, web, own = accounts_of(request), web_of(request), _own(request)
    limits, texts = accounts.settings.limits, web.texts(request)
    async with acquire(accounts.pool) as conn:
        person = await _person(conn, own)
        roles = await people.roles(conn, own.person)
        keys = await store.passkeys(conn, own.person)
        has_password = await store.secrets(conn, own.person) is not None
        open_ones = await sessions.listed(conn, own.person, limits.idle, limits.absolute)
    return web.page(
        request,
        "account.html",
        person=person,
        role=role_name(texts, visitor.role),
        roles=[(row, role_name(texts, row["role"])) for row in roles],
        own=own,
        keys=[(base64.urlsafe_b64encode(row["credential"]).decode(), row) for row in keys],
        has_password=has_password,
        removable=len(keys) + has_password > 1,
        sessions=[(row, texts.plain(method_of(row))) for row in open_ones],
        passkeys=passkeys.party_of(accounts, request) is not None,
    )


@router.post("/role")
async def wear(request: Request, _visitor: Anyone) -> Response:
    """Go on in another of one's roles, under a new token."""
    accounts, web, own = accounts_of(request), web_of(request), _own(request)
    given = as_uuid((await fields_of(request)).get("given", ""))
    token = cookies.new_token()
    async with transaction(accounts.pool) as conn:
        role = next((row for row in await people.roles(conn, own.person) if row["given"] == given), None)
        if role is None:
            raise not_found()
        await sessions.renew(conn, own.session, hashed(token), given)
        person = await _person(conn, own)
        await audit.write(
            conn,
            "role_worn",
            person=person["key"],
            by=person["key"],
            organisation=role["organisation"],
            role=role["role"],
        )
    return accounts.hand_over(request, web.back(request, web.home(role["role"])), token)


@router.post("/sessions/end")
async def end_sessions(request: Request, _visitor: Anyone) -> Response:
    """End one of one's sessions, or all but this one."""
    accounts, web, own = accounts_of(request), web_of(request), _own(request)
    which = (await fields_of(request)).get("session", "")
    async with transaction(accounts.pool) as conn:
        if which == "others":
            ended = await sessions.end_all(conn, own.person, EndReason.SIGNED_OUT, but=own.session)
        else:
            ended = int(await sessions.end_own(conn, own.person, as_uuid(which)))
        person = await _person(conn, own)
        await audit.write(
            conn,
            "session_ended",
            person=person["key"],
            by=person["key"],
            organisation=own.organisation,
            sessions=ended,
        )
    return web.back(request, ACCOUNT, "success", "Sessions ended: %(number)s", number=ended)


@router.post("/passkeys/options", dependencies=[fresh_sign_in])
async def passkey_options(request: Request, visitor: Anyone) -> Response:
    """Return what a browser needs to make a further passkey."""
    accounts, own = accounts_of(request), _own(request)
    async with transaction(accounts.pool) as conn:
        return JSONResponse(
            await passkeys.registration(conn, request, party(request), own.person, visitor.name)
        )


@router.post("/passkeys", dependencies=[fresh_sign_in])
async def add_passkey(request: Request, _visitor: Anyone) -> Response:
    """Keep a further passkey; return where to go on."""
    accounts, web, own = accounts_of(request), web_of(request), _own(request)
    body = await json_of(request)
    try:
        async with transaction(accounts.pool) as conn:
            number = len(await store.passkeys(conn, own.person)) + 1
            name = text_of(body, "name").strip()
            name = name or web.texts(request).gettext("Passkey %(number)s", number=number)
            await passkeys.register(
                conn, request, party(request), body.get("credential"), person=own.person, name=name
            )
            await _changed(conn, own, "passkey_added")
    except passkeys.PasskeyError:
        raise refused_passkey() from None
    web.note(request, "success", web.texts(request).plain(msgid("The passkey is kept.")))
    return JSONResponse({"next": ACCOUNT})


@router.post("/passkeys/remove", dependencies=[fresh_sign_in])
async def remove_passkey(request: Request, _visitor: Anyone) -> Response:
    """Remove a passkey, unless nothing would be left to sign in with."""
    accounts, own = accounts_of(request), _own(request)
    try:
        credential = base64.urlsafe_b64decode((await fields_of(request)).get("credential", ""))
    except (binascii.Error, ValueError):
        raise not_found() from None
    async with transaction(accounts.pool) as conn:
        if not await store.remove_passkey(conn, own.person, credential):
            raise not_found()
        await _something_left(conn, own)
        await _changed(conn, own, "passkey_removed")
    return web_of(request).back(request, ACCOUNT, "success", "The passkey is removed.")


async def _something_left(conn: asyncpg.Connection, own: Own) -> None:
    if not await store.passkeys(conn, own.person) and await store.secrets(conn, own.person) is None:
        raise PageError(
            409,
            "last_method",
            "This is your only way to sign in. Please add another one before you remove it.",
        )


async def _changed(conn: asyncpg.Connection, own: Own, what: audit.What) -> None:
    person = await _person(conn, own)
    await audit.write(conn, what, person=person["key"], by=person["key"], organisation=own.organisation)


@router.get("/password", dependencies=[fresh_sign_in])
async def password_page(request: Request, _visitor: Anyone) -> Response:
    """Show the form for a new password, a new app for codes, or both."""
    async with acquire(accounts_of(request).pool) as conn:
        person = await _person(conn, _own(request))
        has = await store.secrets(conn, person["person"]) is not None
    return _password_form(request, person, {"email": person["email"] or ""}, has=has)


def _password_form(
    request: Request,
    person: asyncpg.Record,
    entered: dict[str, str],
    *,
    has: bool,
    wrong: Wrong | None = None,
) -> Response:
    accounts, web = accounts_of(request), web_of(request)
    texts = web.texts(request)
    about = str(person["person"])
    return web.page(
        request,
        "password.html",
        422 if wrong else 200,
        has=has,
        entered=entered,
        errors={name: texts.plain(text) for name, text in (wrong.fields if wrong else {}).items()},
        offered=enrolment.offer(
            accounts, about, person["email"] or person["name"], entered.get("sealed", "")
        ),
    )


@router.post("/password", dependencies=[fresh_sign_in])
async def set_password(request: Request, _visitor: Anyone) -> Response:
    """Change password, app or both; all other sessions end."""
    accounts, own = accounts_of(request), _own(request)
    entered = await fields_of(request)
    async with acquire(accounts.pool) as conn:
        person = await _person(conn, own)
        has = await store.secrets(conn, own.person) is not None
        now = await store.now(conn)
    proven = enrolment.read(accounts, str(own.person), entered, now, has=has)
    if isinstance(proven, Wrong):
        return _password_form(request, person, entered, has=has, wrong=proven)
    made = await accounts.passwords.hash(proven.password) if proven.password else None
    try:
        async with transaction(accounts.pool) as conn:
            await people.set_email(conn, own.person, proven.email)
            await enrolment.keep(accounts, conn, person, proven, made)
            await sessions.end_all(conn, own.person, EndReason.SIGNED_OUT, but=own.session)
            if made is not None:
                await _changed(conn, own, "password_changed")
            if proven.secret is not None:
                await _changed(conn, own, "totp_changed")
    except asyncpg.UniqueViolationError:
        taken = Wrong({"email": msgid("Somebody else has this e-mail address. Please choose another one.")})
        return _password_form(request, person, entered, has=has, wrong=taken)
    return web_of(request).back(request, ACCOUNT, "success", "Changed. All your other sessions have ended.")
