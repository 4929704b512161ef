"""Builds a small site that people sign in to, with sessions in memory."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from services.accounts.oidc.door import GivenRole, Identity, IssuerSession
from services.accounts.oidc.issuers import Issuer
from services.accounts.oidc.pages import Oidc
from services.runtime.web.app import create_app
from services.runtime.web.pages import Site
from tests.accounts.fake import FakeSignIn
from tests.serving import REPOSITORY

_OIDC = REPOSITORY / "services" / "accounts" / "oidc"
SECRET = "invented"
COOKIE = "session"


@dataclass
class SessionsInMemory:
    """A SessionDoor without a database."""

    open: dict[str, tuple[Identity, Sequence[GivenRole]]] = field(default_factory=dict)

    async def sign_in(
        self,
        request: Request,  # noqa: ARG002 - real doors look at the browser
        identity: Identity,
        roles: Sequence[GivenRole],
        next: str,  # noqa: A002 - of the protocol
    ) -> Response:
        token = secrets.token_urlsafe(16)
        self.open[token] = (identity, roles)
        answer = RedirectResponse(next, 303)
        answer.set_cookie(COOKIE, token, httponly=True, samesite="lax")
        return answer

    async def end_by_issuer(self, issuer: str, *, subject: str | None, sid: str | None) -> int:
        ended = [
            token
            for token, (identity, _) in self.open.items()
            if identity.issuer == issuer
            and subject in {None, identity.subject}
            and sid in {None, identity.sid}
        ]
        for token in ended:
            del self.open[token]
        return len(ended)

    async def current(self, request: Request) -> IssuerSession | None:
        found = self.open.get(request.cookies.get(COOKIE, ""))
        return IssuerSession(found[0].issuer, found[0].id_token) if found else None


def build_site(
    issuers: Sequence[Issuer],
    door: SessionsInMemory,
    public_url: str,
    client: httpx.AsyncClient,
    now: Callable[[], float],
) -> FastAPI:
    """Build the application of a site: /me says who is signed in, /me/sign-out ends it here and there."""
    oidc = Oidc(
        {one.key: one for one in issuers},
        door,
        service="test",
        secret=SECRET,
        public_url=public_url,
        client=client,
        now=now,
    )
    site = Site(
        service="test",
        title="Kurslotse",
        templates=(_OIDC / "templates",),
        locales=(_OIDC / "locale",),
        filters=lambda _texts: {},
        menu={},
        homes={},
        demo=False,
        secure=public_url.startswith("https:"),
    )
    made = oidc.routers()
    return create_app(site, SECRET, FakeSignIn([]), pages=[made.pages], doors=[made.doors, _own(oidc, door)])


def _own(oidc: Oidc, door: SessionsInMemory) -> APIRouter:
    router = APIRouter()

    @router.get("/me")
    async def me(request: Request) -> Response:
        found = door.open.get(request.cookies.get(COOKIE, ""))
        if found is None:
            return JSONResponse({}, 401)
        identity, roles = found
        return JSONResponse(
            {"subject": identity.subject, "name": identity.name, "roles": [role.role for role in roles]}
        )

    @router.post("/me/sign-out")
    async def sign_out(request: Request) -> Response:
        session = await door.current(request)
        door.open.pop(request.cookies.get(COOKIE, ""), None)
        further = await oidc.signed_out(request, session) if session else None
        return further or RedirectResponse("/sign-in", 303)

    return router
