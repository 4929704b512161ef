"""Serves the page on which people sign in, and signs them out."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from services.accounts.context import accounts_of
from services.accounts.demo.load import ISSUER
from services.accounts.people import store
from services.runtime.data.db import acquire
from services.runtime.web.guard import anybody, signed_in
from services.runtime.web.pages import own_path, web_of
from services.runtime.web.visitors import Visitor

router = APIRouter(include_in_schema=False)
Anyone = Annotated[Visitor, Depends(signed_in())]


@router.get("/sign-in", dependencies=[anybody])
async def sign_in_page(request: Request, next: str = "") -> Response:  # noqa: A002 - the address's word
    """Show every way to sign in."""
    return await show(request, own_path(next, ""))


async def show(request: Request, then: str, *, status: int = 200, again: bool = False) -> Response:
    """Render the page; `again`: somebody who is signed in shows once more that it is them."""
    accounts = accounts_of(request)
    people = []
    if accounts.demo:
        async with acquire(accounts.pool) as conn:
            people = list(await store.identities(conn, ISSUER))
    return web_of(request).page(
        request, "sign-in.html", status, next=then, again=again, people=people, issuers=accounts.issuers
    )


@router.get("/sign-in/again")
async def once_more(request: Request, _visitor: Anyone, next: str = "") -> Response:  # noqa: A002 - the address's word
    """Show every way to sign in to somebody who is signed in since a while."""
    return await show(request, own_path(next, ""), again=True)


@router.post("/sign-out", dependencies=[anybody])
async def sign_out(request: Request) -> Response:
    """End the session."""
    accounts = accounts_of(request)
    await accounts.end(request)
    answer = web_of(request).back(request, "/sign-in", "success", "You have signed out.")
    return accounts.let_go(request, answer)
