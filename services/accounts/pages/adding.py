"""Gives the pages on which organisations are added what they share: who may, what failed, the form."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Annotated, NoReturn, TypeVar

import asyncpg
from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from services.accounts.context import accounts_of, own_of
from services.accounts.domain import Kind, Role
from services.accounts.duties import PAGES_OF, Duty, duties_of
from services.accounts.organisations import handlers
from services.accounts.organisations.domain import is_short_name, short_name_of
from services.accounts.organisations.handlers import By
from services.accounts.pages.bodies import fields_of
from services.accounts.pages.organisation import link_page
from services.accounts.people import store as people
from services.runtime.data.db import acquire, transaction
from services.runtime.http.gateway_administration import GatewayAdministration
from services.runtime.http.gateway_client import NotTaken, Unreachable
from services.runtime.web.bodies import form_of
from services.runtime.web.languages import msgid
from services.runtime.web.pages import web_of
from services.runtime.web.problems import PageError, not_found
from services.runtime.web.visit.guard import signed_in
from services.runtime.web.visit.visitors import Visitor

T = TypeVar("T")
ORGANISATIONS = PAGES_OF[Duty.ORGANISATIONS].address
Adder = Annotated[Visitor, Depends(signed_in(Role.ADMINISTRATOR.value, Role.OPERATOR.value))]
NO_NAME = msgid("Please enter what the organisation is called.")
NO_SHORT_NAME = msgid(
    "A short name has at most 48 lower case letters (a to z), digits and hyphens, and begins with a letter."
)
NO_KREIS = msgid("Please choose at least one Kreis in which the organisation works.")
NO_KIND = msgid("Please choose what the organisation does.")
SHARED = msgid(
    "This organisation works in other Kreise, too. Whoever operates Kurslotse for all of you can do that."
)
TAKEN = msgid("There is an organisation with this short name already. Please choose another one.")


async def by_of(request: Request, visitor: Visitor, duty: Duty = Duty.ORGANISATIONS) -> By:
    """Return who acts for which organisation, if it has the duty; for others there is no page."""
    own = own_of(request)
    accounts = accounts_of(request)
    async with acquire(accounts.pool) as conn:
        found = await people.organisation(conn, own.organisation) if own else None
    if found is None:
        raise not_found()
    duties = duties_of(accounts.side, Kind(found["kind"]), Role(visitor.role), founding=found["founding"])
    if duty not in duties:
        raise not_found()
    return By(visitor.key, found["slug"])


def administration_of(request: Request) -> GatewayAdministration:
    """Return the gateway's client for publishers and keys."""
    found = accounts_of(request).administration
    if found is None:
        raise _unreachable("none")
    return found


def done(answer: T | NotTaken | Unreachable) -> T:
    """Return what the gateway answered.

    Raises:
        PageError: it refused, or was not to be reached; the sentence says what to do.
    """
    if isinstance(answer, NotTaken):
        refused(answer)
    if isinstance(answer, Unreachable):
        raise _unreachable(answer.code)
    return answer


def refused(answer: NotTaken) -> NoReturn:
    """Say in the gateway's words why it has not taken something."""
    raise PageError(409, answer.code, "That was not possible: %(why)s", why=" ".join(answer.messages))


def _unreachable(code: str) -> PageError:
    if code == "broker_not_allowed":
        return PageError(
            503,
            code,
            "Kurslotse may not set up anybody who sends data yet. Whoever operates it for you has to run"
            " `kurslotse db apply` once.",
        )
    return PageError(
        503,
        "gateway",
        "The part of Kurslotse that knows who sends data cannot be reached. Please try again in a few"
        " minutes; doing the same again is safe.",
    )


@dataclass(slots=True)
class Filled:
    """A form for a further organisation: its fields, what is wrong with which (msgids), the Kreise chosen."""

    fields: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    kreise: tuple[str, ...] = ()

    def get(self, name: str) -> str:
        """Return what was entered in a field."""
        return self.fields.get(name, "").strip()


def blank(visitor: Visitor) -> Filled:
    """Return an empty form; whoever works in one Kreis need not choose it."""
    return Filled(kreise=visitor.kreise if len(visitor.kreise) == 1 else ())


async def filled(request: Request, visitor: Visitor, kinds: Collection[str]) -> Filled:
    """Read the kind and the Kreise of a form."""
    sent = (await form_of(request)).getlist("kreis")
    form = Filled(await fields_of(request), kreise=tuple(one for one in visitor.kreise if one in sent))
    if form.get("kind") not in kinds:
        form.errors["kind"] = NO_KIND
    if not form.kreise:
        form.errors["kreis"] = NO_KREIS
    return form


def read_names(form: Filled) -> None:
    """Read name and short name of a form; without a short name one is made of the name."""
    name = " ".join(form.get("name").split())[:255]
    slug = form.get("slug").lower() or short_name_of(name)
    if not name or not name.isprintable():
        form.errors["name"] = NO_NAME
    elif not is_short_name(slug):
        form.errors["slug"] = NO_SHORT_NAME
    form.fields |= {"name": name, "slug": slug}


async def invitation_page(request: Request, slug: str, name: str, by: By) -> Response:
    """Make the link for the first administrator of an organisation, and show it once."""
    async with transaction(accounts_of(request).pool) as conn:
        token = await handlers.first_invitation(conn, slug, by)
    if token is None:
        raise PageError(
            409,
            "administered",
            "Somebody administers this organisation already, or it is not active. Whoever administers it"
            " invites everybody else.",
        )
    return link_page(request, name, token, back=f"{ORGANISATIONS}/{slug}")


def language_of(request: Request) -> str:
    """Return the visitor's language."""
    return web_of(request).texts(request).language


def listed_by_publisher(rows: Sequence[asyncpg.Record]) -> dict[str, asyncpg.Record]:
    """Return organisations by the publisher for which their people speak."""
    return {row["publisher"]: row for row in rows if row["publisher"] is not None}
