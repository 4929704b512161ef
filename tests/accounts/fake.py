"""A sign-in without a database: invented people, sessions in memory, pages as plain as can be."""

import hashlib
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.runtime.web.pages import own_path, web_of
from services.runtime.web.problems import PageError, wants_json
from services.runtime.web.visit.guard import DEMO_SIGN_IN, anybody, signed_in
from services.runtime.web.visit.sessions import session_of
from services.runtime.web.visit.visitors import SignedIn, Visitor

COOKIE = "session"


class FakeSignIn:
    """Implements `SignIn`: whoever is listed signs in by key; `fresh` says whether that was a moment ago."""

    def __init__(self, people: Sequence[Visitor], routers: Sequence[APIRouter] = ()) -> None:
        self.people = {one.key: one for one in people}
        self.sessions: dict[str, str] = {}
        self.fresh = True
        self.routers: Sequence[APIRouter] = (self._router(), *routers)
        self.doors: Sequence[APIRouter] = ()
        self.templates: Sequence[Path] = ()
        self.locales: Sequence[Path] = ()

    async def recognise(self, request: Request) -> SignedIn | None:
        token = request.cookies.get(COOKIE, "")
        person = self.people.get(self.sessions.get(token, ""))
        return None if person is None else SignedIn(person, self.csrf_of(token), fresh=self.fresh)

    def name_of(self, key: str) -> str | None:
        return self.people[key].name if key in self.people else None

    @staticmethod
    def csrf_of(token: str) -> str:
        return hashlib.sha256(token.encode()).hexdigest()

    def _router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)

        @router.get("/sign-in", dependencies=[anybody])
        async def page(request: Request) -> Response:
            return web_of(request).page(request, "error.html", message=" ".join(self.people))

        @router.get("/sign-in/again")
        async def again(request: Request, _: Annotated[Visitor, Depends(signed_in())]) -> Response:
            return web_of(request).page(request, "error.html", message=" ".join(self.people))

        @router.post(DEMO_SIGN_IN, dependencies=[anybody])
        async def sign_in(request: Request) -> Response:
            if "json" in request.headers.get("content-type", ""):
                body = await request.json() if await request.body() else {}
                key, then = str(body.get("person")) if isinstance(body, dict) else "", "/"
            else:
                form = await request.form()
                key, then = str(form.get("person")), str(form.get("next") or "/")
            if key not in self.people:
                raise PageError(404, "person_unknown", "Nobody of this name belongs to this demonstration.")
            token = secrets.token_hex(16)
            self.sessions[token] = key
            csrf = self.csrf_of(token)
            answer = (
                JSONResponse({"csrf": csrf})
                if wants_json(request)
                else web_of(request).back(request, own_path(then))
            )
            session_of(request).begin(csrf)
            answer.set_cookie(COOKIE, token, httponly=True, samesite="lax")
            return answer

        @router.post("/sign-out", dependencies=[anybody])
        async def sign_out(request: Request) -> Response:
            self.sessions.pop(request.cookies.get(COOKIE, ""), None)
            session_of(request).bind(None)
            return web_of(request).back(request, "/sign-in")

        return router
