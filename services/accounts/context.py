"""Gives sign-in its context, recognises people by their sessions, begins and ends sessions."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.accounts import audit
from services.accounts.domain import Kind, Role, Side
from services.accounts.duties import PAGES_OF, duties_of
from services.accounts.metrics import SignInMetrics
from services.accounts.passwords import Passwords
from services.accounts.people import store as people
from services.accounts.sealing import Sealing, hashed
from services.accounts.sessions import cookies, store
from services.accounts.sessions.domain import Ages, EndReason, end_of
from services.accounts.settings import AccountSettings
from services.runtime.data.db import acquire, transaction
from services.runtime.http.gateway_administration import GatewayAdministration
from services.runtime.web.pages import web_of
from services.runtime.web.problems import PageError
from services.runtime.web.visit.sessions import session_of
from services.runtime.web.visit.visitors import SignedIn, Visitor

HERE = Path(__file__).resolve().parent
_TOUCH_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Own:
    """The session of a request, for the pages of sign-in themselves."""

    session: UUID
    person: UUID
    worn: UUID
    organisation: str


@dataclass(frozen=True, slots=True)
class IssuerLink:
    """An OpenID Connect issuer as the sign-in page shows it."""

    names: Mapping[str, str]
    """Language -> name."""
    address: str


@dataclass(frozen=True, slots=True)
class IssuedBy:
    """What an issuer has said of a session that it opened; the ID token is sealed."""

    issuer: str
    subject: str
    sid: str | None
    id_token: bytes | None
    auth_time: datetime | None = None
    """When the person showed who they are; None: now."""


IssuerSignOut = Callable[[Request], Awaitable[Callable[[], Awaitable[Response | None]] | None]]
"""Asked before a session ends; what it returns, asked afterwards, leads on to the issuer's own sign-out."""


@dataclass(slots=True)
class Accounts:
    """Sign-in of one service; implements `SignIn` of the runtime's pages."""

    side: Side
    pool: asyncpg.Pool
    settings: AccountSettings
    sealing: Sealing
    passwords: Passwords
    metrics: SignInMetrics
    public_url: str
    administration: GatewayAdministration | None = None
    """Steering side: registers publishers at the gateway; None: nobody can be registered."""
    demo: bool = False
    issuers: Sequence[IssuerLink] = ()
    issuer_sign_out: IssuerSignOut | None = None
    routers: Sequence[APIRouter] = ()
    doors: Sequence[APIRouter] = ()
    templates: Sequence[Path] = (HERE / "pages" / "templates",)
    locales: Sequence[Path] = (HERE / "locale",)
    _names: Mapping[str, str] = field(default_factory=dict)

    @property
    def secure(self) -> bool:
        """Whether browsers come by https."""
        return self.public_url.startswith("https://")

    @property
    def cookie(self) -> str:
        """The name of the session's cookie."""
        return cookies.cookie_name(self.side.value, secure=self.secure)

    def csrf_of(self, token: str) -> str:
        """Return the token of the forms of a session: nobody can make it who has not the session's."""
        return self.sealing.digest("csrf", token.encode()).hex()

    def name_of(self, key: str) -> str | None:
        """Return the name of the person behind a key, as it was when somebody last began a session."""
        return self._names.get(key)

    async def recognise(self, request: Request) -> SignedIn | None:
        """Return the session of a request; one that has ended by itself is ended for good."""
        token = cookies.token_of(request, self.cookie)
        if token is None:
            return None
        async with acquire(self.pool) as conn:
            row = await store.find(conn, hashed(token))
            if row is None:
                return None
            ages = Ages(
                row["unused"],
                row["old"],
                row["since_sign_in"],
                active=row["active"],
                role_given=row["role_given"],
            )
            limits = self.settings.limits
            if (why := end_of(ages, limits)) is not None:
                await store.end(conn, row["session"], why)
                return None
            if ages.unused >= _TOUCH_SECONDS:
                await store.touch(conn, row["session"])
            if row["key"] not in self._names or ages.unused >= _TOUCH_SECONDS:
                self._names = await people.names(conn)
        request.state.own = Own(row["session"], row["person"], row["worn"], row["slug"])
        return SignedIn(
            visitor_of(row, self.side), self.csrf_of(token), fresh=ages.since_sign_in < limits.fresh
        )

    async def begin(
        self,
        request: Request,
        conn: asyncpg.Connection,
        person: asyncpg.Record,
        method: str,
        *,
        issued: IssuedBy | None = None,
    ) -> tuple[str, str] | None:
        """Begin a session in the role worn last, in the caller's transaction, and end the browser's old one.

        Returns the token and the role; None if the person has no role.
        """
        given = await people.roles(conn, person["person"])
        role = next(iter(given), None)
        if role is None:
            return None
        own = own_of(request)
        if own is not None:
            await store.end(conn, own.session, EndReason.SIGNED_OUT)
        token = cookies.new_token()
        await store.begin(
            conn,
            hashed(token),
            person=person["person"],
            worn=role["given"],
            method=method,
            device=cookies.device_of(request),
            issuer=issued.issuer if issued else None,
            subject=issued.subject if issued else None,
            sid=issued.sid if issued else None,
            id_token=issued.id_token if issued else None,
            shown_at=issued.auth_time if issued else None,
        )
        await audit.write(
            conn,
            "signed_in",
            person=person["key"],
            by=person["key"],
            organisation=role["organisation"],
            method=method,
            role=role["role"],
        )
        self._names = {}  # somebody new may have come
        self.metrics.signed_in(method)
        return token, role["role"]

    def hand_over(self, request: Request, response: Response, token: str) -> Response:
        """Give the browser the token of a session, and the token of its forms."""
        cookies.keep(response, self.cookie, token, secure=self.secure)
        session_of(request).begin(self.csrf_of(token))
        return response

    async def end(self, request: Request) -> None:
        """End the session of a request."""
        own = own_of(request)
        if own is None:
            return
        async with transaction(self.pool) as conn:
            row = await people.person_by_id(conn, own.person)
            await store.end(conn, own.session, EndReason.SIGNED_OUT)
            key = row["key"] if row else None
            await audit.write(conn, "signed_out", person=key, by=key, organisation=own.organisation)

    def let_go(self, request: Request, response: Response) -> Response:
        """Take the session's token from the browser."""
        cookies.drop(response, self.cookie, secure=self.secure)
        session_of(request).bind(None)
        return response


def visitor_of(row: asyncpg.Record, side: Side) -> Visitor:
    """Return the visitor whom a session's row describes."""
    duties = duties_of(side, Kind(row["kind"]), Role(row["role"]), founding=row["founding"])
    return Visitor(
        key=row["key"],
        name=row["name"],
        role=row["role"],
        kreise=tuple(row["kreise"]),
        organisation=row["tenant"],
        publisher=row["publisher"],
        place=row["place"],
        menu=[(PAGES_OF[duty].address, PAGES_OF[duty].name) for duty in duties],
    )


def own_of(request: Request) -> Own | None:
    """Return the session of a request; None for a stranger."""
    found = getattr(request.state, "own", None)
    assert found is None or isinstance(found, Own)  # noqa: S101 - set by recognise
    return found


def accounts_of(request: Request) -> Accounts:
    """Return the sign-in of this application."""
    accounts = web_of(request).sign_in
    assert isinstance(accounts, Accounts)  # noqa: S101 - set by the factory
    return accounts


def no_role() -> PageError:
    """Return the error for somebody who has an account and no role any more."""
    return PageError(
        403,
        "no_role",
        "Your account has no role at present. Please ask who administers Kurslotse in your organisation.",
    )
