"""Builds a small site on the real web base: one page, one form, one JSON call, three people."""

from pathlib import Path
from typing import Annotated

import httpx
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.runtime.web.app import create_app
from services.runtime.web.pages import Site, web_of
from services.runtime.web.problems import PageError
from services.runtime.web.visit.guard import signed_in
from services.runtime.web.visit.visitors import SignIn, Visitor
from services.texts.filters import field_filters
from tests.accounts.fake import FakeSignIn

SECRET = "invented"
PEOPLE = (
    Visitor("ada-beispiel", "Ada Beispiel", "coordinator", ("99001",)),
    Visitor("bo-probe", "Bo Probe", "provider", ("99001",)),
    Visitor("cy-muster", "Cy Muster", "auditor", ("99001",)),
)
Coordinator = Annotated[Visitor, Depends(signed_in("coordinator", reading=("auditor",)))]


def router() -> APIRouter:
    made = APIRouter()

    @made.get("/")
    async def first(request: Request, visitor: Coordinator) -> Response:
        return web_of(request).page(request, "error.html", message=f"hello {visitor.name}", status_code=200)

    @made.post("/change")
    async def change(request: Request, visitor: Coordinator) -> Response:
        assert visitor.role == "coordinator"
        return web_of(request).back(request, "/", "success", "You have signed out.")

    @made.post("/api/v1/change")
    async def change_by_program(visitor: Coordinator) -> Response:
        return JSONResponse({"by": visitor.key})

    @made.get("/broken")
    async def broken() -> Response:
        raise PageError(
            409,
            "told",
            "Something in the input cannot be understood: %(fields)s. Please check it and send it again.",
            fields="<b>x</b>",
        )

    @made.get("/lost")
    async def lost() -> Response:
        raise ConnectionResetError

    @made.get("/bug")
    async def bug() -> Response:
        raise ZeroDivisionError

    return made


def site(*, demo: bool = True, service: str = "allocation") -> Site:
    return Site(
        service=service,
        title="Kurslotse coordination",
        templates=(Path(__file__).parent,),
        locales=(),
        filters=field_filters,
        menu={},
        homes={},
        demo=demo,
        secure=False,
    )


def client(sign_in: SignIn | None = None) -> httpx.AsyncClient:
    app = create_app(site(), SECRET, sign_in or FakeSignIn(PEOPLE), pages=[router()])
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://kurslotse.test")
