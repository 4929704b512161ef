"""Serves the addresses of OpenID Connect: to the issuer, back again, and the issuer's logout message."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import httpx
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from schemas.days import local_day
from services.accounts.oidc.client import OidcClient
from services.accounts.oidc.door import GivenRole, IssuerSession, SessionDoor
from services.accounts.oidc.failures import TEXTS, OidcError, Reason
from services.accounts.oidc.fetching import Fetcher
from services.accounts.oidc.flow import FlowCookie, begun
from services.accounts.oidc.issuers import Issuer
from services.accounts.oidc.tokens import Claims
from services.runtime.web.bodies import form_of
from services.runtime.web.pages import own_path, web_of
from services.runtime.web.problems import PageError, not_found
from services.runtime.web.visit.guard import anybody

_LOG = logging.getLogger(__name__)
_SIGNED_OUT = "/sign-in"


class OidcRouters(NamedTuple):
    """`pages` belong among the pages of a service, `doors` among those that guard themselves."""

    pages: APIRouter
    doors: APIRouter


class Oidc:
    """Sign-in at all issuers of a service."""

    def __init__(
        self,
        issuers: Mapping[str, Issuer],
        door: SessionDoor,
        *,
        service: str,
        secret: str,
        public_url: str,
        client: httpx.AsyncClient,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._door, self._now = door, now
        self._public_url = public_url.rstrip("/")
        secure = self._public_url.startswith("https://")
        self._cookie = FlowCookie(service, secret, secure=secure, now=now)
        fetcher = Fetcher(client)
        self._clients = {
            key: OidcClient(one, fetcher, f"{self._public_url}/sign-in/oidc/{key}/return", now)
            for key, one in issuers.items()
        }

    def routers(self) -> OidcRouters:
        """Return the routes."""
        pages = APIRouter(include_in_schema=False, dependencies=[anybody])
        doors = APIRouter(include_in_schema=False)
        pages.get("/sign-in/oidc/{issuer}")(self.begin)
        pages.get("/sign-in/oidc/{issuer}/return")(self.finish)
        doors.post("/sign-in/oidc/{issuer}/logout")(self.logout)
        return OidcRouters(pages, doors)

    async def begin(
        self,
        request: Request,
        issuer: str,
        next: str = "/",  # noqa: A002 - the address's word
        fresh: bool = False,
    ) -> Response:
        """Send the browser to the issuer's server; `fresh` makes it ask the person again."""
        client = self._client(issuer)
        flow = begun(issuer, own_path(next), fresh=fresh, now=self._now())
        try:
            answer = RedirectResponse(await client.address(flow), 303)
        except OidcError as error:
            raise _told(request, client.issuer, error) from None
        self._cookie.keep(answer, flow)
        return answer

    async def finish(self, request: Request, issuer: str) -> Response:
        """Take the issuer's answer and sign the person in."""
        client = self._client(issuer)
        try:
            flow = self._cookie.take(request, issuer, request.query_params.get("state"))
            identity, claims = await client.finish(flow, request.query_params)
            roles = self._roles(client.issuer, claims)
        except OidcError as error:
            raise _told(request, client.issuer, error) from None
        answer = await self._door.sign_in(request, identity, roles, flow.next)
        self._cookie.drop(answer)
        return answer

    async def logout(self, request: Request, issuer: str) -> Response:
        """Take an issuer's logout token and end the sessions that it names."""
        client = self._client(issuer)
        sent = (await form_of(request)).get("logout_token")
        try:
            notice = await client.notice(sent)
        except OidcError as error:
            _log("logout token refused", issuer, error)
            status = 503 if error.reason is Reason.SERVER_SILENT else 400
            return JSONResponse({"error": "invalid_request", "error_description": error.reason.value}, status)
        ended = await self._door.end_by_issuer(issuer, subject=notice.subject, sid=notice.sid)
        _LOG.info("sessions ended by issuer", extra={"where": issuer, "count": ended})
        return Response(status_code=200)

    async def signed_out(self, request: Request, session: IssuerSession) -> Response | None:
        """Return a page that leads on to the issuer's own sign-out, after ours has ended the session.

        None if the issuer offers none or does not answer: the person is signed out here all the same. A
        redirect would not do, since our pages let no form lead to another site.
        """
        client = self._clients.get(session.issuer)
        if client is None:  # the issuer was taken out of the file
            return None
        try:
            address = await client.logout_address(session.id_token, self._public_url + _SIGNED_OUT)
        except OidcError as error:
            _log("no sign-out at issuer", session.issuer, error)
            return None
        if address is None:
            return None
        web = web_of(request)
        name = client.issuer.name(web.texts(request).language)
        return web.page(request, "oidc-signed-out.html", address=address, issuer=name)

    def _roles(self, issuer: Issuer, claims: Claims) -> Sequence[GivenRole]:
        roles = issuer.roles(claims, local_day(datetime.fromtimestamp(self._now(), UTC)))
        if not roles:
            raise OidcError(Reason.NO_ROLE)
        return roles

    def _client(self, issuer: str) -> OidcClient:
        if issuer not in self._clients:
            raise not_found()
        return self._clients[issuer]


def _told(request: Request, issuer: Issuer, error: OidcError) -> PageError:
    """Log why a sign-in failed, without anything about the person, and word it for them."""
    _log("sign-in at issuer failed", issuer.key, error)
    status, text = TEXTS[error.reason]
    params = {"issuer": issuer.name(web_of(request).texts(request).language)} if "%(issuer)s" in text else {}
    return PageError(status, error.reason.value, text, **params)


def _log(what: str, issuer: str, error: OidcError) -> None:
    _LOG.warning(what, extra={"where": issuer, "reason": error.reason.value, "detail": error.detail})
