"""Begins and ends sessions for OpenID Connect issuers, and keeps the roles that their claims give."""

import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

import asyncpg
from starlette.requests import Request
from starlette.responses import Response

from services.accounts import audit
from services.accounts.context import Accounts, IssuedBy, no_role, own_of
from services.accounts.domain import Kind, Role, person_name, roles_of
from services.accounts.people import handlers
from services.accounts.people import store as people
from services.accounts.sealing import SealError
from services.accounts.sessions import store as sessions
from services.runtime.data.db import acquire, transaction
from services.runtime.web.pages import own_path, web_of

log = logging.getLogger(__name__)
_TOKEN = "id token"  # noqa: S105 - what the key is for
Session = TypeVar("Session")


class IssuerIdentity(Protocol):
    """What is needed of a person as an issuer has verified them."""

    @property
    def issuer(self) -> str:
        """Key of the issuer."""
        ...

    @property
    def subject(self) -> str:
        """The person at that issuer, for good."""
        ...

    @property
    def sid(self) -> str | None:
        """The issuer's own session."""
        ...

    @property
    def name(self) -> str:
        """What the person is called."""
        ...

    @property
    def id_token(self) -> str:
        """What the issuer wants back at sign-out."""
        ...

    @property
    def auth_time(self) -> datetime | None:
        """When the person showed who they are."""
        ...


class ClaimedRole(Protocol):
    """A role inside an organisation, by an issuer's claims."""

    @property
    def organisation(self) -> str:
        """Slug of the organisation."""
        ...

    @property
    def role(self) -> str:
        """The role."""
        ...


@dataclass(frozen=True, slots=True)
class IssuerDoor(Generic[Session]):
    """Sessions of issuers; `made` makes what `current` returns, of the issuer's key and the ID token."""

    accounts: Accounts
    made: Callable[[str, str], Session]

    async def sign_in(
        self,
        request: Request,
        identity: IssuerIdentity,
        roles: Sequence[ClaimedRole],
        next: str,  # noqa: A002 - the address's word
    ) -> Response:
        """Begin a session in a role that the claims give, and end roles that they gave and give no more.

        Nobody is recognised by an e-mail address: who may write one at an issuer would own the account.

        Raises:
            PageError: 403, the account was ended, or no role is left.
        """
        accounts = self.accounts
        about = f"{identity.issuer} {identity.subject}"
        sealed = accounts.sealing.seal(_TOKEN, about, identity.id_token.encode())
        issued = IssuedBy(identity.issuer, identity.subject, identity.sid, sealed, identity.auth_time)
        async with transaction(accounts.pool) as conn:
            possible = await self._possible(conn, roles)
            person = await self._person(conn, identity, possible)
            begun = None
            if person is not None and person["active"]:
                await self._keep_roles(conn, person, identity.issuer, possible)
                begun = await accounts.begin(request, conn, person, "issuer", issued=issued)
        if begun is None:
            raise no_role()
        token, role = begun
        web = web_of(request)
        return accounts.hand_over(request, web.back(request, own_path(next, "") or web.home(role)), token)

    async def _possible(
        self, conn: asyncpg.Connection, roles: Sequence[ClaimedRole]
    ) -> Sequence[tuple[str, str]]:
        """Return the roles that their organisations can give; others are a mistake in the file of issuers."""
        found = []
        for one in roles:
            row = await people.organisation(conn, one.organisation)
            if row is not None and one.role in roles_of(self.accounts.side, Kind(row["kind"])):
                found.append((one.organisation, one.role))
            else:
                log.warning("claims give an impossible role", extra={"organisation": one.organisation})
        return found

    async def _person(
        self, conn: asyncpg.Connection, identity: IssuerIdentity, roles: Sequence[tuple[str, str]]
    ) -> asyncpg.Record | None:
        """Return the person behind an identity; somebody new needs a role."""
        known = await people.known_by(conn, identity.issuer, identity.subject)
        name = person_name(identity.name) or identity.subject[:60]
        if known is not None:
            if known["name"] != name:
                await people.rename(conn, known["person"], name)
            return known
        if not roles:
            return None
        key = f"p-{secrets.token_hex(8)}"
        person = await people.add_person(conn, key, name=name, email=None, home=roles[0][0])
        await people.put_identity(conn, identity.issuer, identity.subject, person, {})
        return await people.person_by_id(conn, person)

    async def _keep_roles(
        self, conn: asyncpg.Connection, person: asyncpg.Record, issuer: str, roles: Sequence[tuple[str, str]]
    ) -> None:
        by, key = f"issuer:{issuer}", person["key"]
        for row in await people.roles_given_by(conn, person["person"], by):
            if (row["organisation"], row["role"]) not in roles:
                organisation, role = row["organisation"], row["role"]
                await people.end_role(conn, organisation, row["given"], by, person=person["person"])
                await audit.write(conn, "role_ended", person=key, by=by, organisation=organisation, role=role)
        for organisation, role in roles:
            await handlers.give(conn, person, organisation, Role(role), by)

    async def end_by_issuer(self, issuer: str, *, subject: str | None, sid: str | None) -> int:
        """End the sessions of a subject, or of one session at the issuer, or those that fit both."""
        async with transaction(self.accounts.pool) as conn:
            return await sessions.end_by_issuer(conn, issuer, subject=subject, sid=sid)

    async def current(self, request: Request) -> Session | None:
        """Return what an issuer wants back when the person of this request signs out."""
        own = own_of(request)
        if own is None:
            return None
        async with acquire(self.accounts.pool) as conn:
            row = await sessions.issuer_of(conn, own.session)
        if row is None or row["id_token"] is None:
            return None
        try:
            token = self.accounts.sealing.unseal(_TOKEN, f"{row['issuer']} {row['subject']}", row["id_token"])
        except SealError:
            return None
        return self.made(row["issuer"], token.decode())
