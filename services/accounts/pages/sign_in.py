"""Serves the page on which people sign in, takes what they show, and signs them out."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.accounts.context import accounts_of, no_role
from services.accounts.demo.guide import STOPS
from services.accounts.demo.load import ISSUER
from services.accounts.methods import passkeys
from services.accounts.pages.bodies import fields_of, json_of, text_of
from services.accounts.pages.proofs import prove
from services.accounts.people import store
from services.runtime.data.db import acquire, transaction
from services.runtime.web.languages import msgid
from services.runtime.web.pages import own_path, web_of
from services.runtime.web.problems import PageError
from services.runtime.web.visit.guard import anybody, signed_in
from services.runtime.web.visit.recognition import forget
from services.runtime.web.visit.visitors import Visitor

router = APIRouter(include_in_schema=False)
Anyone = Annotated[Visitor, Depends(signed_in())]
REFUSED = msgid(
    "The sign-in did not work. Please check e-mail address, password and code; each code works once. After"
    " several failed attempts you have to wait, at first half a minute, at most a quarter of an hour."
)


@router.get("/sign-in", dependencies=[anybody])
async def sign_in_page(request: Request, next: str = "") -> Response:  # noqa: A002 - the address's word
    """Show every way to sign in."""
    return await show(request, own_path(next, ""))


async def show(
    request: Request, then: str, *, again: bool = False, email: str = "", error: str = ""
) -> Response:
    """Render the page; `again`: somebody who is signed in shows once more that it is them."""
    accounts = accounts_of(request)
    people = []
    if accounts.demo:
        async with acquire(accounts.pool) as conn:
            people = list(await store.identities(conn, ISSUER))
    return web_of(request).page(
        request,
        "sign-in.html",
        401 if error else 200,
        next=then,
        again=again,
        people=people,
        stops=STOPS if people else (),
        issuers=accounts.issuers,
        passkeys=passkeys.party_of(accounts, request) is not None,
        email=email,
        error=error,
    )


@router.get("/sign-in/again")
async def once_more(
    request: Request,
    _visitor: Anyone,
    next: str = "",  # noqa: A002 - the address's word
) -> Response:
    """Show every way to sign in to somebody who is signed in since a while."""
    return await show(request, own_path(next, ""), again=True)


@router.post("/sign-in", dependencies=[anybody])
async def with_password(request: Request) -> Response:
    """Sign in with e-mail address, password and code."""
    accounts, web = accounts_of(request), web_of(request)
    entered = await fields_of(request)
    email, then = entered.get("email", ""), own_path(entered.get("next"), "")
    person = await prove(
        accounts, request, login=email, password=entered.get("password", ""), code=entered.get("code", "")
    )
    if person is None:
        return await show(request, then, email=email, error=web.texts(request).plain(REFUSED))
    async with transaction(accounts.pool) as conn:
        begun = await accounts.begin(request, conn, person, "password")
    if begun is None:
        raise no_role()
    token, role = begun
    return accounts.hand_over(request, web.back(request, then or web.home(role)), token)


@router.post("/sign-in/passkey/options", dependencies=[anybody])
async def passkey_options(request: Request) -> Response:
    """Return what a browser has to sign."""
    accounts = accounts_of(request)
    async with transaction(accounts.pool) as conn:
        return JSONResponse(await passkeys.authentication(conn, request, party(request)))


@router.post("/sign-in/passkey", dependencies=[anybody])
async def with_passkey(request: Request) -> Response:
    """Sign in with a passkey; return where to go on."""
    accounts, web = accounts_of(request), web_of(request)
    body = await json_of(request)
    async with transaction(accounts.pool) as conn:
        try:
            person = await passkeys.authenticate(conn, request, party(request), body.get("credential"))
        except passkeys.PasskeyError:
            person = None
        begun = await accounts.begin(request, conn, person, "passkey") if person is not None else None
    if person is None:
        accounts.metrics.failures.inc()
        raise refused_passkey()
    if begun is None:
        raise no_role()
    token, role = begun
    then = own_path(text_of(body, "next"), "") or web.home(role)
    return accounts.hand_over(request, JSONResponse({"next": then}), token)


def party(request: Request) -> passkeys.Party:
    """Return the site for which passkeys are made.

    Raises:
        PageError: browsers make none under this address.
    """
    found = passkeys.party_of(accounts_of(request), request)
    if found is None:
        raise PageError(
            409,
            "passkey_host",
            "Passkeys work under the name of this site only. Please open it by its name, not by a number.",
        )
    return found


def refused_passkey() -> PageError:
    """Return the error for a passkey that does not fit."""
    return PageError(
        401,
        "passkey",
        "This passkey is not known here, or it took too long. Please try again, or sign in another way.",
    )


@router.post("/sign-out", dependencies=[anybody])
async def sign_out(request: Request) -> Response:
    """End the session."""
    accounts = accounts_of(request)
    elsewhere = await accounts.issuer_sign_out(request) if accounts.issuer_sign_out else None
    await accounts.end(request)
    forget(request)
    answer = await elsewhere() if elsewhere else None
    if answer is None:
        answer = web_of(request).back(request, "/sign-in", "success", "You have signed out.")
    return accounts.let_go(request, answer)
