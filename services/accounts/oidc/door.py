"""Declares what OpenID Connect needs of whoever keeps the sessions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response


@dataclass(frozen=True, slots=True)
class Identity:
    """A person as an issuer has verified them; `subject` is theirs at that issuer for good."""

    issuer: str
    """Key of the issuer in the file of issuers."""
    subject: str
    sid: str | None
    """The issuer's own session, which it names when it ends it."""
    name: str = field(repr=False)
    email: str | None = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)
    """Only those claims from which roles were read."""
    id_token: str = field(repr=False)
    auth_time: datetime | None
    """When the person showed who they are, if the issuer says so; a sign-in asked to be fresh always does."""


@dataclass(frozen=True, slots=True, order=True)
class GivenRole:
    """A role inside an organisation, by the issuer's claims and the file of issuers."""

    organisation: str
    role: str


@dataclass(frozen=True, slots=True)
class IssuerSession:
    """A session that an issuer's sign-in began."""

    issuer: str
    id_token: str = field(repr=False)
    """Kept sealed; handed back when the person signs out."""


class SessionDoor(Protocol):
    """Begins and ends sessions."""

    async def sign_in(
        self,
        request: Request,
        identity: Identity,
        roles: Sequence[GivenRole],
        next: str,  # noqa: A002 - the address's word
    ) -> Response:
        """Begin a session of this person, who has at least one role; lead to `next`, a path of this site."""
        ...

    async def end_by_issuer(self, issuer: str, *, subject: str | None, sid: str | None) -> int:
        """End the sessions of an issuer's subject, or those of one session there; return how many.

        At least one of the two is given. With both, only sessions that fit both end.
        """
        ...

    async def current(self, request: Request) -> IssuerSession | None:
        """Return the session of this request if an issuer's sign-in began it."""
        ...
